import Tape

/// The tensors of a recording whose values are there after a run: a pure function of the recording and of what is kept.
package struct StoredTensors: Sendable {
  private let recording: Recording
  private let kept: Set<Tensor>?
  /// The number of steps that read a tensor, by its number.
  private let readers: [Int: Int]

  /// - Parameter kept: the intermediate tensors that keep their values after a run; nil if all do
  package init(_ recording: Recording, keeping kept: Set<Tensor>?) {
    self.recording = recording
    self.kept = kept
    readers = recording.steps.reduce(into: [:]) { counts, step in
      for tensor in Set(step.operation.inputs) { counts[tensor.id, default: 0] += 1 }
    }
  }

  /// Whether tensors that are not kept, and scratch, have rooms by their lifetimes. Scratch then lives from its first
  /// launch to its last, and not only within a step.
  var sharesRooms: Bool { kept != nil }

  /// Whether the tensor's values are there after a run.
  func keeps(_ tensor: Tensor) -> Bool {
    kept?.contains(tensor) ?? true || recording.tensors[tensor.id].role != .intermediate
  }

  /// Whether `reader` alone reads the tensor: then nobody misses it if it is never stored.
  func isRead(_ tensor: Tensor, onlyBy reader: Step) -> Bool {
    !keeps(tensor) && readers[tensor.id] == 1 && reader.operation.inputs.contains(tensor)
  }

  /// Tensors that outlive a run of `steps`: all that keep their values or are operands of other steps.
  func lasting(beyond steps: Range<Int>) -> Set<Tensor> {
    var lasting = Set(recording.tensors.map(\.tensor).filter(keeps))
    for (index, step) in recording.steps.enumerated() where !steps.contains(index) {
      lasting.formUnion(step.operation.inputs + step.operation.outputs)
    }
    return lasting
  }
}
