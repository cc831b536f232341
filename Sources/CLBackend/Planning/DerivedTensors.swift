import Tape

/// The derived tensors of a plan that are up to date, and the launches that can still take on more of them.
///
/// A derived tensor is launched when a step first asks for it, and again after its tensor was written. An activated copy
/// is rather written by the launch that writes the tensor, where that launch can.
struct DerivedTensors {
  /// A launch that can write activated copies of its result.
  private struct CopyingLaunch {
    let tensor: Tensor
    /// The step that it belongs to.
    let step: Int
    /// Its number.
    let launch: Int
    let most: Int
    var copies = 0
  }

  /// A launch that repacks weights, and can repack more.
  struct OpenRepacking {
    let label: String
    /// Its number.
    let launch: Int
    var weights: [Repacking]
    /// Tensors written since.
    var written: Set<Tensor> = []
  }

  private let placement: Placement
  private var current: Set<Derivation> = []
  /// By the tensor's number.
  private var copyingLaunches: [Int: CopyingLaunch] = [:]
  private var repacking: OpenRepacking?

  init(_ placement: Placement) { self.placement = placement }

  /// Notes that a derived tensor is written now. False if it is up to date already.
  mutating func insert(_ derivation: Derivation) -> Bool { current.insert(derivation).inserted }

  /// Notes that a step has written tensors: everything derived from them is out of date.
  mutating func write(_ outputs: [Tensor], by step: Int) {
    for output in outputs where !placement.isView(output) {
      repacking?.written.insert(output)
      current = current.filter { !placement.overlap($0.tensor, output) }
      copyingLaunches = copyingLaunches.filter {
        $0.value.step == step || !placement.overlap($0.value.tensor, output)
      }
    }
  }

  // MARK: Activated copies

  mutating func addCopyingLaunch(_ launch: Int, writing tensor: Tensor, by step: Int, most: Int) {
    copyingLaunches[tensor.id] = CopyingLaunch(tensor: tensor, step: step, launch: launch, most: most)
  }

  /// The launches that write `tensor` or some of its channels and take on one copy more, with the blocks of channels that
  /// each writes.
  mutating func copyingLaunches(
    within tensor: Tensor
  ) -> [(launch: Int, blocks: Range<Int>, channels: Int)] {
    var result: [(launch: Int, blocks: Range<Int>, channels: Int)] = []
    for (id, writer) in copyingLaunches.sorted(by: { $0.key < $1.key }) where writer.copies < writer.most {
      guard let block = placement.block(of: writer.tensor, in: tensor) else { continue }
      copyingLaunches[id]!.copies += 1
      let shape = writer.tensor.shape
      result.append((writer.launch, block..<block + shape.blocks, shape.c))
    }
    return result
  }

  // MARK: Repacked weights

  /// Adds a weight to the last launch that repacks weights; nil if it is full, or the weight was written since.
  mutating func addRepacking(_ weight: Repacking, of tensor: Tensor, most: Int) -> OpenRepacking? {
    guard let open = repacking, open.weights.count < most, !open.written.contains(tensor) else { return nil }
    repacking!.weights.append(weight)
    return repacking
  }

  /// Notes a new launch that repacks weights.
  mutating func openRepacking(_ weight: Repacking, launch: Int, _ label: String) {
    repacking = OpenRepacking(label: label, launch: launch, weights: [weight])
  }
}
