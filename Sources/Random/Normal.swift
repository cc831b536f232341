extension Philox {
  typealias Words = SIMD8<UInt64>
  public typealias Numbers = SIMD8<Double>

  /// Standard normal numbers by Box and Muller's method: for each of the eight counters (first + 0...7, c1, c2, c3) four
  /// numbers, two of each two words.
  ///
  /// Sums and products in a fixed order, within 1e-14 of the formula, and without a C library, whose
  /// logarithms and sines differ from machine to machine.
  public func normals(from first: UInt32, _ c1: UInt32, _ c2: UInt32, _ c3: UInt32) -> (
    Numbers, Numbers, Numbers, Numbers
  ) {
    let words = words(from: first, c1, c2, c3)
    let (a, b) = (Self.normals(words.0, words.1), Self.normals(words.2, words.3))
    return (a.0, a.1, b.0, b.1)
  }

  /// `words` of eight counters side by side, each word in 64 bits.
  func words(from first: UInt32, _ c1: UInt32, _ c2: UInt32, _ c3: UInt32) -> (Words, Words, Words, Words) {
    let low = Words(repeating: 0xFFFF_FFFF)
    let half = Words(repeating: 32)
    var x = (Words(0, 1, 2, 3, 4, 5, 6, 7) &+ Words(repeating: UInt64(first))) & low
    var y = Words(repeating: UInt64(c1))
    var z = Words(repeating: UInt64(c2))
    var w = Words(repeating: UInt64(c3))
    for round in 0..<10 {
      let (k0, k1) = roundKey(round)
      let a = x &* Words(repeating: Self.multipliers.0)
      let b = z &* Words(repeating: Self.multipliers.1)
      x = (b &>> half) ^ y ^ Words(repeating: UInt64(k0))
      z = (a &>> half) ^ w ^ Words(repeating: UInt64(k1))
      y = b & low
      w = a & low
    }
    return (x, y, z, w)
  }

  /// sqrt(-2 log((u + 1) / 2^32)) times the cosine and the sine of 2 pi v / 2^32.
  private static func normals(_ u: Words, _ v: Words) -> (Numbers, Numbers) {
    let radius = (-2 * logarithm(number(u &+ 1) * 0x1p-32)).squareRoot()
    // The nearest quarter of a turn, and what is left of the angle: at most an eighth.
    let quarter = (v &+ 0x2000_0000) &>> Words(repeating: 30)
    let rest = number(v &+ 0x1_0000_0000 &- (quarter &<< Words(repeating: 30))) - 0x1p32
    let angle = rest * (Double.pi * 0x1p-31)
    let square = angle * angle
    let sine = angle + angle * square * polynomial(sineSeries, square)
    let cosine = polynomial(cosineSeries, square)
    // Odd quarters swap the two; signs are flipped in their bits.
    let odd = Words.zero &- (quarter & 1)
    let (sineBits, cosineBits) = (unsafeBitCast(sine, to: Words.self), unsafeBitCast(cosine, to: Words.self))
    let swapped = (sineBits ^ cosineBits) & odd
    let x = cosineBits ^ swapped ^ (((quarter &+ 1) & 2) &<< Words(repeating: 62))
    let y = sineBits ^ swapped ^ ((quarter & 2) &<< Words(repeating: 62))
    return (radius * unsafeBitCast(x, to: Numbers.self), radius * unsafeBitCast(y, to: Numbers.self))
  }

  /// The natural logarithm of x, 2^-32 to 1.
  private static func logarithm(_ x: Numbers) -> Numbers {
    let bits = unsafeBitCast(x, to: Words.self)
    // x = 2^(exponent - 64) mantissa, the mantissa from sqrt(1/2) to sqrt(2).
    let exponent = (bits &- 0x3FE6_A09E_667F_3BCD &+ (64 << 52)) &>> Words(repeating: 52)
    let mantissa = unsafeBitCast(bits &- ((exponent &- 64) &<< Words(repeating: 52)), to: Numbers.self)
    // 2 artanh((m - 1) / (m + 1))
    let s = (mantissa - 1) / (mantissa + 1)
    let square = s * s
    let series = polynomial(logarithmSeries, square)
    return (number(exponent) - 64) * 0.693147180559945309417 + 2 * (s + s * square * series)
  }

  // Taylor series in the square of the argument, the highest power first: of (sin x / x - 1) / x^2, cos x and
  // (artanh s / s - 1) / s^2.
  private static let sineSeries: [Double] = [
    -1 / 1_307_674_368_000, 1 / 6_227_020_800, -1 / 39_916_800, 1 / 362_880, -1 / 5040, 1 / 120, -1 / 6,
  ]
  private static let cosineSeries: [Double] = [
    1 / 20_922_789_888_000, -1 / 87_178_291_200, 1 / 479_001_600, -1 / 3_628_800, 1 / 40_320, -1 / 720,
    1 / 24,
    -1 / 2, 1,
  ]
  private static let logarithmSeries: [Double] = [
    1 / 19, 1 / 17, 1 / 15, 1 / 13, 1 / 11, 1 / 9, 1 / 7, 1 / 5, 1 / 3,
  ]

  /// A polynomial in x, its coefficients from the highest power down.
  private static func polynomial(_ coefficients: [Double], _ x: Numbers) -> Numbers {
    var sum = Numbers(repeating: coefficients[0])
    for coefficient in coefficients.dropFirst() { sum = sum * x + Numbers(repeating: coefficient) }
    return sum
  }

  /// A number below 2^52 as it is: put into the mantissa of 2^52, which is then taken away.
  private static func number(_ bits: Words) -> Numbers {
    unsafeBitCast(bits | 0x4330_0000_0000_0000, to: Numbers.self) - 0x1p52
  }
}
