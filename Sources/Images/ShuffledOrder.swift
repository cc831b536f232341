import Random

/// The third counter word, one for each use of random numbers, so that no two uses share them.
enum RandomPurpose: UInt32 {
  case cut = 0x494D_0001
  case order = 0x494D_0002
  case hole = 0x494D_0003
  /// The fourth word here, since second and third are needed: other uses have a small number or 0 there.
  case noise = 0x494D_0004
}

/// The order in which an epoch visits `count` pairs: Fisher-Yates over Philox words of (seed, epoch).
public func shuffledOrder(count: Int, seed: UInt64, epoch: Int) -> [Int] {
  let philox = Philox(seed: seed)
  var order = Array(0..<count)
  for last in stride(from: count - 1, to: 0, by: -1) {
    let words = philox.words(UInt32(last), UInt32(truncatingIfNeeded: epoch), RandomPurpose.order.rawValue)
    order.swapAt(last, Philox.integer(words[0], below: last + 1))
  }
  return order
}
