import Foundation
import Images
import Model
import Testing

/// Options on the command line, in checkpoints, in a resumed run and in reports.
@Suite struct OptionTests {
  /// A run's command line, and the options it stands for, written by hand.
  struct Run: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let words: [String: [String]]
    let options: TrainingOptions

    init(_ name: String, _ words: [String: [String]], _ change: (inout TrainingOptions) -> Void) {
      (testDescription, self.words) = (name, words)
      var options = TrainingOptions()
      change(&options)
      self.options = options
    }

    /// With what follows from the pictures.
    var complete: TrainingOptions {
      var options = options
      if case .pictures = options.format {
        let labels = Palette([Colour(red: 1, green: 2, blue: 3)])
        options.format = .pictures(
          inputs: [.gray] + options.moreInputs.map { _ in .channels(5) },
          target: options.network.output == .logits ? .labels(labels) : .rgba)
      }
      options.network.inputChannels = options.format.inputChannels
      options.network.outputChannels = options.format.targetChannels
      return options
    }

    var given: [GivenOption] {
      TrainingOptions.rows.compactMap { row in words[row.name].map { GivenOption(row, $0) } }
    }
  }

  /// Every option is given in one of them, and no field is at its default in all.
  static let runs = [drawing, reading, colouring, cycling, coding, following]

  private static let drawing = Run(
    "drawing",
    [
      "--data": ["a \"quoted\" \u{e9}/folder"], "--targets": ["targets"], "--input": ["edges", "depth"],
      "--weights": ["weights"], "--validation-data": ["validation"], "--validation-targets": ["answers"],
      "--direction": ["BtoA"], "--input-format": ["gray", "rgba", "channels"],
      "--target-format": ["lightness"],
      "--size": ["48x64"], "--generator": ["encoder-decoder"], "--levels": ["4"], "--upsampling": ["resize"],
      "--ngf": ["2"], "--ndf": ["3"], "--patch": ["16"], "--scales": ["2"], "--norm": ["instance"],
      "--affine": ["on"], "--spectral-norm": ["on"], "--noise": ["gaussian:5"], "--dropout": ["off"],
      "--objective": ["gan+l1"], "--gan-loss": ["lsgan"], "--lambda-gan": ["0.5"], "--lambda-l1": ["12.5"],
      "--lambda-ssim": ["6"], "--lambda-edges": ["7"], "--lambda-feature-matching": ["10"],
      "--gradient-penalty": ["0.25"], "--pool": ["50"], "--batch-size": ["8"], "--epochs": ["7"],
      "--decay-epochs": ["4"], "--learning-rate": ["0.30000000000000004"], "--init": ["kaiming"],
      "--no-jitter": ["off"],
      "--seed": ["18446744073709551615"], "--recompute": ["on"], "--save-every": ["5"],
      "--sample-every": ["6"],
      "--validate-every": ["11"], "--best": ["psnr"], "--scorer": ["scorer"], "--keep": ["12"],
      "--precision": ["tf32"], "--from": ["another/run"],
    ]
  ) {
    $0.data = "a \"quoted\" \u{e9}/folder"
    $0.targets = "targets"
    $0.moreInputs = ["edges", "depth"]
    $0.weights = "weights"
    $0.validationData = "validation"
    $0.validationTargets = "answers"
    $0.direction = .bToA
    $0.kinds.inputs = [.gray, .rgba, .channels]
    $0.kinds.target = .lightness
    $0.network.size = PictureSize(width: 48, height: 64)
    $0.network.generator = .encoderDecoder
    $0.network.levels = 4
    $0.network.upsampling = .resize
    $0.network.ngf = 2
    $0.network.ndf = 3
    $0.network.discriminatorLayers = 1
    $0.network.scales = 2
    $0.network.norm = .instance
    $0.network.affine = true
    $0.network.spectralNorm = true
    $0.network.noiseChannels = 5
    $0.network.dropout = false
    $0.objective.kind = .ganL1
    $0.objective.ganLoss = .lsgan
    $0.objective.lambdaGAN = 0.5
    $0.objective.pixelWeight = 12.5
    $0.objective[weightOf: "G_SSIM"] = 6
    $0.objective[weightOf: "G_edges"] = 7
    $0.objective.lambdaFeatureMatching = 10
    $0.objective.gradientPenalty = 0.25
    $0.poolSize = 50
    $0.batchSize = 8
    $0.length = .epochs(constant: 3, decaying: 4)
    $0.learningRate = 0.1 + 0.2
    $0.initialization = .kaiming
    $0.jitter = false
    $0.seed = .max
    $0.recompute = true
    $0.saveEvery = 5
    $0.sampleEvery = 6
    $0.validateEvery = 11
    $0.best = "psnr"
    $0.scorer = "scorer"
    $0.keep = 12
    $0.precision = .tf32
    $0.from = "another/run"
  }

  private static let reading = Run(
    "reading",
    [
      "--data": ["photos"], "--targets": ["labels"], "--labels": ["index"], "--target-format": ["palette"],
      "--unlabelled": ["#010203"], "--objective": ["cross-entropy"], "--steps": ["9"],
    ]
  ) {
    $0.data = "photos"
    $0.targets = "labels"
    $0.kinds.labels = .index
    $0.kinds.target = .palette
    $0.kinds.unlabelled = Colour(red: 1, green: 2, blue: 3)
    $0.objective.kind = .crossEntropy
    $0.network.output = .logits
    $0.length = .steps(9)
  }

  private static let colouring = Run(
    "colouring",
    [
      "--data": ["photos"], "--task": ["super-resolve:4"], "--minimax": ["on"],
      "--learning-rate-policy": ["step"], "--learning-rate-step": ["9"],
    ]
  ) {
    $0.data = "photos"
    $0.format = .photographs(.superResolve(factor: 4))
    $0.objective.minimax = true
    $0.learningRatePolicy = .step(every: 9)
  }

  private static let cycling = Run(
    "cycling",
    [
      "--data": ["photos"], "--unpaired": ["on"], "--lambda-cycle": ["5"], "--lambda-cycle-back": ["6"],
      "--lambda-identity": ["0"], "--pool": ["9"], "--feature-network": ["vgg.safetensors"],
    ]
  ) {
    $0.data = "photos"
    $0.unpaired = CycleGAN.Weights(cycle: 5, cycleBack: 6, identity: 0)
    ($0.network.generator, $0.network.norm, $0.network.dropout) = (.resnet9, .instance, false)
    ($0.objective.kind, $0.objective.ganLoss, $0.poolSize) = (.gan, .lsgan, 9)
    $0.best = "cycle_l1_noisy"
    $0.featureNetwork = "vgg.safetensors"
  }

  private static let coding = Run(
    "coding",
    [
      "--data": ["photos"], "--size": ["128"], "--latent": ["5"], "--latent-at": ["input"],
      "--lambda-latent": ["0.25"],
      "--lambda-kl": ["0.125"], "--lambda-l1": ["9"],
    ]
  ) {
    $0.data = "photos"
    ($0.network.size, $0.network.levels) = (PictureSize(square: 128), 7)
    $0.network.latent = LatentCode(length: 5, place: .input)
    $0.codeLosses = BicycleGAN.Weights(latent: 0.25, divergence: 0.125)
    ($0.network.norm, $0.network.dropout, $0.network.scales) = (.instance, false, 2)
    ($0.objective.kind, $0.objective.ganLoss, $0.objective.pixelWeight) = (.ganL1, .lsgan, 9)
    ($0.batchSize, $0.initialization, $0.best) = (2, .xavier, "l1_encoded")
  }

  private static let following = Run(
    "following",
    [
      "--data": ["photos"], "--teacher": ["big/best.safetensors"], "--lambda-teacher": ["5"],
      "--lambda-teacher-edges": ["6"], "--lambda-teacher-high": ["7.5"], "--teacher-radius": ["0.5"],
    ]
  ) {
    $0.data = "photos"
    $0.distillation = Distillation(
      teacher: "big/best.safetensors", weights: .init(pixels: 5, edges: 6, high: 7.5, radius: 0.5))
    // What the targets say of pixels is left out where no option asks for it.
    $0.objective.pixelWeight = 0
  }

  // MARK: - The command line

  @Test func everyOptionIsGivenInARun() {
    let given = Set(Self.runs.flatMap(\.words.keys))
    #expect(given == Set(TrainingOptions.rows.map(\.name)))
    #expect(given.count == TrainingOptions.rows.count, "two rows of one name")
  }

  @Test(arguments: runs) func wordsSetTheirFields(_ run: Run) throws {
    var options = TrainingOptions()
    try options.set(run.given)
    #expect(Self.differences(options, run.options) == [])
    #expect(options == run.options)
    #expect(options.misuse(of: run.given) == nil)
    for option in run.given { #expect(option.row.words(options) == option.words, "\(option.row.name)") }
  }

  @Test func levelsFollowTheSize() throws {
    var options = TrainingOptions()
    try options.set([GivenOption(TrainingOptions.row("--size"), ["64"])])
    #expect(options.network.levels == 6)
  }

  @Test(arguments: [
    ("--ngf", "x"), ("--learning-rate", ""), ("--size", "1x2x3"), ("--generator", "resnet"),
    ("--patch", "71"),
    ("--noise", "gaussian:0"), ("--seed", "-1"), ("--task", "nothing"), ("--unlabelled", "red"),
  ])
  func wordsThatAreNoValues(_ name: String, _ word: String) throws {
    let row = TrainingOptions.row(name)
    #expect(row.problem(ofWord: word) != nil)
    var options = TrainingOptions()
    let error = try modelError { try row.set(&options, [word]) }
    #expect(error.description.hasPrefix("\(name): \"\(word)\" is not ") && options == TrainingOptions())
  }

  /// What follows from codes where nothing else is said: a ResNet has no levels for them, and small pictures have one scale.
  @Test func defaultsOfCodes() throws {
    func options(_ words: [String: [String]]) throws -> TrainingOptions {
      var options = TrainingOptions()
      try options.set(Run("", words.merging(["--latent": ["8"]]) { $1 }) { _ in }.given)
      return options
    }
    #expect(try options([:]).network.latent == LatentCode(length: 8, place: .all))
    #expect(try options([:]).network.scales == 2)
    #expect(try options(["--generator": ["resnet-6"]]).network.latent?.place == .input)
    #expect(try options(["--size": ["32"]]).network.scales == 1)
    #expect(try options(["--size": ["64"]]).network.scales == 2)
  }

  @Test(
    arguments: [
      (["--latent": "8", "--batch-size": "3"], "--batch-size: 3 is odd"),
      (["--latent": "0"], "--latent: 0 is not from 1 to 64 numbers"),
      (["--latent": "65"], "--latent: 65 is not"),
      (
        ["--latent": "8", "--objective": "l1"], "--objective: l1 has no discriminator, and nothing else asks"
      ),
      (
        ["--latent": "8", "--generator": "resnet-6"], "--generator: a resnet-6's first norm takes codes away"
      ),
      (
        ["--latent": "8", "--generator": "resnet-9", "--latent-at": "all", "--norm": "none"],
        "--latent-at: a resnet-9 has no levels"
      ),
      (["--latent": "8", "--teacher": "big"], "--teacher: draws one picture of an input, and --latent asks"),
      (["--latent": "8", "--unpaired": "on"], "--latent: a code is found in a picture's target"),
    ] as [([String: String], String)])
  func codesThatAreRefused(_ words: [String: String], _ message: String) throws {
    var options = TrainingOptions()
    try options.set(Run("", words.mapValues { [$0] }) { _ in }.given)
    let error = try modelError { try options.validate() }
    #expect(error.description.hasPrefix(message), "\(error)")
  }

  @Test(arguments: [
    ["--steps": ["1"], "--epochs": ["1"]], ["--steps": ["1"], "--decay-epochs": ["1"]],
    ["--decay-epochs": ["1"], "--learning-rate-policy": ["cosine"]], ["--learning-rate-step": ["3"]],
    ["--learning-rate-step": ["3"], "--learning-rate-policy": ["plateau"]],
    ["--task": ["colorize"], "--targets": ["x"]], ["--task": ["colorize"], "--input": ["x"]],
    ["--labels": ["index"], "--input-format": ["rgb"]], ["--input": ["x"], "--input-format": ["rgb"]],
    ["--lambda-kl": ["1"]], ["--latent-at": ["input"]], ["--lambda-latent": ["1"]],
    ["--lambda-teacher": ["1"]], ["--lambda-teacher-edges": ["1"]], ["--lambda-teacher-high": ["1"]],
    ["--teacher-radius": ["0.5"]],
    ["--unlabelled": ["#000000"]], ["--unlabelled": ["#000000"], "--target-format": ["rgb"]],
  ])
  func wordsThatMakeNoSenseTogether(_ words: [String: [String]]) throws {
    let run = Run("", words) { _ in }
    var options = TrainingOptions()
    try options.set(run.given)
    guard case .option(let name, let reason) = options.misuse(of: run.given) else {
      Issue.record("\(words) is taken")
      return
    }
    #expect(words.keys.contains(name) && !reason.isEmpty)
  }

  // MARK: - Checkpoints

  /// Fields of structs, with their values in words.
  static func fields(_ value: Any, _ path: String = "") -> [(path: String, text: String)] {
    let mirror = Mirror(reflecting: value)
    guard mirror.displayStyle == .struct, !mirror.children.isEmpty else {
      var text = ""
      dump(value, to: &text)
      // A dictionary has no order.
      return [(path, text.split(separator: "\n").sorted().joined(separator: "\n"))]
    }
    return mirror.children.flatMap { fields($0.value, path + "." + ($0.label ?? "")) }
  }

  /// The paths of fields that two values have not in common.
  static func differences(_ a: Any, _ b: Any) -> [String] {
    zip(fields(a), fields(b)).filter { $0.text != $1.text }.map(\.0.path)
  }

  private static func decoded<T: Codable>(_ value: T) throws -> T {
    try JSONDecoder().decode(T.self, from: JSONEncoder().encode(value))
  }

  /// What coding loses of the runs' fields, and what none of them could show to be lost.
  @Test func everyFieldIsKept() throws {
    var untested = Set(Self.fields(TrainingOptions()).map(\.path))
    for run in Self.runs {
      let options = run.complete
      untested.subtract(Self.differences(options, TrainingOptions()))
      #expect(Self.differences(options, try Self.decoded(options)) == [])
    }
    #expect(untested == [], "no run gives them another value than the default")
  }

  /// The test above sees a field that is not coded.
  @Test func aFieldThatIsLostIsNamed() throws {
    struct Forgetful: Codable {
      struct Part: Codable {
        var kept = 1
        var lost: Int? = nil
        enum CodingKeys: CodingKey { case kept }
      }
      var part = Part()
    }
    var value = Forgetful()
    (value.part.kept, value.part.lost) = (2, 3)
    #expect(Self.differences(value, try Self.decoded(value)) == [".part.lost"])
  }

  // MARK: - Resuming

  @Test(arguments: runs) func aRunsOwnValuesAreAccepted(_ run: Run) throws {
    #expect(try run.options.resumed(with: run.given) == run.options)
    for option in run.given { #expect(try run.options.resumed(with: [option]) == run.options) }
  }

  /// Every option of the runs, given to a run with the defaults: it changes just that, or is refused by name with both
  /// values.
  @Test(arguments: runs) func othersAreTakenOrRefused(_ run: Run) throws {
    let before = TrainingOptions()
    for option in run.given {
      let row = option.row
      if ["--input", "--weights", "--teacher"].contains(row.name) {
        // As many folders as before, wherever they are.
        let error = try modelError { _ = try before.resumed(with: [option]) }
        let reason =
          row.name == "--teacher"
          ? "the run was begun without a teacher;" : "the run has 0, not \(option.words.count);"
        #expect(error.description.hasPrefix("\(row.name): \(reason)"), "\(error)")
      } else if row.mayChange {
        let options = try before.resumed(with: [option])
        // One that goes with another is refused without it.
        guard options.misuse(of: [option]) == nil else { continue }
        #expect(row.words(options) == option.words, "\(row.name)")
      } else if before.misuse(of: [option]) != nil, (try? before.resumed(with: [option])) == before {
        // One that goes with another is refused as such where a run has no place for it.
      } else {
        let error = try modelError { _ = try before.resumed(with: [option]) }
        let expected =
          "\(row.name): the run has \(row.text(before)), not \(option.words.joined(separator: " "));"
        #expect(error.description.hasPrefix(expected), "\(error)")
      }
    }
    let changeable = run.given.filter {
      $0.row.mayChange && !["--input", "--weights", "--teacher"].contains($0.row.name)
    }
    let options = try before.resumed(with: changeable)
    #expect(options.misuse(of: changeable) == nil)
    for option in changeable { #expect(option.row.words(options) == option.words, "\(option.row.name)") }
  }

  /// Folders that have moved are given again, the same number of them.
  @Test func placesMayMove() throws {
    var run = TrainingOptions()
    (run.data, run.moreInputs, run.weights) = ("data", ["a", "b"], "weights")
    let moved = try run.resumed(with: [
      GivenOption(TrainingOptions.row("--data"), ["elsewhere"]),
      GivenOption(TrainingOptions.row("--input"), ["c", "d"]),
      GivenOption(TrainingOptions.row("--weights"), ["heavier"]),
    ])
    #expect((moved.data, moved.moreInputs, moved.weights) == ("elsewhere", ["c", "d"], "heavier"))
    #expect(
      try modelError { _ = try run.resumed(with: [GivenOption(TrainingOptions.row("--input"), ["c"])]) }
        .description.hasPrefix("--input: the run has 2, not 1;"))
  }

  /// The options that a resumed run may change, by hand.
  @Test func changeable() {
    #expect(
      TrainingOptions.rows.filter(\.mayChange).map(\.name) == [
        "--data", "--targets", "--input", "--weights", "--validation-data", "--validation-targets",
        "--teacher", "--epochs", "--decay-epochs",
        "--steps",
        "--learning-rate", "--learning-rate-policy", "--learning-rate-step", "--recompute", "--save-every",
        "--sample-every", "--validate-every", "--best", "--scorer", "--feature-network", "--keep",
        "--precision",
      ])
  }

  @Test func theLengthOfAResumedRun() throws {
    func resumed(_ length: TrainingOptions.Length, _ words: [String: [String]]) throws
      -> TrainingOptions.Length
    {
      var options = TrainingOptions()
      options.length = length
      return try options.resumed(with: Run("", words) { _ in }.given).length
    }
    let own = TrainingOptions.Length.epochs(constant: 150, decaying: 50)
    // The rate falls in the second half of a new number of epochs.
    #expect(try resumed(own, ["--epochs": ["300"]]) == .epochs(constant: 150, decaying: 150))
    #expect(try resumed(own, ["--epochs": ["200"]]) == own)
    #expect(try resumed(own, ["--decay-epochs": ["20"]]) == .epochs(constant: 180, decaying: 20))
    #expect(
      try resumed(own, ["--epochs": ["9"], "--decay-epochs": ["2"]]) == .epochs(constant: 7, decaying: 2))
    #expect(try resumed(own, ["--steps": ["9"]]) == .steps(9))
    #expect(try resumed(.steps(9), ["--epochs": ["5"]]) == .epochs(constant: 3, decaying: 2))
    var options = TrainingOptions()
    options.length = .steps(9)
    let decaying = Run("", ["--decay-epochs": ["2"]]) { _ in }.given
    #expect(try options.resumed(with: decaying).misuse(of: decaying) != nil)
  }

  // MARK: - Reports

  private static func lines(_ options: TrainingOptions) -> [String] {
    options.described.map { "\($0.0): \($0.1)" }
  }

  @Test func reportsShowWhatMatters() {
    var options = TrainingOptions()
    options.data = "facades"
    #expect(
      Self.lines(options) == [
        "data: facades", "direction: AtoB", "size: 256", "generator: unet", "levels: 8",
        "upsampling: transposed",
        "ngf: 64", "ndf: 64", "patch: 70", "norm: batch", "dropout: on", "objective: cgan+l1",
        "gan loss: bce",
        "lambda l1: 100", "batch size: 1", "epochs: 200", "decay epochs: 100", "learning rate: 0.0002",
        "init: normal", "jitter: on", "seed: 0", "best: l1",
      ])
    options.objective.kind = .l2
    options.network.generator = .resnet6
    options.length = .steps(9)
    #expect(
      Self.lines(options) == [
        "data: facades", "direction: AtoB", "size: 256", "generator: resnet-6", "upsampling: transposed",
        "ngf: 64", "norm: batch", "dropout: on", "objective: l2", "lambda l1: 100", "batch size: 1",
        "steps: 9",
        "learning rate: 0.0002", "init: normal", "jitter: on", "seed: 0", "best: l1",
      ])
  }

  /// With all options at other values, each under its own name; whole numbers as such.
  @Test func reportsShowEveryOption() {
    #expect(
      Self.lines(Self.drawing.options) == [
        "data: a \"quoted\" \u{e9}/folder", "targets: targets", "input: edges depth", "weights: weights",
        "validation data: validation", "validation targets: answers", "direction: BtoA",
        "input format: gray rgba channels", "target format: lightness", "size: 48x64",
        "generator: encoder-decoder", "levels: 4", "upsampling: resize", "ngf: 2", "ndf: 3", "patch: 16",
        "scales: 2", "norm: instance", "affine: on", "spectral norm: on", "noise: gaussian:5", "dropout: off",
        "objective: gan+l1", "gan loss: lsgan", "lambda gan: 0.5", "lambda l1: 12.5", "lambda ssim: 6",
        "lambda edges: 7", "lambda feature matching: 10", "gradient penalty: 0.25", "pool: 50",
        "batch size: 8",
        "epochs: 7", "decay epochs: 4", "learning rate: 0.30000000000000004",
        "init: kaiming", "from: another/run", "jitter: off", "seed: 18446744073709551615", "recompute: on",
        "save every: 5",
        "sample every: 6", "validate every: 11", "best: psnr", "scorer: scorer", "keep: 12",
        "precision: tf32",
      ])
    #expect(
      Self.lines(Self.following.options).filter { $0.contains("teacher") || $0.hasPrefix("lambda") } == [
        "lambda l1: 0", "teacher: big/best.safetensors", "lambda teacher: 5", "lambda teacher edges: 6",
        "lambda teacher high: 7.5", "teacher radius: 0.5",
      ])
    #expect(Self.lines(Self.reading.options).contains("labels: index"))
    #expect(Self.lines(Self.reading.options).contains("unlabelled: #010203"))
    #expect(Self.lines(Self.colouring.options).contains("task: super-resolve:4"))
    #expect(Self.lines(Self.colouring.options).contains("minimax: on"))
    #expect(Self.lines(Self.colouring.options).contains("learning rate policy: step"))
    #expect(Self.lines(Self.colouring.options).contains("learning rate step: 9"))
    #expect(!Self.lines(Self.colouring.options).contains { $0.hasPrefix("decay epochs") })
  }

  // MARK: - Documentation

  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private static func section(_ group: OptionRow.Group) -> [String] {
    let rows = TrainingOptions.rows.filter { $0.group == group }
    return ["", "## \(group.rawValue)", "", "| | | default | on `--resume` |", "|---|---|---|---|"]
      + rows.map { row in
        let name =
          switch row.form {
          case .value, .list: "\(row.name) \(row.valueName.replacingOccurrences(of: "|", with: "\\|"))"
          case .flag: row.name
          case .flagPair: "\(row.name), --no-\(row.name.dropFirst(2))"
          }
        let choices = row.choices.isEmpty ? "" : " " + row.choices.map { "`\($0)`" }.joined(separator: ", ")
        return
          "| `\(name)` | \(row.help)\(choices) | \(row.defaultText() ?? "") | \(row.mayChange ? "may change" : "") |"
      }
  }

  /// Written anew with the environment variable PIX2PIX_WRITE_DOCS.
  @Test func everyOptionIsDocumented() throws {
    let file = Self.root.appendingPathComponent("docs/OPTIONS.md")
    let lines =
      [
        "# Options of `pix2pix train`", "",
        "From the rows in `Sources/Model/Options/OptionTable.swift`. A run keeps them in its checkpoints: `--resume` needs none.",
      ] + OptionRow.Group.allCases.flatMap(Self.section)
    let text = lines.joined(separator: "\n") + "\n"
    if ProcessInfo.processInfo.environment["PIX2PIX_WRITE_DOCS"] != nil {
      try Data(text.utf8).write(to: file)
    }
    #expect(
      try String(contentsOf: file, encoding: .utf8) == text,
      "PIX2PIX_WRITE_DOCS=1 swift test -c release --disable-testable-imports --filter OptionTests writes it anew"
    )
  }

  /// Options that README.md's table of models names.
  @Test func theREADMENamesOptionsThatExist() throws {
    let text = try String(contentsOf: Self.root.appendingPathComponent("README.md"), encoding: .utf8)
    let table = try #require(text.components(separatedBy: "## Your own model").last)
      .components(separatedBy: "\n## ")[0]
    let named = table.matches(of: /--[a-z][a-z0-9-]+/).map { String($0.output) }
    let known = TrainingOptions.rows.flatMap { [$0.name, "--no-\($0.name.dropFirst(2))"] }
    #expect(named.count > 10)
    for name in named { #expect(known.contains(name) || name == "--help", "\(name)") }
  }
}
