import Tape

// Placeholders until the branch conv-gpu brings the real ones.
extension ConvolutionPass {
  func planGPU(_ planner: LaunchPlanner) throws(OpenCLError) { try planCPU(planner) }
}
extension WeightGradient {
  func planGPU(_ planner: LaunchPlanner) throws(OpenCLError) { try planCPU(planner) }
}
