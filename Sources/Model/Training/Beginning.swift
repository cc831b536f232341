import Images
import Tape

// A training that begins with the weights of another model: fine-tuning.

extension TrainingOptions {
  /// The options of a training that begins with a model: those given over the model's networks, objective and kinds of
  /// pictures. Another size changes nothing in the networks; pictures of another kind are not the model's kind.
  ///
  /// - Throws: `ModelError.option` when a word is no such value
  public init(beginningWith model: TrainingOptions, given: [GivenOption]) throws(ModelError) {
    self = model.isUnpaired ? .unpairedDefaults : model.hasCodes ? .latentDefaults : TrainingOptions()
    let names = Set(given.map(\.row.name))
    guard names.contains("--unpaired") == model.isUnpaired else {
      throw .option(
        "--from",
        model.isUnpaired
          ? "the model was trained without pairs; add --unpaired"
          : "the model was trained with pairs; leave out --unpaired")
    }
    guard model.hasCodes || !names.contains("--latent") else {
      throw .option("--from", "the model was trained without latent codes; leave out --latent")
    }
    (network, objective, unpaired) = (model.network, model.objective, model.unpaired)
    codeLosses = model.codeLosses
    if isUnpaired { poolSize = model.poolSize }
    // A student that learnt from its teacher alone goes on with the targets, or with a teacher that is given again.
    if model.distillation != nil, objective.pixelWeight == 0 {
      objective.pixelWeight = Objective().pixelWeight
    }
    let inputKinds: Set = ["--task", "--labels", "--input-format"]
    if names.isDisjoint(with: inputKinds) {
      (kinds.labels, kinds.inputs) = (model.kinds.labels, model.kinds.inputs)
    }
    if !names.contains("--task") {
      (kinds.target, kinds.unlabelled) = (model.kinds.target, model.kinds.unlabelled)
    }
    if case .photographs = model.format,
      names.isDisjoint(with: inputKinds.union(["--targets", "--input", "--target-format"]))
    {
      format = model.format
    }
    try set(given)
    if let own = model.network.latent, let asked = network.latent, own != asked {
      let name = own.length == asked.length ? "--latent-at" : "--latent"
      throw .option(
        name,
        "the model of --from takes codes of \(own.length) numbers at \(own.place.rawValue), not \(asked.length) at \(asked.place.rawValue); leave it out"
      )
    }
    if !names.contains("--levels") { network.levels = model.network.levels }
  }

  /// Takes the model's classes in place of those that were counted in the pictures: a class keeps its plane.
  ///
  /// - Parameter option: that names the model
  /// - Throws: `ModelError.option` for pictures of a class that the model does not know
  public mutating func takeClasses(of model: TrainingOptions, by option: String = "--from") throws(ModelError)
  {
    guard case .pictures(let inputs, let target) = format,
      case .pictures(let modelInputs, let modelTarget) = model.format, inputs.count == modelInputs.count
    else { return }
    var taken: [PlaneFormat] = []
    for (own, other) in zip(inputs + [target], modelInputs + [modelTarget]) {
      taken.append(try own.takingClasses(of: other, by: option))
    }
    format = .pictures(inputs: taken.dropLast(), target: taken[taken.count - 1])
    network.inputChannels = format.inputChannels
    network.outputChannels = format.targetChannels
  }
}

extension PlaneFormat {
  fileprivate func takingClasses(of other: PlaneFormat, by option: String) throws(ModelError) -> PlaneFormat {
    guard case .labels(let palette) = self, case .labels(let known) = other else { return self }
    guard let colour = palette.colours.first(where: { !known.colours.contains($0) && $0 != known.unlabelled })
    else { return other }
    throw .option(
      option,
      "the model knows no class of the colour \(colour); it has \(known.colours.map(\.description).joined(separator: " "))"
    )
  }
}

extension Checkpoint {
  /// Sets the networks of a training step that this model has, too. Adam's moments stay as they are.
  ///
  /// - Returns: a line for each network: taken, or new
  /// - Throws: `ModelError.file` when the model's generator does not fit, or holds NaN or infinite values
  func begin(_ step: any TrainingStep, _ executor: any Executor, path: String) throws -> [String] {
    var lines: [String] = []
    for network in step.networks {
      if let problem = misfit(of: network) {
        guard !step.generators.contains(network.label) else {
          throw ModelError.file(path, "\(problem): the networks of --from and of the training differ")
        }
        lines.append("\(network.label.name) begins anew: \(path): \(problem)")
        continue
      }
      for tensor in network.ownTensors {
        guard let values = try tensors.floats(tensor.name) else { continue }
        guard values.areFinite else {
          throw ModelError.file(
            path, "\(tensor.name) holds NaN or infinite values; use an earlier checkpoint")
        }
        try executor.write(values, to: tensor.tensor)
      }
      lines.append(
        "\(network.label.name) begins with the \(network.ownTensors.count) tensors of \(path)")
    }
    return lines
  }

  /// Why a network is not this model's; nil when it is.
  private func misfit(of network: Network) -> String? {
    for tensor in network.ownTensors {
      guard let entry = tensors.entries[tensor.name] else { return "has no \(tensor.name)" }
      guard entry.shape == tensor.tensor.shape.dimensions, entry.isFloat32 else {
        return "\(tensor.name) has the shape \(Shape(entry.shape)), not \(tensor.tensor.shape)"
      }
    }
    return nil
  }
}
