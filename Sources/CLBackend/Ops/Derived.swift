import Tape

// Placeholders until the branches `ops` (planActivation, in Ops/Activation.swift) and `conv-cpu` (planRepacking,
// in Ops/Convolution.swift) bring the real ones; whoever does deletes the placeholder.
extension LaunchPlanner {
  func planActivation(
    _ activation: Activation, from source: ActivationView, to target: ActivationView
  ) throws(OpenCLError) {
    throw OpenCLError("no activation kernel yet")
  }

  func planRepacking(from source: WeightView, to target: WeightView) throws(OpenCLError) {
    throw OpenCLError("no repacking kernel yet")
  }
}
