extension Painter {
  /// The window outlines of one bay of a floor.
  private func openings(_ bay: Bay, _ floor: Floor) -> [Shape] {
    let room = bay.width
    let tall = floor.windowBottom - floor.windowTop
    var spans: [(Float, Float)] = []
    switch bay.kind {
    case .single:
      let w = min(room * building.windowShare, tall * 0.85)
      spans = [(bay.center - w * 0.5, bay.center + w * 0.5)]
    case .pair:
      let w = min(room * 0.29, tall * 0.6)
      let gap = room * 0.05
      spans = [(bay.center - gap - w, bay.center - gap), (bay.center + gap, bay.center + gap + w)]
    case .wide:
      let w = min(room * 0.68, tall * 1.7)
      spans = [(bay.center - w * 0.5, bay.center + w * 0.5)]
    }
    return spans.map { x0, x1 in
      let w = x1 - x0
      let rise = min(w * building.archShare, tall * 0.3)
      return Shape(x0, floor.windowTop, x1, floor.windowBottom, top: rise > 0 ? .arch(rise: rise) : .flat)
    }
  }

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

  /// A window with all that belongs to it: surround, hood, sash, sill, blinds, and the rain's traces below.
  private mutating func paintWindow(_ shape: Shape, _ floor: Floor, _ bay: Bay) {
    let unit = unit
    let w = shape.width
    let noise = noise
    let wide = building.surround * unit
    if building.surround > 0 {
      paintTrim(shape.inset(-wide, bottom: 0), .molding, building.trim, relief: 0.03)
      paintTrim(shape.inset(-wide * 0.45, bottom: 0), .molding, building.trim * 0.94, relief: 0.018)
    } else if building.wall == .brick, building.style != .modern {
      paintLintel(shape)
    }
    paintHood(shape, wide, floor)
    paintSash(
      shape, depth: 0.085, columns: bay.kind == .wide ? building.muntinColumns + 1 : building.muntinColumns,
      rows: building.muntinRows, transom: building.transom)
    if building.rollers, windows.chance(building.blindChance) {
      paintRoller(shape, share: windows.pick([0.3, 0.5, 0.5, 0.8, 1]) * windows.uniform(0.8, 1))
    }
    if building.shutters, windows.chance(building.blindChance), bay.kind != .wide {
      paintShutters(shape, bay)
    }
    guard floor.balcony == .none else { return }
    let sill = Shape(shape.x0 - w * 0.08 - wide, shape.y1, shape.x1 + w * 0.08 + wide, shape.y1 + unit * 0.06)
    paintTrim(sill, .sill, building.trim, relief: 0.1)
    let fade = 1 / (unit * 0.4)
    canvas.paint(Shape(sill.x0, sill.y1, sill.x1, sill.y1 + unit * 0.4), nil) { x, y, sample in
      let streak = noise.smooth(x * 120, y * 4)
      let strength = 1 - (y - sill.y1) * fade
      let dirt = 0.42 * streak * streak * strength
      sample.albedo *= 1 - dirt
    }
  }

  /// Bricks on edge over an opening.
  private mutating func paintLintel(_ shape: Shape) {
    let noise = noise
    let color = building.wallColor * 0.82
    let thickness = building.course * 1.5
    let outer = shape.inset(-thickness, bottom: shape.height * 0.8)
    var band = outer
    // An arch's bricks end at its springing, a straight lintel's at the window's head.
    if case .arch(let rise) = shape.top {
      band.y1 = shape.y0 + rise
    } else {
      band.y1 = shape.y0
    }
    let pitch = building.course * 0.75
    let center = (shape.x0 + shape.x1) * 0.5
    let step = canvas.step
    canvas.paint(Shape(band.x0, band.y0, band.x1, band.y1, top: outer.top), nil) { x, y, sample in
      let across = (x - center) / pitch + 0.5
      let joint = stripe(across, width: 0.2, footprint: step / pitch)
      let tone = 0.8 + 0.4 * noise.at(floorInt(across), floorInt(band.y0 * 4000))
      sample = Sample(
        albedo: mix(color * tone, RGB(0.36, 0.33, 0.3), joint * 0.7), height: 0.0015 - 0.001 * joint, glow: 0)
    }
  }

  private mutating func paintHood(_ shape: Shape, _ surround: Float, _ floor: Floor) {
    let w = shape.width
    let center = (shape.x0 + shape.x1) * 0.5
    let top = shape.y0 - surround
    let color = building.trim
    switch building.hood {
    case .none, .panel: break
    case .keystone:
      let k = max(0.006, w * 0.09)
      paintTrim(
        Shape(center - k, top - unit * 0.07, center + k, shape.y0 + unit * 0.035), .deco, color * 1.06,
        relief: 0.06)
    case .lintel:
      paintProfile(
        Shape(shape.x0 - w * 0.1 - surround, top - unit * 0.07, shape.x1 + w * 0.1 + surround, top), .molding,
        color, steps: [0.08, 0.03])
    case .pediment:
      let x0 = shape.x0 - w * 0.13 - surround
      let x1 = shape.x1 + w * 0.13 + surround
      let high = min(unit * 0.16, (x1 - x0) * 0.3)
      let base = top - unit * 0.01
      let outline = Shape(x0, base - high, x1, base, top: .gable)
      paintTrim(outline, .deco, color, relief: 0.09)
      let field = Shape(x0 + w * 0.2, base - high * 0.68, x1 - w * 0.2, base - high * 0.16, top: .gable)
      paintTrim(field, .deco, color * 0.86, relief: 0.04)
    }
  }

