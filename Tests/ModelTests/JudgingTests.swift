import Foundation
import ImageMetrics
import Images
import Model
import Tape
import Testing

/// Evaluations of pictures whose figures are known.
@Suite struct JudgingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func path(_ name: String) throws -> String {
    let path = "\(folder.path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    return path
  }

  private func write(_ name: String, _ picture: Picture) throws { try picture.write(to: path(name)) }

  private func flat(_ level: UInt8, width: Int = 16, height: Int = 16) -> Picture {
    Picture(
      width: width, height: height, channels: 1,
      samples: .eight([UInt8](repeating: level, count: width * height)))
  }

  /// Horizontal bands of colours, eight pixels wide.
  private func bands(_ colours: [[UInt8]], height: Int = 8) -> Picture {
    let samples = (0..<height).flatMap { row in
      (0..<8).flatMap { _ in colours[row * colours.count / height] }
    }
    return Picture(width: 8, height: height, channels: 3, samples: .eight(samples))
  }

  private func source() throws -> PairSource {
    try PairSource(.twoFolders(inputs: "\(folder.path)/outputs", targets: "\(folder.path)/targets"))
  }

  /// The report's files: figures.json, and the rows of per-picture.csv.
  private func files(_ report: EvaluationReport) throws -> (json: [String: Any], rows: [String]) {
    let out = "\(folder.path)/evaluation"
    try report.write(to: out)
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(out)/figures.json"))
    let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let csv = try? String(contentsOfFile: "\(out)/per-picture.csv", encoding: .utf8)
    return (json, csv?.split(separator: "\n").map(String.init) ?? [])
  }

  // MARK: Pictures

  @Test func knownPictures() throws {
    for (name, output, target) in [("a", 100, 100), ("b, \"c\"", 120, 110)] as [(String, UInt8, UInt8)] {
      try write("outputs/\(name).png", flat(output, width: 8))
      try write("targets/\(name).png", flat(target, width: 8))
    }
    try write("training/t.png", flat(121))
    var evaluation = PictureEvaluation(source: try source(), seed: 0)
    evaluation.training = try Memorization.trainingTargets(in: "\(folder.path)/training").targets
    let report = try evaluation.report()
    // Two pictures: resamples are all the one, all the other, or both.
    #expect(report.rows[0] == ["L1 (0 to 255)", "5", "0 to 10", "2"])
    #expect(report.rows[1] == ["MSE (0 to 65025)", "50", "0 to 100", "2"])
    #expect(report.memorized == [#"b, "c" is nearer to the training target t (1) than to its own (10)"#])
    #expect(report.remarks.first == "SSIM is not defined below 11 pixels on a side, which a has")

    let (json, rows) = try files(report)
    let figures = try #require(json["figures"] as? [String: [String: Any]])
    #expect(figures["l1"]?["value"] as? Double == 5 && figures["l1"]?["upper"] as? Double == 10)
    #expect(figures["psnr"]?["value"] as? String == "inf")
    #expect(figures["ssim"] == nil && figures["nearer_to_training"]?["value"] as? Double == 0.5)
    #expect(json["segmentation"] == nil && json["resamples"] as? Int == 1000)
    let repetitions = try #require(json["nearerToTraining"] as? [[String: Any]])
    #expect(repetitions.count == 1 && repetitions[0]["nearestDistance"] as? Double == 1)
    #expect(rows.count == 3 && rows[1] == "a,0.0,0.0,inf,0.0,21.0,t")
    #expect(
      rows[0] == "name,l1,mse,psnr,own_distance,nearest_training_distance,nearest_training_target")
    #expect(rows[2].hasPrefix(#""b, ""c""",10.0,100.0,"#) && rows[2].hasSuffix(",10.0,1.0,t"))
    // Measured: 0; 3.6e-15 is a unit in the last place.
    let psnr = try #require(Double(rows[2].split(separator: ",")[4]))
    #expect(abs(psnr - 10 * log10(255 * 255 / 100)) <= 3e-14, "\(psnr)")
  }

  /// Confusion matrices are added up, and pixels of the left-out class count nowhere.
  @Test func confusionsAddUp() throws {
    let (black, red, blue) = ([0, 0, 0] as [UInt8], [255, 0, 0] as [UInt8], [0, 0, 255] as [UInt8])
    try write("targets/a.png", bands([black, black, red, red]))
    try write("outputs/a.png", bands([black, red, red, red]))
    try write("targets/b.png", bands([red, blue]))
    try write("outputs/b.png", bands([red, black]))
    let survey = try TargetSurvey(try source())
    var evaluation = PictureEvaluation(source: try source(), seed: 0)
    evaluation.labels = try .judging(survey, unlabelled: Colour("#0000ff"))
    let report = try evaluation.report()
    #expect(report.palette?.colours.map(\.description) == ["#000000", "#0000ff", "#ff0000"])
    // 32 pixels of black, 16 of them called red; 64 of red, all called so.
    let values = Dictionary(uniqueKeysWithValues: report.figures.map { ($0.kind.key, $0.value) })
    #expect(values["pixel_accuracy"] == 80.0 / 96 && values["class_accuracy"] == 0.75)
    #expect(values["class_iou"] == (16.0 / 32 + 64.0 / 80) / 2)
    let segmentation = try #require(try files(report).json["segmentation"] as? [String: Any])
    #expect(segmentation["confusion"] as? [[Int]] == [[16, 0, 16], [0, 0, 0], [0, 0, 64]])
    let classes = try #require(segmentation["classes"] as? [[String: Any]])
    #expect(classes.map { $0["accuracy"] as? Double } == [0.5, nil, 1])
  }

  // MARK: Data

  @Test func classesByPalette() throws {
    try write("targets/a.png", bands([[1, 2, 3], [4, 5, 6]]))
    try write("outputs/a.png", bands([[1, 2, 3]]))
    let survey = try TargetSurvey(try source())
    #expect(try LabelClasses.judging(survey)?.palette.colours.map(\.description) == ["#010203", "#040506"])
    try write("palette/p.png", bands([[9, 9, 9], [1, 2, 3], [4, 5, 6]], height: 9))
    for palette in ["palette", "palette/p.png"] {
      let labels = try LabelClasses.judging(
        survey, palette: "\(folder.path)/\(palette)", unlabelled: Colour("#090909"))
      #expect(labels?.palette.count == 3 && labels?.ignoredColour == Colour("#090909"))
    }
    func refused(_ palette: String?, _ unlabelled: String?) throws -> String {
      try modelError {
        _ = try LabelClasses.judging(
          survey, palette: palette.map { "\(folder.path)/\($0)" },
          unlabelled: unlabelled.flatMap { Colour($0) }
        )
      }.description
    }
    #expect(
      try refused(nil, "#090909")
        == "--unlabelled: #090909 is none of the palette's colours: #010203 #040506")
    #expect(try refused("none", nil) == "\(folder.path)/none: no such file or folder")
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/empty", withIntermediateDirectories: true)
    #expect(
      try refused("empty", nil) == "\(folder.path)/empty: holds no pictures (png, jpg, jpeg, jfif, jpe, npy)")
  }

  /// val before test, a given split before both; other pairs in place of the training's.
  @Test func heldOutPairs() throws {
    for name in ["data/train/1", "data/val/2", "data/test/3", "other/train/4", "other/test/5"] {
      try write("\(name).png", flat(1))
    }
    var options = TrainingOptions()
    options.data = "\(folder.path)/data"
    func names(_ data: String? = nil, _ split: Split? = nil) throws -> [String] {
      try options.heldOutPairs(data: data.map { "\(folder.path)/\($0)" }, split: split).pairs.map(\.name)
    }
    #expect(try names() == ["2"] && names(nil, .test) == ["3"] && names(nil, .train) == ["1"])
    #expect(try names("other") == ["5"])
    options.validationData = "\(folder.path)/other/train"
    #expect(try names() == ["4"] && names("other") == ["5"] && names(nil, .val) == ["2"])
    let other = "\(folder.path)/other"
    #expect(
      try modelError { _ = try names("other", .val) }.description == "--split: \(other) has no split val")
    #expect(
      try modelError { _ = try names("other/train") }.description
        == "--split: \(other)/train has neither val nor test; give --split train, or other pairs with --data")
  }

  // MARK: Features

  private func features(_ name: String, _ shape: [Int], _ values: [Float]) throws -> String {
    var tensors = Safetensors()
    tensors.set("features", shape, values)
    try tensors.write(to: path(name))
    return try path(name)
  }

  /// Against the distance of normal distributions of one variable, (m1 - m2)^2 + (s1 - s2)^2.
  @Test func featureFiles() throws {
    let a = try features("a", [3, 1], [1, 2, 3])
    let comparison = try FeatureComparison(
      outputFile: a, targetFile: features("b", [3, 1], [7, 10, 13]))
    // Measured: 0; 1.4e-14 is a unit in the last place.
    #expect(abs(try comparison.figure().value - (64 + 4)) <= 1e-13)
    #expect(comparison.remark == nil)
    let wide = try features("wide", [3, 3], [0, 1, 2, 1, 0, 2, 4, 4, 1])
    var report = EvaluationReport()
    try report.add(try FeatureComparison(outputFile: wide, targetFile: wide))
    #expect(report.remarks.count == 1 && report.remarks[0].contains("of 3 pictures is biased upwards"))
    for (file, reason) in [
      (wide, "has 3 features a picture where \(a) has 1; use one network"),
      (try features("one", [1, 1], [1]), "is not one F32 tensor [vectors, features] of at least 2 vectors"),
      (try features("nan", [2, 1], [1, .nan]), "features holds NaN or infinite values"),
    ] {
      let error = try modelError { _ = try FeatureComparison(outputFile: a, targetFile: file) }
      #expect(error == .file(file, reason))
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
    try tensors.write(to: path("VGG one.safetensors"))
    return try path("VGG one.safetensors")
  }

  @Test func featureNetwork() throws {
    let path = try oneFeatureNetwork()
    let network = try FeatureNetwork(path: path) { ReferenceExecutor($0) }
    var collector = try FeatureCollector(network: network, path: path, count: 2)
    // Targets of another size have the features of their resized form.
    try collector.add(output: flat(51), target: flat(51, width: 40, height: 33), name: "a")
    try collector.add(output: flat(102, height: 33), target: flat(204), name: "b")
    // Means 0.9 and 1.5, standard deviations 0.3 sqrt 2 and 0.9 sqrt 2. Maps are rounded to Float. Measured: 8.6e-8.
    let figure = try collector.comparison.figure(collector.kind)
    #expect(abs(figure.value - (0.36 + 0.72)) <= 5e-7, "\(figure.value)")
    #expect(figure.kind.key == "frechet_distance_vgg_one" && figure.kind.name == "Fréchet distance, VGG one")
    let error = try modelError { _ = try FeatureCollector(network: network, path: path, count: 1) }
    #expect(
      error == .option("--feature-network", "a Fréchet distance needs at least 2 pictures, not 1"))
  }

  // MARK: Models

  /// The last checkpoint of a short training on the reference.
  private func trained(
    _ run: String, _ sources: [any FigureSource] = [], _ change: (inout TrainingOptions) -> Void
  ) throws -> (Checkpoint, path: String) {
    var options = TrainingOptions()
    (options.network.size, options.network.levels) = (32, 5)
    (options.network.ngf, options.network.ndf) = (2, 2)
    options.length = .epochs(constant: 1, decaying: 0)
    change(&options)
    let directory = RunDirectory("\(folder.path)/\(run)")
    let trainer = try Trainer(options, run: directory, figureSources: sources) {
      ReferenceExecutor($0.recording)
    }
    #expect(try trainer.train(shouldStop: { false }, onEvent: { _ in }) == .finished)
    let path = try #require(directory.latestCheckpoint())
    return (try Checkpoint(path: path), path)
  }

  private static let classes = [[200, 0, 0], [0, 200, 0], [0, 0, 200]] as [[UInt8]]

  /// Label maps and photographs of 32 x 32, and a class's index per pixel of each label map.
  private func writeScenes() throws -> [[Int]] {
    try (0..<4).map { number in
      let classes = (0..<1024).map { ($0 % 32 / 9 + $0 / 300 + number) % 3 }
      let split = number < 2 ? "train" : "val"
      let photograph = classes.enumerated().map { UInt8(60 * $0.element + 50 + $0.offset % 7) }
      try write(
        "labels/\(split)/\(number).png",
        Picture(
          width: 32, height: 32, channels: 3, samples: .eight(classes.flatMap { Self.classes[$0] })))
      try write(
        "photos/\(split)/\(number).png",
        Picture(width: 32, height: 32, channels: 1, samples: .eight(photograph)))
      return classes
    }
  }

  /// A scorer's figures follow from what it reads, by plain counting, and validation has the same numbers.
  @Test func scorer() throws {
    let scenes = try writeScenes()
    let (labels, photos) = ("\(folder.path)/labels", "\(folder.path)/photos")
    let palette = Palette(Self.classes.map { Colour(red: $0[0], green: $0[1], blue: $0[2]) })
    let scorer = try Scorer(
      try trained("scorer") {
        ($0.data, $0.targets) = (photos, labels)
        $0.objective.kind = .crossEntropy
        $0.format = .pictures(inputs: [.rgb], target: .labels(palette))
        ($0.network.outputChannels, $0.network.output) = (3, .logits)
      }
    ) { ReferenceExecutor($0) }
    let run = try trained("run", [ScorerFigureSource(scorer)]) { ($0.data, $0.targets) = (labels, photos) }
    let pairs = try run.0.options.heldOutPairs()
    let translator = try Translator(run) { ReferenceExecutor($0.recording) }
    var evaluation = PictureEvaluation(source: pairs, seed: 0)
    evaluation.translator = translator
    evaluation.scorer = scorer
    evaluation.pictureFolder = "\(folder.path)/pictures"
    let report = try evaluation.report()
    let values = Dictionary(uniqueKeysWithValues: report.figures.map { ($0.kind.key, $0.value) })

    var counts = ["scorer_": 0, "scorer_targets_": 0]
    for (place, pair) in pairs.pairs.enumerated() {
      // The picture that was written is the picture that was judged.
      let output = try Picture(contentsOf: "\(folder.path)/pictures/\(pair.name).png")
      #expect(output == (try translator.translate(pair, index: place)).output)
      for (key, picture) in [("scorer_", output), ("scorer_targets_", try pair.load().target)] {
        let read = try scorer.read(picture, path: pair.name).classes
        counts[key, default: 0] += zip(read, scenes[2 + place]).filter { Int($0) == $1 }.count
      }
    }
    for (key, count) in counts { #expect(values["\(key)pixel_accuracy"] == Double(count) / 2048, "\(key)") }
    #expect((values["scorer_frechet_distance"] ?? -1) > 0)

    let rows = try String(contentsOfFile: "\(folder.path)/run/validation.csv", encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
    for (key, value) in zip(rows[0], rows[1]) where key.hasPrefix("scorer_") {
      #expect(Double(value) == values[key], "\(key)")
    }
    // Label maps from a folder are those of the inputs.
    evaluation.labelMaps = try pairs.paths(in: labels, split: .val)
    evaluation.pictureFolder = nil
    #expect(try evaluation.report().figures == report.figures)
  }
}
