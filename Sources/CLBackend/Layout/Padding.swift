import Tape

// What Kernels/layout.clh promises, read from device memory as it is: borders, spare pixels and filling channels of
// activations are zero, and so is what fills up vectors and packed weights.

extension OpenCLExecutor {
  /// The buffers whose padding is not zero, one line each: the tensor, the kind of padding, the first such float.
  /// For executors that keep all tensors: the rooms of others are used again.
  package func nonZeroPadding() throws(OpenCLError) -> [String] {
    try memory.nonZeroPadding()
  }
}

extension OpenCLMemory {
  fileprivate func nonZeroPadding() throws(OpenCLError) -> [String] {
    precondition(!sharesRooms, "rooms that are shared keep no padding")
    var result: [String] = []
    func check(
      _ buffer: Buffer, _ name: String, floats: Int, _ padding: (Int) -> String?
    ) throws(OpenCLError) {
      guard !buffer.isUntouched else { return }
      let values: [Float] = try queue.read(buffer, offset: 0, count: floats)
      for (place, value) in values.enumerated() where value != 0 {
        guard let kind = padding(place) else { continue }
        result.append("\(name): \(kind), float \(place) is \(value)")
        return
      }
    }
    var names: [Int: String] = [:]
    for description in recording.tensors {
      let tensor = description.tensor
      switch description.kind {
      case .activation: names[placement.activations[tensor.id]!.storage] = description.name
      case .weight:
        let packing = weight(tensor).packing
        let used = packing.usedFloats()
        try check(flatBuffer(tensor), description.name, floats: packing.floats) { used[$0] ? nil : "filling" }
      case .vector, .scalar:
        let view = vector(tensor)
        try check(flatBuffer(tensor), description.name, floats: view.rows * view.stride) {
          $0 % view.stride < view.channels ? nil : "filling"
        }
      }
    }
    for (index, storage) in placement.storages.enumerated() {
      try check(
        activationBuffers[index], names[index]!, floats: storage.pixels * 16, storage.padding)
    }
    for (derivation, buffer) in derivedBuffers {
      let name = "\(recording.name(of: derivation.tensor)) \(derivation.kind)"
      guard case .activated = derivation.kind else { continue }
      let storage = storage(ofCopy: derivation.tensor)
      try check(buffer, name, floats: storage.pixels * 16, storage.padding)
    }
    return result
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
  /// Which floats of a packed weight hold a value.
  fileprivate func usedFloats() -> [Bool] {
    var used = [Bool](repeating: false, count: floats)
    used.withUnsafeMutableBufferPointer { used in
      nonisolated(unsafe) let used = used
      visit { used[$1] = true }
    }
    return used
  }
}
