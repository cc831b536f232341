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
  /// The pairs' names, one per picture.
  public let names: [String]

  public var count: Int { names.count }
}

/// Decodes and augments pairs on background threads, and hands the batches out in order.
///
/// Batch i is the same whatever the number of threads and wherever the run started: its pairs come from a
/// shuffle of (seed, epoch), their cuts from (seed, epoch, pair). So starting at step i continues a run
/// exactly.
///
/// Every batch has `batchSize` pictures. Pairs left at the end of an epoch that do not fill a batch are dropped; the next
/// epoch's shuffle gives them their turn. A source smaller than the batch size asked for is one batch.
///
/// Decoded pairs are kept at load size up to a limit, so later epochs only cut. `next()` has one caller
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
  public init(
    source: PairSource, reader: PairReader, batchSize: Int, shuffle: Bool = true, startStep: Int = 0,
    threads: Int = Prefetcher.defaultThreads, depth: Int = 8, cacheLimit: Int = 1 << 30
  ) {
    precondition(source.count > 0 && batchSize > 0 && startStep >= 0 && threads > 0 && depth > 0)
    let hasWeights = source.pairs[0].weights != nil
    precondition(
      source.pairs.allSatisfy { ($0.weights != nil) == hasWeights }, "all pairs have weights or none has")
    precondition(
      source.pairs.allSatisfy { 1 + $0.moreInputs.count == reader.format.inputCount },
      "each input picture has a format")
    self.batchSize = min(batchSize, source.count)
    batchesPerEpoch = source.count / self.batchSize
    work = Work(
      source: source, reader: reader, hasWeights: hasWeights, shuffle: shuffle, batchSize: self.batchSize,
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
  private let source: PairSource
  private let reader: PairReader
  private let hasWeights: Bool
  private let shuffle: Bool
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
    /// The last shuffle asked for; nearly always all threads work on the same epoch.
    var order: (epoch: Int, indices: [Int]) = (-1, [])
    var waited: Duration = .zero
  }

  private struct Cache {
    /// By their place in the source, at load size.
    var pairs: [Int: PairReader.Pair] = [:]
    var bytes = 0
  }

  private let state: ConditionLock<State>
  private let cache = ConditionLock(Cache())

  init(
    source: PairSource, reader: PairReader, hasWeights: Bool, shuffle: Bool, batchSize: Int,
    batchesPerEpoch: Int, startStep: Int, threads: Int, depth: Int, cacheLimit: Int
  ) {
    self.source = source
    self.reader = reader
    self.hasWeights = hasWeights
    self.shuffle = shuffle
    self.batchSize = batchSize
    self.batchesPerEpoch = batchesPerEpoch
    self.depth = depth
    self.cacheLimit = cacheLimit
    state = ConditionLock(State(nextToBegin: startStep, nextToTake: startStep, runningThreads: threads))
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
    let epoch = step / batchesPerEpoch
    let indexInEpoch = step % batchesPerEpoch
    let first = indexInEpoch * batchSize
    let indices = order(epoch)[first..<first + batchSize]
    let area = reader.augmentation.size.area
    let inputFloats = reader.format.inputChannels * area
    let targetFloats = reader.format.targetChannels * area

    var input = [Float](repeating: 0, count: batchSize * inputFloats)
    var target = [Float](repeating: 0, count: batchSize * targetFloats)
    var weights = [Float](repeating: 0, count: hasWeights ? batchSize * area : 0)
    for (place, index) in indices.enumerated() {
      let pair = try pair(index)
      func part(_ whole: UnsafeMutableBufferPointer<Float>, _ count: Int) -> UnsafeMutableBufferPointer<Float>
      {
        UnsafeMutableBufferPointer(rebasing: whole[place * count..<(place + 1) * count])
      }
      input.withUnsafeMutableBufferPointer { input in
        target.withUnsafeMutableBufferPointer { target in
          reader.write(
            pair, epoch: epoch, index: index, part(input, inputFloats), part(target, targetFloats))
        }
      }
      if hasWeights {
        weights.withUnsafeMutableBufferPointer {
          reader.writeWeights(pair, epoch: epoch, index: index, part($0, area))
        }
      }
    }
    return Batch(
      input: input, target: target, weights: hasWeights ? weights : nil, epoch: epoch,
      indexInEpoch: indexInEpoch, names: indices.map { source.pairs[$0].name })
  }

  private func order(_ epoch: Int) -> [Int] {
    guard shuffle else { return Array(0..<source.count) }
    return state.withLock { state in
      if state.order.epoch != epoch {
        state.order = (
          epoch, shuffledOrder(count: source.count, seed: reader.augmentation.seed, epoch: epoch)
        )
      }
      return state.order.indices
    }
  }

  /// A pair at load size. A full cache keeps its pairs: every pair is used once an epoch, so that evicting the oldest would
  /// evict the one needed next.
  private func pair(_ index: Int) throws(ImageError) -> PairReader.Pair {
    if let cached = cache.withLock({ $0.pairs[index] }) { return cached }
    let pair = try reader.read(source.pairs[index])
    let bytes = pair.byteCount
    cache.withLock { cache in
      // Two threads at two ends of an epoch may have decoded the same pair.
      guard cache.pairs[index] == nil, cache.bytes + bytes <= cacheLimit else { return }
      cache.pairs[index] = pair
      cache.bytes += bytes
    }
    return pair
  }
}
