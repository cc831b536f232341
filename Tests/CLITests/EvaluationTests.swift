import Foundation
import Images
import Model
import Testing

/// `pix2pix evaluate` on pictures whose figures are known, and on a model.
@Suite struct EvaluationTests {
  private let folder: TemporaryFolder
  private var out: String { "\(folder.path)/evaluation" }

  init() throws { folder = try TemporaryFolder() }

  private struct File: Decodable {
    struct Value: Decodable {
      let value: Double
      let lower: Double?
      let upper: Double?
      let pictures: Int
    }
    struct Segmentation: Decodable {
      struct Class: Decodable {
        let colour: String
        let accuracy: Double?
      }
      let classes: [Class]
      let confusion: [[Int]]
    }
    struct Repetition: Decodable {
      let name: String
      let nearest: String
    }
    let figures: [String: Value]
    let segmentation: Segmentation?
    let nearerToTraining: [Repetition]?
    let samples: Int?
  }

  private func evaluate(_ arguments: String...) throws -> (file: File, rows: [String], outcome: Outcome) {
    let outcome = try Program.run(["evaluate"] + arguments + ["--out", out])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let file = try decoder.decode(
      File.self, from: Data(contentsOf: URL(fileURLWithPath: "\(out)/figures.json")))
    let csv = try String(contentsOf: URL(fileURLWithPath: "\(out)/per-picture.csv"), encoding: .utf8)
    return (file, csv.split(separator: "\n").map(String.init), outcome)
  }

  private func flat(_ level: UInt8, width: Int = 16, height: Int = 16) -> Picture {
    Picture(
      width: width, height: height, channels: 1,
      samples: .eight([UInt8](repeating: level, count: width * height)))
  }

  private var folders: [String] { ["outputs", "targets"].map { "\(folder.path)/\($0)" } }

  // MARK: Two folders

  @Test func knownPictures() throws {
    for (name, output, target) in [("a", 100, 100), ("b, c", 120, 110)] as [(String, UInt8, UInt8)] {
      try folder.write("outputs/\(name).png", flat(output))
      try folder.write("targets/\(name).png", flat(target))
    }
    try folder.write("training/t.png", flat(121))
    let (file, rows, outcome) = try evaluate(
      "--outputs", folders[0], "--targets", folders[1], "--train-targets", "\(folder.path)/training")
    #expect(file.figures["l1"]?.value == 5)
    #expect(file.figures["l1"]?.lower == 0)
    #expect(file.figures["l1"]?.upper == 10)
    #expect(file.figures["mse"]?.value == 50)
    #expect(file.figures["psnr"]?.value == .infinity)
    // Flat gray pictures have few colours and so count as label maps: 100 is called 100, and 120 is nearer to 110.
    #expect(file.segmentation?.classes.map(\.colour) == ["#646464", "#6e6e6e"])
    #expect(file.segmentation?.confusion == [[256, 0], [0, 256]])
    #expect(file.figures["ms_ssim"] == nil)
    #expect(outcome.errors.contains("MS-SSIM is not defined below 161 pixels on a side, which a has"))
    #expect(file.figures["nearer_to_training"]?.value == 0.5)
    #expect(file.nearerToTraining?.map(\.name) == ["b, c"])
    #expect(outcome.errors.contains("b, c is nearer to the training target t (1) than to its own (10)"))
    #expect(rows.count == 3)
    #expect(rows[0].hasPrefix("name,l1,mse,psnr,ssim,pixel_accuracy,"))
    #expect(rows[1].hasPrefix("a,0.0,0.0,inf,1.0,1.0,"))
    #expect(rows[2].hasPrefix("\"b, c\",10.0,100.0,28.13"))
  }

