import Files
import Foundation
import Testing

/// A folder of its own for a test, removed when the value goes.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "pix2pix-files-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// All names, hidden ones too.
  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    let file = "\(path)/\(name)"
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    return file
  }

  func text(_ name: String) -> String? {
    FileManager.default.contents(atPath: "\(path)/\(name)").map { String(decoding: $0, as: UTF8.self) }
  }
}

@Suite struct OutputFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A beginning of each format as this program writes it, and as another may.
  private static let formats: [(end: String, own: String, foreign: String)] = [
    // Behind the signature, the header and the chunk's length.
    ("png", String(repeating: "h", count: 37) + "pxPX", String(repeating: "h", count: 37) + "IDATpxPX"),
    ("npy", "?NUMPY????{'shape': (1, 2), ", "?NUMPY????{'descr': '|u1', 'shape': (1, 2), "),
    ("html", "<html><head>\(OwnMark.html)", "<html><head><meta name=\"generator\" content=\"hugo\"/>"),
    ("json", "{\n  \"generator\" : \"pix2pix\"\n}", "{\n  \"by\" : \"pix2pix\"\n}"),
    ("csv", "step,epoch,g_l1\n", "my,step,epoch,\n"),
    ("csv", "row,l1,l1_lower,l1_upper\n", "row,l1,l2_lower,l1_upper\n"),
    ("md", "# table\n\(OwnMark.markdown)\n", "# pix2pix\n"),
    ("cl", "\(OwnMark.source)\nkernel", "kernel\n\(OwnMark.source)"),
    (
      "safetensors", "........{\"__metadata__\":{\"format\":\"pix2pix checkpoint 2\"",
      "........{\"format\":\"pt\"}"
    ),
  ]

  @Test(arguments: formats.indices) func ownFilesAreReplacedAndOthersAreNot(index: Int) throws {
    let (end, own, foreign) = Self.formats[index]
    let mine = try folder.write("mine.\(end)", own)
    try OutputFile.write("new".utf8, to: mine)
    #expect(folder.text("mine.\(end)") == "new")
    // Nothing is lost with an empty file.
    try OutputFile.write("new".utf8, to: folder.write("empty.\(end)", ""))
    #expect(folder.text("empty.\(end)") == "new")
    for content in [foreign, "\n"] {
      let theirs = try folder.write("theirs.\(end)", content)
      let error = #expect(throws: FileError.self) { try OutputFile.write("new".utf8, to: theirs) }
      #expect(error?.path == theirs && error?.reason.contains("--overwrite") == true)
      #expect(folder.text("theirs.\(end)") == content)
      try OutputFile.write("new".utf8, to: theirs, replacing: .any)
      #expect(folder.text("theirs.\(end)") == "new")
    }
    #expect(folder.names == ["empty.\(end)", "mine.\(end)", "theirs.\(end)"])
  }

  @Test func onlyOwnFilesAreRemoved() throws {
    let (own, foreign) = (
      try folder.write("own.csv", "step,epoch\n"), try folder.write("theirs.csv", "my,own\n")
    )
    for path in [own, foreign, "\(folder.path)/none.csv"] { try OutputFile.remove(path) }
    #expect(folder.names == ["theirs.csv"])
  }

  /// A device as an output, such as /dev/null, would be replaced by a file.
  @Test func nothingButFilesIsReplaced() throws {
    let path = "\(folder.path)/x.png"
    #expect(mkfifo(path, 0o600) == 0)
    for replacing in [OutputFile.Replacing.own, .any] {
      #expect(throws: FileError.self) { try OutputFile.write("new".utf8, to: path, replacing: replacing) }
      #expect(throws: FileError.self) {
        try OutputFile.write("new".utf8, to: folder.path, replacing: replacing)
      }
    }
    #expect(folder.names == ["x.png"])
  }

  @Test func theFileBehindALinkStays() throws {
    try folder.write("file.csv", "step,epoch\n")
    let link = "\(folder.path)/link.csv"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "file.csv")
    #expect(throws: FileError.self) { try OutputFile.write("new".utf8, to: link) }
    try OutputFile.write("new".utf8, to: link, replacing: .any)
    #expect(folder.text("file.csv") == "step,epoch\n" && folder.text("link.csv") == "new")
  }

  @Test func inputsAreNotReplacedByWhateverPath() throws {
    let input = try folder.write("a.csv", "step,epoch\n")
    let other = "\(folder.path)/b.csv"
    #expect(link(input, other) == 0)
    let inputs = Set([FileIdentity(input)!])
    for path in [input, "\(folder.path)/./a.csv", other] {
      let error = #expect(throws: FileError.self) { try OutputFile.check(path, inputs: inputs, of: "--data") }
      #expect(error?.reason.contains("--data") == true && error?.reason.contains("--out") == true)
    }
    #expect(throws: Never.self) { try OutputFile.check(input) }
    #expect(throws: Never.self) { try OutputFile.check(input, replacing: .any, inputs: inputs) }
  }

  @Test func everyNameThatTheFileSystemTakesIsWritten() throws {
    let name = String(repeating: "x", count: 251) + ".png"
    try OutputFile.write("new".utf8, to: "\(folder.path)/\(name)")
    #expect(folder.names == [name])
    let tooLong = #expect(throws: FileError.self) {
      try OutputFile.write("new".utf8, to: "\(folder.path)/x\(name)")
    }
    #expect(tooLong?.reason.contains("too long") == true)
    #expect(folder.names == [name])
  }

  /// Between the look and the renaming another program may make the file.
  @Test func aFileThatComesInTheMeantimeStays() throws {
    let path = "\(folder.path)/x.csv"
    let error = #expect(throws: FileError.self) {
      try OutputFile.write(to: path) { _ in try self.folder.write("x.csv", "theirs") }
    }
    #expect(error?.reason.contains("meantime") == true)
    #expect(folder.text("x.csv") == "theirs" && folder.names == ["x.csv"])
  }

  private struct Stop: Error {}

  @Test func afterAnErrorTheOldFileIsThere() throws {
    let path = try folder.write("x.csv", "step,epoch\n")
    #expect(throws: Stop.self) {
      try OutputFile.write(to: path) { file in
        try Array("half".utf8).withUnsafeBytes { try file.write($0) }
        throw Stop()
      }
    }
    #expect(folder.text("x.csv") == "step,epoch\n" && folder.names == ["x.csv"])
  }

  @Test func leftoversOfKilledProcessesAreRemovedAndNothingElse() throws {
    let kept = [
      "chapter1.tmp", ".pix2pix-.tmp", ".pix2pix-12g.tmp", ".pix2pix-0123456789abcdef0.tmp",
      ".pix2pix-12AB.tmp",
      "pix2pix-12ab.tmp",
    ]
    for name in kept { try folder.write(name, "theirs") }
    try folder.write(".pix2pix-12ab.tmp", "half")
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/.pix2pix-1.tmp", withIntermediateDirectories: true)
    #expect(mkfifo("\(folder.path)/.pix2pix-2.tmp", 0o600) == 0)
    // One that is at work, in this process or another.
    let busy = open(try folder.write(".pix2pix-3.tmp", "half"), O_RDWR)
    defer { close(busy) }
    #expect(flock(busy, LOCK_EX | LOCK_NB) == 0)
    OutputFile.removeLeftovers(in: folder.path)
    let others = [".pix2pix-1.tmp", ".pix2pix-2.tmp", ".pix2pix-3.tmp"]
    #expect(folder.names == (kept + others).sorted())
  }

  @Test func aFileAtWorkIsNoLeftover() throws {
    let path = "\(folder.path)/x.csv"
    try OutputFile.write(to: path) { _ in
      OutputFile.removeLeftovers(in: self.folder.path)
      #expect(self.folder.names.count == 1)
    }
    #expect(folder.names == ["x.csv"])
  }

  @Test func oneProcessAtATimeHasAFolder() throws {
    let other = "\(folder.path)/other"
    try FileManager.default.createSymbolicLink(atPath: other, withDestinationPath: ".")
    do {
      let lock = try FolderLock(folder.path)
      let error = #expect(throws: FileError.self) { try FolderLock(other) }
      #expect(error?.reason.contains("(\(getpid()))") == true)
      withExtendedLifetime(lock) {}
    }
    #expect(throws: Never.self) { try FolderLock(other) }
  }

  @Test func namesThatAreNoUTF8AreEscaped() throws {
    var bytes = Array("\(folder.path)/caf".utf8).map { CChar(bitPattern: $0) }
    bytes += [CChar(bitPattern: 0xe9), 0]
    let descriptor = open(bytes, O_CREAT | O_WRONLY, 0o600)
    // Some file systems take UTF-8 only.
    guard descriptor >= 0 else { return }
    close(descriptor)
    try folder.write("é.png", "")
    let entries = try FolderEntries(folder.path)
    #expect(entries.names == ["é.png"] && entries.unnameable == ["caf\\xe9"])
    unlink(bytes)
  }

  @Test func onlyRegularFilesAreRead() throws {
    let pipe = "\(folder.path)/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    for (path, reason) in [
      (pipe, "regular"), (folder.path, "folder"), ("\(folder.path)/none", "no such file"),
    ] {
      let error = #expect(throws: FileError.self) { try RegularFile.contents(path) }
      #expect(error?.reason.contains(reason) == true)
    }
    let file = try folder.write("file", "0123456789")
    #expect(try RegularFile.contents(file) == Array("0123456789".utf8))
    #expect(try RegularFile.contents(file, limit: 3) == Array("012".utf8))
  }
}
