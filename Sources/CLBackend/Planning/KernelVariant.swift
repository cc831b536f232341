import Tape

/// One way to compute a convolution pass.
package struct KernelVariant {
  /// Short, the same in every version of the program that has the variant.
  package let name: String
  let plan: Plan
  /// A weight gradient: adds launches that use it for an Adam step and do not store it. nil where it cannot.
  let planUpdate: ((LaunchPlanner, Adam) throws(OpenCLError) -> Void)?

  enum Plan {
    /// Adds the launches of the whole pass.
    case launches((LaunchPlanner) throws(OpenCLError) -> Void)
    /// A convolution with a split depth: adds the launches of its partial sums, to be added up into the output.
    case partialSums((LaunchPlanner) throws(OpenCLError) -> PartialSums, output: Tensor)
    /// A weight gradient that can be launched with others.
    case tiles((LaunchPlanner) throws(OpenCLError) -> WeightGradientTiles)
  }

  init(
    _ name: String, _ plan: Plan, update: ((LaunchPlanner, Adam) throws(OpenCLError) -> Void)? = nil
  ) {
    self.name = name
    self.plan = plan
    planUpdate = update
  }

  /// A variant that launches nothing, for tests of the tuner.
  package init(idle name: String) { self.init(name, .launches { _ in }) }

  /// Whether the pass leaves partial sums, which a step behind it may add up.
  var leavesPartialSums: Bool { if case .partialSums = plan { true } else { false } }
}
