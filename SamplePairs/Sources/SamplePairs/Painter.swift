/// Paints a building's plan onto a canvas, from the back to the front.
struct Painter {
  var canvas: Canvas
  let building: Building
  let weather: Weather
  let noise: Noise
  var street: Random
  var windows: Random
  var shopkeeper: Random
  /// The number of the next shop's name.
  var nextSign: Int

  /// The building's measure, see `Building.unit`.
  var unit: Float { building.unit }

  mutating func paintAll() {
    paintSky()
    paintNeighbours()
    paintGround()
    paintRoof()
    paintWall()
    paintBands()
    for (index, floor) in building.floors.enumerated() {
      let isGround = index == building.floors.count - 1
      if building.pilasters { paintPilasters(floor) }
      if isGround { paintGroundFloor(floor) } else { paintUpperFloor(floor) }
    }
    paintCrown()
  }

  /// Paints a shape in cut stone, wood or stucco: one colour with a fine grain.
  /// - Parameter relief: its height before the wall, in the building's units.
  mutating func paintTrim(
    _ shape: Shape, _ label: FacadeClass?, _ color: RGB, relief: Float, grain: Float = 0.16
  ) {
    let noise = noise
    let height = relief * unit
    canvas.paint(shape, label) { x, y, sample in
      let mottle =
        1 + grain * (noise.smooth(x * 70, y * 70) * 0.5 + noise.smooth(x * 230, y * 230) * 0.5 - 0.5)
      sample = Sample(albedo: color * mottle, height: height, glow: 0)
    }
  }
}
