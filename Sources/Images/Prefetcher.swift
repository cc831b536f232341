import Foundation

/// The pictures of one step.
public struct Batch: Sendable {
  /// NCHW [count, the format's inputChannels, height, width].
  public let input: [Float]
  /// NCHW [count, the format's targetChannels, height, width].
  public let target: [Float]
  /// The pixels' weights, NCHW [count, 1, height, width] in [0, 1]; nil where pairs have none.
  public let weights: [Float]?
  /// From 0.
  public let epoch: Int
  /// The batch's place in its epoch, from 0.
  public let indexInEpoch: Int
  /// The names of pairs or, where there are none, of the input's side, one per picture.
  public let names: [String]

  public var count: Int { names.count }
}

/// Decodes and augments pictures on background threads, and hands the batches out in order.
///
/// Batch i is the same whatever the number of threads and wherever the run started: its pairs come from a
/// shuffle of (seed, epoch), their cuts from (seed, epoch, pair). So starting at step i continues a run
/// exactly.
///
/// Every batch has `batchSize` pictures. Pairs left at the end of an epoch that do not fill a batch are dropped; the next
/// epoch's shuffle gives them their turn. A source smaller than the batch size asked for is one batch.
///
/// Unpaired pictures have an order for each side, and each side begins a new one when all its pictures have had their turn,
/// so that all are shown equally often. An epoch is a turn of the larger side.
///
/// Decoded pictures are kept at load size up to a limit, so later epochs only cut. `next()` has one caller
/// at a time.
public final class Prefetcher: Sendable {
  public let batchSize: Int
  public let batchesPerEpoch: Int

  private let work: Work

  /// - Parameters:
  ///   - source: at least one pair. All pairs have weights or none has, and as many inputs as the format.
  ///   - reader: makes the planes. Its seed is the shuffle's too.
  ///   - shuffle: false keeps the source's order in every epoch, for validation.
  ///   - startStep: the first batch to deliver, counted from the run's beginning.
  ///   - threads: the number that decode at a time.
  ///   - depth: the most batches under way or waiting; bounds the memory.
  ///   - cacheLimit: bytes of decoded pictures to keep. Pairs beyond it are decoded again every epoch.
  public convenience init(
    source: PairSource, reader: PairReader, batchSize: Int, shuffle: Bool = true, startStep: Int = 0,
    threads: Int = Prefetcher.defaultThreads, depth: Int = 8, cacheLimit: Int = 1 << 30
  ) {
    let hasWeights = source.pairs.first?.weights != nil
    precondition(
      source.pairs.allSatisfy { ($0.weights != nil) == hasWeights }, "all pairs have weights or none has")
    precondition(
      source.pairs.allSatisfy { 1 + $0.moreInputs.count == reader.format.inputCount },
      "each input picture has a format")
    self.init(
      [BatchLane(source, reader, shuffle: shuffle)], reader, hasWeights: hasWeights, batchSize: batchSize,
      startStep: startStep, threads: threads, depth: depth, cacheLimit: cacheLimit)
  }

  /// Pictures of two sides without pairs: a batch has as many of A as inputs as it has of B as targets.
  ///
  /// - Parameter reader: with the format of A for its only input, and of B for the target
  public convenience init(
    unpaired source: UnpairedSource, reader: PairReader, batchSize: Int, startStep: Int = 0,
    threads: Int = Prefetcher.defaultThreads, depth: Int = 8, cacheLimit: Int = 1 << 30
  ) {
    self.init(
      Direction.Side.allCases.map { BatchLane($0, of: source, reader) }, reader, hasWeights: false,
      batchSize: batchSize, startStep: startStep, threads: threads, depth: depth, cacheLimit: cacheLimit)
  }

  private init(
    _ lanes: [BatchLane], _ reader: PairReader, hasWeights: Bool, batchSize: Int, startStep: Int,
    threads: Int, depth: Int, cacheLimit: Int
  ) {
    precondition(
      lanes.allSatisfy { $0.count > 0 } && batchSize > 0 && startStep >= 0 && threads > 0 && depth > 0)
    let longest = lanes.map(\.count).max() ?? 0
    self.batchSize = min(batchSize, longest)
    batchesPerEpoch = longest / self.batchSize
    work = Work(
      lanes: lanes, reader: reader, hasWeights: hasWeights, batchSize: self.batchSize,
      batchesPerEpoch: batchesPerEpoch, startStep: startStep, threads: threads, depth: depth,
      cacheLimit: cacheLimit)
    for _ in 0..<threads {
      Thread.detachNewThread { [work] in work.run() }
    }
  }

