import Foundation
import Testing

/// The package of the fuzzers has the program's sources by links, and targets of its own for them.
@Suite struct FuzzPackageTests {
  /// Dependencies by target, as a manifest has them.
  private func dependencies(_ manifest: String) throws -> [String: Set<String>] {
    let clone = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: clone.appendingPathComponent(manifest), encoding: .utf8)
    var found: [String: Set<String>] = [:]
    // A declaration ends where the next one begins.
    for declaration in text.components(separatedBy: "    .target(").dropFirst() {
      let own = declaration.components(separatedBy: "\n    .")[0]
      guard let name = own.firstMatch(of: #/name: "(\w+)"/#) else { continue }
      let list = own.firstMatch(of: #/dependencies: \[([^\]]*)\]/#)?.output.1 ?? ""
      found[String(name.output.1)] = Set(list.matches(of: #/(?:name: )?"(\w+)"/#).map { String($0.output.1) })
    }
    return found
  }

  /// A target that gets a dependency in one manifest needs it in the other, too.
  @Test func dependenciesAreTheProgramsOwn() throws {
    let (program, fuzzers) = (try dependencies("Package.swift"), try dependencies("Fuzz/Package.swift"))
    #expect(fuzzers.count > 10 && fuzzers["Model"]?.contains("Tape") == true)
    for (name, list) in fuzzers where name != "FuzzInput" {
      #expect(program[name] == list, "\(name)")
    }
  }
}
