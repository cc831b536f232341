import Tape

// The padding of Kernels/layout.clh, read from device memory as it lies there: borders, spare pixels and filling channels of
// activations are zero, and so are the fillings of vectors and packed weights. Tests call this after a run.

extension OpenCLExecutor {
  /// The buffers whose padding is not zero, one line each: the tensor, the kind of padding, the first such float.
  ///
  /// For executors that keep all tensors: others use rooms again, and those keep no padding.
  package func nonZeroPadding() throws(OpenCLError) -> [String] {
    precondition(!memory.stored.sharesRooms, "rooms that are shared keep no padding")
    var lines: [String] = []
    func check(
      _ buffer: Buffer, _ name: String, floats: Int, _ padding: (Int) -> String?
    ) throws(OpenCLError) {
      guard !buffer.isUntouched else { return }
      let values: [Float] = try memory.queue.read(buffer, offset: 0, count: floats)
      for (place, value) in values.enumerated() where value != 0 {
        guard let kind = padding(place) else { continue }
        lines.append("\(name): \(kind), float \(place) is \(value)")
        return
      }
    }
    var names: [Int: String] = [:]
    for description in recording.tensors {
      let tensor = description.tensor
      switch description.kind {
      case .activation: names[memory.placement.activations[tensor.id]!.storage] = description.name
      case .weight:
        let (buffer, packing) = (memory.buffer(of: tensor), memory.weight(tensor).packing)
        let used = packing.usedFloats()
        try check(buffer, description.name, floats: packing.floats) { used[$0] ? nil : "filling" }
      case .vector, .scalar:
        let view = memory.vector(tensor)
        try check(view.buffer, description.name, floats: view.rows * view.stride) {
          $0 % view.stride < view.channels ? nil : "filling"
        }
      }
    }
    for (index, storage) in memory.placement.storages.enumerated() {
      try check(
        memory.activationBuffers[index], names[index]!, floats: storage.pixels * 16, storage.padding)
    }
    for (derivation, buffer) in temporaries.derived {
      guard case .activated = derivation.form else { continue }
      let storage = temporaries.storage(ofCopy: derivation.tensor)
      let name = "\(recording.name(of: derivation.tensor)) \(derivation.form)"
      try check(buffer, name, floats: storage.pixels * 16, storage.padding)
    }
    return lines
  }
}

extension ActivationStorage {
  /// The kind of padding that a float of the buffer is; nil for a value.
  fileprivate func padding(_ float: Int) -> String? {
    let (pixel, lane) = (float / 16, float % 16)
    let (map, inMap) = (pixel / blockStride, pixel % blockStride)
    let (y, x) = (inMap / rowStride - border, inMap % rowStride - border)
    if map >= images * blocks { return "spare pixels" }
    if !(0..<height).contains(y) || !(0..<width).contains(x) { return "border" }
    return map % blocks == blocks - 1 && lane >= 16 - filling ? "filling channels" : nil
  }
}

extension WeightPacking {
  /// The floats of a packed weight that hold a value.
  fileprivate func usedFloats() -> [Bool] {
    var used = [Bool](repeating: false, count: floats)
    used.withUnsafeMutableBufferPointer { used in
      nonisolated(unsafe) let used = used
      let taps = tapOffsets
      visitKernels { _, first in for tap in taps { used[first + tap] = true } }
    }
    return used
  }
}
