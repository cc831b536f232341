import Tape

extension Checkpoint {
  /// A tensor of a network's state_dict, under its name there.
  public struct NetworkTensor: Sendable {
    public enum Content: Sendable {
      /// The values of a tensor of the checkpoint.
      case floats(nameInCheckpoint: String, shape: [Int])
      /// The forward passes that a batch norm has seen.
      case count(Int64)
    }

    public let name: String
    public let content: Content
  }

  /// The tensors of a network alone, under PyTorch's names: what its `state_dict()` has.
  ///
  /// - Parameter network: "G" or "D"; "G_A", "G_B", "D_A" or "D_B" of a model without pairs
  /// - Throws: `ModelError.file` when the checkpoint has no such network, or another architecture than its options say
  public func networkTensors(_ network: String, path: String) throws -> [NetworkTensor] {
    let step =
      try network == "G" ? options.recordTranslation(dropout: false) : options.record(translates: false)
    let held = step.networks.filter { $0.ownTensors.allSatisfy { tensors.entries[$0.name] != nil } }
    guard let found = held.first(where: { $0.label.name == network }) else {
      let names = held.map(\.label.name).joined(separator: ", ")
      throw ModelError.file(path, "holds no network \(network)\(names.isEmpty ? "" : "; it holds \(names)")")
    }
    var list: [NetworkTensor] = []
    for tensor in found.ownTensors {
      guard let entry = tensors.entries[tensor.name], entry.shape == tensor.tensor.shape.dimensions,
        entry.isFloat32
      else { throw ModelError.file(path, "\(tensor.name) is not of the architecture that its options say") }
      let name = found.ownName(tensor)
      list.append(
        NetworkTensor(name: name, content: .floats(nameInCheckpoint: tensor.name, shape: entry.shape)))
      let (variance, counter) = (".running_var", ".num_batches_tracked")
      guard name.hasSuffix(variance) else { continue }
      list.append(
        NetworkTensor(
          name: name.dropLast(variance.count) + counter,
          content: .count(try count(tensor.name.dropLast(variance.count) + counter))))
    }
    return list
  }

  /// A count of the checkpoint; 0 where it has none.
  private func count(_ name: String) throws(ModelError) -> Int64 {
    guard tensors.entries[name] != nil, case .int64(let values) = try tensors.values(name) else { return 0 }
    return values.first ?? 0
  }
}
