import Images
import Testing

/// JPEGs of every kind, made by `TestJPEG`: read, or refused for what they are.
@Suite struct JPEGKindTests {
  private func decode(_ bytes: [UInt8]) throws(ImageError) -> Picture {
    try Picture(decoding: bytes, path: "x/a.jpg")
  }

  /// Samplings that libjpeg interpolates, which changes pixels beside the edges of blocks, and those whose samples it repeats.
  @Test(arguments: [
    [(1, 1)], [(2, 2)], [(1, 1), (1, 1), (1, 1)], [(2, 1), (1, 1), (1, 1)], [(2, 2), (1, 1), (1, 1)],
    [(4, 1), (1, 1), (1, 1)], [(1, 2), (1, 1), (1, 1)], [(4, 2), (1, 1), (1, 1)], [(3, 1), (1, 1), (1, 1)],
    [(2, 2), (1, 2), (2, 1)], [(1, 1), (2, 2), (1, 1)], [(2, 4), (1, 1), (1, 1)], [(1, 3), (1, 1), (1, 1)],
    [(3, 2), (3, 1), (1, 1)], [(1, 4), (1, 2), (1, 1)], [(2, 1), (2, 1), (2, 1)],
  ]) func everySampling(_ sampling: [(Int, Int)]) throws {
    var jpeg = TestJPEG()
    (jpeg.width, jpeg.height) = (101, 83)
    jpeg.sampling = sampling
    let picture = try decode(jpeg.bytes())
    #expect(picture.size == PictureSize(width: 101, height: 83))
    #expect(picture.channels == sampling.count)
    let (most, mostDown) = (sampling.map(\.0).max()!, sampling.map(\.1).max()!)
    let values = picture.values
    var (worst, compared) = (0, 0)
    for y in 0..<83 {
      for x in 0..<101 {
        // Inside the blocks of all components: as far from the next one as its samples are wide.
        let isInside =
          sampling.count == 1
          || sampling.indices.allSatisfy { component in
            let (across, down) = (most / sampling[component].0, mostDown / sampling[component].1)
            let here = jpeg.block(component, x: x, y: y)
            return [-across, across].allSatisfy {
              jpeg.block(component, x: max(x + $0, 0), y: y) == here || across == 1
            }
              && [-down, down].allSatisfy {
                jpeg.block(component, x: x, y: max(y + $0, 0)) == here || down == 1
              }
          }
        guard isInside else { continue }
        compared += 1
        let found = (0..<picture.channels).map { values[(y * 101 + x) * picture.channels + $0] }
        worst = max(worst, zip(found, jpeg.pixel(x: x, y: y)).map { abs($0 - $1) }.max()!)
      }
    }
    #expect(compared > 101 * 83 / 2)
    // Measured: 0.
    #expect(worst == 0)
  }

  /// jpegtran's lossless change of jpeg_420.jpg.
  @Test(arguments: ["jpeg_arithmetic", "jpeg_arithmetic_progressive"]) func arithmeticCoding(_ name: String)
    throws
  {
    #expect(try Picture(contentsOf: fixture("\(name).jpg")) == Picture(contentsOf: fixture("jpeg_420.jpg")))
  }

  // MARK: - Warnings

  /// What libjpeg warns of, though every pixel is there.
  @Test(
    arguments: [
      ("JFIF 2.01", 0xdb, TestJPEG.segment(0xe0, Array("JFIF\0".utf8) + [2, 1, 0, 0, 1, 0, 1, 0, 0])),
      ("transform 9", 0xdb, TestJPEG.segment(0xee, Array("Adobe".utf8) + [0, 100, 0, 0, 0, 0, 9])),
      ("stray zeros at the start", 0xdb, [0, 0, 0]), ("stray bytes", 0xc0, [1, 2, 3, 0xff, 0, 5, 0xff]),
      ("in front of tables", 0xc4, [9]), ("in front of the scan", 0xda, [0, 0, 0]),
      ("in front of the end", 0xd9, [UInt8](repeating: 7, count: 5000)),
    ] as [(String, UInt8, [UInt8])]) func harmless(_ what: String, marker: UInt8, bytes: [UInt8]) throws
  {
    var jpeg = TestJPEG()
    let expected = try decode(jpeg.bytes())
    jpeg.inserted = [marker: bytes]
    #expect(try decode(jpeg.bytes()) == expected)
  }

