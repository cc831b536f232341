/// A handle on one tensor of a tape: which one it is, and its shape.
public struct Tensor: Hashable, Sendable {
  public let id: Int
  public let shape: Shape
}

/// What a tensor is, as far as its layout goes.
public enum TensorKind: Sendable {
  /// [N, C, H, W]
  case activation
  /// [O, I, KH, KW]
  case weight
  /// [C] or [N, C]
  case vector
  /// []
  case scalar
}

/// Who fills a tensor, and how long its values live.
public enum TensorRole: Sendable {
  /// Written from outside before a replay: pictures, the schedule.
  case input
  /// Learned, and updated in place by Adam.
  case parameter
  /// Kept from replay to replay beside the parameters: Adam's moments, running statistics, pools of images.
  case state
  /// Made and used within one replay.
  case intermediate
}

/// What a tape knows of a tensor besides its shape.
public struct TensorDescription: Sendable {
  public let tensor: Tensor
  public let name: String
  public let kind: TensorKind
  public let role: TensorRole
}
