import Random
import Tape

/// How weights begin, by the PyTorch version's names and numbers.
public enum Initialization: String, Sendable, Codable, CaseIterable {
  /// From N(0, 0.02).
  case normal
  /// From N(0, 0.02 sqrt(2 / (fan in + fan out))) (Glorot and Bengio 2010).
  case xavier
  /// From N(0, sqrt(2 / fan in)) (He et al. 2015).
  case kaiming
  /// 0.02 times a matrix [O, I KH KW] with orthonormal rows, or columns where it has more rows (Saxe et al. 2014).
  case orthogonal

  /// The standard deviation of a weight's values, a transposed convolution's [I, O, KH, KW] among them: PyTorch takes
  /// the second size for the fan in of both.
  func deviation(_ shape: Shape) -> Double {
    let area = shape[2] * shape[3]
    return switch self {
    case .normal, .orthogonal: 0.02
    case .xavier: 0.02 * (2 / Double((shape[0] + shape[1]) * area)).squareRoot()
    case .kaiming: (2 / Double(shape[1] * area)).squareRoot()
    }
  }

  /// Word 3 of initialisation's counters, where training has the step.
  static let purpose: UInt32 = 0x1417

  /// The values that a parameter begins with: weights by this initialisation, norm scales from N(1, 0.02), biases and
  /// shifts 0.
  func values(of parameter: NamedTensor, stream: UInt32, seed: UInt64) -> [Float] {
    let shape = parameter.tensor.shape
    if parameter.name.hasSuffix(".bias") { return [Float](repeating: 0, count: shape.count) }
    func normals(mean: Double, deviation: Double) -> [Float] {
      Philox(seed: seed).normals(
        count: shape.count, mean: mean, deviation: deviation, stream: stream, purpose: Self.purpose)
    }
    guard shape.rank == 4 else { return normals(mean: 1, deviation: 0.02) }
    let deviation = deviation(shape)
    guard self == .orthogonal else { return normals(mean: 0, deviation: deviation) }
    return OrthogonalFactor.of(normals(mean: 0, deviation: 1), rows: shape[0], scale: deviation)
  }
}
