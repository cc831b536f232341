extension Painter {
  /// A shop front: sign, awning, panes full of goods, and a door.
  mutating func paintShop(_ shape: Shape) {
    let unit = unit
    let paint = shopkeeper.pick([
      rgb(34, 62, 52), rgb(110, 30, 32), rgb(36, 46, 76), rgb(52, 44, 40), rgb(176, 138, 70),
      rgb(196, 190, 176),
    ])
    let ink: RGB = paint.y > 0.2 ? rgb(52, 34, 26) : rgb(236, 216, 164)
    let light = shopkeeper.uniform(0.25, 0.8)
    let warm = mix(RGB(0.9, 0.6, 0.32), RGB(0.75, 0.78, 0.8), shopkeeper.uniform(0, 1))
    paintTrim(shape, .shop, paint, relief: 0.035, grain: 0.2)
    let sign = Shape(shape.x0, shape.y0, shape.x1, shape.y0 + shape.height * 0.2)
    paintTrim(sign, .shop, paint * 1.1, relief: 0.06)
    paintTrim(Shape(sign.x0, sign.y0, sign.x1, sign.y0 + unit * 0.025), .shop, paint * 1.35, relief: 0.1)
    paintSign(sign, ink)
    paintPanes(shape, under: sign, paint, light: light, warm: warm)
    if shopkeeper.chance(0.62) {
      paintAwning(Shape(shape.x0, sign.y1, shape.x1, sign.y1 + shape.height * 0.2))
    }
  }

  /// Panes full of goods between the sign and the base, and a door among them.
  private mutating func paintPanes(_ shape: Shape, under sign: Shape, _ paint: RGB, light: Float, warm: RGB) {
    let unit = unit
    let noise = noise
    let sky = weather.sky(0.75)
    let base = shape.y1 - shape.height * 0.17
    let head = sign.y1 + shape.height * 0.02
    let panes = max(2, floorInt(shape.width / (unit * 0.5)))
    let bay = shape.width / Float(panes)
    let doorPane = shopkeeper.integer(0...panes - 1)
    let wares = [
      rgb(206, 76, 52), rgb(226, 176, 74), rgb(84, 132, 88), rgb(72, 112, 164), rgb(228, 214, 184),
      rgb(142, 84, 56), rgb(172, 80, 118),
    ]
    let palette = (0..<4).map { _ in shopkeeper.pick(wares) }
    for pane in 0..<panes {
      let isDoor = pane == doorPane
      let x0 = shape.x0 + bay * Float(pane) + unit * 0.025
      let area = Shape(x0, head, x0 + bay - unit * 0.05, isDoor ? shape.y1 - unit * 0.05 : base)
      let cell = unit * 0.075
      let shelf = area.height * 0.36
      canvas.paint(area, nil) { x, y, sample in
        let t = (y - area.y0) / area.height
        var room = warm * (light * (0.07 + 0.24 * (1 - t)))
        if !isDoor {
          // Goods on two shelves: boxes and jars of different heights.
          let up = fraction((area.y1 - y) / shelf)
          let level = floorInt((area.y1 - y) / shelf)
          let item = floorInt(x / cell)
          let tall = 0.25 + 0.5 * noise.at(item, level + 70)
          let inside = fraction(x / cell)
          if level < 2, up < tall, inside > 0.1, inside < 0.9 {
            let kind = floorInt(noise.at(item, level + 90) * 4)
            room = palette[min(3, kind)] * (0.35 + 0.55 * light) * (0.7 + 0.5 * inside)
          }
          if level < 2, up < 0.06 { room = RGB(0.05, 0.04, 0.03) }
        } else if t > 0.72 {
          room = paint * 0.8
        }
        // A broad slanting gleam across the panes.
        let gleam = smoothstep(0.42, 0.6, noise.smooth(x * 9 + y * 7, 3.5))
        let glass = room * 0.85 + sky * (0.025 + 0.13 * gleam)
        sample = Sample(
          albedo: glass, height: -unit * (isDoor ? 0.09 : 0.03), glow: isDoor && t > 0.72 ? 0 : 0.4)
      }
    }
  }

  private mutating func paintAwning(_ shape: Shape) {
    let unit = unit
    let noise = noise
    let color = shopkeeper.pick([
      rgb(168, 48, 42), rgb(44, 92, 70), rgb(52, 74, 128), rgb(196, 150, 58), rgb(120, 60, 40),
    ])
    let plain = shopkeeper.chance(0.3)
    let stripeWidth = unit * 0.11
    let step = canvas.step
    let canopy = shape.height * 0.84
    canvas.paint(shape, .shop) { x, y, sample in
      let t = (y - shape.y0) / canopy
      let across = (x - shape.x0) / stripeWidth
      // The hanging edge is cut in scallops; the shop stays in view between them.
      let swing = fraction(across) * 2 - 1
      if t > 1, y > shape.y1 - (shape.height - canopy) * 0.6 * swing * swing { return }
      let white = plain ? 0 : stripe(across * 0.5, width: 0.5, footprint: step / stripeWidth * 0.5)
      let cloth = mix(color, rgb(232, 226, 210), white)
      let fold = 0.92 + 0.16 * noise.smooth(x * 45, y * 10)
      let drop: Float = t > 1 ? 0.72 : 0.95 + 0.15 * (1 - t)
      sample = Sample(albedo: cloth * fold * drop, height: unit * (0.06 + 0.3 * min(t, 1)), glow: 0)
    }
  }

  /// Raised letters, five cells high.
  private mutating func paintSign(_ board: Shape, _ ink: RGB) {
    let word = Glyphs.words[nextSign % Glyphs.words.count]
    // Any step prime to the number of words keeps neighbours from selling the same.
    nextSign += 4
    let cell = min(board.height * 0.13, board.width * 0.8 / Float(word.count * 4))
    let wide = cell * Float(word.count * 4 - 1)
    var x = (board.x0 + board.x1 - wide) * 0.5
    let y = (board.y0 + board.y1) * 0.5 - cell * 2.3
    for letter in word {
      let bits = Glyphs.font[letter] ?? 0
      for row in 0..<5 {
        for column in 0..<3 where bits >> (14 - row * 3 - column) & 1 == 1 {
          let left = x + Float(column) * cell
          let top = y + Float(row) * cell
          paintTrim(
            Shape(left, top, left + cell * 1.02, top + cell * 1.02), nil, ink, relief: 0.075, grain: 0)
        }
      }
      x += cell * 4
    }
  }
}

/// Capital letters of 3 x 5 cells, and the shops' names.
private enum Glyphs {
  static let words = [
    "CAFE", "BAR", "TEA", "BOOKS", "ART", "TABAC", "SHOES", "OPTIK", "FLORA", "PASTA", "KIOSK", "BISTRO",
    "TAILOR", "SILK", "TOYS",
  ]

  static let font: [Character: Int] = [
    "A": 0b010_101_111_101_101, "B": 0b110_101_110_101_110, "C": 0b011_100_100_100_011,
    "E": 0b111_100_110_100_111, "F": 0b111_100_110_100_100, "H": 0b101_101_111_101_101,
    "I": 0b111_010_010_010_111, "K": 0b101_101_110_101_101, "L": 0b100_100_100_100_111,
    "O": 0b111_101_101_101_111, "P": 0b110_101_110_100_100, "R": 0b110_101_110_101_101,
    "S": 0b011_100_010_001_110, "T": 0b111_010_010_010_010, "Y": 0b101_101_010_010_010,
  ]
}
