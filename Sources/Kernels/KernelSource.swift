import CKernels

/// The OpenCL programs of Kernels/, by their files.
public enum KernelSource: String, CaseIterable, Sendable {
  case adam = "adam.cl"
  case border = "border.cl"
  case convolutionCPU = "convolution_cpu.cl"
  case convolutionGPU = "convolution_gpu.cl"
  case convolutionNVIDIA = "convolution_nvidia.cl"
  case convolutionSkinny = "convolution_skinny.cl"
  case crossEntropy = "cross_entropy.cl"
  case edgeLoss = "edge_loss.cl"
  case elementwise = "elementwise.cl"
  case highPass = "high_pass.cl"
  case im2col = "im2col.cl"
  case imagePool = "image_pool.cl"
  case limits = "limits.cl"
  case loss = "loss.cl"
  case matrixProbe = "matrix_probe.cl"
  case norm = "norm.cl"
  case normSecondGradient = "norm_second_gradient.cl"
  case packing = "packing.cl"
  case random = "random.cl"
  case resampling = "resampling.cl"
  case similarity = "similarity.cl"
  case spectralNorm = "spectral_norm.cl"
  case weightGradientCPU = "weight_gradient_cpu.cl"
  case weightGradientGPU = "weight_gradient_gpu.cl"
  case weightGradientNVIDIA = "weight_gradient_nvidia.cl"
  case weightGradientSum = "weight_gradient_sum.cl"
  case weightedLoss = "weighted_loss.cl"
  case winogradCPU = "winograd_cpu.cl"

  /// The file's text as it stands in Kernels/, `#include` lines not yet replaced.
  public var text: String { KernelFiles.text(rawValue) }
}

/// The files of Kernels/, embedded in the binary by Sources/CKernels: programs, and their headers.
public enum KernelFiles {
  /// Sorted.
  public static let names = {
    var names: [String] = []
    while let name = kernelFile(names.count) { names.append(String(cString: name)) }
    return names.sorted()
  }()

  /// The text of a file as it stands in Kernels/; the name must be one of `names`.
  public static func text(_ name: String) -> String {
    guard let text = kernelText(name) else {
      preconditionFailure("\(name) is not in Sources/CKernels/kernels.c")
    }
    return String(cString: text)
  }
}