  @Test func allHarmlessOnesAtOnce() throws {
    var jpeg = TestJPEG()
    let expected = try decode(jpeg.bytes())
    jpeg.inserted = [
      0xdb: TestJPEG.segment(0xe0, Array("JFIF\0".utf8) + [2, 1, 0, 0, 1, 0, 1, 0, 0]), 0xc0: [0],
      0xda: [0, 0],
      0xd9: [1],
    ]
    jpeg.scanParameters = [0, 0, 0]
    #expect(try decode(jpeg.bytes()) == expected)
  }

  /// What costs pixels, alone and behind a harmless warning.
  @Test(arguments: [false, true]) func harmful(isBehindHarmless: Bool) throws {
    var jpeg = TestJPEG()
    jpeg.inserted = isBehindHarmless ? [0xc4: [0, 0, 0]] : [:]
    let data = jpeg.data
    let half = Array(data[..<(data.count / 2)])
    // The codes of the DC's length end at 11.
    let badCode = half + [0b1111_0000] + data[(data.count / 2)...]
    for data in [half, half + [0xff, 0xd0], [], badCode, [0xf0, 0xf0]] {
      let error = try #require(throws: ImageError.self) { try decode(jpeg.bytes(data: data)) }
      guard case .corrupt = error else {
        Issue.record("\(error)")
        continue
      }
    }
    jpeg.restartInterval = 3
    let whole = jpeg.data
    let first = try #require(whole.indices.first { whole[$0] == 0xff && whole[$0 + 1] == 0xd1 })
    var exchanged = whole
    exchanged[first + 1] = 0xd5
    #expect(throws: ImageError.self) { try decode(jpeg.bytes(data: exchanged)) }
    #expect(throws: ImageError.self) {
      try decode(jpeg.bytes(data: Array(whole[..<first] + whole[(first + 2)...])))
    }
    var plain = jpeg
    plain.restartInterval = 0
    #expect(try decode(jpeg.bytes()) == decode(plain.bytes()))
  }

  // MARK: - Kinds that are not read

  private static let kinds: [(String, @Sendable (inout TestJPEG) -> Void)] = [
    ("12 bits a sample", { ($0.precision, $0.frameMarker) = (12, 0xc1) }),
    ("16 bits a sample", { $0.precision = 16 }),
    ("2 bits a sample", { $0.precision = 2 }),
    ("lossless", { $0.frameMarker = 0xc3 }), ("lossless", { $0.frameMarker = 0xcb }),
    ("hierarchical", { $0.frameMarker = 0xc5 }), ("hierarchical", { $0.frameMarker = 0xc6 }),
    ("hierarchical", { $0.frameMarker = 0xcf }),
    ("hierarchical", { $0.inserted = [0xc0: TestJPEG.segment(0xde, [8, 0, 40, 0, 48, 1, 1, 0x11, 0])] }),
    ("with extensions", { $0.frameMarker = 0xc8 }), ("JPEG-LS", { $0.frameMarker = 0xf7 }),
    ("DNL", { $0.claimedSize = (48, 0) }),
    ("2 colour components", { $0.sampling = [(1, 1), (1, 1)] }),
    ("5 colour components", { $0.sampling = [(Int, Int)](repeating: (1, 1), count: 5) }),
    ("CMYK", { $0.sampling = [(Int, Int)](repeating: (1, 1), count: 4) }),
    ("chroma sampling 3x1, 2x1, 1x1", { $0.sampling = [(3, 1), (2, 1), (1, 1)] }),
    ("chroma sampling 4x4, 1x1, 1x1", { $0.sampling = [(4, 4), (1, 1), (1, 1)] }),
  ]

  @Test(arguments: 0..<17) func refusedByName(_ number: Int) throws {
    let (what, change) = Self.kinds[number]
    var jpeg = TestJPEG()
    change(&jpeg)
    let bytes = jpeg.bytes()
    let error = try #require(throws: ImageError.self) { try decode(bytes) }
    guard case .unsupported(let path, let detail) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(path == "x/a.jpg" && detail.contains(what) && detail.contains("convert it"))
    let folder = try TemporaryFolder()
    let file = try folder.write("a.jpg", bytes)
    #expect(throws: ImageError.unsupported(path: file, detail: detail)) {
      try PictureHeader(contentsOf: file)
    }
    #expect(Self.kinds.count == 17)
  }

  /// Damage is no kind.
  @Test func damagedHeaders() throws {
    func isDamaged(_ change: (inout TestJPEG) -> Void) throws -> Bool {
      var jpeg = TestJPEG()
      change(&jpeg)
      let error = try #require(throws: ImageError.self) { try decode(jpeg.bytes()) }
      if case .corrupt = error { return true }
      return false
    }
    #expect(try isDamaged { $0.precision = 77 })
    #expect(try isDamaged { $0.sampling = [(1, 1), (0, 1), (1, 1)] })
    #expect(try isDamaged { $0.sampling = [(5, 1), (1, 1), (1, 1)] })
    #expect(try isDamaged { $0.inserted = [0xc4: TestJPEG.segment(0xc0, [8, 0, 8, 0, 8, 1, 1, 0x11, 0])] })
    #expect(try isDamaged { $0.inserted = [0xc0: TestJPEG.segment(0x05, [1])] })
    #expect(try isDamaged { $0.inserted = [0xdb: [0xff, 0xd8]] })
    #expect(try isDamaged { $0.inserted = [0xc0: TestJPEG.segment(0xda, [1, 1, 0, 0, 63, 0])] })
    #expect(try !isDamaged { $0.inserted = [0xc0: [0xff, 0xd9]] })
  }

  // MARK: - Scans

  /// A progressive picture of one gray block: DC, and then scans that say of all other coefficients that they are 0.
  private func progressive(scans: Int, isProgressive: Bool = true) -> [UInt8] {
    var jpeg = TestJPEG()
    (jpeg.width, jpeg.height, jpeg.sampling) = (8, 8, [(1, 1)])
    jpeg.frameMarker = isProgressive ? 0xc2 : 0xc0
    jpeg.scanParameters = isProgressive ? [0, 0, 0] : [0, 63, 0]
    let ac = isProgressive ? TestJPEG.segment(0xda, [1, 1, 0, 1, 63, 0]) + [0x7f] : []
    // DC scans of progressive files have no code for the end of the block; a bit more or less does not matter to them.
    let data = isProgressive ? Array(jpeg.data.prefix(2)) : jpeg.data
    jpeg.inserted = [0xd9: [[UInt8]](repeating: ac, count: scans - 1).flatMap { $0 }]
    return jpeg.bytes(data: data)
  }

  /// A small file of many scans could take minutes.
  @Test func scansAreLimited() throws {
    #expect(try decode(progressive(scans: 499)) == decode(progressive(scans: 1, isProgressive: false)))
    let error = try #require(throws: ImageError.self) { try decode(progressive(scans: 502)) }
    guard case .unsupported(_, let detail) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(detail.contains("500 scans"))
  }

  /// Nothing that is changed in a file ends in anything but a picture or one line.
  @Test func anyByteMayBeWrong() throws {
    var jpeg = TestJPEG()
    (jpeg.width, jpeg.height, jpeg.restartInterval) = (24, 16, 2)
    jpeg.sampling = [(2, 2), (1, 2), (2, 1)]
    jpeg.inserted = [0xdb: TestEXIF().segment]
    for whole in [jpeg.bytes(), progressive(scans: 4)] {
      for offset in whole.indices {
        for value in [0, 1, 0x11, 0x7f, 0x80, 0xd8, 0xff, whole[offset] ^ 1, whole[offset] ^ 0x10] as [UInt8]
        {
          var bytes = whole
          bytes[offset] = value
          _ = try? decode(bytes)
          bytes.remove(at: offset)
          _ = try? decode(bytes)
        }
      }
    }
  }
}
