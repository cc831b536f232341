extension Painter {
  mutating func paintUpperFloor(_ floor: Floor) {
    for bay in building.bays {
      for shape in openings(bay, floor) { paintWindow(shape, floor, bay) }
      if floor.balcony == .iron || floor.balcony == .slab {
        paintBalcony(from: bay.center - bay.width * 0.4, to: bay.center + bay.width * 0.4, floor)
      }
      if building.hood == .panel, floor.balcony == .none { paintPanel(bay, floor) }
    }
    if floor.balcony == .running, let first = building.bays.first, let last = building.bays.last {
      paintBalcony(from: first.x0 + unit * 0.06, to: last.x1 - unit * 0.06, floor)
    }
  }

  mutating func paintGroundFloor(_ floor: Floor) {
    let bays = building.bays
    if building.shops {
      var start = 0
      while start < bays.count {
        if start == building.doorBay {
          paintDoor(bays[start], floor)
          start += 1
          continue
        }
        var end = start
        while end + 1 < bays.count, end + 1 != building.doorBay, end - start < 2 { end += 1 }
        let shape = Shape(
          bays[start].x0 + unit * 0.05, floor.y0 + unit * 0.08, bays[end].x1 - unit * 0.05, building.ground)
        paintShop(shape)
        start = end + 1
      }
    } else {
      for (index, bay) in bays.enumerated() {
        if index == building.doorBay {
          paintDoor(bay, floor)
        } else {
          for shape in openings(bay, floor) { paintWindow(shape, floor, bay) }
        }
      }
    }
  }

  private mutating func paintBalcony(from x0: Float, to x1: Float, _ floor: Floor) {
    let unit = unit
    let foot = floor.windowBottom + unit * 0.015
    let rail = foot - min(floor.height * 0.27, unit * 0.3)
    let slab = Shape(x0, foot, x1, foot + unit * 0.055)
    let metal = building.metal
    let step = canvas.step
    let noise = noise
    if floor.balcony == .slab {
      let stone = building.trim
      canvas.paint(Shape(x0, rail, x1, slab.y1), .balcony) { x, y, sample in
        let joint = stripe((x - x0) / (unit * 0.3), width: 0.025, footprint: step / (unit * 0.3))
        let stain = 0.86 + 0.22 * noise.smooth(x * 60, y * 7) + 0.1 * (noise.smooth(x * 250, y * 250) - 0.5)
        let lip: Float = y < rail + unit * 0.03 ? 1.12 : 0.93
        sample = Sample(
          albedo: stone * stain * lip * (1 - 0.35 * joint), height: unit * (lip > 1 ? 0.21 : 0.19), glow: 0)
      }
      return
    }
    let pitch = max(0.0085, unit * 0.062)
    let middle = (rail + foot) * 0.5
    let belly = (foot - rail) * 0.16
    let height = unit * 0.055
    canvas.paint(Shape(x0, rail, x1, foot), .balcony) { x, y, sample in
      var cover = stripe((x - x0) / pitch, width: 0.3, footprint: step / pitch)
      // Rings in the middle of every second field, rails above and below.
      let u = (fraction((x - x0) / (pitch * 2)) - 0.5) * pitch * 2
      let v = y - middle
      let ring = abs((u * u + v * v).squareRoot() - belly) - pitch * 0.11
      cover = max(cover, clamp(0.5 - ring / step))
      let edge = min(y - rail, foot - y) - unit * 0.022
      cover = max(cover, clamp(0.5 - edge / step))
      sample.albedo = mix(sample.albedo, metal, cover)
      sample.glow *= 1 - cover
      if cover > 0.5 { sample.height = max(sample.height, height) }
    }
    paintTrim(slab, .balcony, building.trim * 0.95, relief: 0.2)
    // Brackets carry the slab.
    let count = max(2, floorInt((x1 - x0) / (unit * 0.42)) + 1)
    for i in 0..<count {
      let x = x0 + unit * 0.04 + (x1 - x0 - unit * 0.12) * Float(i) / Float(count - 1)
      paintTrim(
        Shape(x, slab.y1, x + unit * 0.045, slab.y1 + unit * 0.085), .balcony, building.trim * 0.9,
        relief: 0.1)
    }
  }

  private mutating func paintDoor(_ bay: Bay, _ floor: Floor) {
    let unit = unit
    let noise = noise
    let color = building.doorColor
    let w = min(bay.width * 0.56, floor.height * 0.56)
    let top = floor.y0 + floor.height * 0.2
    let rise = building.archShare > 0 ? w * max(0.2, building.archShare) : 0
    let shape = Shape(
      bay.center - w * 0.5, top, bay.center + w * 0.5, building.ground - unit * 0.05,
      top: rise > 0 ? .arch(rise: rise) : .flat)
    if building.style != .modern {
      paintTrim(shape.inset(-unit * 0.09, bottom: 0), .molding, building.trim, relief: 0.045)
      paintTrim(shape.inset(-unit * 0.04, bottom: 0), .molding, building.trim * 0.93, relief: 0.025)
      let k = unit * 0.045
      paintTrim(
        Shape(bay.center - k, top - unit * 0.14, bay.center + k, top + unit * 0.02), .deco, building.trim,
        relief: 0.07)
    } else {
      // A flat canopy.
      paintTrim(
        Shape(shape.x0 - unit * 0.14, top - unit * 0.09, shape.x1 + unit * 0.14, top - unit * 0.03), .molding,
        building.trim, relief: 0.3)
    }
    paintTrim(shape, .door, color * 0.8, relief: -0.1)
    let light = shape.y0 + max(rise, shape.height * 0.2)
    var fan = shape.inset(unit * 0.03, bottom: 0)
    fan.y1 = light
    paintGlass(
      Glazing(shape: fan, columns: 3, rows: 1, transom: nil), depth: 0.12, bar: unit * 0.02, curtains: false)
    let leaf = Shape(shape.x0 + unit * 0.03, light + unit * 0.03, shape.x1 - unit * 0.03, shape.y1)
    let leaves: Float = w > unit * 0.36 ? 2 : 1
    canvas.paint(leaf, .door) { x, y, sample in
      let s = fraction((x - leaf.x0) / leaf.width * leaves)
      let t = (y - leaf.y0) / leaf.height
      // Three panels with bevelled edges in each leaf.
      let third = fraction(t * 3)
      let across = min(s, 1 - s) * leaf.width / leaves
      let along = min(third, 1 - third) * leaf.height / 3
      let edge = min(across, along) - unit * 0.028
      let bevel = clamp(edge / (unit * 0.02))
      let wood = 0.85 + 0.3 * noise.smooth(x * 260, y * 18) + 0.12 * (noise.smooth(x * 60, y * 60) - 0.5)
      let meet: Float = across < unit * 0.008 ? 0.4 : 1
      sample = Sample(
        albedo: color * wood * meet * (edge > 0 && edge < unit * 0.008 ? 0.55 : 1),
        height: unit * (-0.13 + 0.02 * bevel), glow: 0)
    }
    let knob = Shape(
      bay.center + unit * 0.02, (leaf.y0 + leaf.y1) * 0.5, bay.center + unit * 0.045,
      (leaf.y0 + leaf.y1) * 0.5 + unit * 0.035)
    paintTrim(knob, nil, rgb(212, 176, 92), relief: -0.08)
    // The step.
    paintTrim(
      Shape(shape.x0 - unit * 0.08, shape.y1, shape.x1 + unit * 0.08, building.ground), .facade,
      rgb(168, 164, 156), relief: 0.09, grain: 0.4)
  }
}
