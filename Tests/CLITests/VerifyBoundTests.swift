import Foundation
import Testing

/// The bounds that `verify` judges by.
@Suite struct VerifyBoundTests {
  static let convolutions = ["convolution", "transposed convolution", "weight gradient"]

  /// A bound of less exact convolutions that other operations get too. Few layers, since programs for emulated matrix
  /// units take long to compile.
  @Test func onlyConvolutionsMayBeLessExact() throws {
    let outcome = try Program.run([
      "verify", "--emulated-matrix-units", "--precision", "bf16", "--objective", "l1", "--size", "32",
      "--levels", "2", "--ngf", "2",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    // Columns: operation, tensor, shape, largest error, relative L2, bound, ok; at least two blanks lie between them.
    let rows = outcome.output.components(separatedBy: "\n").map { line in
      line.components(separatedBy: "  ").map { $0.trimmingCharacters(in: .whitespaces) }.filter { $0 != "" }
    }.filter { $0.last == "ok" }
    #expect(Set(rows.map { $0[0] }).isSuperset(of: Self.convolutions) && rows.count > 6)
    for row in rows {
      let bound = Self.convolutions.contains(row[0]) ? "7.81e-03" : "1.00e-05"
      #expect(row.dropLast().last == bound, "\(row)")
    }
  }
}
