import Tape

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

/// Macros that every convolution program takes.
func geometryMacros(kernelHeight: Int, kernelWidth: Int, _ geometry: ConvolutionGeometry) -> [(
  String, String
)] {
  [
    ("KERNEL_H", "\(kernelHeight)"), ("KERNEL_W", "\(kernelWidth)"), ("STRIDE", "\(geometry.stride)"),
    ("PADDING", "\(geometry.padding)"),
  ]
}