  /// Pairs of RGB pictures as squares.
  /// - Parameters:
  ///   - size: the side of the pictures in a batch, in pixels.
  ///   - jitter: random cuts and flips; false resizes straight to `size`, for validation.
  public convenience init(
    source: PairSource, size: Int, batchSize: Int, jitter: Bool, shuffle: Bool = true, seed: UInt64,
    startStep: Int = 0, threads: Int = Prefetcher.defaultThreads, depth: Int = 8,
    cacheLimit: Int = 1 << 30
  ) {
    self.init(
      source: source, reader: PairReader(augmentation: Augmentation(size: size, jitter: jitter, seed: seed)),
      batchSize: batchSize, shuffle: shuffle, startStep: startStep, threads: threads, depth: depth,
      cacheLimit: cacheLimit)
  }

  deinit { stop() }

  /// Leaves a core for the thread that feeds the device, and does not take a whole big machine.
  public static var defaultThreads: Int {
    max(1, min(8, ProcessInfo.processInfo.activeProcessorCount - 1))
  }

  /// The next batch, waiting for it if need be. A batch that failed throws when its turn comes; calling
  /// again goes on with the batch after it.
  /// - Throws: the errors of `PairFiles.pictures()`; `.stopped` after `stop()`.
  public func next() throws(ImageError) -> Batch {
    try work.take().get()
  }

  /// The total time `next()` has waited for pictures, in seconds.
  public var waitedSeconds: Double { work.waitedSeconds }

  /// Counts the threads that have not ended; can be called when the prefetcher is gone.
  package var countRunningThreads: @Sendable () -> Int { { [work] in work.runningThreads } }

  /// Ends the threads after the batch each is at and waits for them. Batches not yet taken are lost.
  public func stop() {
    work.stop()
  }
}

/// The threads' shared state. They hold this and not the prefetcher, so that releasing the prefetcher ends them.
private final class Work: Sendable {
  private let lanes: [BatchLane]
  private let reader: PairReader
  private let hasWeights: Bool
  private let batchSize: Int
  private let batchesPerEpoch: Int
  private let depth: Int
  private let cacheLimit: Int

  private struct State {
    /// The step that a free thread begins with.
    var nextToBegin: Int
    /// The step that `take()` hands out.
    var nextToTake: Int
    /// Finished batches that are not yet taken, by step.
    var finished: [Int: Result<Batch, ImageError>] = [:]
    var runningThreads: Int
    var isStopped = false
    /// The last shuffle of each lane that was asked for; nearly always all threads work on the same epoch.
    var orders: [(epoch: Int, indices: [Int])]
    var waited: Duration = .zero
  }

  private struct Cache {
    /// By lane and place in the source.
    var items: [[Int: BatchLane.Item]]
    var bytes = 0
  }

  private let state: ConditionLock<State>
  private let cache: ConditionLock<Cache>

  init(
    lanes: [BatchLane], reader: PairReader, hasWeights: Bool, batchSize: Int, batchesPerEpoch: Int,
    startStep: Int, threads: Int, depth: Int, cacheLimit: Int
  ) {
    self.lanes = lanes
    self.reader = reader
    self.hasWeights = hasWeights
    self.batchSize = batchSize
    self.batchesPerEpoch = batchesPerEpoch
    self.depth = depth
    self.cacheLimit = cacheLimit
    state = ConditionLock(
      State(
        nextToBegin: startStep, nextToTake: startStep, runningThreads: threads,
        orders: lanes.map { _ in (-1, []) }))
    cache = ConditionLock(Cache(items: lanes.map { _ in [:] }))
  }

  private enum Job {
    case make(step: Int)
    case end
  }

  /// A thread's whole life.
  func run() {
    while case .make(let step) = nextJob() {
      let result = Result { () throws(ImageError) in try makeBatch(step) }
      state.withLock { $0.finished[step] = result }
    }
    state.withLock { $0.runningThreads -= 1 }
  }

