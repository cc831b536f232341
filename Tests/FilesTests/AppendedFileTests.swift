import Files
import Foundation
import Testing

@Suite struct AppendedFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private let header = "step,epoch\n"

  @Test func linesFollowTheBeginning() throws {
    let file = try AppendedFile("\(folder.path)/x.csv", beginning: header)
    try file.append("1,1")
    try file.flush()
    try file.append("2,1")
    #expect(folder.text("x.csv") == header + "1,1\n2,1\n")
    #expect(folder.names == ["x.csv"])
  }

  /// More than is held in memory.
  @Test func manyLinesAreInTheirOrder() throws {
    let file = try AppendedFile("\(folder.path)/x.csv", beginning: header)
    var expected = header
    for step in 0..<5000 {
      try file.append("\(step),1")
      expected += "\(step),1\n"
    }
    #expect(folder.text("x.csv") == expected)
  }

  @Test func filesOfOthersStay() throws {
    let path = try folder.write("x.csv", "mine")
    #expect(throws: FileError.self) { try AppendedFile(path, beginning: header) }
    #expect(folder.text("x.csv") == "mine")
  }

  /// A limit of files' sizes is met in the middle of a line, as a full disk would be.
  @Test func aLineThatFailedIsWrittenWithTheNext() throws {
    signal(SIGXFSZ, SIG_IGN)
    let path = "\(folder.path)/x.csv"
    let file = try AppendedFile(path, beginning: header)
    try file.append("1,1")
    try file.flush()
    let long = String(repeating: "x", count: 3 << 20)
    var before = rlimit()
    #expect(getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before) == 0)
    var limit = rlimit(rlim_cur: 2 << 20, rlim_max: before.rlim_max)
    #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
    let errors = [
      #expect(throws: FileError.self) { try file.append(long) },
      #expect(throws: FileError.self) { try file.append("3,1") },
      #expect(throws: FileError.self) { try file.flush() },
    ]
    #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before) == 0)
    #expect(errors.allSatisfy { $0?.path == path && $0?.reason.contains("too large") == true })
    try file.append("4,1")
    #expect(folder.text("x.csv") == header + "1,1\n\(long)\n3,1\n4,1\n")
  }

  @Test func foldersAreMadeWithThoseAboveThem() throws {
    let path = "\(folder.path)/a/b/c"
    try NewFolder.make(path + "/")
    try NewFolder.make(path)
    #expect(FileManager.default.fileExists(atPath: path))
    let file = try folder.write("file", "")
    for path in [file, "\(file)/below"] {
      let error = #expect(throws: FileError.self) { try NewFolder.make(path) }
      #expect(error?.path == file && error?.reason.contains("cannot be made") == true)
    }
  }
}
