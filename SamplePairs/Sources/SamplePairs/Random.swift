/// Counter-based random numbers: the n-th draw is a hash of (seed, index, stream, n).
///
/// Each part of a picture draws from its own stream, so that a draw added to one part leaves every
/// other part as it was.
struct Random {
  /// The part that a stream decides.
  enum Stream: UInt64 {
    case plan, weather, street, grain, windows, shops, shapes, fills
  }

  private let key: UInt64
  private var counter: UInt64 = 0

  init(seed: UInt64, index: Int, stream: Stream) {
    key = mix64(mix64(mix64(seed) ^ UInt64(bitPattern: Int64(index))) ^ (stream.rawValue &+ 1))
  }

  /// 64 random bits (SplitMix64).
  mutating func bits() -> UInt64 {
    counter &+= 1
    return mix64(key &+ counter &* 0x9E37_79B9_7F4A_7C15)
  }

  /// A number in [low, high).
  mutating func uniform(_ low: Float, _ high: Float) -> Float {
    // 24 bits convert to Float exactly, so the result is the same on every machine.
    low + (high - low) * (Float(UInt32(truncatingIfNeeded: bits() >> 40)) * 0x1p-24)
  }

  /// An integer in the closed range.
  mutating func integer(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(bits() % UInt64(range.count))
  }

  /// True with the probability given.
  mutating func chance(_ probability: Float) -> Bool { uniform(0, 1) < probability }

  /// One of `choices`, which must not be empty.
  mutating func pick<T>(_ choices: [T]) -> T { choices[integer(0...choices.count - 1)] }
}

/// SplitMix64's output function: a bijection that spreads every input bit over the word.
private func mix64(_ value: UInt64) -> UInt64 {
  var z = value &+ 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}

/// Noise over the plane. Only integer operations and + - * reach the result: the same bytes everywhere.
struct Noise {
  let seed: UInt32

  private static let acrossStep: UInt32 = 0x9E37_79B1
  private static let downStep: UInt32 = 0x85EB_CA77

  /// White noise at a lattice point, in [0, 1).
  @inline(__always)
  func at(_ x: Int, _ y: Int) -> Float {
    let corner =
      UInt32(truncatingIfNeeded: x) &* Noise.acrossStep &+ UInt32(truncatingIfNeeded: y) &* Noise.downStep
    var h = corner &+ seed
    h = (h ^ (h >> 15)) &* 0x2C1B_3C6D
    h = (h ^ (h >> 12)) &* 0x297A_2D39
    h ^= h >> 15
    return Float(h >> 8) * 0x1p-24
  }

  /// `at` for four points of the lattice at once.
  @inline(__always)
  private static func scramble(_ corners: SIMD4<UInt32>) -> SIMD4<Float> {
    var h = corners
    h = (h ^ (h &>> 15)) &* 0x2C1B_3C6D
    h = (h ^ (h &>> 12)) &* 0x297A_2D39
    h ^= h &>> 15
    return SIMD4<Float>(SIMD4<Int32>(truncatingIfNeeded: h &>> 8)) * 0x1p-24
  }

  /// Smooth noise with features one unit wide, in [0, 1).
  @inline(__always)
  func smooth(_ x: Float, _ y: Float) -> Float {
    let ix = floorInt(x)
    let iy = floorInt(y)
    let u = ease(x - Float(ix))
    let v = ease(y - Float(iy))
    let corner =
      UInt32(truncatingIfNeeded: ix) &* Noise.acrossStep &+ UInt32(truncatingIfNeeded: iy) &* Noise.downStep
    let corners = Noise.scramble(
      SIMD4(repeating: corner &+ seed)
        &+ SIMD4(0, Noise.acrossStep, Noise.downStep, Noise.acrossStep &+ Noise.downStep))
    return mix(mix(corners.x, corners.y, u), mix(corners.z, corners.w, u), v)
  }

  /// Three octaves of smooth noise, in [0, 1) around 0.5.
  @inline(__always)
  func fractal(_ x: Float, _ y: Float) -> Float {
    (smooth(x, y) * 4 + smooth(x * 2.13 + 17.3, y * 2.13 + 5.1) * 2 + smooth(x * 4.31 + 3.7, y * 4.31 + 29.9))
      * (1 / 7)
  }
}

/// The largest integer that is not above `x`.
@inline(__always)
func floorInt(_ x: Float) -> Int {
  let truncated = Int(x)
  return Float(truncated) > x ? truncated - 1 : truncated
}

@inline(__always)
func fraction(_ x: Float) -> Float { x - Float(floorInt(x)) }

@inline(__always)
func mix(_ a: Float, _ b: Float, _ t: Float) -> Float { a + (b - a) * t }

@inline(__always)
func mix(_ a: RGB, _ b: RGB, _ t: Float) -> RGB { a + (b - a) * t }

@inline(__always)
func clamp(_ x: Float, _ low: Float = 0, _ high: Float = 1) -> Float { x < low ? low : (x > high ? high : x) }

/// 3t² - 2t³ for t in [0, 1].
@inline(__always)
func ease(_ t: Float) -> Float { t * t * (3 - 2 * t) }

/// 0 below `low`, 1 above `high`, smooth between.
@inline(__always)
func smoothstep(_ low: Float, _ high: Float, _ x: Float) -> Float { ease(clamp((x - low) / (high - low))) }

/// The share of the interval of length `footprint` around `t` with fraction(t) < `width`.
///
/// The box-filtered form of a periodic stripe: joints and bars thinner than a sample fade into their
/// mean and do not alias in a picture of any size.
@inline(__always)
func stripe(_ t: Float, width: Float, footprint: Float) -> Float {
  let a = t - footprint * 0.5
  let b = t + footprint * 0.5
  let fa = floorInt(a)
  let fb = floorInt(b)
  let covered = Float(fb - fa) * width + min(b - Float(fb), width) - min(a - Float(fa), width)
  return clamp(covered / footprint)
}
