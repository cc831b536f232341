import Tape

extension Checkpoint {
  /// A tensor of a network's state_dict.
  public struct NetworkTensor: Sendable {
    /// In the state_dict.
    public let name: String
    public let nameInCheckpoint: String
    /// Of floats; nil for a count.
    public let shape: [Int]?
    public let count: Int64
  }

  /// The tensors of a network alone, under PyTorch's names and in the order of its modules: what `state_dict()` has.
  ///
  /// - Parameter network: "G" or "D"
  /// - Throws: `ModelError.file` when the checkpoint has no such network, or another architecture than its options say
  public func networkTensors(_ network: String, path: String) throws -> [NetworkTensor] {
    // The smallest size: names and shapes do not depend on it.
    let step =
      try network == "G" ? options.recordTranslation(dropout: false) : options.record(translates: false)
    guard let found = step.network(network), found.ownTensors.allSatisfy({ tensors.entries[$0.name] != nil })
    else {
      throw ModelError.file(path, "holds no network \(network)")
    }
    var list: [NetworkTensor] = []
    for tensor in found.ownTensors {
      guard let entry = tensors.entries[tensor.name], entry.shape == tensor.tensor.shape.dimensions,
        entry.isFloat32
      else { throw ModelError.file(path, "\(tensor.name) is not of the architecture that its options say") }
      let name = found.ownName(tensor)
      list.append(NetworkTensor(name: name, nameInCheckpoint: tensor.name, shape: entry.shape, count: 0))
      guard name.hasSuffix(".running_var") else { continue }
      // PyTorch's batch norm counts its forward passes.
      let counter = tensor.name.dropLast("running_var".count) + "num_batches_tracked"
      var count: Int64 = 0
      if case .int64(let values)? = try tensors.entries["\(counter)"].map({ _ in
        try tensors.values("\(counter)")
      }) {
        count = values.first ?? 0
      }
      list.append(
        NetworkTensor(
          name: name.dropLast("running_var".count) + "num_batches_tracked", nameInCheckpoint: "\(counter)",
          shape: nil, count: count))
    }
    return list
  }
}