  /// A raised panel between a window and the floor below, with a swag of relief.
  private mutating func paintPanel(_ bay: Bay, _ floor: Floor) {
    let noise = noise
    let unit = unit
    let color = building.trim
    let w = bay.width * 0.24
    let y0 = floor.windowBottom + unit * 0.09
    let y1 = floor.y1 - unit * 0.06
    guard y1 - y0 > unit * 0.05 else { return }
    let shape = Shape(bay.center - w, y0, bay.center + w, y1)
    paintTrim(shape, .deco, color, relief: 0.025)
    canvas.paint(shape.inset(unit * 0.016), nil) { x, y, sample in
      // A garland: leaves along a hanging parabola.
      let t = (x - bay.center) / w
      let hang = y0 + (y1 - y0) * (0.68 - 0.36 * t * t)
      let near = clamp(1 - abs(y - hang) / ((y1 - y0) * 0.2))
      let leaf = near * noise.smooth(x * 150, y * 150)
      sample.albedo = color * (0.88 + 0.14 * near)
      sample.height = unit * (0.008 + 0.05 * leaf)
    }
  }

  /// Frame, bars and glass.
  mutating func paintSash(_ shape: Shape, depth: Float, columns: Int, rows: Int, transom: Bool) {
    let unit = unit
    let thin = max(0.0032, min(unit * 0.028, shape.width * 0.07))
    // The reveal: a dark line of wall's thickness round the frame sets light frames off from light stone.
    paintTrim(shape, .window, building.trim * 0.42, relief: -depth)
    let sash = shape.inset(max(0.0022, thin * 0.5), bottom: 0)
    paintTrim(sash, .window, building.frame, relief: -depth * 0.7, grain: 0.08)
    paintGlass(
      sash.inset(thin), depth: depth, columns: columns, rows: rows, transom: transom, bar: thin * 0.8,
      curtains: true)
  }

  /// Panes between bars: a dark room with curtains behind, the street's sky and roofs mirrored before it.
  private mutating func paintGlass(
    _ shape: Shape, depth: Float, columns: Int, rows: Int, transom: Bool, bar: Float, curtains: Bool
  ) {
    let noise = noise
    let weather = weather
    let unit = unit
    let step = canvas.step
    let frame = building.frame
    let half = bar * 0.5
    let head: Float = transom ? 0.3 : 0
    let curtainWidth: Float = curtains && windows.chance(0.6) ? windows.uniform(0.14, 0.46) : 0
    let netHeight: Float = curtains && windows.chance(0.22) ? windows.uniform(0.35, 0.6) : 0
    let fabric = windows.pick([
      RGB(0.62, 0.58, 0.5), RGB(0.7, 0.68, 0.64), RGB(0.5, 0.34, 0.24), RGB(0.42, 0.46, 0.42),
    ])
    let lamp: Float = windows.chance(0.12) ? windows.uniform(0.3, 0.8) : 0
    let mirror = windows.uniform(0.14, 0.5)
    let skyline = 0.5 + windows.uniform(-0.06, 0.06)
    let tilt = windows.uniform(-0.35, 0.35)
    let id = floorInt(shape.x0 * 5000) + floorInt(shape.y0 * 5000) * 31
    let w = shape.width
    let h = shape.height
    canvas.paint(shape, nil) { x, y, sample in
      let s = (x - shape.x0) / w
      let t = (y - shape.y0) / h
      // The distance to the nearest bar, in picture widths.
      let column = s * Float(columns)
      let row: Float
      var gap = abs(fraction(column + 0.5) - 0.5) / Float(columns) * w
      if s * Float(columns) < 0.5 || s * Float(columns) > Float(columns) - 0.5 { gap = 1 }
      if transom {
        gap = min(gap, abs(t - head) * h)
        row = t < head ? 0 : 1
      } else {
        row = t * Float(rows)
        if row > 0.5, row < Float(rows) - 0.5 {
          gap = min(gap, abs(fraction(row + 0.5) - 0.5) / Float(rows) * h)
        }
      }
      let barCover = clamp((half - gap) / step + 0.5)

      let pane = noise.at(floorInt(column) + id, floorInt(row) + 40)
      // The room: darker towards the ceiling's far end, a lamp's glow low in some.
      var room = RGB(0.022, 0.020, 0.019) * (0.6 + 0.8 * t)
      if lamp > 0 {
        let u = s - 0.5
        let v = t - 0.62
        room += RGB(0.75, 0.46, 0.2) * (lamp * clamp(1 - 2.4 * (u * u + v * v)))
      }
      let side = min(s, 1 - s)
      if side < curtainWidth * (0.82 + 0.25 * t * t) {
        let fold = noise.smooth(x * 330 + Float(id & 63), y * 9)
        room = fabric * (0.12 + 0.34 * fold) * (0.7 + 0.5 * t)
      }
      if 1 - t < netHeight {
        room = mix(room, RGB(0.6, 0.6, 0.58) * (0.6 + 0.4 * noise.smooth(x * 280, y * 30)), 0.62)
      }
      // The mirror: each pane hangs a little differently and breaks the picture at the bars.
      let mx = x + (pane - 0.5) * 0.05
      let my = y + (pane - 0.5) * 0.05 + tilt * (x - shape.x0)
      let roofs = skyline + 0.09 * noise.at(floorInt(mx * 9), 11) + 0.03 * noise.at(floorInt(mx * 31), 12)
      let cloud = noise.fractal(mx * 7, my * 11)
      let sky = mix(weather.sky(1 - my), weather.cloud, smoothstep(0.45, 0.75, cloud) * 0.7)
      let house = RGB(0.15, 0.125, 0.1) * (0.5 + 0.9 * noise.at(floorInt(mx * 60), floorInt(my * 44)))
      let seen = mix(sky * 0.85, house * 0.6, smoothstep(roofs - 0.006, roofs + 0.006, my))
      let glass = room * (1 - mirror * 0.55) + seen * (mirror * (0.8 + 0.4 * pane))
      sample = Sample(
        albedo: mix(glass, frame, barCover), height: -unit * mix(depth, depth * 0.75, barCover),
        glow: 0.55 * (1 - barCover))
    }
  }

