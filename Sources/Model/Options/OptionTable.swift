import ImageMetrics
import Images

/// The options of a training run, one row each.
extension TrainingOptions {
  /// All options, in the order of help and reports.
  public static let rows: [OptionRow] = [
    pictureRows, networkRows, objectiveRows, cycleRows, codeRows, teacherRows, PictureTerm.all.map(\.row),
    discriminatorRows,
    trainingRows,
  ].flatMap(\.self)

  /// The rows of some options, in the order of the names.
  public static func rows(_ names: String...) -> [OptionRow] { names.map(row) }

  /// The range of `--batch-size`.
  public static let batchSizes = OptionRange.from(1, to: 256)

  public static func row(_ name: String) -> OptionRow {
    guard let row = rows.first(where: { $0.name == name }) else { preconditionFailure("no option \(name)") }
    return row
  }

  private static let pictureRows: [OptionRow] = [
    OptionRow(
      "--data", \.data, .pictures,
      "Folder of pairs, of inputs when --targets is given, or of photographs when --task is.", value: "dir",
      mayChange: true),
    OptionRow(
      "--targets", \.targets, .pictures, "Folder of targets, matched with --data by name.", value: "dir",
      mayChange: true, shown: .unlessDefault),
    OptionRow(
      "--input", \.moreInputs, .pictures,
      "Folder of further inputs, matched by name; may be given several times.", value: "dir",
      mayChange: true, shown: .unlessDefault),
    OptionRow(
      "--weights", \.weights, .pictures,
      "Folder of pictures that say how much each pixel of a target counts, white 1 and black 0.",
      value: "dir",
      mayChange: true, shown: .unlessDefault),
    OptionRow(
      "--validation-data", \.validationData, .pictures,
      "Folder of validation pairs, where --data has no val or test.", value: "dir", mayChange: true,
      shown: .unlessDefault),
    OptionRow(
      "--validation-targets", \.validationTargets, .pictures,
      "Folder of validation targets, matched with --validation-data.", value: "dir", mayChange: true,
      shown: .unlessDefault),
    OptionRow(
      "--direction", \.direction, .pictures, "Sides of the input and the target: AtoB draws B from A."),
    OptionRow(
      "--labels", \.kinds.labels, .pictures,
      "Inputs are label maps, a plane to each class: palette (a class is a colour) or index (a gray level).",
      value: "kind", shown: .unlessDefault),
    OptionRow(
      "--input-format", \.kinds.inputs, .pictures,
      "Kind of the inputs, once for each folder of them; channels takes as many planes as files have channels, whatever they mean.",
      value: "format",
      derivedDefault: "rgb where any picture is in colour, gray where none is, channels of arrays",
      shown: .unlessDefault),
    OptionRow(
      "--target-format", \.kinds.target, .pictures, "Kind of the targets.", value: "format",
      derivedDefault: "as for inputs", shown: .unlessDefault),
    OptionRow(
      "--unlabelled", \.kinds.unlabelled, .pictures,
      "The colour in targets' label maps of pixels that nobody labelled: nothing is learnt of them.",
      value: "#rrggbb", shown: .unlessDefault),
    OptionRow(
      "--task", \.task, .pictures, "Make pairs of photographs: \(PhotographTask.forms).", value: "task",
      shown: .unlessDefault),
  ]

  private static let networkRows: [OptionRow] = [
    OptionRow(
      "--size", \.network.sizeWithLevels, .networks, "Pixels on a side, or across and down.", value: "N|WxH",
      range: OptionRange(
        words:
          "from \(NetworkConfiguration.sides.lowerBound) to \(NetworkConfiguration.sides.upperBound) pixels on a side"
      ) {
        NetworkConfiguration.sides.contains($0.width) && NetworkConfiguration.sides.contains($0.height)
      }),
    OptionRow(
      "--generator", \.network.generator, .networks, "The generator's architecture."),
    OptionRow(
      "--levels", \.network.levels, .networks, "Halvings in a U-Net.", range: .from(1, to: 14),
      derivedDefault: "as many as the size allows",
      shown: .when { $0.network.generator.residualBlocks == nil }),
    OptionRow(
      "--upsampling", \.network.upsampling, .networks,
      "How the generator doubles its maps: by transposed convolutions, or by resizing before a convolution."),
    OptionRow(
      "--ngf", \.network.ngf, .networks, "Channels after the generator's first convolution.",
      range: .from(1, to: 512)),
    OptionRow(
      "--ndf", \.network.ndf, .networks, "Channels after the discriminator's first convolution.",
      range: .from(1, to: 512), shown: .when(\.objective.isAdversarial)),
    OptionRow(
      "--patch", \.network.patch, .networks, "Pixels on a side that a logit of the discriminator judges.",
      value: "pixels",
      range: OptionRange(words: "from 0 to \(NetworkConfiguration.receptiveFields.count - 1)") {
        NetworkConfiguration.receptiveFields.indices.contains($0.layers)
      }, shown: .when(\.objective.isAdversarial)),
    OptionRow(
      "--scales", \.network.scales, .networks,
      "Discriminators, each for pictures of half the size of the one before.", range: .from(1, to: 4),
      shown: .unlessDefault),
    OptionRow(
      "--norm", \.network.norm, .networks, "How the networks normalise their maps."),
    OptionRow(
      "--affine", \.network.affine, .networks, "Give instance norm a learned scale and shift.",
      shown: .unlessDefault),
    OptionRow(
      "--spectral-norm", \.network.spectralNorm, .networks,
      "Divide the discriminator's weights by their largest singular value.", shown: .unlessDefault),
    OptionRow(
      "--noise", \.network.noise, .networks,
      "gaussian, or gaussian:N for N maps of noise beside the generator's input.", value: "kind",
      range: OptionRange(words: "from 1 to 64 maps") { (1...64).contains($0.maps) }, shown: .unlessDefault),
    OptionRow(
      "--dropout", \.network.dropout, .networks, "Dropout in the generator.",
      hasOpposite: true),
  ]

