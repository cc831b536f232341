import Tape

extension WeightedPixelLoss: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (first, second) = (planner.activation(a), planner.activation(b))
    let weights = planner.weights(weights, of: first)
    try planner.planMean(
      "weighted_loss", in: .weightedLoss, over: first, macros: distance.macros + weights.macros,
      first.arguments + second.arguments + weights.arguments, [], into: output)
  }
}

extension WeightedPixelLossGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (first, second, da) = (planner.activation(a), planner.activation(b), planner.activation(output))
    let weights = planner.weights(weights, of: first)
    try planner.launchRows(
      .weightedLoss, "weighted_gradient", over: da, macros: distance.macros + weights.macros,
      first.arguments + second.arguments + weights.arguments + da.arguments,
      [.float(weight / Float(a.shape.count))])
  }
}

extension LaunchPlanner {
  /// The weights of a map, in such a form that the kernels find one channel in every block.
  fileprivate func weights(
    _ tensor: Tensor, of map: ActivationView
  ) -> (arguments: [KernelArgument], macros: [(String, String)]) {
    let weights = activation(tensor)
    guard weights.channels < map.channels else { return (weights.arguments, []) }
    var place = weights.place
    place.z = 0
    return ([.buffer(weights.buffer), .int4(place)], [("ONE_WEIGHT", "1")])
  }
}