  private mutating func paintRoller(_ shape: Shape, share: Float) {
    let color = building.blindColor
    let noise = noise
    let unit = unit
    let step = canvas.step
    let end = shape.y0 + shape.height * share
    var area = shape.inset(shape.width * 0.03, bottom: 0)
    // Cut the lower part away; the arch stays as it is.
    area.y1 = end
    let pitch = max(0.0062, unit * 0.045)
    canvas.paint(area, .blind) { x, y, sample in
      let slat = stripe((y - shape.y0) / pitch, width: 0.28, footprint: step / pitch)
      let tone = 1.0 - 0.4 * slat + 0.12 * (noise.smooth(x * 60, y * 160) - 0.5)
      let hem: Float = end - y < pitch * 0.6 ? 0.72 : 1
      sample = Sample(albedo: color * tone * hem, height: -unit * (0.035 + 0.008 * slat), glow: 0)
    }
  }

  /// Two louvred leaves: folded back beside the window, or shut before it.
  private mutating func paintShutters(_ shape: Shape, _ bay: Bay) {
    let shut = windows.chance(0.18)
    let ajar = windows.chance(0.12)
    let room = bay.kind == .pair ? bay.width * 0.1 : (bay.width - shape.width) * 0.5 * 0.9
    let w = min(shape.width * 0.5, room)
    let gap = shape.width * 0.02
    if shut {
      let center = (shape.x0 + shape.x1) * 0.5
      paintLeaf(Shape(shape.x0 + gap, shape.y0 + gap, center - gap * 0.4, shape.y1), relief: -0.01)
      paintLeaf(Shape(center + gap * 0.4, shape.y0 + gap, shape.x1 - gap, shape.y1), relief: -0.01)
    } else {
      // Leaves of a pair of windows would meet between them, so a pair keeps only its outer ones.
      if bay.kind != .pair || shape.x1 < bay.center {
        paintLeaf(Shape(shape.x0 - w - gap, shape.y0, shape.x0 - gap, shape.y1), relief: 0.045)
      }
      if bay.kind != .pair || shape.x0 > bay.center {
        paintLeaf(
          Shape(shape.x1 + gap, shape.y0, shape.x1 + gap + (ajar ? w * 0.55 : w), shape.y1),
          relief: ajar ? 0.13 : 0.045)
      }
    }
  }

  private mutating func paintLeaf(_ shape: Shape, relief: Float) {
    let color = building.blindColor
    let noise = noise
    let unit = unit
    let step = canvas.step
    let pitch = max(0.0058, unit * 0.036)
    let rim = max(0.0025, shape.width * 0.13)
    let fading = 0.85 + 0.3 * noise.at(floorInt(shape.x0 * 3000), floorInt(shape.y0 * 3000))
    let middle = (shape.y0 + shape.y1) * 0.5
    canvas.paint(shape, .blind) { x, y, sample in
      let edge = min(
        min(x - shape.x0, shape.x1 - x), min(min(y - shape.y0, shape.y1 - y), abs(y - middle) + rim * 0.5))
      var tone = fading * (0.94 + 0.14 * (noise.smooth(x * 40, y * 200) - 0.5))
      var height = relief * unit
      if edge > rim {
        tone *= 0.9 - 0.5 * stripe((y - shape.y0) / pitch, width: 0.38, footprint: step / pitch)
        height -= unit * 0.012
      }
      sample = Sample(albedo: color * tone, height: height, glow: 0)
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
      fan, depth: 0.12, columns: 3, rows: 1, transom: false, bar: unit * 0.02, curtains: false)
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
