import Kernels
import Synchronization

/// The text of a program, with its `#include "…"` lines replaced by the embedded files they name: at
/// run time there are no files.
public struct ProgramSource: Sendable, Equatable {
  /// Its name in errors and build logs, such as `norm.cl`.
  public let name: String
  /// Complete OpenCL C, with `#line` directives so that build logs name the file and line as written.
  public let text: String
  /// SHA-256 of the name and the text.
  let digest: [UInt8]

  /// Throws if an `#include` names no embedded file.
  public init(name: String, text: String) throws(OpenCLError) {
    self.name = name
    var included: Set<String> = []
    self.text = try ProgramSource.resolve(name, text, &included)
    digest = SHA256.digest(parts: [name, self.text])
  }

  /// An embedded file. Throws if an `#include` in it names none.
  public init(_ kernel: KernelSource) throws(OpenCLError) {
    if let known = Self.embedded.withLock({ $0[kernel] }) {
      self = known
      return
    }
    try self.init(name: kernel.rawValue, text: kernel.text)
    let source = self
    Self.embedded.withLock { $0[kernel] = source }
  }

  /// Embedded files with their includes: every planned launch asks for one.
  private static let embedded = Mutex<[KernelSource: ProgramSource]>([:])

  /// Each file is taken in once, however often it is included.
  private static func resolve(
    _ name: String, _ text: String, _ included: inout Set<String>
  ) throws(OpenCLError) -> String {
    let label = String(name.map { $0 == "\"" || $0 == "\\" || $0.isNewline ? "_" : $0 })
    var lines = ["#line 1 \"\(label)\""]
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      guard let file = try includedFile(line, "\(name):\(index + 1)") else {
        lines.append(String(line))
        continue
      }
      guard KernelFiles.names.contains(file) else {
        let known = KernelFiles.names.joined(separator: ", ")
        throw OpenCLError(
          "\(name):\(index + 1): #include \"\(file)\" names no embedded file; there are \(known)")
      }
      if included.insert(file).inserted { lines.append(try resolve(file, KernelFiles.text(file), &included)) }
      lines.append("#line \(index + 2) \"\(label)\"")
    }
    return lines.joined(separator: "\n")
  }

  /// The text between the quotes of an `#include` line; nil for any other line.
  private static func includedFile(_ line: Substring, _ place: String) throws(OpenCLError) -> String? {
    func skipBlanks(_ text: Substring) -> Substring { text.drop { $0 == " " || $0 == "\t" } }
    let trimmed = skipBlanks(line)
    guard trimmed.first == "#" else { return nil }
    let directive = skipBlanks(trimmed.dropFirst())
    guard directive.hasPrefix("include") else { return nil }
    let rest = skipBlanks(directive.dropFirst("include".count))
    guard rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") else {
      throw OpenCLError("\(place): an #include must name an embedded file in quotes")
    }
    return String(rest[rest.index(after: rest.startIndex)..<end])
  }
}
