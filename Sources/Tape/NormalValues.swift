import Random

extension Philox {
  /// Numbers that one thread draws at a time.
  private static let numbersAtOnce = 1 << 16

  /// Numbers from N(mean, deviation^2), counted and not drawn in turn: number e is lane e % 4 of the block with counter
  /// (e / 4, 0, stream, purpose).
  ///
  /// - Parameters:
  ///   - stream: a number that sets this sequence apart from others of the same purpose
  ///   - purpose: a number that sets this use of a seed apart from others
  package func normals(
    count: Int, mean: Double, deviation: Double, stream: UInt32, purpose: UInt32
  ) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { values, initialized in
      initialized = count
      nonisolated(unsafe) let values = values
      inParallel((count + Self.numbersAtOnce - 1) / Self.numbersAtOnce) { run in
        // Eight blocks of four numbers at a time.
        let end = min((run + 1) * Self.numbersAtOnce, count)
        for first in stride(from: run * Self.numbersAtOnce, to: end, by: 32) {
          let normals = self.normals(from: UInt32(first / 4), 0, stream, purpose)
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
}
