/// Items in a shuffled order, of which each place of a batch gets one: pairs, or the pictures of one side where there are no
/// pairs.
struct BatchLane: Sendable {
  /// An item at load size, as it is kept from epoch to epoch.
  struct Item: Sendable {
    let byteCount: Int
    /// Cuts the item into a batch's planes, which must be zeros.
    let write: @Sendable (_ epoch: Int, _ planes: Planes) -> Void
  }

  /// The planes of one place in a batch.
  struct Planes {
    let input: UnsafeMutableBufferPointer<Float>
    let target: UnsafeMutableBufferPointer<Float>
    /// Empty where the batch has no weights.
    let weights: UnsafeMutableBufferPointer<Float>
  }

  let names: [String]
  /// Of the order; nil keeps the source's.
  let seed: UInt64?
  /// Whether a new order begins when all items have had their turn, rather than with every epoch of the batches.
  let isEndless: Bool
  /// Reads an item by its place in the source.
  let load: @Sendable (_ index: Int) throws(ImageError) -> Item

  var count: Int { names.count }

  /// The item of a place: its index, and how often all items were shown before.
  ///
  /// - Parameters:
  ///   - batch: a batch counted from the run's beginning
  ///   - place: in the batch
  ///   - order: the items in the order of an epoch
  func item(
    batch: Int, place: Int, batchSize: Int, batchesPerEpoch: Int, order: (_ epoch: Int) -> [Int]
  ) -> (index: Int, epoch: Int) {
    let drawn = isEndless ? batch * batchSize + place : batch % batchesPerEpoch * batchSize + place
    let epoch = isEndless ? drawn / count : batch / batchesPerEpoch
    return (order(epoch)[drawn % count], epoch)
  }

  func order(epoch: Int) -> [Int] {
    guard let seed else { return Array(0..<count) }
    return shuffledOrder(count: count, seed: seed, epoch: epoch)
  }
}

extension BatchLane {
  /// Pairs, each cut alike on both sides.
  init(_ source: PairSource, _ reader: PairReader, shuffle: Bool) {
    let pairs = source.pairs
    names = pairs.map(\.name)
    seed = shuffle ? reader.augmentation.seed : nil
    isEndless = false
    load = { index throws(ImageError) in
      let pair = try reader.read(pairs[index])
      return Item(byteCount: pair.byteCount) { epoch, planes in
        reader.write(pair, epoch: epoch, index: index, planes.input, planes.target)
        if pair.weights != nil { reader.writeWeights(pair, epoch: epoch, index: index, planes.weights) }
      }
    }
  }

  /// The pictures of one side, which know nothing of the other's: their order and cuts have a seed of their own.
  init(_ side: Direction.Side, of source: UnpairedSource, _ reader: PairReader) {
    guard case .pictures(let inputs, let target) = reader.format, inputs.count == 1 else {
      preconditionFailure("unpaired pictures have two formats")
    }
    let format = side == .a ? inputs[0] : target
    let pictures = source[side].pairs
    let augmentation = reader.augmentation.of(side)
    names = pictures.map(\.name)
    seed = augmentation.seed
    isEndless = true
    load = { index throws(ImageError) in
      let file = try pictures[index].pictures().target
      let picture = try augmentation.loaded(file, as: format)
      return Item(byteCount: picture.byteCount) { epoch, planes in
        let cut = augmentation.cut(epoch: epoch, index: index)
        augmentation.write(picture, as: format, cut, into: side == .a ? planes.input : planes.target)
      }
    }
  }
}
