import Tape

/// An operation that says how its operands lie in device memory.
///
/// Borders and weights have no default: an operation that left them out would read other tensors' values. Operations
/// that need neither conform to `InteriorOperation`.
protocol LaidOutOperation: Operation {
  /// Operands whose kernels read beyond the edge of the map, and how many pixels.
  var borders: [(tensor: Tensor, pixels: Int)] { get }

  var weightLayout: WeightLayout { get }

  /// Operands that may lie inside another operand. Where all of them do, the operation needs no launch.
  var views: [OperandView] { get }
}

extension LaidOutOperation {
  /// An operation without views copies, which is always right.
  var views: [OperandView] { [] }
}

/// An operation that reads maps within their edges only, and has no weights: `Placement` refuses it with one.
protocol InteriorOperation: LaidOutOperation {}

extension InteriorOperation {
  var borders: [(tensor: Tensor, pixels: Int)] { [] }
  var weightLayout: WeightLayout { .none }
}

/// An operation's demand on the layout of its weights [O, I, KH, KW].
enum WeightLayout {
  /// No operand is a weight.
  case none
  /// A convolution reads this weight: its first one decides the layout.
  case convolved(Tensor, lanes: WeightLanes, stride: Int)
  /// A weight gradient writes this one: the first decides the layout where no convolution does.
  case gradient(Tensor, stride: Int)
  /// All weights among the operands are read side by side, number by number.
  case alike
}

/// One operand inside another one.
struct OperandView {
  let tensor: Tensor
  let container: Tensor
  /// The first image and channel of `tensor` within `container`.
  var image = 0
  var channel = 0

  /// Tensors one behind the other along the channels of `container`.
  static func channels(of container: Tensor, _ tensors: [Tensor]) -> [OperandView] {
    var channel = 0
    return tensors.map { tensor in
      defer { channel += tensor.shape.c }
      return OperandView(tensor: tensor, container: container, channel: channel)
    }
  }

  /// Tensors one behind the other along the images of `container`.
  static func images(of container: Tensor, _ tensors: [Tensor]) -> [OperandView] {
    var image = 0
    return tensors.map { tensor in
      defer { image += tensor.shape.n }
      return OperandView(tensor: tensor, container: container, image: image)
    }
  }

  /// Whether the view is a run of whole blocks of 16 channels.
  var isWholeBlocks: Bool {
    let end = channel + tensor.shape.c
    return channel.isMultiple(of: 16) && (end.isMultiple(of: 16) || end == container.shape.c)
  }
}

/// An operation over flat arrays (weights, vectors), number by number, that neighbouring steps of its kind may join:
/// one launch goes over all operands that lie one behind the other.
protocol FlatOperation: LaidOutOperation {
  /// Tensors of one size, in the order of the kernel's arguments.
  var columns: [Tensor] { get }

  /// Whether `next` differs from this step in its columns only.
  func hasSettings(of next: Self) -> Bool
}

extension FlatOperation {
  var borders: [(tensor: Tensor, pixels: Int)] { [] }
  var weightLayout: WeightLayout { .alike }
}