  private static let objectiveRows: [OptionRow] = [
    OptionRow(
      "--unpaired", \.isUnpaired, .objective,
      "No pairs: a CycleGAN, with defaults of its own.",
      shown: .unlessDefault),
    OptionRow(
      "--latent", \.codeLength, .objective,
      "Many outputs of one input: a BicycleGAN with codes of so many numbers, 8 are usual, and defaults of its own.",
      value: "numbers", range: .from(1, to: 64, " numbers"), shown: .unlessDefault),
    OptionRow(
      "--objective", \.objective.kind, .objective,
      "Terms of the generator's loss; gan judges outputs without their inputs, cross-entropy learns the classes of label maps."
    ),
    OptionRow(
      "--gan-loss", \.objective.ganLoss, .objective,
      "The discriminator's loss and the generator's against it.",
      shown: .when(\.objective.isAdversarial)),
    OptionRow(
      "--minimax", \.objective.minimax, .objective,
      "Let the generator minimise log(1 - D), what D maximises, rather than -log D.", shown: .unlessDefault),
    OptionRow(
      "--lambda-gan", \.objective.lambdaGAN, .objective, "Weight of the adversarial loss.", range: .weight,
      shown: .unlessDefault),
    OptionRow(
      "--lambda-l1", \.objective.pixelWeight, .objective, "Weight of L1 (or L2) beside it.", range: .weight,
      shown: .when { $0.objective.pixelDistance != nil }),
  ]

  private static let cycleRows: [OptionRow] = [
    OptionRow(
      "--lambda-cycle", \.cycleWeights.cycle, .objective,
      "Weight of the L1 distance between a picture and itself after both generators, from A to B and back.",
      range: .weight, shown: .when(\.isUnpaired)),
    OptionRow(
      "--lambda-cycle-back", \.cycleWeights.cycleBack, .objective, "The same from B to A and back.",
      range: .weight, derivedDefault: "as --lambda-cycle", shown: .unlessDefault),
    OptionRow(
      "--lambda-identity", \.cycleWeights.identity, .objective,
      "Weight of a picture's change by the generator that draws its own domain, beside that of the domain's cycle.",
      range: .weight, shown: .when(\.isUnpaired)),
  ]

  private static let codeRows: [OptionRow] = [
    OptionRow(
      "--latent-at", \.codePlace, .objective,
      "Where the generator takes codes: beside the picture (input), or beside the input of all of a U-Net's levels.",
      derivedDefault: "all for a U-Net, input for others", shown: .when(\.hasCodes)),
    OptionRow(
      "--lambda-latent", \.codeWeights.latent, .objective,
      "Weight of the difference between a code and what the encoder finds of it in the picture.",
      range: .weight, shown: .when(\.hasCodes)),
    OptionRow(
      "--lambda-kl", \.codeWeights.divergence, .objective,
      "Weight of the divergence of the encoder's codes from a standard normal distribution.",
      range: .weight, shown: .when(\.hasCodes)),
  ]

  private static let teacherRows: [OptionRow] = [
    OptionRow(
      "--teacher", \.teacherPath, .objective,
      "Learn to draw what another model draws of the inputs: distillation, by default without L1 to the targets.",
      value: "run|file", mayChange: true, shown: .unlessDefault),
    OptionRow(
      "--lambda-teacher", \.teacherWeights.pixels, .objective,
      "Weight of the L1 distance from the teacher's picture.", range: .weight,
      shown: .when { $0.distillation != nil }),
    OptionRow(
      "--lambda-teacher-edges", \.teacherWeights.edges, .objective,
      "Weight of the difference of both pictures' edges.", range: .weight,
      shown: .when { $0.distillation != nil }),
    OptionRow(
      "--lambda-teacher-high", \.teacherWeights.high, .objective,
      "Weight of the square of their difference at high spatial frequencies.", range: .weight,
      shown: .when { $0.distillation != nil }),
    OptionRow(
      "--teacher-radius", \.teacherWeights.radius, .objective,
      "Where these frequencies begin; 1 is a period of two pixels.",
      range: OptionRange(words: "from 0 to 1") { (0...1).contains($0) },
      shown: .when { $0.distillation != nil }),
  ]

