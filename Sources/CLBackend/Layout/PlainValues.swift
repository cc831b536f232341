import Tape

// The way between plain row-major values and the layout in device memory.

extension OpenCLMemory {
  func write(_ values: [Float], to tensor: Tensor) throws(OpenCLError) {
    try checkKept(tensor)
    try writeNow(values, to: tensor)
  }

  /// Writes a tensor whose room may be used again.
  func writeNow(_ values: [Float], to tensor: Tensor) throws(OpenCLError) {
    precondition(values.count == tensor.shape.count, "\(recording.name(of: tensor)) holds \(tensor.shape)")
    switch recording.tensors[tensor.id].kind {
    case .activation:
      let view = activation(tensor)
      for n in 0..<view.images {
        let start = Int(view.place.x) + n * Int(view.place.y)
        var run = [Float](repeating: 0, count: view.runPixels * 16)
        view.visit(image: n) { plain, packed in run[packed] = values[plain] }
        try queue.write(run, to: view.buffer, offset: start * 16)
      }
    case .weight:
      let view = weight(tensor)
      try queue.write(floats: view.packing.floats, to: view.buffer) { packed in
        if packed.count > values.count { packed.update(repeating: 0) }
        nonisolated(unsafe) let packed = packed
        let taps = view.packing.tapOffsets
        values.withUnsafeBufferPointer { values in
          view.packing.visitKernels { plain, first in
            for (index, tap) in taps.enumerated() { packed[first + tap] = values[plain + index] }
          }
        }
      }
    case .vector, .scalar:
      let view = vector(tensor)
      var padded = [Float](repeating: 0, count: view.rows * view.stride)
      for row in 0..<view.rows {
        for c in 0..<view.channels { padded[row * view.stride + c] = values[row * view.channels + c] }
      }
      try queue.write(padded, to: view.buffer, offset: 0)
    }
  }

  /// Sets a tensor to zero.
  func clear(_ tensor: Tensor) throws(OpenCLError) {
    guard recording.tensors[tensor.id].kind != .activation else {
      return try write([Float](repeating: 0, count: tensor.shape.count), to: tensor)
    }
    try checkKept(tensor)
    let buffer = buffer(of: tensor)
    if !buffer.isUntouched { try buffer.zero() }
  }

  /// - Throws: `OpenCLError` when the tensor is not kept after a run.
  func read(_ tensor: Tensor) throws(OpenCLError) -> [Float] {
    try checkKept(tensor)
    return try readNow(tensor)
  }

  /// Reads what is in a tensor's room, which may be another tensor.
  func readNow(_ tensor: Tensor) throws(OpenCLError) -> [Float] {
    var values = [Float](repeating: 0, count: tensor.shape.count)
    switch recording.tensors[tensor.id].kind {
    case .activation:
      let view = activation(tensor)
      for n in 0..<view.images {
        let start = Int(view.place.x) + n * Int(view.place.y)
        let run: [Float] = try queue.read(view.buffer, offset: start * 16, count: view.runPixels * 16)
        view.visit(image: n) { plain, packed in values[plain] = run[packed] }
      }
    case .weight:
      let view = weight(tensor)
      let packed: [Float] = try queue.read(view.buffer, offset: 0, count: view.packing.floats)
      packed.withUnsafeBufferPointer { packed in
        values.withUnsafeMutableBufferPointer { values in
          nonisolated(unsafe) let values = values
          let taps = view.packing.tapOffsets
          view.packing.visitKernels { plain, first in
            for (index, tap) in taps.enumerated() { values[plain + index] = packed[first + tap] }
          }
        }
      }
    case .vector, .scalar:
      let view = vector(tensor)
      let padded: [Float] = try queue.read(view.buffer, offset: 0, count: view.rows * view.stride)
      for row in 0..<view.rows {
        for c in 0..<view.channels { values[row * view.channels + c] = padded[row * view.stride + c] }
      }
    }
    return values
  }

  private func checkKept(_ tensor: Tensor) throws(OpenCLError) {
    guard !stored.keeps(tensor) else { return }
    throw OpenCLError(
      "\(recording.name(of: tensor)) is not kept after a run, its room is used again; the executor must be told to keep it"
    )
  }
}

extension ActivationView {
  /// Pixels from the first interior pixel of an image to its last, borders between the rows included.
  fileprivate var runPixels: Int {
    (blocks - 1) * Int(place.z) + (height - 1) * Int(place.w) + width
  }

  /// Calls `body` with the row-major index in [N, C, H, W] of every value of an image and its float offset in
  /// the image's run of pixels.
  fileprivate func visit(image n: Int, _ body: (_ plain: Int, _ packed: Int) -> Void) {
    for c in 0..<channels {
      for y in 0..<height {
        let plain = ((n * channels + c) * height + y) * width
        let packed = (c / 16 * Int(place.z) + y * Int(place.w)) * 16 + c % 16
        for x in 0..<width { body(plain + x, packed + x * 16) }
      }
    }
  }
}
