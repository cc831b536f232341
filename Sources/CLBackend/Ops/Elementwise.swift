import Tape

extension Elementwise: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    // Channels that only fill up a block are zero and have to stay so.
    let mask = function.value(0) == 0 ? [] : [("MASKED", "1")]
    try planner.launchRows(
      .elementwise, "elementwise", over: y, macros: function.macros + mask, x.arguments + y.arguments)
  }
}

extension ElementwiseGradient: GradientTermsReader, InteriorOperation {
  func plan(
    _ planner: LaunchPlanner, reading dy: GradientTerms, partialSums: PartialSums?
  ) throws(OpenCLError) {
    let (at, dx) = (planner.activation(argument), planner.activation(output))
    // There dy is zero, and so is its product with a slope, unless that is infinite.
    let mask = function.slope(0).isFinite ? [] : [("MASKED", "1")]
    try planner.launchRows(
      .elementwise, "elementwise_gradient", over: dx, macros: function.macros + dy.macros + mask,
      dy.arguments(planner) + at.arguments + dx.arguments)
  }
}

extension ElementwiseFunction {
  /// The kernels' function; tanh is what they have without a word, and shares its program with other kernels so.
  fileprivate var macros: [(String, String)] {
    name == Self.tanh.name ? [] : [("FUNCTION", name.uppercased())]
  }
}
