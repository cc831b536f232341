import Tape

// Every convolution pass has several kernel variants, listed in ConvolutionVariants.swift.

/// A convolution in either direction as the kernels see it: x is the pass' input, y its output.
struct ConvolutionPass {
  let transposed: Bool
  let input: Tensor
  let inputActivation: Activation
  let weight: Tensor
  let bias: Tensor?
  let gate: Gate?
  let output: Tensor
  let geometry: ConvolutionGeometry

  /// The packing whose lanes are this pass' output channels.
  var streamLanes: WeightLanes { transposed ? .input : .output }
  var kernelHeight: Int { weight.shape[2] }
  var kernelWidth: Int { weight.shape[3] }
  /// Phases along one axis: a transposed convolution is stride x stride convolutions of stride 1.
  var phases: Int { transposed ? geometry.stride : 1 }
  /// Output pixels of one phase.
  var cellHeight: Int { (output.shape.h + phases - 1) / phases }
  var cellWidth: Int { (output.shape.w + phases - 1) / phases }
}

extension Convolution: OpenCLOperation {
  fileprivate var pass: ConvolutionPass {
    ConvolutionPass(
      transposed: false, input: input, inputActivation: inputActivation, weight: weight, bias: bias,
      gate: gate, output: output, geometry: geometry)
  }

  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    try planner.plan(pass)
  }
}

extension TransposedConvolution: OpenCLOperation {
  fileprivate var pass: ConvolutionPass {
    ConvolutionPass(
      transposed: true, input: input, inputActivation: inputActivation, weight: weight, bias: bias,
      gate: gate, output: output, geometry: geometry)
  }

  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    try planner.plan(pass)
  }
}

extension WeightGradient: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    try planner.plan(self)
  }
}

/// A step as a pass that several variants can compute; nil for other steps.
func variedPass(of operation: any Operation) -> (any VariedPass)? {
  switch operation {
  case let step as Convolution: step.pass
  case let step as TransposedConvolution: step.pass
  case let step as WeightGradient: step
  default: nil
  }
}

/// Macros that every convolution program takes.
func geometryMacros(kernelHeight: Int, kernelWidth: Int, _ geometry: ConvolutionGeometry) -> [(
  String, String
)] {
  [
    ("KERNEL_H", "\(kernelHeight)"), ("KERNEL_W", "\(kernelWidth)"), ("STRIDE", "\(geometry.stride)"),
    ("PADDING", "\(geometry.padding)"),
  ]
}
