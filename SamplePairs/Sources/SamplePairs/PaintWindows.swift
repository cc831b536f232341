extension Painter {
  /// The window outlines of one bay of a floor.
  func openings(_ bay: Bay, _ floor: Floor) -> [Shape] {
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

  /// A window with surround, hood, sash, sill and blinds, and the rain's traces below.
  mutating func paintWindow(_ shape: Shape, _ floor: Floor, _ bay: Bay) {
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
  mutating func paintPanel(_ bay: Bay, _ floor: Floor) {
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
    let glazing = Glazing(
      shape: sash.inset(thin), columns: columns, rows: rows, transom: transom ? 0.3 : nil)
    paintGlass(glazing, depth: depth, bar: thin * 0.8, curtains: true)
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
}