  private static let discriminatorRows: [OptionRow] = [
    OptionRow(
      "--lambda-feature-matching", \.objective.lambdaFeatureMatching, .objective,
      "Weight of the difference of the discriminator's maps of output and target; 10 is usual.",
      range: .weight, shown: .unlessDefault),
    OptionRow(
      "--gradient-penalty", \.objective.gradientPenalty, .objective,
      "Weight of the discriminator's gradient penalty; 10 is usual with wgan.", range: .weight,
      shown: .unlessDefault),
    OptionRow(
      "--pool", \.poolSize, .objective,
      "Earlier outputs that the discriminator is shown half of the time; 50 is usual.",
      range: .from(0, to: 1000, " pictures"), shown: .unlessDefault),
  ]

  private static let trainingRows: [OptionRow] = [
    OptionRow("--batch-size", \.batchSize, .training, "Pictures per step.", range: batchSizes),
    OptionRow(
      "--epochs", \.epochs, .training, "Epochs in all; the rate falls in the second half.",
      range: .from(1, to: 1_000_000), mayChange: true, shown: .when { $0.epochs != nil }),
    OptionRow(
      "--decay-epochs", \.decayEpochs, .training, "How many of the epochs the rate falls in.",
      range: .from(0, to: 1_000_000), derivedDefault: "half", mayChange: true,
      shown: .when { $0.decayEpochs != nil && $0.policy == .linear }),
    OptionRow(
      "--steps", \.steps, .training, "Steps in all, at a constant rate, instead of --epochs.",
      range: .from(1, to: 1_000_000_000), mayChange: true, shown: .unlessDefault),
    OptionRow(
      "--learning-rate", \.learningRate, .training, "Adam's learning rate.", range: .above(0, upTo: 1),
      mayChange: true),
    OptionRow(
      "--learning-rate-policy", \.policyName, .training, "Course of the learning rate over the run.",
      derivedDefault: "linear over epochs, constant over steps", mayChange: true, shown: .unlessDefault),
    OptionRow(
      "--learning-rate-step", \.policyInterval, .training,
      "For --learning-rate-policy step: epochs until a tenth of the rate is left.", range: .above(0),
      derivedDefault: "\(LearningRatePolicy.standardInterval)", mayChange: true, shown: .unlessDefault),
    OptionRow("--init", \.initialization, .training, "The distribution of the first weights."),
    OptionRow(
      "--from", \.from, .training,
      "Begin with another model's weights: fine-tuning. Networks, objective and kinds of pictures are the model's where no option says otherwise.",
      value: "run|file", shown: .unlessDefault),
    OptionRow("--no-jitter", \.jitter, .training, "Do not cut and flip the pictures at random."),
    OptionRow("--seed", \.seed, .training, "Seed of weights, order, cuts and dropout."),
    OptionRow(
      "--recompute", \.recompute, .training,
      "Make activations again in the backward pass instead of keeping them.",
      discussion:
        "For large pictures: about half the memory at 1024 x 1024, and every result the same bit for bit.",
      mayChange: true, shown: .unlessDefault, hasOpposite: true),
    OptionRow(
      "--save-every", \.saveEvery, .training, "Steps from checkpoint to checkpoint.", value: "steps",
      range: .above(0), derivedDefault: "an epoch", mayChange: true, shown: .unlessDefault),
    OptionRow(
      "--sample-every", \.sampleEvery, .training, "Steps from sample strip to sample strip.", value: "steps",
      range: .above(0), derivedDefault: "an epoch", mayChange: true, shown: .unlessDefault),
    OptionRow(
      "--validate-every", \.validateEvery, .training, "Epochs from validation to validation; never when 0.",
      value: "epochs", range: .from(0, to: 1_000_000), mayChange: true, shown: .unlessDefault),
    OptionRow(
      "--best", \.best, .training,
      "The figure that best.safetensors is kept by, and a plateau of the learning rate measured.",
      value: "figure", mayChange: true),
    OptionRow(
      "--scorer", \.scorer, .training,
      "Scorer that train-scorer made: validate by the FCN-score, too, for runs whose inputs are label maps.",
      value: "run|file", mayChange: true, shown: .unlessDefault),
    OptionRow(
      "--feature-network", \.featureNetwork, .training,
      "torchvision's VGG as safetensors: validate by Fréchet and kernel distances between drawn and true pictures, too.",
      value: "file", mayChange: true, shown: .unlessDefault),
    OptionRow(
      "--keep", \.keep, .training, "Checkpoints kept besides the best.", range: .from(1, to: 10_000),
      mayChange: true, shown: .unlessDefault),
    OptionRow(
      "--precision", \.precision, .device, "How convolutions multiply.",
      discussion:
        "Sums and weights are fp32 in any case. tf32 and bf16 need NVIDIA's matrix units; PyTorch's convolutions take tf32 there.",
      derivedDefault: "fp32; tf32 on GPUs that have proven to do it", mayChange: true, shown: .unlessDefault),
  ]
}