  /// Waits while `depth` batches are under way or waiting to be taken.
  private func nextJob() -> Job {
    state.wait { state in
      if state.isStopped { return .end }
      guard state.nextToBegin < state.nextToTake + depth else { return nil }
      defer { state.nextToBegin += 1 }
      return .make(step: state.nextToBegin)
    }
  }

  /// Waits for the next step in order and takes it.
  func take() -> Result<Batch, ImageError> {
    let begin = ContinuousClock.now
    return state.wait { state in
      if state.isStopped { return .failure(.stopped) }
      guard let result = state.finished.removeValue(forKey: state.nextToTake) else { return nil }
      state.nextToTake += 1
      state.waited += ContinuousClock.now - begin
      return result
    }
  }

  func stop() {
    state.withLock { $0.isStopped = true }
    state.wait { $0.runningThreads == 0 ? () : nil }
  }

  var runningThreads: Int { state.withLock { $0.runningThreads } }

  var waitedSeconds: Double { state.withLock { $0.waited } / .seconds(1) }

  private func makeBatch(_ step: Int) throws(ImageError) -> Batch {
    var planes = BatchPlanes(batchSize, reader, hasWeights: hasWeights)
    var names: [String] = []
    for (number, lane) in lanes.enumerated() {
      for place in 0..<batchSize {
        let (index, epoch) = lane.item(
          batch: step, place: place, batchSize: batchSize, batchesPerEpoch: batchesPerEpoch
        ) { order(number, epoch: $0) }
        planes.cut(try item(number, index), epoch: epoch, to: place)
        if number == 0 { names.append(lane.names[index]) }
      }
    }
    return Batch(
      input: planes.input, target: planes.target, weights: hasWeights ? planes.weights : nil,
      epoch: step / batchesPerEpoch, indexInEpoch: step % batchesPerEpoch, names: names)
  }

  private func order(_ lane: Int, epoch: Int) -> [Int] {
    state.withLock { state in
      if state.orders[lane].epoch != epoch {
        state.orders[lane] = (epoch, lanes[lane].order(epoch: epoch))
      }
      return state.orders[lane].indices
    }
  }

  /// An item at load size. A full cache keeps its items: every item is used once an epoch, so that evicting the oldest would
  /// evict the one needed next.
  private func item(_ lane: Int, _ index: Int) throws(ImageError) -> BatchLane.Item {
    if let cached = cache.withLock({ $0.items[lane][index] }) { return cached }
    let item = try lanes[lane].load(index)
    cache.withLock { cache in
      // Two threads at two ends of an epoch may have decoded the same picture.
      guard cache.items[lane][index] == nil, cache.bytes + item.byteCount <= cacheLimit else { return }
      cache.items[lane][index] = item
      cache.bytes += item.byteCount
    }
    return item
  }
}

/// The planes of a batch while items are cut into them.
private struct BatchPlanes {
  private let batchSize: Int
  private(set) var input: [Float]
  private(set) var target: [Float]
  /// Empty where there are none.
  private(set) var weights: [Float]

  init(_ batchSize: Int, _ reader: PairReader, hasWeights: Bool) {
    self.batchSize = batchSize
    let pixels = batchSize * reader.augmentation.size.area
    input = [Float](repeating: 0, count: reader.format.inputChannels * pixels)
    target = [Float](repeating: 0, count: reader.format.targetChannels * pixels)
    weights = [Float](repeating: 0, count: hasWeights ? pixels : 0)
  }

  mutating func cut(_ item: BatchLane.Item, epoch: Int, to place: Int) {
    let batchSize = batchSize
    func part(_ whole: UnsafeMutableBufferPointer<Float>) -> UnsafeMutableBufferPointer<Float> {
      let count = whole.count / batchSize
      return UnsafeMutableBufferPointer(rebasing: whole[place * count..<(place + 1) * count])
    }
    input.withUnsafeMutableBufferPointer { input in
      target.withUnsafeMutableBufferPointer { target in
        weights.withUnsafeMutableBufferPointer { weights in
          item.write(
            epoch, BatchLane.Planes(input: part(input), target: part(target), weights: part(weights)))
        }
      }
    }
  }
}
