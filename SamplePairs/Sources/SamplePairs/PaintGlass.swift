/// The panes of a window and their bars.
struct Glazing {
  let shape: Shape
  let columns: Int
  let rows: Int
  /// Height of the transom from the top, as a share of the window's; nil for bars between all rows.
  let transom: Float?

  /// The distance to the nearest bar in picture widths, and the pane's column and row.
  ///
  /// - Parameters:
  ///   - s, t: the place from left to right and from top to bottom, 0...1
  @inline(__always)
  func pane(_ s: Float, _ t: Float) -> (gap: Float, column: Float, row: Float) {
    let (w, h) = (shape.width, shape.height)
    let column = s * Float(columns)
    var gap = abs(fraction(column + 0.5) - 0.5) / Float(columns) * w
    if column < 0.5 || column > Float(columns) - 0.5 { gap = 1 }
    if let transom { return (min(gap, abs(t - transom) * h), column, t < transom ? 0 : 1) }
    let row = t * Float(rows)
    if row > 0.5, row < Float(rows) - 0.5 {
      gap = min(gap, abs(fraction(row + 0.5) - 0.5) / Float(rows) * h)
    }
    return (gap, column, row)
  }
}

/// A room behind a window: dark, with a lamp and curtains in some.
private struct Room {
  let curtainWidth: Float
  let netHeight: Float
  let fabric: RGB
  let lamp: Float

  init(_ random: inout Random, curtains: Bool) {
    curtainWidth = curtains && random.chance(0.6) ? random.uniform(0.14, 0.46) : 0
    netHeight = curtains && random.chance(0.22) ? random.uniform(0.35, 0.6) : 0
    fabric = random.pick([
      RGB(0.62, 0.58, 0.5), RGB(0.7, 0.68, 0.64), RGB(0.5, 0.34, 0.24), RGB(0.42, 0.46, 0.42),
    ])
    lamp = random.chance(0.12) ? random.uniform(0.3, 0.8) : 0
  }

  /// The colour behind a place of the window.
  ///
  /// - Parameters:
  ///   - x, y: the place in picture widths
  ///   - s, t: the same in the window, 0...1
  ///   - id: a number of the window's own
  @inline(__always)
  func color(_ x: Float, _ y: Float, _ s: Float, _ t: Float, id: Int, _ noise: Noise) -> RGB {
    // Darker towards the ceiling's far end; a lamp glows low.
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
    return room
  }
}

/// The street's sky and roofs, mirrored in a window.
private struct Mirror {
  let strength: Float
  let skyline: Float
  let tilt: Float

  init(_ random: inout Random) {
    strength = random.uniform(0.14, 0.5)
    skyline = 0.5 + random.uniform(-0.06, 0.06)
    tilt = random.uniform(-0.35, 0.35)
  }

  /// The colour mirrored at a place of a window that begins at `x0`.
  ///
  /// - Parameter pane: the pane's random number: each hangs a little differently and breaks the picture at the bars
  @inline(__always)
  func color(_ x: Float, _ y: Float, x0: Float, pane: Float, _ weather: Weather, _ noise: Noise) -> RGB {
    let mx = x + (pane - 0.5) * 0.05
    let my = y + (pane - 0.5) * 0.05 + tilt * (x - x0)
    let roofs = skyline + 0.09 * noise.at(floorInt(mx * 9), 11) + 0.03 * noise.at(floorInt(mx * 31), 12)
    let cloud = noise.fractal(mx * 7, my * 11)
    let sky = mix(weather.sky(1 - my), weather.cloud, smoothstep(0.45, 0.75, cloud) * 0.7)
    let house = RGB(0.15, 0.125, 0.1) * (0.5 + 0.9 * noise.at(floorInt(mx * 60), floorInt(my * 44)))
    return mix(sky * 0.85, house * 0.6, smoothstep(roofs - 0.006, roofs + 0.006, my))
  }
}

extension Painter {
  /// Panes between bars: a dark room behind, the street mirrored before it.
  mutating func paintGlass(_ glazing: Glazing, depth: Float, bar: Float, curtains: Bool) {
    let noise = noise
    let weather = weather
    let unit = unit
    let step = canvas.step
    let frame = building.frame
    let half = bar * 0.5
    let room = Room(&windows, curtains: curtains)
    let mirror = Mirror(&windows)
    let shape = glazing.shape
    let id = floorInt(shape.x0 * 5000) + floorInt(shape.y0 * 5000) * 31
    let w = shape.width
    let h = shape.height
    canvas.paint(shape, nil) { x, y, sample in
      let s = (x - shape.x0) / w
      let t = (y - shape.y0) / h
      let (gap, column, row) = glazing.pane(s, t)
      let barCover = clamp((half - gap) / step + 0.5)
      let pane = noise.at(floorInt(column) + id, floorInt(row) + 40)
      let behind = room.color(x, y, s, t, id: id, noise)
      let seen = mirror.color(x, y, x0: shape.x0, pane: pane, weather, noise)
      let glass = behind * (1 - mirror.strength * 0.55) + seen * (mirror.strength * (0.8 + 0.4 * pane))
      sample = Sample(
        albedo: mix(glass, frame, barCover), height: -unit * mix(depth, depth * 0.75, barCover),
        glow: 0.55 * (1 - barCover))
    }
  }
}
