import Tape

extension ActivationGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (dy, x, dx) = (planner.activation(gradient), planner.activation(at), planner.activation(output))
    try planner.launchRows(
      .elementwise, "activation_gradient", over: dx, dy.arguments + x.arguments + dx.arguments,
      [.float(activation.negativeSlope)])
  }
}

extension Tanh: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    try planner.launchRows(.elementwise, "tanh_forward", over: y, x.arguments + y.arguments)
  }
}

extension TanhGradient: GradientTermsReader, InteriorOperation {
  func plan(
    _ planner: LaunchPlanner, reading dy: GradientTerms, partialSums: PartialSumsSource?
  ) throws(OpenCLError) {
    let (y, dx) = (planner.activation(tanhOutput), planner.activation(output))
    try planner.launchRows(
      .elementwise, "tanh_gradient", over: dx, macros: dy.macros,
      dy.arguments(planner) + y.arguments + dx.arguments)
  }
}
