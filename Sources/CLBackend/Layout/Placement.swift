import Tape

/// Which channels fill the vector lanes of a packed weight [O, I, KH, KW]; see Kernels/layout.clh.
public enum WeightLanes: Sendable, Hashable {
  /// The convolution's output channels, taps in row order: what a convolution streams.
  case output
  /// Its input channels, taps ordered by phase of the stride: what a transposed convolution streams.
  case input
}

/// Where an activation lies: which storage, from which channel block on, in pixels of 16 floats.
struct ActivationPlacement: Hashable, Sendable {
  var storage: Int
  /// First interior pixel, image stride, channel-block stride, row stride.
  var place: SIMD4<Int32>
}

/// One buffer of activations: [N][blocks][H + 2 border][W + 2 border][16] and the spare pixels behind it.
struct ActivationStorage: Hashable, Sendable {
  var images: Int
  var blocks: Int
  var height: Int
  var width: Int
  var border: Int
  /// Channels that fill up the last block.
  var filling: Int

  /// What a tile may read beyond the last row.
  static let sparePixels = 32

  /// What it is made of, `images * blocks` times.
  var map: ActivationMap { ActivationMap(height: height, width: width, border: border) }

  var rowStride: Int { width + 2 * border }
  var blockStride: Int { rowStride * (height + 2 * border) }
  var pixels: Int { images * blocks * blockStride + Self.sparePixels }

  func place(image: Int = 0, block: Int = 0) -> SIMD4<Int32> {
    SIMD4(
      Int32((image * blocks + block) * blockStride + border * rowStride + border),
      Int32(blocks * blockStride), Int32(blockStride), Int32(rowStride))
  }
}

/// The map of a block of channels, with the border around it.
struct ActivationMap: Hashable, Sendable {
  let height: Int
  let width: Int
  let border: Int

  var pixels: Int { (height + 2 * border) * (width + 2 * border) }
}

/// How a packed weight lies: [panels of 32][blocks of 16][taps][16][32].
struct WeightPacking: Hashable, Sendable {
  let lanes: WeightLanes
  let outputs: Int
  let inputs: Int
  let kernelHeight: Int
  let kernelWidth: Int
  /// Of the layer, for the order of taps.
  let stride: Int

  var panels: Int { ((lanes == .output ? outputs : inputs) + 31) / 32 }
  var blocks: Int { ((lanes == .output ? inputs : outputs) + 15) / 16 }
  var taps: Int { kernelHeight * kernelWidth }
  var floats: Int { panels * blocks * taps * 16 * 32 }

  /// The position of tap (kh, kw).
  func tap(_ kh: Int, _ kw: Int) -> Int {
    guard lanes == .input else { return kh * kernelWidth + kw }
    // TAP() of layout.clh: a run for each phase of the stride, the taps of a run in reverse.
    let (rows, rowsBefore) = Self.phase(kh, kernelHeight, stride)
    let (columns, columnsBefore) = Self.phase(kw, kernelWidth, stride)
    return rowsBefore * kernelWidth + rows * columnsBefore + (rows - 1 - kh / stride) * columns
      + columns - 1 - kw / stride
  }

  /// How many taps the phase of tap k has, and how many taps earlier phases have.
  private static func phase(_ k: Int, _ kernel: Int, _ stride: Int) -> (taps: Int, before: Int) {
    let phase = k % stride
    return ((kernel - phase + stride - 1) / stride, phase * (kernel / stride) + min(phase, kernel % stride))
  }

  /// Calls `body` with the row-major index in [O, I, KH, KW] and the packed index of every weight, on all cores: a
  /// panel's blocks, which fit into a cache, one after the other.
  func visit(_ body: (_ plain: Int, _ packed: Int) -> Void) {
    let taps = (0..<kernelHeight).flatMap { kh in (0..<kernelWidth).map { kw in tap(kh, kw) } }
    let (laneCount, scalarCount) = lanes == .output ? (outputs, inputs) : (inputs, outputs)
    inParallel(panels * blocks) { block in
      let (panel, scalars) = (block / blocks, block % blocks)
      for lane in panel * 32..<min((panel + 1) * 32, laneCount) {
        for scalar in scalars * 16..<min((scalars + 1) * 16, scalarCount) {
          let (o, i) = lanes == .output ? (lane, scalar) : (scalar, lane)
          let plain = (o * inputs + i) * taps.count
          let packed = (block * taps.count * 16 + scalar % 16) * 32 + lane % 32
          for (index, tap) in taps.enumerated() { body(plain + index, packed + tap * 512) }
        }
      }
    }
  }
}

