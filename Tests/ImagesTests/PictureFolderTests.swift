import Foundation
import Images
import Testing

@Suite struct PictureFolderTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func touch(_ names: String...) throws {
    for name in names { try folder.write(name, []) }
  }

  @Test func whatIsLeftOutIsSaid() throws {
    try touch("a.png", "b.JPG", "c.jfif", "d.jpe", "e.npy")
    #expect(try PictureFolder(folder.path).leftOut == nil)
    try touch("x.webp", "y.WEBP", "z.tif", "notes", ".hidden.webp", "Thumbs.db", "desktop.ini")
    for name in ["city", "train", "@eaDir", "__MACOSX", ".git"] { try folder.makeFolder(name) }
    let found = try PictureFolder(folder.path, subfolders: ["train"])
    #expect(
      found.pictures.map { ($0 as NSString).lastPathComponent } == [
        "a.png", "b.JPG", "c.jfif", "d.jpe", "e.npy",
      ])
    let expected =
      "\(folder.path): 4 files are left out (2 .webp, 1 .tif, 1 without an ending); the subfolder city is not looked into; "
      + "pictures are png, jpg, jpeg, jfif, jpe, npy"
    #expect(found.leftOut == expected)
    #expect(
      try PictureFolder(folder.path).leftOut?.contains("2 subfolders are not looked into (city, train)")
        == true)
  }

  @Test func oneRuleForNames() throws {
    #expect(PictureFolder.belong(together: "a/p0.PNG", "b/P0.jpeg"))
    #expect(!PictureFolder.belong(together: "a/p0.png", "b/p0.1.png"))
    try touch("P0.PNG")
    let names = try PictureFolder(folder.path).byName()
    #expect(names[of: "elsewhere/p0.jpg"] == "\(folder.path)/P0.PNG" && names[of: "p1.png"] == nil)
  }

  @Test func namesThatNoPathCanHold() throws {
    var bytes = Array("\(folder.path)/caf".utf8).map { CChar(bitPattern: $0) }
    bytes += [0xe9, 0x2e, 0x70, 0x6e, 0x67, 0].map { CChar(bitPattern: $0) }
    let descriptor = open(bytes, O_CREAT | O_WRONLY, 0o600)
    // Some file systems take UTF-8 only.
    guard descriptor >= 0 else { return }
    close(descriptor)
    defer { unlink(bytes) }
    #expect(try PictureFolder(folder.path).unnameable == ["caf\\xe9.png"])
    // A training wants all of its pictures; others take the rest.
    try folder.write("a.png", Picture(width: 9, height: 9) { x, y, c in x + y + c })
    let source = try PairSource(.photographs(folder.path))
    #expect(source.unreadable == [.unnameable(folder: folder.path, names: ["caf\\xe9.png"])])
    #expect(source.pairs.map(\.name) == ["a"])
    let error = #expect(throws: ImageError.self) { try PairHeaders(source) }
    #expect(error?.description.contains("UTF-8: caf\\xe9.png") == true)
    let check = DataSetCheck(.photographs(folder.path))
    #expect(check.findings.first?.severity == .wrong && check.count(.train) == 1)
    #expect(check.findings.first?.text.contains("UTF-8: caf\\xe9.png") == true)
  }

  @Test func picturesBesideSplitsAreSaid() throws {
    try touch("train/1.png", "2.png", "3.png")
    let source = try PairSource(.folder(folder.path, .aToB))
    #expect(source.remarks == ["\(folder.path): 2 pictures are left out beside the folders that are read"])
    try touch("sides/A/1.png", "sides/B/1.png", "sides/B/1.tif", "sides/4.png")
    let sides = try PairSource(.folder("\(folder.path)/sides", .aToB))
    #expect(sides.remarks.count == 2 && sides.remarks[0].contains("sides/B: 1 file is left out (1 .tif)"))
    #expect(sides.remarks[1].contains("sides: 1 picture is left out beside"))
    try touch("sides/notes.txt", "sides/more/5.png")
    let more = try PairSource(.folder("\(folder.path)/sides", .aToB)).remarks
    #expect(more.count == 3 && more[2].contains("1 file is left out (1 .txt); the subfolder more is not"))
  }
}

/// What headers say of whole data sets.
@Suite struct PairHeadersTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static func rgb(_ side: Int) -> Picture {
    Picture(width: side, height: side) { x, y, c in x * 9 + y * 5 + c }
  }

  @Test func theFirstOfSeveralIsNamed() throws {
    for index in 0..<5 { try folder.write("\(index).png", Self.rgb(16)) }
    #expect(throws: Never.self) { try PairHeaders(PairSource(.photographs(folder.path))) }
    try folder.write("1.png", [])
    let one = #expect(throws: ImageError.self) { try PairHeaders(PairSource(.photographs(folder.path))) }
    #expect(one == .corrupt(path: "\(folder.path)/1.png", detail: "the file is empty"))
    try folder.write("3.png", Self.rgb(4))
    let two = #expect(throws: ImageError.self) { try PairHeaders(PairSource(.photographs(folder.path))) }
    #expect(two?.description.contains("(the first of 2 such files; pix2pix check names all)") == true)
  }

  @Test func formatsRefuseWhatTheyCannotTake() throws {
    try folder.write(
      "a.npy", Picture(width: 9, height: 8, channels: 5, samples: .eight([UInt8](repeating: 1, count: 360))))
    let headers = try PairHeaders(PairSource(.photographs(folder.path)))
    #expect(throws: ImageError.wrongChannels(path: "\(folder.path)/a.npy", channels: 5, expected: 3)) {
      try headers.check(.rgb)
    }
    #expect(throws: Never.self) { try headers.check(.pictures(inputs: [.channels(5)], target: .channels(5))) }
    #expect(throws: ImageError.self) {
      try headers.check(.pictures(inputs: [.channels(4)], target: .channels(5)))
    }
  }

  @Test func oddWidthsAndSmallHalves() throws {
    for (width, height, fits) in [(32, 16, true), (31, 16, false), (14, 16, false), (16, 7, false)] {
      try folder.write("pair.png", Picture(width: width, height: height) { x, y, c in x + y + c })
      let source = try PairSource(.folder(folder.path, .aToB))
      if fits {
        #expect(throws: Never.self) { try PairHeaders(source) }
      } else {
        #expect(throws: ImageError.self, "\(width)x\(height)") { try PairHeaders(source) }
      }
    }
  }
}
