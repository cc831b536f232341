extension Philox {
  /// One word per element: word e % 4 of the block with counter (e / 4, 0, stream, purpose) for element e.
  ///
  /// - Parameters:
  ///   - stream: a number that sets this sequence apart from others of the same purpose
  ///   - purpose: a number that sets this use of a seed apart from others
  public func words(count: Int, stream: UInt32, purpose: UInt32 = 0) -> [UInt32] {
    var result: [UInt32] = []
    result.reserveCapacity(count + 3)
    for block in 0..<(count + 3) / 4 {
      let words = words(UInt32(block), 0, stream, purpose)
      for lane in 0..<4 { result.append(words[lane]) }
    }
    result.removeLast(result.count - count)
    return result
  }

  /// Even numbers in [-1, 1), from the upper 24 bits of `words(count:stream:purpose:)`.
  public func uniform(count: Int, stream: UInt32, purpose: UInt32 = 0) -> [Float] {
    words(count: count, stream: stream, purpose: purpose).map { Float($0 >> 8) / 8_388_608 - 1 }
  }

  /// A number in 0..<bound from one word, for a bound up to 2^32, by multiplication. Its bias is below bound / 2^32.
  public static func integer(_ word: UInt32, below bound: Int) -> Int {
    Int((UInt64(word) * UInt64(bound)) >> 32)
  }
}
