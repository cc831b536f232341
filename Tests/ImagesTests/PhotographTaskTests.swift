import Foundation
import Images
import Testing

@Suite struct PhotographTaskTests {
  private let photograph: Picture

  init() throws { photograph = try Picture(contentsOf: fixture("astronaut.png")) }

  /// Measured: no pixel of 10,800 differs, for any of the three; nor of two million in thirty street scenes of
  /// 256 x 256 with four settings.
  @Test(arguments: [("1", 1, 0.1, 0.2), ("1.5", 1.5, 0.1, 0.25), ("3", 3, 0.05, 0.2)])
  func edgesLikeScikitImage(name: String, sigma: Double, low: Double, high: Double) throws {
    let expected = try Picture(contentsOf: fixture("expected_canny_\(name).png")).values.map { $0 == 0 }
    let canny = Canny(sigma: sigma, low: low, high: high)
    let edges = canny.edges(of: photograph)
    let different = zip(edges, expected).filter { $0 != $1 }.count
    #expect(edges.count == 120 * 90 && expected.filter { $0 }.count > 300)
    #expect(different == 0, "\(different)")
    // 16 bits of the same levels have the same edges.
    let gray = photograph.gray()
    let deep = Picture(
      width: 120, height: 90, channels: 1, samples: .sixteen(gray.values.map { UInt16($0 * 257) }))
    #expect(canny.edges(of: deep) == canny.edges(of: gray))
    #expect(
      PhotographTask.edges(canny).input(of: photograph, seed: 0, epoch: 0, index: 0)
        == expected.map { $0 ? -1 : 1 })
  }

  @Test func flatAndTinyPicturesHaveNoEdges() {
    for (width, height) in [(1, 1), (2, 9), (9, 2), (8, 8)] {
      let flat = Picture(width: width, height: height) { _, _, _ in 90 }
      #expect(Canny().edges(of: flat) == [Bool](repeating: false, count: width * height))
    }
    // A step between two pixels, seen from either: 4 (g(0) + g(1)), g being the Gaussian.
    for (sigma, gradient) in [(1.0, 2.564), (2.0, 1.502)] {
      let step = Picture(width: 40, height: 40) { x, _, _ in x < 20 ? 0 : 255 }
      let found = Canny(sigma: sigma, low: gradient * 0.99, high: gradient * 0.99).edges(of: step)
      #expect(found.contains(true))
      let beyond = Canny(sigma: sigma, low: gradient * 1.01, high: gradient * 1.01).edges(of: step)
      #expect(!beyond.contains(true))
    }
  }

  /// Measured: no difference.
  @Test(arguments: [4, 7]) func reducedLikePillow(factor: Int) throws {
    let pillow = try Picture(contentsOf: fixture("expected_reduced_by_\(factor).png"))
    let input = PhotographTask.superResolve(factor: factor).input(
      of: photograph, seed: 0, epoch: 0, index: 0)
    #expect(input == pillow.planes())
  }

  /// 32,400 numbers: the mean's standard error is 0.14 levels, the deviation's 0.10. Measured: -0.11, 24.94.
  @Test func noiseHasItsDeviation() {
    let gray = Picture(width: 120, height: 90) { _, _, _ in 128 }
    let task = PhotographTask.denoise(sigma: 25)
    let levels = task.input(of: gray, seed: 3, epoch: 2, index: 7).map { (Double($0) + 1) * 127.5 - 128 }
    let mean = levels.reduce(0, +) / Double(levels.count)
    let deviation = (levels.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(levels.count)).squareRoot()
    #expect(abs(mean) <= 0.5, "\(mean)")
    #expect(abs(deviation - 25) <= 0.3, "\(deviation)")
    let input = task.input(of: photograph, seed: 3, epoch: 2, index: 7)
    #expect(input.allSatisfy { $0 >= -1 && $0 <= 1 })
    #expect(input == task.input(of: photograph, seed: 3, epoch: 2, index: 7))
    for (seed, epoch, index) in [(4, 2, 7), (3, 1, 7), (3, 2, 8)] as [(UInt64, Int, Int)] {
      #expect(input != task.input(of: photograph, seed: seed, epoch: epoch, index: index))
    }
  }

  @Test func theHoleInTheMiddle() {
    let input = PhotographTask.inpaint(.centre).input(of: photograph, seed: 0, epoch: 0, index: 0)
    let isHole = (0..<120 * 90).map { (30..<90).contains($0 % 120) && (22..<67).contains($0 / 120) }
    let colours = zip(photograph.planes(), isHole + isHole + isHole).map { $1 ? 0 : $0 }
    #expect(input == colours + isHole.map { $0 ? 1 : 0 })
  }

  @Test func randomHoles() {
    let task = PhotographTask.inpaint(.random)
    let area = 120 * 90
    var shares: [Double] = []
    for index in 0..<200 {
      let input = task.input(of: photograph, seed: 1, epoch: 0, index: index)
      let mask = input[(3 * area)...]
      #expect(mask.allSatisfy { $0 == 0 || $0 == 1 })
      shares.append(Double(mask.reduce(0, +)) / Double(area))
    }
    // One rectangle is at least 1/64 of a picture (here 15 x 11 pixels), and four cover less than all of it.
    #expect(shares.min() ?? 0 >= 165.0 / 10800 && shares.max() ?? 1 < 0.8)
    // One to four rectangles with a mean area of 0.31^2 each, which overlap a little. Measured: 0.21.
    let mean = shares.reduce(0, +) / 200
    #expect(abs(mean - 0.22) <= 0.04, "\(mean)")
    #expect(Set(shares).count > 150)
    #expect(
      task.input(of: photograph, seed: 1, epoch: 1, index: 0)
        != task.input(of: photograph, seed: 1, epoch: 0, index: 0))
    // Small sides still have holes.
    let small = Picture(width: 8, height: 9) { x, _, _ in x }
    #expect(task.input(of: small, seed: 0, epoch: 0, index: 0)[216...].contains(1))
  }

  @Test(
    arguments: [
      "colorize", "inpaint", "inpaint:random", "edges", "edges:2.0,0.05,0.1", "super-resolve:4",
      "denoise:25.0",
    ])
  func tasksAreWritten(_ text: String) throws {
    let task = try #require(PhotographTask(text))
    #expect(task.description == text)
    let data = try JSONEncoder().encode([PairFormat.photographs(task)])
    #expect(try JSONDecoder().decode([PairFormat].self, from: data) == [.photographs(task)])
    #expect(PhotographTask.forms.contains(text.prefix { $0 != ":" }))
    // What it makes has the planes that it says.
    let input = task.input(of: photograph, seed: 0, epoch: 0, index: 0)
    #expect(input.count == task.inputChannels * 120 * 90)
    #expect(input.allSatisfy { $0 >= -1 && $0 <= 1 })
  }

  @Test(
    arguments: [
      "", "colourise", "colorize:", "inpaint:left", "edges:1", "edges:0,1,2", "edges:1,0.3,0.2",
      "edges:1,a,2",
      "edges:1,nan,2", "super-resolve", "super-resolve:1", "super-resolve:2.5", "denoise:0", "denoise:256",
      "denoise:nan",
    ])
  func nonsenseIsNoTask(_ text: String) throws {
    #expect(PhotographTask(text) == nil)
    let data = try JSONEncoder().encode([text])
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([PhotographTask].self, from: data) }
  }

  /// Pictures that are inputs already: what a trained network is given.
  @Test func picturesInUse() throws {
    let size = PictureSize(width: 60, height: 45)
    let small = photograph.fitted(to: size)
    func planes(_ task: PhotographTask, _ picture: Picture) throws -> [Float] {
      try task.planes(ofInput: picture, fittedTo: size, path: "x/in.png")
    }
    #expect(try planes(.superResolve(factor: 2), photograph) == small.planes())
    #expect(try planes(.denoise(sigma: 9), photograph) == small.planes())
    #expect(
      try planes(.edges(Canny()), photograph.gray())
        == PlaneFormat.gray.planes(of: photograph.gray().fitted(to: size), path: "p"))
    #expect(try planes(.colorize, small) == PlaneFormat.lightness.planes(of: small, path: "p"))

    // A transparent corner is a hole.
    var samples = small.rgba().values.map(UInt8.init)
    for pixel in 0..<60 * 45 where pixel % 60 < 20 && pixel / 60 < 10 { samples[pixel * 4 + 3] = 0 }
    let cutout = Picture(width: 60, height: 45, channels: 4, samples: .eight(samples))
    let input = try planes(.inpaint(.random), cutout)
    #expect(input[(3 * 2700)...].reduce(0, +) == 200)
    #expect(input[0] == 0 && input[20] == small.planes()[20])
    let error = #expect(throws: ImageError.self) { try planes(.inpaint(.centre), small) }
    #expect(try #require(error).description.hasPrefix("x/in.png: has no holes"))
  }

  // MARK: - From a folder

  @Test func photographsOfAFolder() throws {
    let folder = try TemporaryFolder()
    for name in ["train/a.png", "train/b.png", "val/c.png"] { try folder.write(name, photograph) }
    #expect(try PairSource(.photographs(folder.path)).pairs.map(\.name) == ["a", "b"])
    #expect(try PairSource.pairs(of: .val, in: .photographs(folder.path))?.pairs.map(\.name) == ["c"])
    #expect(throws: ImageError.self) { try PairSource(.photographs(folder.path), split: .test) }
    let flat = "\(folder.path)/train"
    #expect(try PairSource(.photographs(flat)).count == 2)
    #expect(try PairSource.pairs(of: .val, in: .photographs(flat)) == nil)
    #expect(throws: ImageError.self) { try PairSource(.photographs("\(folder.path)/none")) }
  }

  @Test(arguments: ["colorize", "inpaint:random", "edges", "super-resolve:2", "denoise:10"], [0, 1, 2])
  func pairsAreMadeOfTheCut(text: String, epoch: Int) throws {
    let task = try #require(PhotographTask(text))
    let augmentation = Augmentation(size: PictureSize(width: 64, height: 48), jitter: true, seed: 8)
    let load = augmentation.loadSize
    let folder = try TemporaryFolder()
    try folder.write("a.png", photograph)
    try folder.write("b.png", photograph.mirrored())
    let source = try PairSource(.photographs(folder.path))
    let reader = PairReader(augmentation: augmentation, format: .photographs(task))
    let prefetcher = Prefetcher(source: source, reader: reader, batchSize: 2, startStep: epoch, threads: 2)
    let batch = try prefetcher.next()
    let order = shuffledOrder(count: 2, seed: 8, epoch: epoch)
    var (inputs, targets): ([Float], [Float]) = ([], [])
    for index in order {
      let cut = augmentation.cut(epoch: epoch, index: index)
      let whole = index == 0 ? photograph : photograph.mirrored()
      var seen = whole.resized(width: load.width, height: load.height, method: .bicubic)
        .cropped(x: cut.x, y: cut.y, width: 64, height: 48)
      if cut.isFlipped { seen = seen.mirrored() }
      let input = task.input(of: seen, seed: 8, epoch: epoch, index: index)
      let target = try task.target.planes(of: seen, path: "p")
      let planes = try reader.planes(of: source.pairs[index], epoch: epoch, index: index)
      #expect(planes.input == input && planes.target == target && planes.weights == nil)
      inputs += input
      targets += target
      // What it shows is the photograph again, colours put on their lightness.
      #expect(reader.format.targetPicture(target, input: input, size: augmentation.size) == seen)
      let shown = reader.format.inputPictures(input, size: augmentation.size)
      #expect(shown.count == 1 && shown[0].channels == (task.inputChannels == 1 ? 1 : 3))
    }
    #expect(batch.input == inputs && batch.target == targets && batch.weights == nil)
  }

  @Test func mirroredTwiceIsTheSame() {
    #expect(photograph.mirrored() != photograph && photograph.mirrored().mirrored() == photograph)
    let row = Picture(width: 3, height: 1, channels: 2, samples: .sixteen([1, 2, 3, 4, 5, 6]))
    #expect(row.mirrored().values == [5, 6, 3, 4, 1, 2])
  }

  /// Lightness and chroma may also lie in files of their own.
  @Test func chromaFindsItsLightnessAmongSeveralInputs() throws {
    let format = PairFormat.pictures(inputs: [.gray, .lightness], target: .chroma)
    let gray = try PlaneFormat.gray.planes(of: photograph, path: "p")
    let lightness = try PlaneFormat.lightness.planes(of: photograph, path: "p")
    let chroma = try PlaneFormat.chroma.planes(of: photograph, path: "p")
    let picture = format.targetPicture(chroma, input: gray + lightness, size: photograph.size)
    #expect(picture == photograph)
    let shown = format.inputPictures(gray + lightness, size: photograph.size)
    #expect(shown.count == 2 && shown[0] == photograph.gray() && shown[1].channels == 1)
  }
}
