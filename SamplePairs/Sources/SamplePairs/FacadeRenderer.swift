/// One training pair: a label map and its photo.
public struct FacadePair: Sendable {
  /// The label map: `size` x `size` x 3 bytes, RGB, row by row, every pixel one of `FacadeClass`'s colours.
  public let labels: [UInt8]
  /// The photo: `size` x `size` x 3 bytes, RGB, row by row.
  public let photo: [UInt8]
}

/// Draws building fronts with their label maps: a data set that needs no download.
///
/// Picture `index` of a renderer depends on (seed, size, index) alone and has the same bytes on every
/// machine: random numbers are hashes of their place, and no result of a libm function reaches a pixel.
/// The plan of the building does not depend on the size, only its rendering does.
public struct FacadeRenderer: Sendable {
  /// The sizes that can be drawn, in pixels.
  public static let sizes = 32...1024

  public let size: Int
  public let seed: UInt64

  /// - Parameters:
  ///   - size: the pictures' width and height in pixels, one of `sizes`.
  ///   - seed: other seeds draw other buildings.
  public init(size: Int, seed: UInt64) {
    precondition(
      FacadeRenderer.sizes.contains(size), "a picture's size must be in \(FacadeRenderer.sizes), not \(size)")
    self.size = size
    self.seed = seed
  }

  /// Draws the pair with this number; any integer is one.
  public func pair(_ index: Int) -> FacadePair {
    var plan = Random(seed: seed, index: index, stream: .plan)
    var sky = Random(seed: seed, index: index, stream: .weather)
    var grain = Random(seed: seed, index: index, stream: .grain)
    var shopkeeper = Random(seed: seed, index: index, stream: .shops)
    let building = Building(random: &plan)
    let weather = Weather(random: &sky)
    let noise = Noise(seed: UInt32(truncatingIfNeeded: grain.bits()))
    let firstSign = shopkeeper.integer(0...999)
    var painter = Painter(
      canvas: Canvas(size: size), building: building, weather: weather, noise: noise,
      street: Random(seed: seed, index: index, stream: .street),
      windows: Random(seed: seed, index: index, stream: .windows),
      shopkeeper: shopkeeper, nextSign: firstSign)
    painter.paintAll()
    return FacadePair(
      labels: painter.canvas.labelColors(),
      photo: painter.canvas.photograph(weather, grain: Noise(seed: UInt32(truncatingIfNeeded: grain.bits()))))
  }
}

extension Canvas {
  /// The label map in the classes' colours: RGB bytes, row by row.
  func labelColors() -> [UInt8] {
    var colors = [UInt8](repeating: 0, count: labels.count * 3)
    let palette = FacadeClass.allCases.map(\.color)
    for (pixel, label) in labels.enumerated() {
      let color = palette[Int(label)]
      colors[3 * pixel] = color.red
      colors[3 * pixel + 1] = color.green
      colors[3 * pixel + 2] = color.blue
    }
    return colors
  }
}
