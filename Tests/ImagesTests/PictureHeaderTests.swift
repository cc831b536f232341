import Foundation
import Images
import Testing

/// A header read alone agrees with the decoded picture.
@Suite struct PictureHeaderTests {
  private static func fixtures() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: fixture("")).filter {
      ["png", "jpg", "npy"].contains(($0 as NSString).pathExtension)
    }.sorted()
  }

  /// Whether both agree; both may throw the same error too.
  private func check(_ path: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let header = Result { () throws(ImageError) in try PictureHeader(contentsOf: path) }
    let picture = Result { () throws(ImageError) in try Picture(contentsOf: path) }
    switch (header, picture) {
    case (.success(let header), .success(let picture)):
      #expect(header.size == picture.size, "\(path)", sourceLocation: sourceLocation)
      #expect(header.channels == picture.channels, "\(path)", sourceLocation: sourceLocation)
      #expect(header.bitDepth == picture.bitDepth, "\(path)", sourceLocation: sourceLocation)
      #expect(header.hasAlpha == picture.hasAlpha, "\(path)", sourceLocation: sourceLocation)
      #expect(header.palette == picture.palette, "\(path)", sourceLocation: sourceLocation)
      #expect(header.isColour == picture.isColour, "\(path)", sourceLocation: sourceLocation)
      #expect(header.isPalette == picture.isPalette, "\(path)", sourceLocation: sourceLocation)
    case (.failure(let first), .failure(let second)):
      #expect(first == second, sourceLocation: sourceLocation)
    case (.failure(let error), .success):
      Issue.record("\(error), but it decodes", sourceLocation: sourceLocation)
    case (.success, .failure): break  // the pixels are to blame
    }
  }

  @Test func ofAllFixtures() throws {
    let names = try Self.fixtures()
    #expect(names.count > 90)
    var formats: [PictureHeader.Format: Int] = [:]
    for name in names {
      try check(fixture(name))
      guard let header = try? PictureHeader(contentsOf: fixture(name)) else { continue }
      formats[header.format, default: 0] += 1
    }
    #expect(PictureHeader.Format.allCases.allSatisfy { formats[$0, default: 0] >= 9 })
  }

  @Test func values() throws {
    let turned = try PictureHeader(contentsOf: fixture("jpeg_orientation6.jpg"))
    #expect(
      turned.format == .jpeg && turned.size == PictureSize(width: 17, height: 24) && turned.channels == 3)
    let map = try PictureHeader(contentsOf: fixture("palette2.png"))
    #expect(
      map.format == .png && map.isPalette && map.palette?.count == 4 && map.channels == 3 && !map.hasAlpha)
    #expect(map.palette?.first == Colour(red: 5, green: 50, blue: 255))
    let clear = try PictureHeader(contentsOf: fixture("palette8_trns.png"))
    #expect(clear.hasAlpha && clear.channels == 4 && clear.isColour)
    let array = try PictureHeader(contentsOf: fixture("array_u2_big_first.npy"))
    #expect(array.format == .npy && array.channels == 5 && array.bitDepth == 16 && !array.isColour)
  }

  /// Transparency and palettes of every length, right and wrong, in every colour type.
  @Test func ofPNGsWithChunks() throws {
    let folder = try TemporaryFolder()
    var count = 0
    for (type, depth) in [(0, 1), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 4), (3, 8), (4, 8), (6, 16)] {
      for colours in [0, 1, 2, 3, 16, 256, 257] {
        for clear in [0, 1, 2, 3, 6, 16, 257] {
          var png = TestPNG()
          (png.colourType, png.depth) = (type, depth)
          let palette = TestPNG.chunk("PLTE", (0..<3 * colours).map { UInt8(truncatingIfNeeded: $0 * 7) })
          let alpha = TestPNG.chunk("tRNS", (0..<clear).map { UInt8(truncatingIfNeeded: $0 * 5) })
          for before in [palette, palette + alpha, alpha + palette, alpha] {
            png.before = before
            try check(try folder.write("\(count % 8).png", png.bytes()))
            count += 1
          }
        }
      }
    }
    #expect(count == 10 * 7 * 7 * 4)
  }

  @Test(arguments: ["rgb8.png", "palette8_trns.png", "jpeg_420.jpg", "jpeg_orientation6.jpg", "array_u1.npy"])
  func ofDamagedFiles(_ name: String) throws {
    let folder = try TemporaryFolder()
    let whole = try bytes(ofFixture: name)
    for count in 0..<whole.count {
      let path = try folder.write("cut", Array(whole[..<count]))
      try check(path)
      // The pixels of a PNG, and the size of an array, are covered by lengths.
      if !name.hasSuffix("jpg") || count < 100 {
        #expect(throws: ImageError.self) { try PictureHeader(contentsOf: path) }
      }
    }
    for offset in 0..<min(whole.count, 700) {
      var bytes = whole
      bytes[offset] ^= 0x11
      try check(try folder.write("changed", bytes))
    }
  }

  @Test func unreadableFiles() throws {
    let folder = try TemporaryFolder()
    try folder.makeFolder("folder.png")
    for (name, reason) in [("folder.png", "not a regular file"), ("no.png", "No such file or directory")] {
      let path = "\(folder.path)/\(name)"
      #expect(throws: ImageError.unreadable(path: path, reason: reason)) {
        try PictureHeader(contentsOf: path)
      }
    }
    let empty = try folder.write("empty.png", [])
    #expect(throws: ImageError.corrupt(path: empty, detail: "the file is empty")) {
      try PictureHeader(contentsOf: empty)
    }
  }

  /// Only parts of a file are read: of one of 2 GB with a hole for pixels, which has no content on the disk, and with EXIF
  /// behind it; and of one with 60 segments of 60 KB in front of its frame header.
  @Test func largeFiles() throws {
    let folder = try TemporaryFolder()
    var png = TestPNG()
    png.after = TestPNG.chunk("eXIf", TestEXIF().bytes)
    let bytes = png.bytes()
    let name = try #require(bytes.indices.first { bytes[$0..<$0 + 4].elementsEqual("IDAT".utf8) })
    let old = bytes[name - 4..<name].reduce(0) { $0 << 8 | Int($1) }
    let length = 2_000_000_000
    let path = try folder.write(
      "a.png", Array(bytes[..<(name - 4)]) + bigEndian(length, 4) + Array("IDAT".utf8))
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.seek(toOffset: UInt64(name + 4 + length))
    try file.write(contentsOf: Data(bytes[(name + 4 + old)...]))
    try file.close()
    let start = ContinuousClock.now
    #expect(try PictureHeader(contentsOf: path).size == PictureSize(width: 5, height: 7))
    // Measured: 0.02 ms. Reading it all takes about a second.
    #expect(ContinuousClock.now - start < .milliseconds(100))

    var jpeg = TestJPEG()
    let segment = TestJPEG.segment(0xe2, [UInt8](repeating: 0xff, count: 60000))
    jpeg.inserted = [0xdb: [[UInt8]](repeating: segment, count: 60).flatMap { $0 } + TestEXIF().segment]
    try check(try folder.write("a.jpg", jpeg.bytes()))
    #expect(try PictureHeader(contentsOf: "\(folder.path)/a.jpg").size == PictureSize(width: 40, height: 48))
  }

  // MARK: - Memory

  /// A header that claims a large picture, with the file of a small one.
  private static let large: [UInt8] = {
    let small = TestPNG().bytes()
    let header = bigEndian(16000, 4) + bigEndian(16000, 4) + [1, 0, 0, 0, 0]
    return Array(small[..<8]) + TestPNG.chunk("IHDR", header) + small[33...]
  }()

  /// Where there is no memory, a line says so. In a process of its own, since the limit holds for all of it.
  @Test func noMemory() async throws {
    let error = try #require(throws: ImageError.self) { try Picture(decoding: Self.large, path: "x/a.png") }
    guard case .corrupt = error else {
      Issue.record("\(error)")
      return
    }
    await #expect(processExitsWith: .success) {
      let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[0]
      let used = try #require(UInt(pages)) * UInt(getpagesize())
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
      limit.rlim_cur = used + (256 << 20)
      #expect(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
      let error = try #require(throws: ImageError.self) { try Picture(decoding: Self.large, path: "x/a.png") }
      guard case .noMemory("x/a.png", 16000, 16000, let bytes) = error else {
        Issue.record("\(error)")
        return
      }
      // The samples, four channels of them, and those on the way to another size.
      #expect(bytes >= 9 * 16000 * 16000)
      #expect(error.description.contains("there is no memory for its 16000x16000 pixels (2198 MiB)"))
      // A small one still has it.
      #expect(try Picture(decoding: TestPNG().bytes(), path: "p").size.area == 35)
    }
  }
}
