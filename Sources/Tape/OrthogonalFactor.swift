/// The orthogonal factor of a matrix.
package enum OrthogonalFactor {
  /// The factor of a matrix of Floats, times `scale`.
  package static func of(_ values: [Float], rows: Int, scale: Double) -> [Float] {
    of(values.map(Double.init), rows: rows).map { Float(scale * $0) }
  }

  /// The orthogonal factor Q of a matrix's QR decomposition whose R has a positive diagonal, by Cholesky's: with
  /// A A^T = L L^T the rows of L^-1 A are orthonormal. Twice, since rounding enters with the square of A's condition
  /// (Yamamoto et al. 2015, "Roundoff error analysis of the CholeskyQR2 algorithm").
  ///
  /// - Parameter values: [rows][columns]; of more rows than columns the columns are made orthonormal
  package static func of(_ values: [Double], rows: Int) -> [Double] {
    let columns = values.count / rows
    if rows > columns {
      return transposed(of(transposed(values, rows: rows), rows: columns), rows: columns)
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
