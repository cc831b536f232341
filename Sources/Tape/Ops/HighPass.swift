#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// y = the part of every channel of x whose spatial frequencies lie beyond a radius: y = F* M F x, with the orthonormal
/// discrete Fourier transform F in two dimensions and M = 1 where sqrt(fx^2 + fy^2) > r, otherwise 0. A frequency of k periods
/// over n pixels is f = 2 |k| / n, so that the Nyquist frequency of either direction is 1. The mean has the frequency 0, which
/// no radius is below: r = 0 leaves out the mean alone.
///
/// M is real and the same for a frequency and its opposite, so the operation is a projection that is its own adjoint: its
/// gradient is the same operation.
public struct HighPass: DifferentiableOperation {
  public static let name = "high pass"
  public private(set) var input: Tensor
  public private(set) var output: Tensor
  public let radius: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "radius \(radius)" }

  /// The frequencies that are left out.
  public var leftOut: FrequencyDisc {
    FrequencyDisc(height: input.shape.h, width: input.shape.w, radius: radius)
  }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: input, tape.highPass(dy, radius: radius))
  }

  /// Takes what lies within the radius, which is less, away from x.
  public func evaluate(_ memory: ReferenceMemory) {
    let (x, y) = (memory[input], memory[output])
    let (H, W, disc) = (input.shape.h, input.shape.w, leftOut)
    let (across, down) = (Waves(of: W, upTo: disc.highest(W)), Waves(of: H, upTo: disc.highest(H)))
    var rows = [(re: Double, im: Double)](repeating: (0, 0), count: H * across.numbers.count)
    for map in 0..<input.shape.n * input.shape.c {
      let first = map * H * W
      // Every row's transform.
      for i in 0..<H {
        for (j, k) in across.numbers.enumerated() {
          var (re, im) = (0.0, 0.0)
          for p in 0..<W {
            let wave = across[k, p]
            re += x[first + i * W + p] * wave.re
            im -= x[first + i * W + p] * wave.im
          }
          rows[i * across.numbers.count + j] = (re, im)
        }
      }
      // Every column's, and back, where both frequencies together lie within the radius.
      for (j, kx) in across.numbers.enumerated() {
        var column = [(re: Double, im: Double)](repeating: (0, 0), count: H)
        for ky in down.numbers where disc.contains(abs(kx), abs(ky)) {
          var (re, im) = (0.0, 0.0)
          for i in 0..<H {
            let (value, wave) = (rows[i * across.numbers.count + j], down[ky, i])
            re += value.re * wave.re + value.im * wave.im
            im += value.im * wave.re - value.re * wave.im
          }
          for i in 0..<H {
            let wave = down[ky, i]
            column[i].re += re * wave.re - im * wave.im
            column[i].im += re * wave.im + im * wave.re
          }
        }
        for i in 0..<H { rows[i * across.numbers.count + j] = column[i] }
      }
      for i in 0..<H {
        for p in 0..<W {
          var low = 0.0
          for (j, k) in across.numbers.enumerated() {
            let (value, wave) = (rows[i * across.numbers.count + j], across[k, p])
            low += value.re * wave.re - value.im * wave.im
          }
          y[first + i * W + p] = x[first + i * W + p] - low
        }
      }
    }
  }

  /// exp(2 pi i k p / n) / sqrt(n) for the whole numbers k up to a highest, of either sign; those of an even n that are half of
  /// it only once, since n / 2 and -n / 2 are one wave.
  private struct Waves {
    let numbers: [Int]
    private let values: [(re: Double, im: Double)]

    init(of n: Int, upTo highest: Int) {
      numbers = Array(max(-highest, -(n - 1) / 2)...highest)
      values = (0..<n).map {
        let angle = 2 * Double.pi * Double($0) / Double(n)
        return (cos(angle) / Double(n).squareRoot(), sin(angle) / Double(n).squareRoot())
      }
    }

    subscript(k: Int, p: Int) -> (re: Double, im: Double) {
      let n = values.count
      return values[((k * p) % n + n) % n]
    }
  }
}

/// The spatial frequencies of maps of H x W pixels within a radius, in units of the Nyquist frequency of each direction.
public struct FrequencyDisc: Sendable {
  public let height: Int
  public let width: Int
  public let radius: Float

  public init(height: Int, width: Int, radius: Float) {
    (self.height, self.width, self.radius) = (height, width, radius)
  }

  /// The largest (kx H)^2 + (ky W)^2 within: whole numbers, so that everything that asks answers alike at the edge.
  public var limit: Int64 {
    let side = Double(radius) * Double(height) * Double(width) / 2
    return Int64((side * side).rounded(.down))
  }

  /// Whether kx periods over the width and ky over the height lie within.
  public func contains(_ kx: Int, _ ky: Int) -> Bool {
    Int64(kx * height) * Int64(kx * height) + Int64(ky * width) * Int64(ky * width) <= limit
  }

  /// The most periods over `pixels`, the height or the width, that lie within by themselves.
  public func highest(_ pixels: Int) -> Int {
    let other = Int64(pixels == width ? height : width)
    let limit = limit
    return (0...pixels / 2).last { Int64($0) * Int64($0) * other * other <= limit } ?? 0
  }
}

extension Tape {
  /// Records the part of every channel beyond a radius of frequencies from 0 on: [N, C, H, W] -> [N, C, H, W].
  public func highPass(_ input: Tensor, radius: Float) throws(TapeError) -> Tensor {
    guard input.shape.rank == 4 else {
      throw .shape(operation: HighPass.name, reason: "\(input.shape) is not [N, C, H, W]")
    }
    guard radius >= 0, radius <= 2 else {
      throw .shape(operation: HighPass.name, reason: "a radius of \(radius) is not from 0 to 2")
    }
    let output = intermediate("high", input.shape, kind: .activation)
    record(HighPass(input: input, output: output, radius: radius))
    return output
  }

  /// Records the mean square of the difference of two maps [N, C, H, W] beyond a radius of frequencies. By Parseval's theorem
  /// it is the mean over maps of the sum of |F(a - b)|^2 / (H W) over those frequencies.
  public func highFrequencyLoss(_ a: Tensor, _ b: Tensor, radius: Float) throws(TapeError) -> Tensor {
    logitLoss(.squared(target: 0), try highPass(combination(1, a, -1, b), radius: radius))
  }
}
