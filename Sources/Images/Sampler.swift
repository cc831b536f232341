import Random

/// Which pairs come when, and how each is cut and flipped: a pure function of seed, epoch and position, so that a
/// resumed run goes on exactly where it was, whatever the threads did.
public struct Sampler: Sendable {
  public let pairs: Int
  public let batchSize: Int
  private let generator: Philox

  /// - Parameter pairs: at least `batchSize`
  public init(pairs: Int, batchSize: Int, seed: UInt64) {
    precondition(batchSize > 0 && pairs >= batchSize)
    self.pairs = pairs
    self.batchSize = batchSize
    generator = Philox(seed: seed)
  }

  /// Full batches only: what is left over at the end of an epoch comes up in another epoch's order.
  public var batchesPerEpoch: Int { pairs / batchSize }

  // Streams of random numbers: word 3 of the counter, where dropout has the step and cannot collide, since word 2
  // (its stream) is below 2^16 there.
  private static let shuffleStream: UInt32 = 0x5AFF_0001
  private static let jitterStream: UInt32 = 0x5AFF_0002

  /// The order of an epoch's pairs: Fisher and Yates' shuffle.
  public func order(epoch: Int) -> [Int] {
    var order = Array(0..<pairs)
    for i in stride(from: pairs - 1, to: 0, by: -1) {
      let word = generator.words(UInt32(i), UInt32(epoch), Self.shuffleStream)[0]
      order.swapAt(i, Self.below(i + 1, word))
    }
    return order
  }

  /// How one pair is cut and flipped in one epoch.
  public struct Jitter: Sendable, Equatable {
    public let left: Int
    public let top: Int
    public let flipped: Bool
  }

  /// - Parameter room: how many pixels larger than the cut the picture is
  public func jitter(epoch: Int, pair: Int, room: Int) -> Jitter {
    let words = generator.words(UInt32(pair), UInt32(epoch), Self.jitterStream)
    return Jitter(
      left: Self.below(room + 1, words[0]), top: Self.below(room + 1, words[1]), flipped: words[2] >> 31 == 1)
  }

  /// An even number in 0..<bound from one word; the bias of 2^-32 * bound does not matter here.
  private static func below(_ bound: Int, _ word: UInt32) -> Int {
    Int((UInt64(word) * UInt64(bound)) >> 32)
  }
}
