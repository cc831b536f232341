import Foundation
import Kernels
import Testing

struct KernelFileTests {
  /// A file that is not embedded would be missed only where a device first asks for it.
  @Test func everyFileIsEmbedded() throws {
    let folder = URL(filePath: #filePath).appending(path: "../../../../Kernels").standardized
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
      $0.hasSuffix(".cl") || $0.hasSuffix(".clh")
    }
    #expect(names.sorted() == KernelFiles.names)
    #expect(names.filter { $0.hasSuffix(".cl") }.sorted() == KernelSource.allCases.map(\.rawValue).sorted())
    for name in names {
      let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      #expect(text == KernelFiles.text(name), "\(name)")
    }
  }

  /// OpenCL C follows C99: an `inline` function without `static` is defined nowhere for calls that are not inlined, such as
  /// all are where a compiler does not optimise.
  @Test func inlineFunctionsAreStatic() {
    for name in KernelFiles.names {
      for line in KernelFiles.text(name).split(separator: "\n") where line.hasPrefix("inline") {
        Issue.record("\(name): \(line)")
      }
    }
  }

  /// PoCL compiles barriers wrongly in functions that it does not inline.
  @Test func functionsWithBarriersAreCollective() {
    var count = 0
    for name in KernelFiles.names {
      var head: Substring = ""
      for line in KernelFiles.text(name).split(separator: "\n") {
        if line.first?.isLetter == true { head = line }
        guard line.contains("barrier("), !line.contains("//") || line.hasPrefix(" ") else { continue }
        count += 1
        #expect(head.hasPrefix("COLLECTIVE ") || head.hasPrefix("kernel "), "\(name): \(head)")
      }
    }
    #expect(count > 10)
  }
}
