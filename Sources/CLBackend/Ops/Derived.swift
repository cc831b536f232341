import Tape

// Placeholders until the branches bring the real ones.
extension LaunchPlanner {
  func planActivation(
    _ activation: Activation, from source: ActivationView, to target: ActivationView
  ) throws(OpenCLError) {
    throw OpenCLError("no activation kernel yet")
  }
}
extension ConvolutionPass {
  func planGPU(_ planner: LaunchPlanner) throws(OpenCLError) { try planCPU(planner) }
}
extension WeightGradient {
  func planGPU(_ planner: LaunchPlanner) throws(OpenCLError) { try planCPU(planner) }
}