  /// Colours come from the palette, whatever targets show; pixels of one class are left out.
  @Test func paletteAndIgnoredClass() throws {
    var target = [UInt8](repeating: 0, count: 3 * 64)
    for pixel in 32..<64 { target[3 * pixel] = 255 }
    try folder.write("targets/a.png", Picture(width: 8, height: 8, channels: 3, samples: .eight(target)))
    // Nearer to green than to black or red.
    let green = [UInt8]((0..<3 * 64).map { $0 % 3 == 1 ? 200 : 40 })
    try folder.write("outputs/a.png", Picture(width: 8, height: 8, channels: 3, samples: .eight(green)))
    let palette = Picture(width: 3, height: 1, channels: 3, samples: .eight([0, 0, 0, 0, 255, 0, 255, 0, 0]))
    let arguments = [
      "--outputs", folders[0], "--targets", folders[1], "--palette",
      try folder.write("palette.png", palette), "--unlabelled",
    ]
    let (file, _, _) = try evaluate(
      arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5], arguments[6],
      "#ff0000")
    #expect(file.segmentation?.classes.map(\.colour) == ["#000000", "#00ff00", "#ff0000"])
    #expect(file.segmentation?.confusion == [[0, 32, 0], [0, 0, 0], [0, 0, 0]])
    #expect(file.figures["pixel_accuracy"]?.value == 0)
    expectFailure(
      try Program.run(["evaluate"] + arguments + ["#ff0001"]),
      "--unlabelled: #ff0001 is none of the palette's")
  }

  @Test func features() throws {
    func write(_ name: String, _ values: [Float]) throws -> String {
      var tensors = Safetensors()
      tensors.set("features", [values.count, 1], values)
      return try folder.write(name, tensors.data())
    }
    let (a, b) = (try write("a.safetensors", [1, 2, 3]), try write("b.safetensors", [7, 10, 13]))
    let outcome = try Program.run(["evaluate", "--output-features", a, "--target-features", b])
    // (64 + 4), and by k(x, y) = (x y + 1)^3 within and between.
    func mean(_ a: [Double], _ b: [Double], isSame: Bool) -> Double {
      let values = a.indices.flatMap { i in
        b.indices.compactMap { j in isSame && i == j ? nil : Foundation.pow(a[i] * b[j] + 1, 3) }
      }
      return values.reduce(0, +) / Double(values.count)
    }
    let (x, y) = ([1.0, 2, 3], [7.0, 10, 13])
    let kernel = mean(x, x, isSame: true) + mean(y, y, isSame: true) - 2 * mean(x, y, isSame: false)
    let words = outcome.output.split(whereSeparator: \.isWhitespace).map(String.init)
    #expect(
      words.contains("68") && words.contains(String(format: "%.4g", 1000 * kernel)), "\(outcome.output)")
    let (one, nan) = (try write("one.safetensors", [1]), try write("nan.safetensors", [1, .nan]))
    for (file, reason) in [(one, "is not one F32 tensor"), (nan, "holds NaN")] {
      expectFailure(
        try Program.run(["evaluate", "--output-features", a, "--target-features", file]), "\(file): ", reason)
    }
  }

  /// A network of one map and four poolings, whose single feature of a flat gray picture of level g is 3 g / 255, whatever
  /// the padding: the middle of its first kernel undoes the normalisation and adds up red, green and blue.
  private func oneFeatureNetwork() throws -> String {
    var tensors = Safetensors()
    func set(_ index: Int, _ factors: [Float], _ bias: Float) {
      let kernels = factors.flatMap { [0, 0, 0, 0, $0, 0, 0, 0, 0] as [Float] }
      tensors.set("features.\(index).weight", [1, factors.count, 3, 3], kernels)
      tensors.set("features.\(index).bias", [1], [bias])
    }
    set(0, [0.229, 0.224, 0.225], 0.485 + 0.456 + 0.406)
    for index in [3, 6, 9] { set(index, [1], 0) }
    return try folder.write("VGG one.safetensors", tensors.data())
  }

  /// Against the distance of normal distributions of one variable, (m1 - m2)^2 + (s1 - s2)^2.
  @Test(arguments: ["auto", "reference"]) func featureNetwork(_ device: String) throws {
    let network = try oneFeatureNetwork()
    let (outputs, targets): ([UInt8], [UInt8]) = ([20, 90, 250], [30, 50, 115])
    for (index, (output, target)) in zip(outputs, targets).enumerated() {
      // Of two sizes, the second odd.
      try folder.write("outputs/\(index).png", flat(output, height: index == 1 ? 33 : 16))
      try folder.write("targets/\(index).png", flat(target, height: index == 1 ? 33 : 16))
    }
    func moments(_ levels: [UInt8]) -> (mean: Double, deviation: Double) {
      let features = levels.map { 3 * Double($0) / 255 }
      let mean = features.reduce(0, +) / 3
      return (mean, (features.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2).squareRoot())
    }
    let (a, b) = (moments(outputs), moments(targets))
    let expected =
      (a.mean - b.mean) * (a.mean - b.mean) + (a.deviation - b.deviation) * (a.deviation - b.deviation)
    let (file, _, outcome) = try evaluate(
      "--outputs", folders[0], "--targets", folders[1], "--feature-network", network, "--device", device)
    let figure = try #require(file.figures["frechet_distance_vgg_one"])
    #expect(figure.pictures == 3)
    // Weights, pictures and maps are rounded to Float. Measured: 3.7e-8.
    #expect(abs(figure.value - expected) <= 2e-7, "\(figure.value), expected \(expected)")
    #expect(outcome.output.contains("Fréchet distance, VGG one"))
    #expect(!outcome.errors.contains("biased upwards"))
  }

  @Test func fewPicturesForFeatures() throws {
    var tensors = Safetensors()
    tensors.set("features", [3, 3], [0, 1, 2, 1, 0, 2, 4, 4, 1])
    let path = try folder.write("three.safetensors", tensors.data())
    let outcome = try Program.run(["evaluate", "--output-features", path, "--target-features", path])
    #expect(outcome.errors.contains("of 3 pictures is biased upwards"), "\(outcome.errors)")
  }

  // MARK: Refusals

  @Test func featuresThatCannotBeMade() throws {
    func refused(_ network: String, _ parts: String) throws {
      let outcome = try Program.run([
        "evaluate", "--outputs", folders[0], "--targets", folders[1], "--feature-network", network,
      ])
      expectFailure(outcome, parts)
    }
    for name in ["outputs", "targets"] { try folder.write("\(name)/a.png", flat(1)) }
    let network = try oneFeatureNetwork()
    try refused(network, "--feature-network: a Fréchet distance needs at least 2 pictures, not 1")
    for name in ["outputs", "targets"] { try folder.write("\(name)/b.png", flat(1, height: 8)) }
    try refused(network, "b: 16x8 pixels are too few for features of \(network): it needs 16 on a side")
    let other = try folder.write("other.safetensors", Safetensors().data())
    try refused(other, "\(other): has no convolution features.0.weight")
    try refused("\(folder.path)/none", "\(folder.path)/none: no such file")
  }

  @Test func otherSizes() throws {
    try folder.write("outputs/a.png", flat(1))
    try folder.write("targets/a.png", flat(1, width: 17))
    expectFailure(
      try Program.run(["evaluate", "--outputs", folders[0], "--targets", folders[1], "--out", out]),
      "\(folders[0])/a.png: is 16x16 pixels, but \(folders[1])/a.png is 17x16")
    #expect(!FileManager.default.fileExists(atPath: out))
  }

  @Test func otherNames() throws {
    try folder.write("outputs/a.png", flat(1))
    try folder.write("targets/b.png", flat(1))
    expectFailure(
      try Program.run(["evaluate", "--outputs", folders[0], "--targets", folders[1]]),
      "only in \(folders[0]): a.png")
  }

  @Test func unknownLabelColour() throws {
    try folder.write("outputs/a.png", flat(1))
    try folder.write("targets/a.png", flat(7))
    let palette = try folder.write("palette.png", flat(9))
    expectFailure(
      try Program.run([
        "evaluate", "--outputs", folders[0], "--targets", folders[1], "--palette", palette,
      ]),
      "\(folders[1])/a.png: the pixel at x 0, y 0 has the colour #070707, which is none of the")
  }

  @Test(arguments: [
    ["--outputs", "a"], ["--model", "a", "--outputs", "b", "--targets", "c"], [], ["--output-features", "a"],
    ["--output-features", "a", "--target-features", "b", "--palette", "c"], ["--feature-network", "a"],
    ["--output-features", "a", "--target-features", "b", "--feature-network", "c"],
    ["--outputs", "a", "--targets", "b", "--data", "c"], ["--model", "a", "--targets", "b"],
    ["--outputs", "a", "--targets", "b", "--unlabelled", "red"], ["--model", "a", "--samples", "1"],
    ["--model", "a", "--lpips-weights", "ones"], ["--model", "a", "--target-samples", "b"],
    ["--output-features", "a", "--target-features", "b", "--samples", "3"],
  ]) func misused(_ arguments: [String]) throws {
    expectFailure(try Program.run(["evaluate"] + arguments), status: 64)
  }

  // MARK: Samples

  /// VGG-16 of one map a layer, each kernel a one in its middle: its taps are the red channel, behind ReLU and poolings.
  private func thinVGG() throws -> String {
    var tensors = Safetensors()
    for (place, index) in [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28].enumerated() {
      let channels = place == 0 ? 3 : 1
      let kernels = [Float]([0, 0, 0, 0, 1, 0, 0, 0, 0] + [Float](repeating: 0, count: 9 * (channels - 1)))
      tensors.set("features.\(index).weight", [1, channels, 3, 3], kernels)
      tensors.set("features.\(index).bias", [1], [0])
    }
    return try folder.write("thin.safetensors", tensors.data())
  }

  private func writeFlat(_ name: String, _ levels: [UInt8]) throws {
    for (sample, level) in levels.enumerated() {
      try folder.write(
        "\(name)\(levels.count == 1 ? "" : "-\(sample + 1)").png", flat(level, width: 32, height: 32))
    }
  }

  /// Gray levels, whose distances are known. Of one channel a unit feature is 1 where the normalised red is above 0, else 0:
  /// from level 124 on.
  @Test func samplesOfFolders() throws {
    try writeFlat("targets/a", [100])
    try writeFlat("targets/b-1", [200])
    try writeFlat("outputs/a", [90, 120, 130])
    try writeFlat("outputs/b-1", [210, 220, 230])
    try writeFlat("truth/a", [100, 160])
    try writeFlat("truth/b-1", [200, 240])
    let (file, rows, outcome) = try evaluate(
      "--outputs", folders[0], "--targets", folders[1], "--samples", "2", "--target-samples",
      "\(folder.path)/truth", "--feature-network", thinVGG(), "--lpips-weights", "ones")
    #expect(outcome.errors.contains("outputs: 2 samples beyond the first 2 of an input are left out"))
    func value(_ key: String) throws -> Double { try #require(file.figures[key]).value }
    #expect(file.samples == 2)
    // Of the first samples.
    #expect(try value("l1") == 10)
    #expect(try value("l1_diversity") == 20 && value("l1_best") == 10)
    #expect(try value("l1_target_diversity") == 50 && value("l1_collapse_ratio") == 0.4)
    #expect(file.figures["l1_diversity"]?.lower == 10 && file.figures["l1_diversity"]?.upper == 30)
    // But for what is added to lengths.
    for key in ["", "_diversity", "_best"] {
      #expect(abs(try value("lpips_vgg_baseline\(key)")) <= 1e-16, "\(key)")
    }
    // Levels 100 and 160 differ in all five layers.
    #expect(abs(try value("lpips_vgg_baseline_target_diversity") - 2.5) <= 1e-8)
    #expect(
      rows[0].hasSuffix(
        ",lpips_vgg_baseline,l1_diversity,l1_best,l1_target_diversity,lpips_vgg_baseline_diversity,lpips_vgg_baseline_best,lpips_vgg_baseline_target_diversity"
      ), "\(rows[0])")
    #expect(rows[1].hasPrefix("a,10.0,") && rows[1].contains(",0.0,30.0,10.0,60.0,0.0,0.0,"), "\(rows[1])")
    #expect(outcome.output.contains("L1, best of 2 samples (0 to 255)"), "\(outcome.output)")
    // Three of three.
    let all = try evaluate("--outputs", folders[0], "--targets", folders[1], "--samples", "3").file
    #expect(all.figures["l1_diversity"]?.value == (80.0 / 3 + 40.0 / 3) / 2)
    #expect(all.figures["l1_best"]?.value == 10 && all.figures["l1_collapse_ratio"] == nil)
  }

  @Test func samplesThatAreNone() throws {
    try writeFlat("targets/a", [100])
    try writeFlat("outputs/a", [90, 120])
    func refused(_ arguments: [String], _ parts: String...) throws {
      let outcome = try Program.run(
        ["evaluate", "--outputs", folders[0], "--targets", folders[1], "--out", out] + arguments)
      #expect(outcome.status == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
      for part in parts { #expect(outcome.errors.contains(part), "\(outcome.errors)") }
      #expect(!FileManager.default.fileExists(atPath: out))
    }
    try refused(
      ["--samples", "3"], "outputs: has no picture a-3, one of the 3 samples of \(folders[1])/a.png")
    try writeFlat("truth/b", [1, 2])
    try refused(
      ["--samples", "2", "--target-samples", "\(folder.path)/truth"],
      "truth: has no targets of a; --target-samples takes at least two of each input, a-1, a-2 and so on")
    try folder.write("truth/a-1.png", flat(7, width: 32, height: 32))
    try refused(
      ["--samples", "2", "--target-samples", "\(folder.path)/truth"], "truth: has one target of a;")
    try folder.write("truth/a-2.png", flat(7, width: 33, height: 32))
    try refused(
      ["--samples", "2", "--target-samples", "\(folder.path)/truth"],
      "truth/a-2.png: is 33x32 pixels of 3 channels, but \(folders[1])/a.png is 32x32 of 3")
    try refused(
      ["--samples", "2", "--feature-network", thinVGG(), "--lpips-weights", "\(folder.path)/none"],
      "none: no such file")
    try folder.write("outputs/x.png", flat(1))
    try refused(["--samples", "2"], "outputs/x.png: is no sample NAME-1, NAME-2 and so on of a target in")
  }

  @Test func equalTargets() throws {
    try writeFlat("targets/a", [100])
    try writeFlat("outputs/a", [90, 120])
    try writeFlat("truth/a", [100, 100])
    expectFailure(
      try Program.run([
        "evaluate", "--outputs", folders[0], "--targets", folders[1], "--samples", "2", "--target-samples",
        "\(folder.path)/truth",
      ]), "--target-samples: the targets of each input are all equal")
  }

  /// A model's samples are those of translate, its plain figures those of the first one.
  @Test func samplesOfAModel() throws {
    let data = try folder.makeFolder("data")
    try folder.writePairs("data/train", count: 4)
    for index in 10..<13 { try folder.write("data/val/v\(index).png", pattern(64, 32, index)) }
    let run = "\(folder.path)/run"
    let trained = try Program.run(
      ["train", "--data", data, "--out", run, "--steps", "4", "--noise", "gaussian"] + tiny)
    #expect(trained.status == 0, "\(trained.errors)")
    let plain = try evaluate("--model", run).file
    try FileManager.default.removeItem(atPath: out)
    let sampled = try evaluate(
      "--model", run, "--samples", "3", "--feature-network", thinVGG(), "--lpips-weights", "ones"
    ).file
    for (key, figure) in plain.figures { #expect(sampled.figures[key]?.value == figure.value, "\(key)") }
    let best = try #require(sampled.figures["l1_best"]).value
    let diversity = try #require(sampled.figures["l1_diversity"]).value
    #expect(diversity > 0 && best <= plain.figures["l1"]?.value ?? 0)
    let pictures = "\(folder.path)/pictures"
    let translated = try Program.run([
      "translate", "--model", run, "--input", "\(data)/val", "--side", "A", "--samples", "3", "--out",
      pictures,
      "--json",
    ])
    #expect(translated.status == 0, "\(translated.errors)")
    let files = try FileManager.default.contentsOfDirectory(atPath: pictures).sorted()
    #expect(files == (10..<13).flatMap { index in (1...3).map { "v\(index)-\($0).png" } })
    for file in files {
      #expect(
        FileManager.default.contents(atPath: "\(pictures)/\(file)")
          == FileManager.default.contents(atPath: "\(out)/pictures/\(file)"), "\(file)")
    }
    #expect(
      translated.output.contains("\"diversity\",\"distance\":\(diversity)"),
      "\(translated.output), \(diversity)")
    // Other programs' samples would have the same figures.
    for index in 10..<13 {
      let target = pattern(64, 32, index).cropped(x: 32, y: 0, width: 32, height: 32)
      try folder.write("targets/v\(index).png", target)
    }
    let others = try evaluate("--outputs", pictures, "--targets", folders[1], "--samples", "3").file
    for key in ["l1", "l1_diversity", "l1_best"] {
      #expect(others.figures[key]?.value == sampled.figures[key]?.value, "\(key)")
    }
  }

  @Test func samplesWithoutChance() throws {
    let data = try folder.makeFolder("data")
    try folder.writePairs("data/train", count: 4)
    try folder.write("data/val/v.png", pattern(64, 32, 9))
    let run = "\(folder.path)/run"
    let trained = try Program.run(
      ["train", "--data", data, "--out", run, "--steps", "2", "--no-dropout"] + tiny)
    #expect(trained.status == 0, "\(trained.errors)")
    expectFailure(
      try Program.run(["evaluate", "--model", run, "--samples", "2", "--out", out]),
      "--samples: the model has neither codes, noise nor dropout in use")
    #expect(!FileManager.default.fileExists(atPath: out))
  }

  // MARK: A model

  /// The pictures are those of translate, the figures those of the training's own validation.
  @Test func model() throws {
    let data = try folder.makeFolder("data")
    try folder.writePairs("data/train", count: 4)
    for index in 10..<13 { try folder.write("data/val/v\(index).png", pattern(64, 32, index)) }
    let run = "\(folder.path)/run"
    let trained = try Program.run(["train", "--data", data, "--out", run, "--steps", "4"] + tiny)
    #expect(trained.status == 0, "\(trained.errors)")
    let (file, rows, _) = try evaluate("--model", run, "--feature-network", oneFeatureNetwork())
    #expect(rows.dropFirst().map { $0.prefix(4) } == ["v10,", "v11,", "v12,"])
    #expect(file.figures["l1"]?.pictures == 3)
    #expect(file.figures["nearer_to_training"]?.pictures == 3)
    try expectValidation(of: run, last: file.figures)
    #expect(file.figures["frechet_distance_vgg_one"]?.pictures == 3)
    let translated = try Program.run([
      "translate", "--model", run, "--input", "\(data)/val", "--side", "A", "--out",
      "\(folder.path)/pictures",
    ])
    #expect(translated.status == 0, "\(translated.errors)")
    for index in 10..<13 {
      let pictures = ["\(folder.path)/pictures", "\(out)/pictures"].map { "\($0)/v\(index).png" }
      #expect(
        FileManager.default.contents(atPath: pictures[0])
          == FileManager.default.contents(atPath: pictures[1]))
    }
    expectFailure(
      try Program.run(["evaluate", "--model", run, "--split", "test"]), "has no split test")
    expectFailure(
      try Program.run(["evaluate", "--model", run, "--data", "\(data)/train"]), "neither val nor test")
  }

  /// The last row of a run's validation.csv: a number for every figure but those of training targets and of features, and
  /// the same number.
  private func expectValidation(of run: String, row: Int? = nil, last figures: [String: File.Value]) throws {
    let rows = try String(contentsOfFile: "\(run)/validation.csv", encoding: .utf8).split(separator: "\n").map
    {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    let values = Dictionary(uniqueKeysWithValues: zip(rows[0], rows[row ?? rows.count - 1]))
    let figures = figures.filter { key, _ in
      key != "nearer_to_training" && !key.hasPrefix("frechet_distance") && !key.hasPrefix("kernel_distance")
    }
    #expect(Set(values.keys) == Set(figures.keys).union(["step", "epoch"]))
    for (key, figure) in figures {
      #expect(Double(values[key] ?? "") == figure.value, "\(key)")
    }
  }

  /// What a run of label maps is given.
  struct LabelCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let options: [String]
    let indices: Bool
  }

  /// Validation and evaluation say the same of a checkpoint, whatever its label maps are to the networks: planes of
  /// classes, or colours that are blended where a map is resized.
  @Test(arguments: [
    LabelCase(
      testDescription: "classes by colour", options: ["--target-format", "palette"], indices: false),
    LabelCase(
      testDescription: "classes by index", options: ["--target-format", "index"], indices: true),
    LabelCase(
      testDescription: "pixels that nobody labelled",
      options: ["--target-format", "palette", "--unlabelled", "#001eff"], indices: false),
    LabelCase(testDescription: "colours", options: [], indices: false),
  ]) func validatedAndEvaluated(_ labels: LabelCase) throws {
    for number in 0..<4 {
      // The last one, to validate with, lacks a class.
      let classes = (0..<50 * 37).map { UInt8(($0 % 50 / 9 + $0 / 400 + number) % (number < 3 ? 3 : 2)) }
      let samples = labels.indices ? classes : classes.flatMap { [$0 * 100, 30, 255 - $0 * 90] }
      let map = Picture(
        width: 50, height: 37, channels: labels.indices ? 1 : 3, samples: .eight(samples))
      let split = number < 2 ? "train" : "val"
      try folder.write("inputs/\(split)/p\(number).png", pattern(50, 37, number))
      try folder.write("targets/\(split)/p\(number).png", map)
    }
    let run = "\(folder.path)/run"
    let trained = try Program.run(
      [
        "train", "--data", "\(folder.path)/inputs", "--targets", "\(folder.path)/targets", "--out", run,
        "--size",
        "40x32", "--ngf", "4", "--ndf", "4", "--patch", "16", "--device", "reference", "--steps", "6",
        "--best",
        "class_iou",
      ] + labels.options)
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(
      trained.output.contains("epoch 3: validation class IOU ") && trained.output.contains(", L1 (0 to 255) ")
    )
    let (file, _, _) = try evaluate("--model", run, "--device", "reference")
    // Four of pixels, since MS-SSIM asks for larger ones, three of histograms and three of label maps.
    #expect(file.figures.count == 4 + 3 + 3 + 1)
    #expect(file.segmentation?.classes.count == 3)
    try expectValidation(of: run, last: file.figures)
    // The best checkpoint is that of its row.
    let ious = try String(contentsOfFile: "\(run)/validation.csv", encoding: .utf8).split(separator: "\n")
      .dropFirst().map { try #require(Double($0.split(separator: ",").last ?? "")) }
    let best = try #require(ious.firstIndex(of: ious.max() ?? .nan))
    let (bestFile, _, _) = try evaluate("--model", "\(run)/best.safetensors", "--device", "reference")
    try expectValidation(of: run, row: best + 1, last: bestFile.figures)
  }

  @Test func figureThatTheRunCannotHave() throws {
    let run = "\(folder.path)/run"
    try folder.writePairs("data/train", count: 1)
    try folder.writePairs("data/val", count: 1, width: 200, height: 90)
    expectFailure(
      try Program.run(
        ["train", "--data", "\(folder.path)/data", "--out", run, "--steps", "2", "--best", "ms_ssim"] + tiny
          + onReference),
      "--best: ms_ssim is none of the figures that this run has: l1, mse, psnr, ssim, histogram_intersection_l"
    )
    #expect(!FileManager.default.fileExists(atPath: run))
  }
}
