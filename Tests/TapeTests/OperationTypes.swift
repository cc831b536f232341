import Foundation

/// The operations as the sources declare them, so that a new one cannot be forgotten in a list.
enum OperationTypes {
  /// The names of all types in Sources/ that conform to a protocol, or to one that refines it.
  static func declared(_ root: String = "Operation") throws -> [String] {
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Sources")
    let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
    var inherited: [(isProtocol: Bool, name: String, from: [String])] = []
    let declaration =
      /^[^\/\n]*\b(?<kind>struct|class|enum|actor|extension|protocol) (?<name>\w+)(<[^>\n]*>)?: (?<from>[^{]+)\{/
      .anchorsMatchLineEndings()
    while let file = files?.nextObject() as? URL {
      guard file.pathExtension == "swift" else { continue }
      for match in try String(contentsOf: file, encoding: .utf8).matches(of: declaration) {
        let names = match.from.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
        inherited.append((match.kind == "protocol", String(match.name), names))
      }
    }
    var operations: Set = [root]
    while let refined = inherited.first(where: {
      $0.isProtocol && !operations.contains($0.name) && !operations.isDisjoint(with: $0.from)
    }) { operations.insert(refined.name) }
    return inherited.filter { !$0.isProtocol && !operations.isDisjoint(with: $0.from) }.map(\.name)
  }
}
