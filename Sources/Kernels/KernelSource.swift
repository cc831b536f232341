import CKernels

/// The OpenCL sources in Kernels/, embedded in the binary.
public enum KernelSource: String, CaseIterable, Sendable {
  case im2col = "im2col.cl"
  case layout = "layout.clh"
  case hints = "hints.clh"
  case adam = "adam.cl"
  case adamStep = "adam.clh"
  case border = "border.cl"
  case convolutionCPU = "convolution_cpu.cl"
  case convolutionGPU = "convolution_gpu.cl"
  case convolutionGPUCommon = "convolution_gpu.clh"
  case convolutionNVIDIA = "convolution_nvidia.cl"
  case convolutionSkinny = "convolution_skinny.cl"
  case crossEntropy = "cross_entropy.cl"
  case edgeLoss = "edge_loss.cl"
  case elementwise = "elementwise.cl"
  case imagePool = "image_pool.cl"
  case limits = "limits.cl"
  case loss = "loss.cl"
  case lossSums = "loss.clh"
  case matrixProbe = "matrix_probe.cl"
  case matrixUnits = "matrix_units.clh"
  case norm = "norm.cl"
  case normCommon = "norm.clh"
  case normSecondGradient = "norm_second_gradient.cl"
  case packing = "packing.cl"
  case philox = "philox.clh"
  case random = "random.cl"
  case resampling = "resampling.cl"
  case rows = "rows.clh"
  case several = "several.clh"
  case similarity = "similarity.cl"
  case spectralNorm = "spectral_norm.cl"
  case splitSum = "split_sum.clh"
  case weightedLoss = "weighted_loss.cl"
  case weightGradientCPU = "weight_gradient_cpu.cl"
  case weightGradientGPU = "weight_gradient_gpu.cl"
  case weightGradientGPUCommon = "weight_gradient_gpu.clh"
  case weightGradientNVIDIA = "weight_gradient_nvidia.cl"
  case weightGradientSum = "weight_gradient_sum.cl"
  case weightGradientTile = "weight_gradient_tile.clh"
  case winograd = "winograd.clh"
  case winogradCPU = "winograd_cpu.cl"

  /// The file's text as it stands in Kernels/, `#include` lines not yet replaced.
  public var text: String {
    guard let text = kernelText(rawValue) else {
      preconditionFailure("\(rawValue) is not in Sources/CKernels/kernels.c")
    }
    return String(cString: text)
  }
}
