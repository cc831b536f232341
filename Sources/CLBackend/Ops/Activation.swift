import Tape

extension LaunchPlanner {
  /// Launches the making of an activated copy.
  func planActivation(
    _ activation: Activation, from source: ActivationView, to target: ActivationView
  ) throws(OpenCLError) {
    try launchRows(
      .elementwise, "activate", over: source, source.arguments + target.arguments,
      [.float(activation.negativeSlope)])
  }
}

extension ActivationGradient: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (dy, x, dx) = (planner.activation(gradient), planner.activation(at), planner.activation(output))
    try planner.launchRows(
      .elementwise, "activation_gradient", over: dx, dy.arguments + x.arguments + dx.arguments,
      [.float(activation.negativeSlope)])
  }
}
