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

/// The files of Kernels/, embedded in the binary by the package manager: programs, and what they include.
public enum KernelFiles {
  /// Sorted.
  public static let names = bytes.keys.sorted()

  /// The text of a file, which must be one of `names`.
  public static func text(_ name: String) -> String { String(decoding: bytes[name]!, as: UTF8.self) }

  private static let bytes: [String: [UInt8]] = [
    "adam.cl": PackageResources.adam_cl,
    "adam.clh": PackageResources.adam_clh,
    "border.cl": PackageResources.border_cl,
    "convolution_cpu.cl": PackageResources.convolution_cpu_cl,
    "convolution_gpu.cl": PackageResources.convolution_gpu_cl,
    "convolution_gpu.clh": PackageResources.convolution_gpu_clh,
    "convolution_nvidia.cl": PackageResources.convolution_nvidia_cl,
    "convolution_skinny.cl": PackageResources.convolution_skinny_cl,
    "cross_entropy.cl": PackageResources.cross_entropy_cl,
    "edge_loss.cl": PackageResources.edge_loss_cl,
    "elementwise.cl": PackageResources.elementwise_cl,
    "hints.clh": PackageResources.hints_clh,
    "im2col.cl": PackageResources.im2col_cl,
    "image_pool.cl": PackageResources.image_pool_cl,
    "layout.clh": PackageResources.layout_clh,
    "limits.cl": PackageResources.limits_cl,
    "loss.cl": PackageResources.loss_cl,
    "loss.clh": PackageResources.loss_clh,
    "matrix_probe.cl": PackageResources.matrix_probe_cl,
    "matrix_units.clh": PackageResources.matrix_units_clh,
    "norm.cl": PackageResources.norm_cl,
    "norm.clh": PackageResources.norm_clh,
    "norm_second_gradient.cl": PackageResources.norm_second_gradient_cl,
    "packing.cl": PackageResources.packing_cl,
    "philox.clh": PackageResources.philox_clh,
    "random.cl": PackageResources.random_cl,
    "resampling.cl": PackageResources.resampling_cl,
    "rows.clh": PackageResources.rows_clh,
    "several.clh": PackageResources.several_clh,
    "similarity.cl": PackageResources.similarity_cl,
    "spectral_norm.cl": PackageResources.spectral_norm_cl,
    "split_sum.clh": PackageResources.split_sum_clh,
    "weight_gradient_cpu.cl": PackageResources.weight_gradient_cpu_cl,
    "weight_gradient_gpu.cl": PackageResources.weight_gradient_gpu_cl,
    "weight_gradient_gpu.clh": PackageResources.weight_gradient_gpu_clh,
    "weight_gradient_nvidia.cl": PackageResources.weight_gradient_nvidia_cl,
    "weight_gradient_sum.cl": PackageResources.weight_gradient_sum_cl,
    "weight_gradient_tile.clh": PackageResources.weight_gradient_tile_clh,
    "weighted_loss.cl": PackageResources.weighted_loss_cl,
    "winograd.clh": PackageResources.winograd_clh,
    "winograd_cpu.cl": PackageResources.winograd_cpu_cl,
  ]
}
