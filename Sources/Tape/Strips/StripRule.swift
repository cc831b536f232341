/// The way in which `StripExecutor` computes an operation on one picture.
public enum StripRule: Sendable {
  /// Rows of the output depend on some rows of the activations that the operation reads.
  case rows(StripRows)
  /// The statistics of the whole picture come first, then every row is normalised by itself.
  case statistics(StripStatistics)
  /// The host computes the output from the values of all inputs, in their order.
  case onHost(@Sendable (_ inputs: [[Float]]) -> [Float])
  /// The operation is refused, for this reason.
  case cannot(String)

  /// A row of the output depends on the same row of the inputs.
  public static let rowByRow = StripRule.rows(StripRows())

  /// For operations that no generator has.
  public static let unused = StripRule.cannot("no generator has it, so its rows have no rule")

  /// For losses, gradients and updates.
  public static let onlyInTraining = StripRule.cannot("it belongs to training")
}

/// The dependence of an operation's output rows on its input rows.
public struct StripRows: Sendable {
  /// The first row of an output strip is a multiple of this.
  var alignment = 1
  /// The input rows that output rows depend on. The operation pads the strip at its edges; output rows that see this
  /// padding inside the picture are thrown away.
  var inputRows: @Sendable (_ outputRows: Range<Int>) -> Range<Int> = { $0 }
  /// The first output row of an input strip, from the strip's first row.
  var firstOutputRow: @Sendable (_ firstInputRow: Int) -> Int = { $0 }
  /// The number of output rows of an input strip, from the strip's height.
  var outputHeight: @Sendable (_ inputHeight: Int) -> Int = { $0 }
}

/// The operands of a norm over one picture.
public struct StripStatistics: Sendable {
  let input: Tensor
  let mean: Tensor
  let variance: Tensor
  let scale: Tensor?
  let shift: Tensor?
  let output: Tensor
  let epsilon: Float
}

extension Int {
  func roundedUp(to multiple: Int) -> Int { (self + multiple - 1) / multiple * multiple }

  /// Towards minus infinity.
  func roundedDown(to multiple: Int) -> Int {
    self >= 0 ? self / multiple * multiple : -((-self + multiple - 1) / multiple * multiple)
  }
}
