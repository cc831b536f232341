import Tape

/// The layout of every tensor of a recording: a pure function of the recording.
///
/// Concatenations and slices lie inside one another where channels come in whole blocks, and groups of a batch always:
/// those views need no launch.
package struct Placement: Sendable {
  private(set) var storages: [ActivationStorage] = []
  /// By the tensor's number.
  private(set) var activations: [Int: ActivationPlacement] = [:]
  private(set) var weights: [Int: WeightPacking] = [:]
  /// Outputs of concatenations, slices and splits that are views.
  private(set) var views: Set<Int> = []
  /// The container of each view, and the view's start there.
  private var containers: [Int: (tensor: Tensor, start: Corner)] = [:]

  /// An image and a block of channels in a storage.
  private struct Corner {
    var image = 0
    var block = 0
  }

  /// Operations without an OpenCL implementation, which no executor runs, do not count.
  package init(_ recording: Recording) {
    let operations = recording.steps.compactMap { $0.operation as? any LaidOutOperation }
    for operation in operations { placeViews(of: operation) }
    placeActivations(recording, operations)
    weights = Self.packings(recording, operations)
  }

  /// Whether the output of a concatenation or slice, or a group of a batch, needs no launch.
  func isView(_ tensor: Tensor) -> Bool { views.contains(tensor.id) }

  /// Whether writing one tensor changes the other.
  func overlap(_ a: Tensor, _ b: Tensor) -> Bool {
    guard let first = activations[a.id], let second = activations[b.id] else { return a == b }
    guard first.storage == second.storage else { return false }
    func extent(_ tensor: Tensor, _ start: Corner) -> (images: Range<Int>, blocks: Range<Int>) {
      (
        start.image..<start.image + tensor.shape.n,
        start.block..<start.block + tensor.shape.blocks
      )
    }
    let (one, other) = (extent(a, corner(of: first)), extent(b, corner(of: second)))
    return one.images.overlaps(other.images) && one.blocks.overlaps(other.blocks)
  }

  /// The block of `container` at which `tensor`, of the same images, begins; nil where it does not lie inside.
  func block(of tensor: Tensor, in container: Tensor) -> Int? {
    guard let placed = activations[tensor.id], let around = activations[container.id],
      placed.storage == around.storage
    else { return nil }
    let (inner, outer) = (corner(of: placed), corner(of: around))
    guard inner.image == outer.image, tensor.shape.n == container.shape.n else { return nil }
    let block = inner.block - outer.block
    return block >= 0 && block + tensor.shape.blocks <= container.shape.blocks ? block : nil
  }

  /// The first image and block of a tensor within its storage.
  private func corner(of placed: ActivationPlacement) -> Corner {
    let storage = storages[placed.storage]
    let block = Int(placed.place.x) / storage.blockStride
    return Corner(image: block / storage.blocks, block: block % storage.blocks)
  }

  // MARK: Activations

  /// All views of an operation or none.
  private mutating func placeViews(of operation: any LaidOutOperation) {
    let operands = operation.views
    guard !operands.isEmpty, Set(operands.map(\.tensor)).count == operands.count,
      operands.allSatisfy({ $0.isWholeBlocks && containers[$0.tensor.id] == nil })
    else { return }
    for view in operands {
      containers[view.tensor.id] = (view.container, Corner(image: view.image, block: view.channel / 16))
    }
    views.formUnion(operation.outputs.map(\.id))
  }

  /// The tensor that a storage is made for, and the start of `tensor` within it.
  private func root(of tensor: Tensor) -> (tensor: Tensor, start: Corner) {
    var (current, start) = (tensor, Corner())
    while let container = containers[current.id] {
      current = container.tensor
      start.image += container.start.image
      start.block += container.start.block
    }
    return (current, start)
  }

  private mutating func placeActivations(_ recording: Recording, _ operations: [any LaidOutOperation]) {
    let tensors = recording.tensors.filter { $0.kind == .activation }.map(\.tensor)
    var storageOf: [Int: Int] = [:]
    for tensor in tensors where containers[tensor.id] == nil {
      storageOf[tensor.id] = storages.count
      storages.append(ActivationStorage(tensor.shape, border: 0))
    }
    for (tensor, pixels) in operations.flatMap(\.borders) {
      let storage = storageOf[root(of: tensor).tensor.id]!
      storages[storage].border = max(storages[storage].border, pixels)
    }
    for tensor in tensors {
      let (root, start) = root(of: tensor)
      let storage = storageOf[root.id]!
      activations[tensor.id] = ActivationPlacement(
        storage: storage, place: storages[storage].place(image: start.image, block: start.block))
    }
  }

  // MARK: Weights

  /// Weights that any operation reads side by side form a group with one layout: that of the first convolution that
  /// reads one of them, else of the first weight gradient that writes one, else any.
  private static func packings(
    _ recording: Recording, _ operations: [any LaidOutOperation]
  ) -> [Int: WeightPacking] {
    let isWeight = recording.tensors.map { $0.kind == .weight }
    var groups = WeightGroups(count: recording.tensors.count)
    var convolved: [(tensor: Tensor, lanes: WeightLanes, stride: Int)] = []
    var gradients: [(tensor: Tensor, lanes: WeightLanes, stride: Int)] = []
    for operation in operations {
      let operands = (operation.inputs + operation.outputs).filter { isWeight[$0.id] }
      switch operation.weightLayout {
      case .none:
        precondition(operands.isEmpty, "\(type(of: operation).name) says nothing of its weights' layout")
      case .convolved(let tensor, let lanes, let stride):
        precondition(operands == [tensor], "\(type(of: operation).name) has more than one weight")
        convolved.append((tensor, lanes, stride))
      case .gradient(let tensor, let stride):
        precondition(operands == [tensor], "\(type(of: operation).name) has more than one weight")
        gradients.append((tensor, .output, stride))
      case .alike: groups.join(operands.map(\.id))
      }
    }
    var layouts: [Int: (lanes: WeightLanes, stride: Int)] = [:]
    for (tensor, lanes, stride) in convolved + gradients where layouts[groups.leader(tensor.id)] == nil {
      layouts[groups.leader(tensor.id)] = (lanes, stride)
    }
    var packings: [Int: WeightPacking] = [:]
    for tensor in recording.tensors.map(\.tensor) where isWeight[tensor.id] {
      let (lanes, stride) = layouts[groups.leader(tensor.id)] ?? (.output, 1)
      packings[tensor.id] = WeightPacking(tensor.shape, lanes: lanes, stride: stride)
    }
    return packings
  }

  /// Layers with so few channels on the side of the result have the other side in the lanes.
  static let fewChannels = 4
}

/// Disjoint sets of tensors that lie alike, each named by one of its members.
private struct WeightGroups {
  private var leaders: [Int]

  init(count: Int) { leaders = Array(0..<count) }

  func leader(_ tensor: Int) -> Int {
    var tensor = tensor
    while leaders[tensor] != tensor { tensor = leaders[tensor] }
    return tensor
  }

  mutating func join(_ tensors: [Int]) {
    guard let first = tensors.first else { return }
    for tensor in tensors.dropFirst() { leaders[leader(tensor)] = leader(first) }
  }
}
