import Images
import Testing

@Suite struct GeometryTests {
  @Test func labelMapsAreFittedByNearest() throws {
    let size = PictureSize(width: 30, height: 7)
    let map = try Picture(contentsOf: fixture("palette2.png"))
    #expect(map.fitted(to: size) == map.resized(width: 30, height: 7, method: .nearest))
    let photo = Picture(width: 13, height: 9, channels: 3, samples: map.samples)
    #expect(photo.fitted(to: size) == photo.resized(width: 30, height: 7, method: .bicubic))
    // Asked for as classes, the same colours are never mixed, though the file has no palette.
    let palette = try Palette(ofPNG: fixture("palette2.png"))
    let planes = try PlaneFormat.labels(palette).planes(of: photo, fittedTo: size, path: "p")
    #expect(planes.count == 4 * 30 * 7 && planes.allSatisfy { $0 == 0 || $0 == 1 })
    #expect(planes.reduce(0, +) == 30 * 7)
    let back = PlaneFormat.labels(palette).picture(planes: planes, width: 30, height: 7)
    #expect(back.values == map.fitted(to: size).values)
  }
}

/// Pairs of a label map, a depth map of 16 bits and a photograph, with weights, larger than the network.
@Suite struct PairReaderTests {
  private let folder: TemporaryFolder
  private let source: PairSource
  private let palette = Palette([0, 90, 200].map { Colour(red: $0, green: 10, blue: $0) })

  init() throws {
    let folder = try TemporaryFolder()
    let colours = palette.colours
    for index in 0..<3 {
      // Every picture has the load size of 64 x 32, so that planes are exactly the cut.
      let (width, height) = (71, 35)
      func write(_ side: String, _ picture: Picture) throws {
        try folder.write("\(side)/train/\(index).png", picture)
      }
      try write(
        "maps",
        Picture(width: width, height: height) { x, y, c in
          let colour = colours[Self.label(x, y, index)]
          return Int([colour.red, colour.green, colour.blue][c])
        })
      try write(
        "depth",
        Picture(
          width: width, height: height, channels: 1,
          samples: .sixteen((0..<width * height).map { UInt16(Self.depth($0 % width, $0 / width, index)) })))
      try write("photos", Picture(width: width, height: height) { Self.photo($0, $1, $2, index) })
      try write(
        "weights",
        Picture(
          width: width, height: height, channels: 1,
          samples: .eight((0..<width * height).map { UInt8(Self.weight($0 % width, $0 / width)) })))
    }
    source = try PairSource(.twoFolders(inputs: "\(folder.path)/maps", targets: "\(folder.path)/photos"))
      .adding(inputs: "\(folder.path)/depth", split: .train)
      .adding(weights: "\(folder.path)/weights/train", split: .train)
    self.folder = folder
  }

  private static func label(_ x: Int, _ y: Int, _ index: Int) -> Int { (x / 5 + y / 3 + index) % 3 }
  private static func depth(_ x: Int, _ y: Int, _ index: Int) -> Int { x * 700 + y * 401 + index }
  private static func photo(_ x: Int, _ y: Int, _ c: Int, _ index: Int) -> Int {
    (x * 3 + y * 5 + c * 40 + index) & 255
  }
  private static func weight(_ x: Int, _ y: Int) -> Int { (x * 7 + y) & 255 }

  private var reader: PairReader {
    PairReader(
      augmentation: Augmentation(size: PictureSize(width: 64, height: 32), jitter: true, seed: 5),
      format: .pictures(inputs: [.labels(palette), .gray], target: .rgb))
  }

  @Test(arguments: 0..<4) func everythingIsCutAlike(epoch: Int) throws {
    let reader = reader
    #expect(reader.augmentation.loadSize == PictureSize(width: 71, height: 35))
    #expect(reader.format.inputChannels == 4 && reader.format.targetChannels == 3)
    for (index, files) in source.pairs.enumerated() {
      let cut = reader.augmentation.cut(epoch: epoch, index: index)
      func plane(_ value: (Int, Int) -> Float) -> [Float] {
        (0..<64 * 32).map { place in
          let column = cut.isFlipped ? 63 - place % 64 : place % 64
          return value(cut.x + column, cut.y + place / 64)
        }
      }
      let planes = try reader.planes(of: files, epoch: epoch, index: index)
      let classes = (0..<3).flatMap { label in plane { Self.label($0, $1, index) == label ? 1 : 0 } }
      let depth = plane { Float(Self.depth($0, $1, index)) / 32767.5 - 1 }
      #expect(planes.input == classes + depth)
      #expect(
        planes.target
          == (0..<3).flatMap { c in plane { Float(Self.photo($0, $1, c, index)) / 127.5 - 1 } })
      let expected = plane { Float(Self.weight($0, $1)) / 255 }
      // Measured: 1.5e-8, as weights go by way of [-1, 1].
      let error = zip(try #require(planes.weights), expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(error <= 1e-7, "\(error)")
    }
  }

  @Test func batchesHoldWhatTheReaderReads() throws {
    let reader = reader
    let prefetcher = Prefetcher(source: source, reader: reader, batchSize: 2, threads: 2, depth: 2)
    for epoch in 0..<3 {
      let batch = try prefetcher.next()
      let indices = shuffledOrder(count: 3, seed: 5, epoch: epoch).prefix(2)
      let planes = try indices.map { try reader.planes(of: source.pairs[$0], epoch: epoch, index: $0) }
      #expect(batch.names == indices.map { source.pairs[$0].name })
      #expect(batch.input == planes.flatMap(\.input))
      #expect(batch.target == planes.flatMap(\.target))
      #expect(batch.weights == planes.flatMap { $0.weights ?? [] })
    }
  }

  @Test func anUnknownColourNamesItsFile() throws {
    let path = try folder.write("maps/train/1.png", Picture(width: 71, height: 35) { _, _, _ in 66 })
    let error = #expect(throws: ImageError.self) {
      try reader.planes(of: source.pairs[1], epoch: 0, index: 1)
    }
    #expect(try #require(error).description.contains("\(path): the pixel at x 0, y 0 has the colour #424242"))
  }

  @Test func furtherInputsMustBeThere() throws {
    try folder.makeFolder("empty")
    let error = #expect(throws: ImageError.self) {
      try source.adding(inputs: "\(folder.path)/empty", split: .train)
    }
    let text = try #require(error).description
    #expect(text.contains("only in the pairs of \"train\": 0, 1, 2") && !text.contains("\n"))
    // What belongs to other splits may lie beside it.
    try folder.write("flat/more.png", [])
    for index in 0..<3 { try folder.write("flat/\(index).PNG", []) }
    let flat = try source.adding(inputs: "\(folder.path)/flat", split: .train)
    #expect(flat.pairs[2].moreInputs == ["\(folder.path)/depth/train/2.png", "\(folder.path)/flat/2.PNG"])
    #expect(flat.reversed().pairs[2].moreInputs == flat.pairs[2].moreInputs)
  }
}