/// Where every tensor of a recording lies: a pure function of the recording.
///
/// Concatenations and slices are laid inside one another where channels come in whole blocks, and parts of a batch
/// always, so that none of them needs a launch; see `isView`.
struct Placement: Sendable {
  private(set) var storages: [ActivationStorage] = []
  private(set) var activations: [Int: ActivationPlacement] = [:]
  private(set) var weights: [Int: WeightPacking] = [:]
  /// What needs no launch of concatenations, slices and splits, by the tensor it writes.
  private(set) var views: Set<Int> = []
  /// Parts of a concatenation that are laid in it, or slices that lie in their input, and where.
  private var parents: [Int: (whole: Tensor, start: Corner)] = [:]

  /// An image and a block of channels in a storage.
  private struct Corner {
    var image = 0
    var block = 0
  }

  init(_ recording: Recording) {
    placeParts(recording)
    placeActivations(recording)
    placeWeights(recording)
  }

  /// Whether writing one tensor changes the other.
  func overlap(_ a: Tensor, _ b: Tensor) -> Bool {
    guard let first = activations[a.id], let second = activations[b.id] else { return a == b }
    guard first.storage == second.storage else { return false }
    let (left, right) = (corner(of: first), corner(of: second))
    func ranges(_ tensor: Tensor, _ start: Corner) -> (images: Range<Int>, blocks: Range<Int>) {
      (
        start.image..<start.image + tensor.shape.n,
        start.block..<start.block + (tensor.shape.c + 15) / 16
      )
    }
    let (one, other) = (ranges(a, left), ranges(b, right))
    return one.images.overlaps(other.images) && one.blocks.overlaps(other.blocks)
  }

  /// At which block of `whole` all of `part` lies, which has the same images; nil where it does not.
  func block(of part: Tensor, in whole: Tensor) -> Int? {
    guard let placed = activations[part.id], let around = activations[whole.id],
      placed.storage == around.storage
    else { return nil }
    let (inner, outer) = (corner(of: placed), corner(of: around))
    guard inner.image == outer.image, part.shape.n == whole.shape.n else { return nil }
    let block = inner.block - outer.block
    return block >= 0 && block + (part.shape.c + 15) / 16 <= (whole.shape.c + 15) / 16 ? block : nil
  }

  /// The first image and block of a tensor within its storage.
  private func corner(of placed: ActivationPlacement) -> Corner {
    let storage = storages[placed.storage]
    let block = Int(placed.place.x) / storage.blockStride
    return Corner(image: block / storage.blocks, block: block % storage.blocks)
  }

  private mutating func placeParts(_ recording: Recording) {
    for step in recording.steps {
      if let operation = step.operation as? Concatenation {
        let parts = operation.parts
        guard parts.dropLast().allSatisfy({ $0.shape.c.isMultiple(of: 16) }), Set(parts).count == parts.count,
          parts.allSatisfy({ parents[$0.id] == nil })
        else { continue }
        var block = 0
        for part in parts {
          parents[part.id] = (operation.output, Corner(block: block))
          block += part.shape.c / 16
        }
        views.insert(operation.output.id)
      } else if let operation = step.operation as? BatchConcatenation {
        let parts = operation.parts
        guard Set(parts).count == parts.count, parts.allSatisfy({ parents[$0.id] == nil }) else { continue }
        placeImages(of: parts, in: operation.output)
        views.insert(operation.output.id)
      } else if let operation = step.operation as? BatchSplit {
        placeImages(of: operation.parts, in: operation.input)
        views.formUnion(operation.parts.map(\.id))
      } else if let operation = step.operation as? Slice {
        let channels = operation.channels
        guard channels.lowerBound.isMultiple(of: 16),
          channels.upperBound.isMultiple(of: 16) || channels.upperBound == operation.input.shape.c
        else { continue }
        parents[operation.output.id] = (operation.input, Corner(block: channels.lowerBound / 16))
        views.insert(operation.output.id)
      }
    }
  }

  private mutating func placeImages(of parts: [Tensor], in whole: Tensor) {
    var image = 0
    for part in parts {
      parents[part.id] = (whole, Corner(image: image))
      image += part.shape.n
    }
  }

  /// The tensor whose storage holds `tensor`, and from where on.
  private func root(_ tensor: Tensor) -> (Tensor, start: Corner) {
    var (current, start) = (tensor, Corner())
    while let parent = parents[current.id] {
      current = parent.whole
      start.image += parent.start.image
      start.block += parent.start.block
    }
    return (current, start)
  }

