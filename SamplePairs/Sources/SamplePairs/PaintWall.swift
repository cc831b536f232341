extension Painter {
  /// The wall's own material at a place: colour and relief.
  ///
  /// Joints are box-filtered: joints finer than a sample fade.
  @inline(__always)
  private static func wallSurface(
    _ wall: Wall, _ x: Float, _ y: Float, _ building: Building, _ noise: Noise, _ step: Float
  ) -> Sample {
    let color = building.wallColor
    let course = building.course
    let large = 0.65 * noise.smooth(x * 6, y * 6) + 0.35 * noise.smooth(x * 15 + 3, y * 15) - 0.5
    switch wall {
    case .brick:
      let rows = y / course
      let row = floorInt(rows)
      let columns = x / (course * 2.3) + (row & 1 == 0 ? 0 : 0.5)
      let bed = stripe(rows, width: 0.17, footprint: step / course)
      let head = stripe(columns, width: 0.075, footprint: step / (course * 2.3))
      let joint = max(bed, head)
      let kind = noise.at(floorInt(columns), row)
      let second = noise.at(floorInt(columns) + 517, row)
      // A few bricks sat closer to the kiln's fire.
      let burnt: Float = kind > 0.93 ? 0.55 : 1
      let brick =
        color * (0.74 + 0.5 * second) * burnt * mix(RGB(1, 1, 1), RGB(1.16, 0.94, 0.82), kind)
        * (0.9 + 0.2 * noise.smooth(x * 260, y * 260))
      let mortar = mix(color, RGB(0.42, 0.39, 0.35), 0.62) * 0.82
      return Sample(albedo: mix(brick, mortar, joint) * (1 + 0.3 * large), height: -0.0011 * joint, glow: 0)
    case .plaster:
      let fine = noise.smooth(x * 160, y * 160) - 0.5
      let finer = noise.smooth(x * 410, y * 410) - 0.5
      let patch = noise.smooth(x * 34 + 7, y * 34) - 0.5
      return Sample(
        albedo: color * (1 + 0.38 * large + 0.12 * patch + 0.1 * fine + 0.08 * finer), height: 0.0007 * fine,
        glow: 0)
    case .ashlar:
      let height = course * 1.75
      let rows = y / height
      let row = floorInt(rows)
      let columns = x / (height * 2.2) + (row & 1 == 0 ? 0 : 0.5)
      let joint = max(
        stripe(rows, width: 0.07, footprint: step / height),
        stripe(columns, width: 0.035, footprint: step / (height * 2.2)))
      let tint = noise.at(floorInt(columns), row)
      let warmth = noise.at(floorInt(columns) + 77, row)
      let vein = noise.smooth(x * 60, y * 110) - 0.5
      let stone =
        color * (0.86 + 0.2 * tint + 0.14 * vein + 0.09 * (noise.smooth(x * 330, y * 330) - 0.5))
        * mix(RGB(0.97, 1, 1.03), RGB(1.03, 1, 0.95), warmth)
      return Sample(albedo: stone * (1 - 0.48 * joint) * (1 + 0.3 * large), height: -0.0014 * joint, glow: 0)
    case .panels:
      let height = building.unit * 0.5
      let rows = y / height
      let columns = x / (height * 1.5)
      let joint = max(
        stripe(rows, width: 0.028, footprint: step / height),
        stripe(columns, width: 0.019, footprint: step / (height * 1.5)))
      let tint = noise.at(floorInt(columns), floorInt(rows))
      let cast = noise.smooth(x * 70, y * 70) - 0.5
      return Sample(
        albedo: color * (0.92 + 0.12 * tint + 0.12 * cast) * (1 - 0.5 * joint) * (1 + 0.24 * large),
        height: -0.0012 * joint, glow: 0)
    }
  }

  mutating func paintWall() {
    let noise = noise
    let building = building
    let step = canvas.step
    let unit = unit
    let shape = Shape(building.left, building.top, building.right, building.ground)
    let streaked: Float = building.wall == .plaster ? 0.5 : 0.3
    let crumbles = building.style == .southern || building.style == .baroque ? street.chance(0.45) : false
    let age = street.uniform(0.4, 1)
    canvas.paint(shape, .facade) { x, y, sample in
      sample = Painter.wallSurface(building.wall, x, y, building, noise, step)
      // Rain carries soot down from the cornice and splashes mud up from the street.
      let below = (y - building.top) / (unit * 0.9)
      let splash = 1 - (building.ground - y) / (unit * 0.35)
      if below < 1 {
        let streak = noise.smooth(x * 75, y * 3) * noise.smooth(x * 21 + 9, y * 2)
        let soot = age * (1 - below) * streak * streaked
        sample.albedo *= 1 - soot
      } else if splash > 0 {
        let grain = 0.4 + noise.smooth(x * 30, y * 30)
        let mud = age * splash * splash * 0.4 * grain
        sample.albedo *= 1 - mud
      }
    }
    if crumbles {
      // Bricks show under fallen plaster.
      var bricks = building
      bricks.wallColor = rgb(166, 100, 74)
      let limit = street.uniform(0.66, 0.72)
      canvas.paint(shape, nil) { x, y, sample in
        let low = 0.06 * smoothstep(0.3, 1, (y - building.top) / (building.ground - building.top))
        let loss = noise.fractal(x * 8 + 50, y * 8 + 50) + low - limit
        if loss <= 0 { return }
        let brick = Painter.wallSurface(.brick, x, y, bricks, noise, step)
        let rim = smoothstep(0.012, 0, loss)
        sample.albedo = mix(brick.albedo * 0.85, sample.albedo * 1.1, rim)
        sample.height = mix(brick.height - 0.003, 0, rim)
      }
    }
    if building.rusticated { paintRustication() }
    if building.quoins { paintQuoins() }
    // The plinth.
    let plinth = building.style == .modern ? rgb(98, 98, 98) : mix(building.trim, rgb(132, 128, 122), 0.7)
    paintTrim(
      Shape(building.left, building.ground - unit * 0.13, building.right, building.ground), .facade,
      plinth * 0.8,
      relief: 0.02, grain: 0.5)
  }

  /// Deep horizontal grooves over the ground floor.
  private mutating func paintRustication() {
    guard let floor = building.floors.last else { return }
    let noise = noise
    let pitch = floor.height / 9
    let color = mix(building.trim, building.wallColor, 0.35) * 0.88
    let unit = unit
    canvas.paint(Shape(building.left, floor.y0, building.right, floor.y1), nil) { x, y, sample in
      let t = fraction((y - floor.y0) / pitch)
      let groove = smoothstep(0.14, 0.05, min(t, 1 - t))
      let tone =
        0.86 + 0.3 * (noise.fractal(x * 28, y * 28) - 0.4) + 0.1 * (noise.smooth(x * 300, y * 300) - 0.5)
      sample = Sample(albedo: color * tone * (1 - 0.35 * groove), height: unit * 0.03 * (1 - groove), glow: 0)
    }
  }

  /// Alternating corner stones.
  private mutating func paintQuoins() {
    let pitch = building.course * 3
    var y = building.top
    var long = true
    while y < building.ground - pitch * 0.5 {
      let w = unit * (long ? 0.15 : 0.1)
      let tone = 0.9 + 0.16 * noise.at(floorInt(y * 1000), 3)
      for x in [building.left, building.right - w] {
        let shape = Shape(x, y + pitch * 0.06, x + w, min(y + pitch * 0.94, building.ground))
        paintTrim(shape, nil, building.trim * tone * 0.92, relief: 0.02, grain: 0.3)
      }
      long.toggle()
      y += pitch
    }
  }

  /// Courses between the floors: a strong one over the ground floor, slight ones above.
  mutating func paintBands() {
    for (index, floor) in building.floors.enumerated() where index > 0 {
      let isGround = index == building.floors.count - 1
      guard building.stringCourses || (isGround && building.style != .modern) else { continue }
      if isGround {
        paintProfile(
          Shape(building.left, floor.y0 - unit * 0.05, building.right, floor.y0 + unit * 0.04), .cornice,
          building.trim, steps: [0.09, 0.07, 0.03])
      } else {
        paintProfile(
          Shape(building.left, floor.y0 - unit * 0.02, building.right, floor.y0 + unit * 0.035), .molding,
          building.trim, steps: [0.045, 0.02])
      }
    }
  }

  /// A horizontal moulding: steps of falling relief from the top down, in the building's units.
  mutating func paintProfile(_ shape: Shape, _ label: FacadeClass?, _ color: RGB, steps: [Float]) {
    for (index, relief) in steps.enumerated() {
      var part = shape
      part.y0 = shape.y0 + shape.height * Float(index) / Float(steps.count)
      part.y1 = shape.y0 + shape.height * Float(index + 1) / Float(steps.count)
      paintTrim(part, label, color * (index == 0 ? 1.05 : 0.96), relief: relief)
    }
  }

  /// The crowning cornice.
  mutating func paintCrown() {
    let overhang = unit * 0.06
    let x0 = max(0, building.left - (building.left > 0 ? overhang : 0))
    let x1 = min(1, building.right + (building.right < 1 ? overhang : 0))
    let top = building.top
    if building.style == .modern {
      paintTrim(Shape(x0, top - unit * 0.05, x1, top + unit * 0.035), .cornice, building.trim, relief: 0.07)
      return
    }
    paintProfile(
      Shape(x0, top - unit * 0.09, x1, top + unit * 0.05), .cornice, building.trim, steps: [0.2, 0.17, 0.11])
    paintTrim(
      Shape(building.left, top + unit * 0.05, building.right, top + unit * 0.12), .cornice,
      building.trim * 0.95,
      relief: 0.02)
    if building.dentils {
      let color = building.trim
      let pitch = unit * 0.075
      let unit = unit
      canvas.paint(Shape(building.left, top + unit * 0.05, building.right, top + unit * 0.095), nil) {
        x, _, sample in
        if fraction(x / pitch) < 0.55 {
          sample.albedo = color
          sample.height = unit * 0.07
        }
      }
    }
    if building.roof == .parapet {
      paintTrim(
        Shape(building.left, top - unit * 0.34, building.right, top - unit * 0.09), .facade,
        building.trim * 0.85,
        relief: -0.01, grain: 0.3)
      paintTrim(Shape(x0, top - unit * 0.38, x1, top - unit * 0.33), .cornice, building.trim, relief: 0.04)
      let bay = building.bays[building.bays.count / 2]
      if building.bays.count % 2 == 1, building.style != .victorian {
        let w = bay.width * 0.5
        paintTrim(
          Shape(bay.center - w, top - unit * 0.68, bay.center + w, top - unit * 0.36, top: .gable), .deco,
          building.trim, relief: 0.05)
      }
    }
  }

  /// Pilasters between the bays: round shafts with base and capital.
  mutating func paintPilasters(_ floor: Floor) {
    let w = unit * 0.085
    var edges = building.bays.map(\.x0)
    if let last = building.bays.last { edges.append(last.x1) }
    let color = building.trim
    let noise = noise
    let unit = unit
    let y0 = floor.y0 + unit * 0.035
    let y1 = floor.y1 - unit * 0.02
    for edge in edges {
      let center = min(max(edge, building.left + w * 0.75), building.right - w * 0.75)
      canvas.paint(Shape(center - w * 0.5, y0, center + w * 0.5, y1), .pillar) { x, y, sample in
        let t = (x - center) / (w * 0.5)
        let round = (1 - t * t).squareRoot()
        let tone = 0.94 + 0.2 * (noise.fractal(x * 40, y * 20) - 0.5)
        sample = Sample(albedo: color * tone, height: unit * (0.02 + 0.03 * round), glow: 0)
      }
      let wide = w * 0.68
      paintProfile(
        Shape(center - wide, y0, center + wide, y0 + unit * 0.07), .pillar, color, steps: [0.075, 0.055])
      paintTrim(
        Shape(center - wide, y1 - unit * 0.06, center + wide, y1), .pillar, color * 0.95, relief: 0.06)
    }
  }

  mutating func paintRoof() {
    let building = building
    guard building.roof == .tiles || building.roof == .slate else { return }
    let noise = noise
    let step = canvas.step
    let isSlate = building.roof == .slate
    let base =
      isSlate
      ? street.pick([rgb(88, 94, 104), rgb(74, 78, 86)]) : street.pick([rgb(172, 92, 62), rgb(150, 82, 60)])
    let eaves = building.top - unit * 0.05
    let ridge = max(0.02, eaves - (isSlate ? street.uniform(0.09, 0.13) : street.uniform(0.05, 0.08)))
    let rise = eaves - ridge
    let lean = isSlate ? rise * 0.22 : rise * 0.9
    for x in [building.left + 0.12, building.right - 0.2] where street.chance(0.7) {
      let at = x + street.uniform(-0.03, 0.05)
      let high = max(0.005, ridge - street.uniform(0.02, 0.05))
      paintTrim(
        Shape(at, high, at + 0.045, ridge + rise * 0.5), nil, rgb(140, 84, 66), relief: -0.2, grain: 0.7)
      paintTrim(Shape(at - 0.004, high, at + 0.049, high + 0.008), nil, rgb(150, 130, 116), relief: -0.15)
    }
    let scale: Float = isSlate ? 0.011 : 0.014
    let unit = unit
    canvas.paint(Shape(building.left, ridge, building.right, eaves + 0.01), nil) { x, y, sample in
      let up = (eaves - y) / rise
      if building.left > 0, x < building.left + lean * up { return }
      if building.right < 1, x > building.right - lean * up { return }
      let row = floorInt(y / scale)
      let columns = x / (scale * 0.9) + (isSlate && row & 1 == 1 ? 0.5 : 0)
      let tone = 0.78 + 0.42 * noise.at(floorInt(columns), row) + 0.3 * (noise.fractal(x * 12, y * 12) - 0.5)
      let edge = 1 - 0.45 * stripe(y / scale, width: 0.2, footprint: step / scale)
      let side = 1 - 0.25 * stripe(columns, width: 0.14, footprint: step / (scale * 0.9))
      sample = Sample(albedo: base * tone * edge * side, height: -unit * (0.1 + 0.25 * up), glow: 0)
    }
    paintTrim(
      Shape(
        building.left + (building.left > 0 ? lean : 0), ridge - 0.004,
        building.right - (building.right < 1 ? lean : 0), ridge + 0.005), nil, base * 1.3, relief: -0.3)
    if isSlate, rise > 0.085 {
      for bay in building.bays where bay.kind != .wide {
        let w = min(bay.width * 0.3, rise * 0.55)
        let shape = Shape(
          bay.center - w * 0.5, ridge + rise * 0.26, bay.center + w * 0.5, eaves - 0.004,
          top: .arch(rise: w * 0.2))
        paintTrim(shape.inset(-w * 0.16, bottom: 0), .molding, building.trim * 0.95, relief: 0.03)
        paintSash(shape, depth: 0.03, columns: 2, rows: 2, transom: false)
      }
    }
  }
}
