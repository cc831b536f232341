import Tape

extension ActivationGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (dy, x, dx) = (planner.activation(gradient), planner.activation(at), planner.activation(output))
    try planner.launchRows(
      .elementwise, "activation_gradient", over: dx, dy.arguments + x.arguments + dx.arguments,
      [.float(activation.negativeSlope)])
  }
}
