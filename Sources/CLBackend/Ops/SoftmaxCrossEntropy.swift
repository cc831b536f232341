import Tape

extension SoftmaxCrossEntropy: InteriorOperation, OpenCLOperation {
  /// The first block of channels stands for all: its work-groups take all classes of their pixels.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, t) = (planner.activation(logits), planner.activation(target))
    try planner.planMean(
      "cross_entropy", in: .crossEntropy, over: x.slice(block: 0, channels: min(16, x.channels)),
      x.arguments + t.arguments, [.int(Int32(x.channels))], into: output, count: pixels)
  }
}

extension SoftmaxCrossEntropyGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, t, dx) = (planner.activation(logits), planner.activation(target), planner.activation(output))
    try planner.launchPixels(
      .crossEntropy, "cross_entropy_gradient", over: dx.shape, x.arguments + t.arguments + dx.arguments,
      [.float(weight / Float(pixels))])
  }
}
