import Random

/// How a decoded pair becomes the network's input and target.
///
/// With jitter both pictures are resized to `loadSize`, cut to `size` at the same random place and flipped
/// together half of the time; without, they are resized straight to `size`. Resizing is bicubic, and
/// nearest for a palette picture, each picture by itself.
public struct Augmentation: Sendable, Equatable {
  /// The side of what the network sees, in pixels.
  public let size: Int
  public let jitter: Bool
  public let seed: UInt64

  public init(size: Int, jitter: Bool, seed: UInt64) {
    precondition(size > 0, "the network needs pixels")
    self.size = size
    self.jitter = jitter
    self.seed = seed
  }

  /// The side that pictures are resized to before the cut, in pixels: 286 for 256.
  public var loadSize: Int { jitter ? size * 286 / 256 : size }

  /// What is cut out of the load size.
  public struct Cut: Sendable, Equatable {
    /// The left edge, 0...loadSize - size.
    public let x: Int
    /// The top edge, 0...loadSize - size.
    public let y: Int
    /// Left and right are exchanged after the cut.
    public let isFlipped: Bool
  }

  /// The cut of a pair in an epoch: depends on nothing but seed, epoch and index, so that a resumed run,
  /// or another number of threads, sees the same pictures.
  public func cut(epoch: Int, index: Int) -> Cut {
    guard jitter else { return Cut(x: 0, y: 0, isFlipped: false) }
    let words = Philox(seed: seed).words(
      UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: epoch), RandomPurpose.cut.rawValue)
    let places = loadSize - size + 1
    return Cut(
      x: uniform(words[0], below: places), y: uniform(words[1], below: places),
      isFlipped: words[2] >> 31 == 1)
  }

  /// Resizes a picture to the load size.
  func resized(_ picture: Picture) -> Picture {
    picture.resized(width: loadSize, height: loadSize, method: picture.isPalette ? .nearest : .bicubic)
  }

  /// The pair with this position in its source as planes: input and target, each CHW [3, size, size] in
  /// [-1, 1].
  public func planes(
    input: Picture, target: Picture, epoch: Int, index: Int
  ) -> (input: [Float], target: [Float]) {
    let cut = cut(epoch: epoch, index: index)
    func planes(_ picture: Picture) -> [Float] {
      var out = [Float](repeating: 0, count: 3 * size * size)
      out.withUnsafeMutableBufferPointer { write(resized(picture.rgb()), cut, into: $0) }
      return out
    }
    return (planes(input), planes(target))
  }

  /// Cuts an RGB picture of the load size into planes [3, size, size].
  func write(_ picture: Picture, _ cut: Cut, into out: UnsafeMutableBufferPointer<Float>) {
    picture.writePlanes(
      x: cut.x, y: cut.y, width: size, height: size, isFlipped: cut.isFlipped, into: out)
  }
}
