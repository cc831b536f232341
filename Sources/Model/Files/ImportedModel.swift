import Files
import Foundation
import Images
import Tape

/// A model whose weights another program trained, as a run that translates, and that `train --from` begins with.
public struct ImportedModel {
  public typealias Parameters = PyTorchArchitecture.Parameters

  public let options: TrainingOptions
  private let step: any TrainingStep
  /// By the name of the network.
  private let files: [String: Parameters]

  /// Holds every tensor of the networks to the files', and every tensor of the files to the networks'.
  ///
  /// - Throws: `ModelError.file` naming the first that does not fit
  public init(
    _ architecture: PyTorchArchitecture, generator: Parameters, discriminator: Parameters?
  ) throws {
    let options = architecture.options
    try self.init(
      options,
      discriminator == nil
        ? options.recordTranslation(dropout: false) : options.record(translates: false),
      ["G": generator, "D": discriminator].compactMapValues(\.self))
  }

  /// A direction of a CycleGAN: its generator, and the judge of the generator's pictures.
  public struct Way {
    public let generator: Parameters
    public let judge: Parameters?

    public init(generator: Parameters, judge: Parameters?) {
      (self.generator, self.judge) = (generator, judge)
    }
  }

  /// The same of a model without pairs, of an architecture that is unpaired, too.
  public init(_ architecture: PyTorchArchitecture, there: Way, back: Way) throws {
    var files = [
      Direction.aToB.generator.name: there.generator, Direction.bToA.generator.name: back.generator,
    ]
    files[Direction.aToB.judge.name] = there.judge
    files[Direction.bToA.judge.name] = back.judge
    try self.init(architecture.options, architecture.options.record(translates: false), files)
  }

  private init(_ options: TrainingOptions, _ step: any TrainingStep, _ files: [String: Parameters]) throws {
    (self.options, self.step, self.files) = (options, step, files)
    for network in step.networks { try check(network) }
  }

  private func check(_ network: Network) throws(ModelError) {
    guard let file = files[network.label.name] else { return }
    var unknown = Set(file.shapes.keys)
    for tensor in network.ownTensors {
      let (name, shape) = (network.ownName(tensor), tensor.tensor.shape)
      guard let found = file.shapes[name] else {
        throw .file(file.path, "has no \(name), which a network of its other tensors has")
      }
      guard found == shape.dimensions else {
        throw .file(
          file.path,
          "\(name.inErrors) has the shape \(found); in a network of its other tensors it has \(shape)")
      }
      unknown.remove(name)
    }
    // What PyTorch keeps beside the values that count.
    let beside =
      [".num_batches_tracked", ".weight_v"]
      + (options.network.norm == .instance ? [".running_mean", ".running_var"] : [])
    if let name = unknown.filter({ name in !beside.contains { name.hasSuffix($0) } }).min() {
      throw .file(file.path, "has \(name.inErrors), which a network of its other tensors has not")
    }
  }

  /// The tensors of each network, by their names in the files.
  public var counts: [(network: String, parameters: Int)] {
    step.networks.filter { files[$0.label.name] != nil }.map { network in
      (network.label.name, network.parameters.reduce(0) { $0 + $1.tensor.shape.count })
    }
  }

  /// Writes the run: a checkpoint of step 0.
  ///
  /// - Parameter values: of a tensor of the file of that path, row-major
  /// - Throws: `ModelError.file` for a folder that holds a run, or values that are NaN or infinite; `FileError`
  public func write(
    to run: RunDirectory, _ values: @escaping (_ path: String, _ name: String) throws -> [Float]
  ) throws -> String {
    guard run.latestCheckpoint() == nil else {
      throw ModelError.file(run.path, "holds a run already; name another folder")
    }
    let lock = try run.open(isNew: true) { [] }
    defer { withExtendedLifetime(lock) {} }
    let networks = step.networks.filter { files[$0.label.name] != nil }
    let owners = Dictionary(
      uniqueKeysWithValues: networks.flatMap { network in network.ownTensors.map { ($0.name, network) } })
    let path = run.checkpoint(step: 0)
    try Checkpoint.write(
      step, networks.flatMap(\.ownTensors), options: options, progress: .init(), to: path,
      replacing: run.replacing
    ) { tensor in
      guard let network = owners[tensor.name], let file = files[network.label.name] else {
        preconditionFailure("\(tensor.name) is of no network")
      }
      let found = try values(file.path, network.ownName(tensor))
      guard found.areFinite else {
        throw ModelError.file(file.path, "\(network.ownName(tensor)) holds NaN or infinite values")
      }
      return found
    }
    return path
  }
}
