/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011): a
/// counter-based generator. Its output depends on nothing but seed and counter, so any thread, device or
/// resumed run that asks for the same numbers gets the same numbers.
public struct Philox: Sendable {
  private let key: (UInt32, UInt32)

  /// The low half of the seed is the first word of the key.
  public init(seed: UInt64) {
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
  }

  /// Four random words for a 128-bit counter, least significant word first.
  public func words(
    counter: (UInt32, UInt32, UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var (c0, c1, c2, c3) = counter
    var (k0, k1) = key
    for _ in 0..<10 {
      let first = c0.multipliedFullWidth(by: 0xD251_1F53)
      let second = c2.multipliedFullWidth(by: 0xCD9E_8D57)
      (c0, c1, c2, c3) = (second.high ^ c1 ^ k0, second.low, first.high ^ c3 ^ k1, first.low)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }

  /// A number in 0..<bound from one word, by multiplication. Its bias is below bound / 2^32.
  static func uniform(_ word: UInt32, below bound: Int) -> Int {
    Int((UInt64(word) * UInt64(bound)) >> 32)
  }

  /// The third counter word says what a number is for, so that no two uses share numbers.
  enum Purpose: UInt32 {
    case cut = 0x494D_0001
    case order = 0x494D_0002
  }
}

/// The order in which an epoch visits `count` pairs: Fisher-Yates over Philox words of (seed, epoch).
public func shuffledOrder(count: Int, seed: UInt64, epoch: Int) -> [Int] {
  let philox = Philox(seed: seed)
  var order = Array(0..<count)
  for last in stride(from: count - 1, to: 0, by: -1) {
    let words = philox.words(
      counter: (UInt32(last), UInt32(truncatingIfNeeded: epoch), Philox.Purpose.order.rawValue, 0))
    order.swapAt(last, Philox.uniform(words.0, below: last + 1))
  }
  return order
}
