import Random

/// The part of a pair's pictures that the network sees.
///
/// With jitter all pictures are resized to `loadSize`, cut to `size` at the same random place and flipped
/// together half of the time; without, they are resized straight to `size`. Resizing is bicubic, and
/// nearest for a palette picture or a label map, each picture by itself.
public struct Augmentation: Sendable, Equatable {
  /// The network's pictures.
  public let size: PictureSize
  public let jitter: Bool
  public let seed: UInt64

  public init(size: PictureSize, jitter: Bool, seed: UInt64) {
    precondition(size.width > 0 && size.height > 0, "the network needs pixels")
    self.size = size
    self.jitter = jitter
    self.seed = seed
  }

  /// Squares of `size` pixels on a side.
  public init(size: Int, jitter: Bool, seed: UInt64) {
    self.init(size: PictureSize(square: size), jitter: jitter, seed: seed)
  }

  /// The size before the cut: 286 for 256, and other sides in proportion, rounded down.
  public var loadSize: PictureSize {
    func load(_ side: Int) -> Int { jitter ? side * 286 / 256 : side }
    return PictureSize(width: load(size.width), height: load(size.height))
  }

  /// A rectangle of the load size.
  public struct Cut: Sendable, Equatable {
    /// The left edge, 0...loadSize.width - size.width.
    public let x: Int
    /// The top edge, 0...loadSize.height - size.height.
    public let y: Int
    /// Left and right are exchanged after the cut.
    public let isFlipped: Bool
  }

  /// The cut of a pair in an epoch: a pure function of seed, epoch and index, so that a resumed run, or another number of
  /// threads, sees the same pictures.
  public func cut(epoch: Int, index: Int) -> Cut {
    guard jitter else { return Cut(x: 0, y: 0, isFlipped: false) }
    let words = Philox(seed: seed).words(
      UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: epoch), RandomPurpose.cut.rawValue)
    let load = loadSize
    return Cut(
      x: Philox.integer(words[0], below: load.width - size.width + 1),
      y: Philox.integer(words[1], below: load.height - size.height + 1),
      isFlipped: words[2] >> 31 == 1)
  }

  /// RGB pictures of the pair with this position in its source as planes: input and target, each CHW
  /// [3, height, width] in [-1, 1].
  public func planes(
    input: Picture, target: Picture, epoch: Int, index: Int
  ) -> (input: [Float], target: [Float]) {
    let cut = cut(epoch: epoch, index: index)
    func planes(_ picture: Picture) -> [Float] {
      var out = [Float](repeating: 0, count: 3 * size.area)
      out.withUnsafeMutableBufferPointer {
        write(picture.rgb().fitted(to: loadSize), as: .rgb, cut, into: $0)
      }
      return out
    }
    return (planes(input), planes(target))
  }

  /// A picture reduced to what its planes need, at load size.
  func loaded(_ file: PairFiles.FilePicture, as format: PlaneFormat) throws(ImageError) -> Picture {
    let reduced = try format.reduced(file.picture, path: file.path)
    return reduced.resized(
      width: loadSize.width, height: loadSize.height, method: format.resizeMethod(for: reduced))
  }

  /// The same for the pictures of one side of unpaired ones: cuts of A and B have nothing to do with each other.
  func of(_ side: Direction.Side) -> Augmentation {
    Augmentation(size: size, jitter: jitter, seed: side == .a ? seed : ~seed)
  }

  /// Cuts a reduced picture of the load size into planes [C, height, width], which must be zeros.
  func write(
    _ picture: Picture, as format: PlaneFormat, _ cut: Cut, into out: UnsafeMutableBufferPointer<Float>
  ) {
    format.write(
      picture, x: cut.x, y: cut.y, width: size.width, height: size.height, isFlipped: cut.isFlipped, into: out
    )
  }
}
