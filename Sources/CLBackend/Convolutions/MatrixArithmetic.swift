import Tape

/// The arithmetic of the products in convolutions: plain fp32, or matrix units.
struct MatrixArithmetic: Equatable {
  /// nil for fp32 without matrix units.
  var format: MatrixFormat?
  /// The matrix units are emulated.
  var emulated = false

  static let plain = MatrixArithmetic()

  /// The arithmetic with that precision on a device with those matrix units.
  ///
  /// - Throws: `OpenCLError` when the units do not have it
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
        "--precision \(precision.rawValue) needs matrix units; \(device.name) has none that have proven to work; possible there: \(possible)"
      )
    }
  }

  private init() {}
}

extension Precision {
  /// The precisions of a device with those matrix units.
  static func possible(_ units: MatrixUnits) -> [Precision] {
    var result = [Precision.fp32]
    if units.operands.contains(.tf32) { result.append(.tf32) }
    if units.operands.contains(.bf16) { result.append(.bf16) }
    return result
  }

  /// The default precision: TF32 where matrix units have proven to compute it, as in PyTorch's convolutions (a training's
  /// noise is far above its rounding, and fp32 costs three times the products there); fp32 everywhere else.
  static func standard(_ units: MatrixUnits) -> Precision {
    units.operands.contains(.tf32) && !units.isEmulated ? .tf32 : .fp32
  }

  /// The precisions of a device.
  public static func possible(on device: Device) -> [Precision] { possible(MatrixUnits(provenOn: device)) }

  /// The default precision on a device.
  public static func standard(on device: Device) -> Precision { standard(MatrixUnits(provenOn: device)) }
}
