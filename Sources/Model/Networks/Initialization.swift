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
}

/// The values that parameters begin with.
package enum InitialValues {
  /// Initialisation's own random stream: word 3 of the counter, where training has the step.
  private static let initializationStream: UInt32 = 0x1417

  /// Numbers that one thread draws at a time.
  private static let numbersAtOnce = 1 << 16

  static func of(
    _ parameter: NamedTensor, _ initialization: Initialization = .normal, stream: UInt32, seed: UInt64
  ) -> [Float] {
    let shape = parameter.tensor.shape
    if parameter.name.hasSuffix(".bias") { return [Float](repeating: 0, count: shape.count) }
    guard shape.rank == 4 else { return normals(shape.count, mean: 1, deviation: 0.02, stream, seed) }
    let deviation = initialization.deviation(shape)
    guard initialization == .orthogonal else {
      return normals(shape.count, mean: 0, deviation: deviation, stream, seed)
    }
    let values = normals(shape.count, mean: 0, deviation: 1, stream, seed).map(Double.init)
    return orthonormal(values, rows: shape[0]).map { Float(deviation * $0) }
  }

  static func normals(
    _ count: Int, mean: Double, deviation: Double, _ stream: UInt32, _ seed: UInt64
  ) -> [Float] {
    let generator = Philox(seed: seed)
    return [Float](unsafeUninitializedCapacity: count) { values, initialized in
      initialized = count
      nonisolated(unsafe) let values = values
      inParallel((count + numbersAtOnce - 1) / numbersAtOnce) { run in
        // Eight blocks of four numbers at a time.
        let end = min((run + 1) * numbersAtOnce, count)
        for first in stride(from: run * numbersAtOnce, to: end, by: 32) {
          let normals = generator.normals(from: UInt32(first / 4), 0, stream, initializationStream)
          for block in 0..<8 {
            let index = first + 4 * block
            if index < end { values[index] = Float(mean + deviation * normals.0[block]) }
            if index + 1 < end { values[index + 1] = Float(mean + deviation * normals.1[block]) }
            if index + 2 < end { values[index + 2] = Float(mean + deviation * normals.2[block]) }
            if index + 3 < end { values[index + 3] = Float(mean + deviation * normals.3[block]) }
          }
        }
      }
    }
  }

  /// The orthogonal factor Q of a matrix's QR decomposition whose R has a positive diagonal, by Cholesky's: with
  /// A A^T = L L^T the rows of L^-1 A are orthonormal. Twice, since rounding enters with the square of A's condition
  /// (Yamamoto et al. 2015, "Roundoff error analysis of the CholeskyQR2 algorithm").
  ///
  /// - Parameter values: [rows][columns]; of more rows than columns the columns are made orthonormal
  package static func orthonormal(_ values: [Double], rows: Int) -> [Double] {
    let columns = values.count / rows
    if rows > columns {
      return transposed(orthonormal(transposed(values, rows: rows), rows: columns), rows: columns)
    }
    var values = values
    for _ in 0..<2 {
      let lower = cholesky(gram(values, rows: rows), size: rows)
      // Row i less what it has of the rows before it.
      values.withUnsafeMutableBufferPointer { values in
        nonisolated(unsafe) let values = values
        // Columns are independent of each other.
        let run = 256
        inParallel((columns + run - 1) / run) { part in
          let range = part * run..<min((part + 1) * run, columns)
          for i in 0..<rows {
            let row = values.baseAddress! + i * columns
            for j in 0..<i {
              let factor = lower[i * rows + j]
              let other = values.baseAddress! + j * columns
              for c in range { row[c] -= factor * other[c] }
            }
            for c in range { row[c] /= lower[i * rows + i] }
          }
        }
      }
    }
    return values
  }

  private static func transposed(_ values: [Double], rows: Int) -> [Double] {
    let columns = values.count / rows
    return (0..<values.count).map { values[$0 % rows * columns + $0 / rows] }
  }

  /// A A^T, its lower half.
  private static func gram(_ values: [Double], rows: Int) -> [Double] {
    let columns = values.count / rows
    return [Double](unsafeUninitializedCapacity: rows * rows) { result, count in
      count = rows * rows
      nonisolated(unsafe) let result = result
      values.withUnsafeBufferPointer { values in
        nonisolated(unsafe) let values = values.baseAddress!
        inParallel(rows) { i in
          for j in 0...i {
            var sums = SIMD8<Double>.zero
            let (a, b) = (values + i * columns, values + j * columns)
            for start in stride(from: 0, to: columns - columns % 8, by: 8) {
              sums +=
                UnsafeRawPointer(a + start).loadUnaligned(as: SIMD8<Double>.self)
                * UnsafeRawPointer(b + start).loadUnaligned(as: SIMD8<Double>.self)
            }
            var sum = sums.sum()
            for c in columns - columns % 8..<columns { sum += a[c] * b[c] }
            result[i * rows + j] = sum
          }
        }
      }
    }
  }

  /// L of a symmetric positive definite matrix L L^T, of which the lower half is read.
  private static func cholesky(_ matrix: [Double], size: Int) -> [Double] {
    var lower = matrix
    lower.withUnsafeMutableBufferPointer { lower in
      for j in 0..<size {
        for i in j..<size {
          var sum = lower[i * size + j]
          for k in 0..<j { sum -= lower[i * size + k] * lower[j * size + k] }
          lower[i * size + j] = i == j ? sum.squareRoot() : sum / lower[j * size + j]
        }
      }
    }
    return lower
  }
}
