/// How convolutions multiply. Their sums, and everything else (weights, moments, norms, losses), are fp32 in any case.
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

/// What matrix units multiply, PRECISION in Kernels/matrix_units.clh.
enum MatrixFormat: String {
  case tf32 = "TF32"
  /// Three products of split operands, as exact as fp32.
  case tf32x3 = "TF32X3"
  case bf16 = "BF16"
}

/// The programs that convolutions are made of.
struct Multiplication: Equatable {
  /// nil for fp32 without matrix units.
  var format: MatrixFormat?
  /// The matrix units are emulated.
  var emulated = false

  static let plain = Multiplication()

  /// What gives that precision on a device with those matrix units. Throws if nothing does.
  init(
    _ precision: Precision, _ units: MatrixUnits, on device: DeviceDescription
  ) throws(OpenCLError) {
    emulated = units.isEmulated
    switch precision {
    case .fp32: format = units.operands.contains(.tf32) ? .tf32x3 : nil
    case .tf32: format = units.operands.contains(.tf32) ? .tf32 : nil
    case .bf16: format = units.operands.contains(.bf16) ? .bf16 : nil
    }
    guard format != nil || precision == .fp32 else {
      let possible = Precision.possible(units).map(\.rawValue).joined(separator: ", ")
      throw OpenCLError(
        "--precision \(precision.rawValue) needs matrix units, which \(device.name) has not proven to have; possible: \(possible)"
      )
    }
  }

  private init() {}
}

extension Precision {
  /// What a device with those matrix units can do.
  static func possible(_ units: MatrixUnits) -> [Precision] {
    [.fp32] + (units.operands.contains(.tf32) ? [.tf32] : [])
      + (units.operands.contains(.bf16) ? [.bf16] : [])
  }

  /// What is taken unless something is asked for: TF32 where matrix units have proven to do it, as PyTorch's
  /// convolutions do (a training's noise is far above its rounding, and fp32 costs three times the products there);
  /// fp32 everywhere else.
  static func standard(_ units: MatrixUnits) -> Precision {
    units.operands.contains(.tf32) && !units.isEmulated ? .tf32 : .fp32
  }
}