  private mutating func placeActivations(_ recording: Recording) {
    let activationTensors = recording.tensors.filter { $0.kind == .activation }.map(\.tensor)
    var storageOf: [Int: Int] = [:]
    for tensor in activationTensors where parents[tensor.id] == nil {
      storageOf[tensor.id] = storages.count
      let shape = tensor.shape
      storages.append(
        ActivationStorage(
          images: shape.n, blocks: (shape.c + 15) / 16, height: shape.h, width: shape.w, border: 0,
          filling: (16 - shape.c % 16) % 16))
    }
    for step in recording.steps {
      for (tensor, border) in Self.borders(step.operation) {
        let storage = storageOf[root(tensor).0.id]!
        storages[storage].border = max(storages[storage].border, border)
      }
    }
    for tensor in activationTensors {
      let (whole, start) = root(tensor)
      let storage = storageOf[whole.id]!
      activations[tensor.id] = ActivationPlacement(
        storage: storage, place: storages[storage].place(image: start.image, block: start.block))
    }
  }

  /// How far beyond the edge a step reads its operands.
  static func borders(_ operation: any Operation) -> [(Tensor, Int)] {
    switch operation {
    case let step as Convolution:
      return [(step.input, step.geometry.padding)]
    case let step as WeightGradient:
      return [(step.image, step.geometry.padding)]
    case let step as TransposedConvolution:
      let (S, P) = (step.geometry.stride, step.geometry.padding)
      func border(_ kernel: Int, _ image: Int, _ gradient: Int) -> Int {
        // Whole cells of S x S output pixels are computed, so the last one may overhang the image.
        let cells = (image + S - 1) / S * S
        return max(0, (kernel - 1 - P) / S, (cells - 1 + P) / S - gradient + 1)
      }
      let (x, g, w) = (step.output.shape, step.input.shape, step.weight.shape)
      return [(step.input, max(border(w[2], x.h, g.h), border(w[3], x.w, g.w)))]
    default:
      return []
    }
  }

  private mutating func placeWeights(_ recording: Recording) {
    func packing(_ weight: Tensor, _ lanes: WeightLanes, stride: Int) -> WeightPacking {
      let w = weight.shape
      return WeightPacking(
        lanes: lanes, outputs: w[0], inputs: w[1], kernelHeight: w[2], kernelWidth: w[3], stride: stride)
    }
    // The first use decides: it is the forward pass.
    for step in recording.steps {
      switch step.operation {
      case let step as Convolution where weights[step.weight.id] == nil:
        weights[step.weight.id] = packing(
          step.weight, step.weight.shape[0] <= Self.fewChannels ? .input : .output,
          stride: step.geometry.stride)
      case let step as TransposedConvolution where weights[step.weight.id] == nil:
        weights[step.weight.id] = packing(
          step.weight, step.weight.shape[1] <= Self.fewChannels ? .output : .input,
          stride: step.geometry.stride)
      default: break
      }
    }
    // So does that of a normalised weight for the weight itself, and for the vector that lies as its first output.
    for step in recording.steps {
      guard let step = step.operation as? SpectralNorm,
        let used = weights[step.weight.id] ?? weights[step.output.id]
      else { continue }
      (weights[step.weight.id], weights[step.output.id]) = (used, used)
      weights[step.v.id] = packing(step.v, used.lanes, stride: used.stride)
    }
    // Gradients and moments lie as their parameter does; sums as what they add up.
    for step in recording.steps.reversed() {
      switch step.operation {
      case let step as Adam:
        for tensor in [step.gradient, step.firstMoment, step.secondMoment] {
          weights[tensor.id] = weights[step.parameter.id]
        }
      case let step as SpectralNormGradient:
        weights[step.gradient.id] = weights[step.normalized.id]
        weights[step.output.id] = weights[step.normalized.id]
      case let step as Combination:
        guard let packing = weights[step.output.id] else { continue }
        weights[step.a.id] = weights[step.a.id] ?? packing
        weights[step.b.id] = weights[step.b.id] ?? packing
      default: break
      }
    }
    for step in recording.steps {
      guard let step = step.operation as? WeightGradient, weights[step.output.id] == nil else { continue }
      weights[step.output.id] = packing(step.output, .output, stride: step.geometry.stride)
    }
    for step in recording.steps {
      guard let step = step.operation as? Combination, weights[step.output.id] == nil,
        let packing = weights[step.a.id] ?? weights[step.b.id]
      else { continue }
      for tensor in [step.a, step.b, step.output] where weights[tensor.id] == nil {
        weights[tensor.id] = packing
      }
    }
    // What no convolution uses (a weight that only Adam sees, say) may lie anyhow, but must lie alike.
    for description in recording.tensors
    where description.kind == .weight && weights[description.tensor.id] == nil {
      weights[description.tensor.id] = packing(description.tensor, .output, stride: 1)
    }
  }

  /// Layers with so few channels on the side of the result have the other side in the lanes.
  static let fewChannels = 4
}
