import Foundation
import Testing

/// `--version`, and the script that names packages by the same number.
@Suite struct VersionTests {
  private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Runs a program to its end.
  private func output(of program: String, _ arguments: [String], in folder: URL) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(program) \(arguments)")
    return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// A copy of what the script reads.
  private func withCopy(_ body: (URL) throws -> Void) throws {
    let folder = try TemporaryFolder()
    for file in ["scripts/version", "Sources/CLI/Version.swift"] {
      try folder.write(file, Data(contentsOf: Self.sources.appendingPathComponent(file)))
    }
    try withExtendedLifetime(folder) { try body(URL(fileURLWithPath: folder.path)) }
  }

  @Test func programScriptAndChangesAgree() throws {
    let number = try output(of: "/bin/bash", ["scripts/version", "--number"], in: Self.sources)
    #expect(number.split(separator: ".").count == 3)
    let said = try Program.run(["--version"])
    #expect(said.status == 0 && said.errors.isEmpty)
    let words = said.output.trimmingCharacters(in: .newlines).split(separator: " ")
    #expect(words.first.map(String.init) == number)
    // The commit, where the build was told it.
    if words.count > 1 {
      #expect(said.output.firstMatch(of: /\([0-9a-f]{7}(-dirty)?\)\n$/) != nil, "\(said.output)")
    }
    let changes = try String(contentsOf: Self.sources.appendingPathComponent("CHANGELOG.md"), encoding: .utf8)
    #expect(changes.contains("## [\(number)] - "))
  }

  @Test func scriptSaysTheCommit() throws {
    try withCopy { copy in
      func script() throws -> String { try output(of: "/bin/bash", ["scripts/version"], in: copy) }
      @discardableResult func git(_ arguments: String...) throws -> String {
        let author = ["-c", "user.name=A", "-c", "user.email=a@b.example"]
        return try output(of: "/usr/bin/git", author + arguments, in: copy)
      }
      let number = try output(of: "/bin/bash", ["scripts/version", "--number"], in: copy)
      #expect(try script() == number)

      try git("init", "--quiet")
      try git("add", ".")
      try git("commit", "--quiet", "--message", "All")
      let commit = String(try git("rev-parse", "HEAD").prefix(7))
      #expect(try script() == "\(number) (\(commit))")

      // Files that git does not know do not count; changed ones do.
      try Data().write(to: copy.appendingPathComponent("more"))
      #expect(try script() == "\(number) (\(commit))")
      let version = copy.appendingPathComponent("Sources/CLI/Version.swift")
      try (String(contentsOf: version, encoding: .utf8) + "\n").write(
        to: version, atomically: true, encoding: .utf8)
      #expect(try script() == "\(number) (\(commit)-dirty)")
    }
  }

  /// git writes the commit into archives of the sources.
  @Test func scriptKnowsTheCommitOfAnArchive() throws {
    try withCopy { copy in
      let script = copy.appendingPathComponent("scripts/version")
      let text = try String(contentsOf: script, encoding: .utf8)
      #expect(text.contains("'$Format:%h$'"))
      try text.replacingOccurrences(of: "$Format:%h$", with: "0123abcdef").write(
        to: script, atomically: true, encoding: .utf8)
      #expect(try output(of: "/bin/bash", ["scripts/version", "--commit"], in: copy) == "0123abc")
    }
  }
}
