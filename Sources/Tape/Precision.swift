/// How an executor's convolutions multiply. Their sums, and everything else (weights, moments, norms, losses), are fp32 in any case.
public enum Precision: String, CaseIterable, Sendable, Codable {
  /// Operands of 24 bits.
  case fp32
  /// Operands rounded to 11 bits: what PyTorch's convolutions take on NVIDIA GPUs unless told otherwise.
  case tf32
  /// Operands rounded to 8 bits.
  case bf16

  /// The relative L2 error that a convolution may have, from equal inputs.
  ///
  /// A product of two operands that are each rounded to p bits is off by at most 2 x 2^-p. That holds for their sum
  /// too, relative to the norm that the terms would have if they did not cancel; errors of random signs stay at a
  /// third of it.
  public var convolutionBound: Double {
    switch self {
    case .fp32: 1e-5
    case .tf32: 0x1p-10
    case .bf16: 0x1p-7
    }
  }
}
