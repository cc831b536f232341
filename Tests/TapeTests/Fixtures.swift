import Foundation
import Tape
import Testing

/// What PyTorch computed in float64; see Fixtures/make_fixtures.py.
struct Fixtures: Sendable {
  /// Some values of one output: those at (k * step) % count for k < samples.
  struct Output: Decodable, Sendable {
    let count: Int
    let step: Int
    let offset: Int
    let samples: Int
  }

  static let shared: Result<Fixtures, any Error> = Result { try Fixtures() }
  let outputs: [String: [Output]]
  let numbers: [Double]

  private init() throws {
    let folder = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
    outputs = try JSONDecoder().decode(
      [String: [Output]].self, from: Data(contentsOf: folder.appending(path: "fixtures.json")))
    let data = try Data(contentsOf: folder.appending(path: "fixtures.bin"))
    numbers = data.withUnsafeBytes { bytes in
      (0..<bytes.count / 8).map {
        Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)))
      }
    }
  }

  /// Compares the outputs of the case of that name with what PyTorch computed.
  static func compare(_ actual: [[some BinaryFloatingPoint]], with name: String) throws -> [Comparison] {
    let fixtures = try shared.get()
    let expected = try #require(fixtures.outputs[name], "no fixture \(name)")
    try #require(actual.count == expected.count, "\(name): another number of outputs")
    return try zip(actual, expected).map { values, output in
      try #require(values.count == output.count, "\(name): another number of values")
      let samples = (0..<output.samples).map { Double(values[$0 * output.step % output.count]) }
      return Comparison(
        samples, expected: Array(fixtures.numbers[output.offset..<output.offset + output.samples]))
    }
  }
}
