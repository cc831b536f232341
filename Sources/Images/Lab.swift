/// CIE L*a*b* (1976) of sRGB colours, for the standard observer of 2 degrees under D65: L from 0 to 100, a and b
/// within about -110 and 110.
///
/// Transfer function and matrix are those of IEC 61966-2-1, with the matrix to six digits as most programs have
/// it. Roots are taken by iterations of our own: the C library's powers differ from machine to machine, and the same
/// picture shall give the same planes everywhere.
public struct Lab: Sendable, Equatable {
  public var l: Double
  public var a: Double
  public var b: Double

  public init(l: Double, a: Double, b: Double) {
    self.l = l
    self.a = a
    self.b = b
  }

  /// From sRGB components 0...1.
  public init(red: Double, green: Double, blue: Double) {
    self.init(linear: SIMD3(Self.linear(red), Self.linear(green), Self.linear(blue)))
  }

  /// From a colour of 8 bits a component.
  public init(_ colour: SIMD3<UInt8>) {
    let linear = Self.linearOfEight
    self.init(linear: SIMD3(linear[Int(colour.x)], linear[Int(colour.y)], linear[Int(colour.z)]))
  }

  /// From linear light 0...1.
  @inline(__always)
  init(linear rgb: SIMD3<Double>) {
    let m = Self.matrix
    let fx = Self.f(Self.dot(m.0, rgb) / Self.white.x)
    let fy = Self.f(Self.dot(m.1, rgb))
    let fz = Self.f(Self.dot(m.2, rgb) / Self.white.z)
    self.init(l: 116 * fy - 16, a: 500 * (fx - fy), b: 200 * (fy - fz))
  }

  /// sRGB components, clamped to 0...1: some L, a, b are outside sRGB.
  public var sRGB: SIMD3<Double> {
    let y = (l + 16) / 116
    // An impossible b would ask for a negative Z.
    let xyz =
      SIMD3(Self.inverse(y + a / 500), Self.inverse(y), Self.inverse(max(0, y - b / 200))) * Self.white
    let m = Self.inverseMatrix
    func component(_ row: SIMD3<Double>) -> Double {
      min(max(Self.encoded(min(max(Self.dot(row, xyz), 0), 1)), 0), 1)
    }
    return SIMD3(component(m.0), component(m.1), component(m.2))
  }

  // MARK: - sRGB

  /// Linear light of an sRGB component; x^2.4 is x^2 times the square of the fifth root.
  static func linear(_ value: Double) -> Double {
    guard value > 0.04045 else { return value / 12.92 }
    let x = (value + 0.055) / 1.055
    let root = fifthRoot(x)
    return x * x * root * root
  }

  /// The sRGB component of linear light; x^(1 / 2.4) is the twelfth root of x^5.
  static func encoded(_ light: Double) -> Double {
    guard light > 0.0031308 else { return light * 12.92 }
    let square = light * light
    return 1.055 * cubeRoot(square * square * light).squareRoot().squareRoot() - 0.055
  }

  /// Linear light of each 8-bit sample.
  static let linearOfEight = (0..<256).map { linear(Double($0) / 255) }
  /// Linear light of each 16-bit sample.
  static let linearOfSixteen = (0..<65536).map { linear(Double($0) / 65535) }

  // MARK: - XYZ

  typealias Matrix = (SIMD3<Double>, SIMD3<Double>, SIMD3<Double>)

  /// Rows X, Y, Z over red, green, blue.
  static let matrix: Matrix = (
    SIMD3(0.412453, 0.357580, 0.180423), SIMD3(0.212671, 0.715160, 0.072169),
    SIMD3(0.019334, 0.119193, 0.950227)
  )
  /// D65, the sums of the matrix's rows.
  static let white = SIMD3(0.95047, 1, 1.08883)

  /// By Cramer's rule.
  static let inverseMatrix: Matrix = {
    func cross(_ u: SIMD3<Double>, _ v: SIMD3<Double>) -> SIMD3<Double> {
      SIMD3(u.y * v.z - u.z * v.y, u.z * v.x - u.x * v.z, u.x * v.y - u.y * v.x)
    }
    let (r0, r1, r2) = matrix
    let determinant = dot(r0, cross(r1, r2))
    let columns = (cross(r1, r2) / determinant, cross(r2, r0) / determinant, cross(r0, r1) / determinant)
    return (
      SIMD3(columns.0.x, columns.1.x, columns.2.x), SIMD3(columns.0.y, columns.1.y, columns.2.y),
      SIMD3(columns.0.z, columns.1.z, columns.2.z)
    )
  }()

  @inline(__always)
  private static func dot(_ u: SIMD3<Double>, _ v: SIMD3<Double>) -> Double {
    u.x * v.x + u.y * v.y + u.z * v.z
  }

  @inline(__always)
  private static func f(_ t: Double) -> Double {
    t > 0.008856 ? cubeRoot(t) : 7.787 * t + 16 / 116
  }

  private static func inverse(_ f: Double) -> Double {
    f > 0.2068966 ? f * f * f : (f - 16 / 116) / 7.787
  }

  // MARK: - Roots

  /// A third of the exponent's bits is a guess within 4 %; Halley's iteration triples the digits.
  @inline(__always)
  static func cubeRoot(_ x: Double) -> Double {
    guard x > 0 else { return 0 }
    var root = Double(bitPattern: x.bitPattern / 3 + 0x2A9F_7893_782D_A1CE)
    for _ in 0..<3 {
      let cube = root * root * root
      root *= (cube + 2 * x) / (2 * cube + x)
    }
    return root
  }

  /// By Newton's iteration from above, for 0.05 to 1.
  private static func fifthRoot(_ x: Double) -> Double {
    var root = 1.0
    for _ in 0..<12 {
      let square = root * root
      root -= (root - x / (square * square)) / 5
    }
    return root
  }
}
