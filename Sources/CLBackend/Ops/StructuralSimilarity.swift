import Tape

extension StructuralSimilarity: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    try planner.planMean(
      "similarity_loss", in: .similarity, over: planner.activation(moments.meanX),
      moments.arguments(planner), constants.arguments, into: output, count: moments.wholeWindows)
  }
}

extension StructuralSimilarityGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let gradients = outputs.map { planner.activation($0) }
    try planner.launchRows(
      .similarity, "similarity_gradient", over: gradients[0],
      moments.arguments(planner) + gradients.flatMap(\.arguments),
      constants.arguments + [.float(-weight / Float(moments.wholeWindows))])
  }
}

extension SimilarityMoments {
  fileprivate func arguments(_ planner: LaunchPlanner) -> [KernelArgument] {
    tensors.flatMap { planner.activation($0).arguments }
  }
}

extension SimilarityConstants {
  fileprivate var arguments: [KernelArgument] { [.float(Float(c1)), .float(Float(c2))] }
}
