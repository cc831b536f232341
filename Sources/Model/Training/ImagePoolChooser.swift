import Random
import Tape

/// Chooses the fate of each image at a pool of earlier fakes, as CycleGAN's does: while the pool is not full every image is
/// stored and passes; from then on half of them, by chance, swap with the image of a random slot, and the others pass.
///
/// A pure function of seed and step, so that it is the same after a resume. Image i of step s takes the words of the Philox
/// block with key = seed and counter = (i, high 32 bits of s, `stream` of the pool, low 32 bits of s): the first decides
/// whether it swaps, the second the slot.
public struct ImagePoolChooser: Hashable, Sendable {
  /// The third counter word of the first pool. Masks and noise have their streams there, far below.
  static let firstStream: UInt32 = 0x504F_4F4C

  /// The number of images that the pool holds. Without any, all images pass.
  public let slots: Int
  public let seed: UInt64
  /// Of the pool in a training step.
  public let number: Int

  public init(slots: Int, seed: UInt64, number: Int = 0) {
    (self.slots, self.seed, self.number) = (slots, seed, number)
  }

  /// The choices of a step, where every step before it showed the pool as many images: slots fill from the lowest on.
  public func choices(images: Int, step: Int) -> [ImagePoolChoice] {
    let philox = Philox(seed: seed)
    let stored = min(slots, step * images)
    let stream = Self.firstStream + UInt32(number)
    return (0..<images).map { image in
      let filled = stored + image
      if filled < slots { return ImagePoolChoice(.store, slot: filled) }
      let words = philox.words(
        UInt32(image), UInt32(truncatingIfNeeded: step >> 32), stream, UInt32(truncatingIfNeeded: step))
      guard slots > 0, words.x >> 31 == 1 else { return ImagePoolChoice(.pass) }
      return ImagePoolChoice(.swap, slot: Int((UInt64(words.y) * UInt64(slots)) >> 32))
    }
  }
}
