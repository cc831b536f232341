import Random
import Tape

/// Decides what becomes of each image at a pool of earlier fakes, as CycleGAN's does: while the pool is not full every
/// image is stored and passes; from then on half of them, by chance, swap with the image of a random slot, and the others
/// pass.
///
/// A pure function of seed and step: it is the same after a resume. Image i of step s takes the words of the Philox block
/// with key = seed and counter = (i, high 32 bits of s, `purpose`, low 32 bits of s): the first says whether it swaps,
/// the second with which slot.
public struct ImagePoolChooser: Hashable, Sendable {
  /// The third counter word, which is the number of a mask where masks are drawn.
  static let purpose: UInt32 = 0x504F_4F4C

  /// How many images the pool holds; 0: all images pass.
  public let slots: Int
  public let seed: UInt64

  public init(slots: Int, seed: UInt64) {
    self.slots = slots
    self.seed = seed
  }

  /// How many slots are filled before a step, if every step from 0 on showed the pool so many images.
  public func stored(beforeStep step: Int, images: Int) -> Int { min(slots, step * images) }

  /// What becomes of the images of a step.
  ///
  /// - Parameter stored: how many slots are filled, the lowest first
  public func choices(images: Int, step: Int, stored: Int) -> [ImagePoolChoice] {
    let philox = Philox(seed: seed)
    return (0..<images).map { image in
      let filled = stored + image
      if filled < slots { return ImagePoolChoice(.store, slot: filled) }
      let words = philox.words(
        UInt32(image), UInt32(truncatingIfNeeded: step >> 32), Self.purpose, UInt32(truncatingIfNeeded: step))
      guard slots > 0, words.x >> 31 == 1 else { return ImagePoolChoice(.pass) }
      return ImagePoolChoice(.swap, slot: Philox.integer(words.y, below: slots))
    }
  }
}
