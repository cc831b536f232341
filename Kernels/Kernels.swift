/// The OpenCL sources in this folder, embedded in the binary by the package manager.
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
  case batched = "batched.clh"
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
    let bytes =
      switch self {
      case .im2col: PackageResources.im2col_cl
      case .layout: PackageResources.layout_clh
      case .hints: PackageResources.hints_clh
      case .adam: PackageResources.adam_cl
      case .adamStep: PackageResources.adam_clh
      case .border: PackageResources.border_cl
      case .convolutionCPU: PackageResources.convolution_cpu_cl
      case .convolutionGPU: PackageResources.convolution_gpu_cl
      case .convolutionGPUCommon: PackageResources.convolution_gpu_clh
      case .convolutionNVIDIA: PackageResources.convolution_nvidia_cl
      case .convolutionSkinny: PackageResources.convolution_skinny_cl
      case .crossEntropy: PackageResources.cross_entropy_cl
      case .edgeLoss: PackageResources.edge_loss_cl
      case .elementwise: PackageResources.elementwise_cl
      case .imagePool: PackageResources.image_pool_cl
      case .limits: PackageResources.limits_cl
      case .loss: PackageResources.loss_cl
      case .lossSums: PackageResources.loss_clh
      case .matrixProbe: PackageResources.matrix_probe_cl
      case .matrixUnits: PackageResources.matrix_units_clh
      case .norm: PackageResources.norm_cl
      case .normCommon: PackageResources.norm_clh
      case .normSecondGradient: PackageResources.norm_second_gradient_cl
      case .packing: PackageResources.packing_cl
      case .philox: PackageResources.philox_clh
      case .random: PackageResources.random_cl
      case .resampling: PackageResources.resampling_cl
      case .rows: PackageResources.rows_clh
      case .batched: PackageResources.batched_clh
      case .similarity: PackageResources.similarity_cl
      case .spectralNorm: PackageResources.spectral_norm_cl
      case .splitSum: PackageResources.split_sum_clh
      case .weightedLoss: PackageResources.weighted_loss_cl
      case .weightGradientCPU: PackageResources.weight_gradient_cpu_cl
      case .weightGradientGPU: PackageResources.weight_gradient_gpu_cl
      case .weightGradientGPUCommon: PackageResources.weight_gradient_gpu_clh
      case .weightGradientNVIDIA: PackageResources.weight_gradient_nvidia_cl
      case .weightGradientSum: PackageResources.weight_gradient_sum_cl
      case .weightGradientTile: PackageResources.weight_gradient_tile_clh
      case .winograd: PackageResources.winograd_clh
      case .winogradCPU: PackageResources.winograd_cpu_cl
      }
    return String(decoding: bytes, as: UTF8.self)
  }
}
