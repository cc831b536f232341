/// Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"): a pure
/// function from a 128-bit counter and a 64-bit key to four random words, so that any element's number can be
/// had without those before it, on every device and after a resume.
public struct Philox: Sendable {
  private let key: (UInt32, UInt32)

  public init(seed: UInt64) {
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
  }

  /// The four words for one counter, low word first.
  public func words(_ c0: UInt32, _ c1: UInt32 = 0, _ c2: UInt32 = 0, _ c3: UInt32 = 0) -> SIMD4<UInt32> {
    var counter = SIMD4(c0, c1, c2, c3)
    for round in 0..<10 {
      let (k0, k1) = roundKey(round)
      let a = UInt64(counter.x) * Self.multipliers.0
      let b = UInt64(counter.z) * Self.multipliers.1
      counter = SIMD4(
        UInt32(truncatingIfNeeded: b >> 32) ^ counter.y ^ k0, UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ counter.w ^ k1, UInt32(truncatingIfNeeded: a))
    }
    return counter
  }

  static let multipliers: (UInt64, UInt64) = (0xD251_1F53, 0xCD9E_8D57)

  func roundKey(_ round: Int) -> (UInt32, UInt32) {
    (key.0 &+ UInt32(round) &* 0x9E37_79B9, key.1 &+ UInt32(round) &* 0xBB67_AE85)
  }
}
