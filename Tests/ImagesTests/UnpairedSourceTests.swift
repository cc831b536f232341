import Foundation
import Images
import Testing

/// Two sides of pictures without pairs: where they lie, and how batches are drawn of them.
@Suite struct UnpairedSourceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func write(_ names: String...) throws {
    for name in names {
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/\((name as NSString).deletingLastPathComponent)",
        withIntermediateDirectories: true)
      let number = name.utf8.reduce(0) { $0 + Int($1) }
      try folder.write(
        name, Picture(width: 24, height: 20) { x, y, c in x * (number % 13 + 2) + y * 7 + c * 40 + number })
    }
  }

  private func names(_ place: String = "", _ split: Split = .train, targets: String? = nil) throws
    -> [[String]]?
  {
    let folder = "\(self.folder.path)\(place)"
    let source = try UnpairedSource.pictures(
      of: split,
      in: targets.map { .twoFolders(inputs: folder, targets: "\(self.folder.path)\($0)") }
        ?? .folder(folder, .aToB))
    return source.map { [$0.a.pairs.map(\.name), $0.b.pairs.map(\.name)] }
  }

  @Test(arguments: [
    ["trainA/1.png", "trainA/2.png", "trainB/x.png", "testA/3.png", "testB/y.png"],
    ["TrainA/1.png", "TrainA/2.png", "trainb/x.png", "testA/3.png", "testB/y.png"],
    ["A/train/1.png", "A/train/2.png", "B/train/x.png", "A/test/3.png", "B/test/y.png"],
    ["train/A/1.png", "train/A/2.png", "train/B/x.png", "test/A/3.png", "test/B/y.png"],
  ])
  func layouts(_ files: [String]) throws {
    for file in files { try write(file) }
    #expect(try names() == [["1", "2"], ["x"]])
    #expect(try names("", .test) == [["3"], ["y"]])
    #expect(try names("", .val) == nil)
  }

  @Test func foldersWithoutSplitsAreForTraining() throws {
    try write("A/1.png", "B/x.png", "summer/4.png", "winter/train/z.png", "other/train/5.png")
    #expect(try names() == [["1"], ["x"]] && names("", .test) == nil)
    #expect(try names("/A", targets: "/summer") == [["1"], ["4"]])
    #expect(try names("/other", targets: "/winter") == [["5"], ["z"]])
  }

  @Test func aSideThatIsMissingIsNamed() throws {
    try write("trainA/1.png", "A/test/1.png", "B/y.png", "empty/A/1.png")
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/empty/B", withIntermediateDirectories: true)
    func message(_ place: String, _ split: Split) throws -> String {
      "\(try #require(throws: ImageError.self) { _ = try names(place, split) })"
    }
    #expect(
      try message("", .train).hasPrefix(
        "\(folder.path)/trainB: no such folder, but \(folder.path)/trainA exists; "))
    #expect(
      try message("", .test).hasPrefix(
        "\(folder.path)/B/test: no such folder, but \(folder.path)/A/test exists; "))
    #expect(try message("/empty", .train).hasPrefix("\(folder.path)/empty/B: no pictures (png, "))
    #expect(try message("/nowhere", .train).hasPrefix("\(folder.path)/nowhere: "))
    #expect(try message("/nowhere", .train).contains("trainA and DIR/trainB"))
  }

  private func prefetcher(
    _ source: UnpairedSource, batchSize: Int, start: Int = 0, jitter: Bool = true, threads: Int = 2
  ) -> Prefetcher {
    let reader = PairReader(
      augmentation: Augmentation(size: 16, jitter: jitter, seed: 5),
      format: .pictures(inputs: [.rgb], target: .gray))
    return Prefetcher(
      unpaired: source, reader: reader, batchSize: batchSize, startStep: start, threads: threads)
  }

  private func source(_ a: Int, _ b: Int) throws -> UnpairedSource {
    for number in 0..<a { try write("trainA/a\(number).png") }
    for number in 0..<b { try write("trainB/b\(number).png") }
    return try #require(try UnpairedSource.pictures(of: .train, in: .folder(folder.path, .aToB)))
  }

  /// The picture of a side whose planes these are.
  private func index(of planes: [Float], _ source: PairSource, _ format: PlaneFormat) throws -> Int? {
    let reader = PairReader(
      augmentation: Augmentation(size: 16, jitter: false, seed: 0),
      format: .pictures(inputs: [format], target: format))
    return try source.pairs.indices.first {
      try reader.planes(of: source.pairs[$0], epoch: 0, index: 0).target == planes
    }
  }

  /// Every picture of either side is shown equally often, whatever their numbers and the batch are, and a turn has no picture
  /// twice.
  @Test(arguments: [(6, 4, 1), (4, 6, 1), (5, 2, 2), (3, 3, 2), (1, 4, 3)])
  func everyPictureIsShownEquallyOften(_ a: Int, _ b: Int, _ batchSize: Int) throws {
    let source = try source(a, b)
    let prefetcher = prefetcher(source, batchSize: batchSize, jitter: false)
    #expect(prefetcher.batchesPerEpoch == max(a, b) / batchSize)
    var shown: [[Int]] = [[], []]
    for step in 0..<a * b * 2 {
      let batch = try prefetcher.next()
      #expect(batch.epoch == step / prefetcher.batchesPerEpoch && batch.count == batchSize)
      for place in 0..<batchSize {
        let input = Array(batch.input[place * 768..<(place + 1) * 768])
        let target = Array(batch.target[place * 256..<(place + 1) * 256])
        shown[0].append(try #require(try index(of: input, source.a, .rgb)))
        shown[1].append(try #require(try index(of: target, source.b, .gray)))
      }
    }
    for (side, count) in [a, b].enumerated() {
      for first in stride(from: 0, to: shown[side].count - count + 1, by: count) {
        #expect(Set(shown[side][first..<first + count]).count == count)
      }
    }
    // The orders are no function of each other.
    if a == b { #expect(shown[0] != shown[1]) }
  }

  @Test func aResumeContinuesExactly() throws {
    let source = try source(5, 3)
    let straight = prefetcher(source, batchSize: 2, threads: 1)
    for _ in 0..<7 { _ = try straight.next() }
    let resumed = prefetcher(source, batchSize: 2, start: 7, threads: 3)
    for _ in 0..<6 {
      let (a, b) = (try straight.next(), try resumed.next())
      #expect(a.input == b.input && a.target == b.target && a.names == b.names && a.epoch == b.epoch)
    }
  }

  /// Sides are cut apart: the same pictures on both sides give different cuts.
  @Test func cutsAreApart() throws {
    try write("A/1.png")
    try FileManager.default.copyItem(atPath: "\(folder.path)/A", toPath: "\(folder.path)/B")
    let source = try #require(try UnpairedSource.pictures(of: .train, in: .folder(folder.path, .aToB)))
    let reader = PairReader(augmentation: Augmentation(size: 16, jitter: true, seed: 5), format: .rgb)
    let prefetcher = Prefetcher(unpaired: source, reader: reader, batchSize: 1)
    let equal = try (0..<20).count { _ in
      let batch = try prefetcher.next()
      return batch.input == batch.target
    }
    // Three words of two, two and two values: one in eight by chance.
    #expect(equal < 10)
  }
}
