import Tape

/// One way to compute a convolution pass.
package struct KernelVariant {
  /// Short, the same in every version of the program that has the variant.
  package let name: String
  /// Adds the launches of the whole pass.
  let plan: (LaunchPlanner) throws(OpenCLError) -> Void
  /// A convolution with a split depth: adds the launches of its partial sums. nil where the depth is whole.
  let planPartialSums: ((LaunchPlanner) throws(OpenCLError) -> PartialSums)?
  /// A weight gradient: adds launches that use it for an Adam step and do not store it. nil where it cannot.
  let planUpdate: ((LaunchPlanner, Adam) throws(OpenCLError) -> Void)?

  package init(_ name: String, _ plan: @escaping (LaunchPlanner) throws(OpenCLError) -> Void) {
    self.init(name, plan, update: nil)
  }

  init(
    _ name: String, _ plan: @escaping (LaunchPlanner) throws(OpenCLError) -> Void,
    update: ((LaunchPlanner, Adam) throws(OpenCLError) -> Void)?
  ) {
    self.name = name
    self.plan = plan
    planPartialSums = nil
    planUpdate = update
  }

  /// - Parameter output: the convolution's result
  init(
    _ name: String, of output: Tensor,
    partialSums: @escaping (LaunchPlanner) throws(OpenCLError) -> PartialSums
  ) {
    self.name = name
    plan = { planner throws(OpenCLError) in try partialSums(planner).launchSum(into: output, planner) }
    planPartialSums = partialSums
    planUpdate = nil
  }
}
