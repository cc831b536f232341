/// Draws outlines of shapes with their shapes, filled with a colour that the outline does not tell: one input has as many right
/// outputs as there are colours. A model that draws one of them only has collapsed.
///
/// Picture `index` depends on (seed, size, index) alone and has the same bytes on every machine. The place of the shape does
/// not depend on the size.
public struct ShapeRenderer: Sendable {
  /// The sizes that can be drawn, in pixels.
  public static let sizes = FacadeRenderer.sizes

  public let size: Int
  public let seed: UInt64

  /// - Parameters:
  ///   - size: the pictures' width and height in pixels, one of `sizes`.
  ///   - seed: other seeds draw other shapes.
  public init(size: Int, seed: UInt64) {
    precondition(
      ShapeRenderer.sizes.contains(size), "a picture's size must be in \(ShapeRenderer.sizes), not \(size)")
    self.size = size
    self.seed = seed
  }

  /// The outline with this number, white on black: `size` x `size` x 3 bytes, RGB, row by row.
  public func outline(_ index: Int) -> [UInt8] {
    let mask = mask(index)
    // As thick at every size, at least a pixel.
    let reach = max(1, size / 32)
    return pixels { x, y in
      guard mask[y * size + x] else { return (0, 0, 0) }
      let isInner = [(x + reach, y), (x - reach, y), (x, y + reach), (x, y - reach)].allSatisfy { x, y in
        (0..<size).contains(x) && (0..<size).contains(y) && mask[y * size + x]
      }
      return isInner ? (0, 0, 0) : (255, 255, 255)
    }
  }

  /// A right output for the outline with this number: its shape in a random colour, on white. `size` x `size` x 3 bytes, RGB, row
  /// by row.
  ///
  /// - Parameter sample: other numbers, from 0, draw other colours
  public func filled(_ index: Int, sample: Int = 0) -> [UInt8] {
    let mask = mask(index)
    var random = Random(seed: seed, index: index, stream: .fills)
    var colour: [UInt8] = []
    for _ in 0...sample { colour = (0..<3).map { _ in UInt8(random.integer(0...255)) } }
    return pixels { x, y in
      mask[y * size + x] ? (colour[0], colour[1], colour[2]) : (255, 255, 255)
    }
  }

  /// Whether the centre of a pixel lies in the shape: a disc, a square or a triangle.
  private func mask(_ index: Int) -> [Bool] {
    var random = Random(seed: seed, index: index, stream: .shapes)
    let kind = random.integer(0...2)
    let (centreX, centreY) = (random.uniform(10.5, 22.5) / 32, random.uniform(10.5, 22.5) / 32)
    let radius = random.uniform(6.5, 10.5) / 32
    var mask: [Bool] = []
    mask.reserveCapacity(size * size)
    for row in 0..<size {
      for column in 0..<size {
        let x = (Float(column) + 0.5) / Float(size) - centreX
        let y = (Float(row) + 0.5) / Float(size) - centreY
        let isInside =
          switch kind {
          case 0: x * x + y * y <= radius * radius
          case 1: abs(x) <= radius && abs(y) <= radius
          // The tip is above.
          default: abs(y) <= radius && 2 * abs(x) <= y + radius
          }
        mask.append(isInside)
      }
    }
    return mask
  }

  private func pixels(_ colour: (_ x: Int, _ y: Int) -> (UInt8, UInt8, UInt8)) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(3 * size * size)
    for y in 0..<size {
      for x in 0..<size {
        let (red, green, blue) = colour(x, y)
        bytes.append(red)
        bytes.append(green)
        bytes.append(blue)
      }
    }
    return bytes
  }
}
