import Foundation
import Synchronization

/// The pictures of one step.
public struct Batch: Sendable {
  /// NCHW [count, 3, size, size] in [-1, 1].
  public let input: [Float]
  /// NCHW [count, 3, size, size] in [-1, 1].
  public let target: [Float]
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
/// Every batch has `batchSize` pictures. What is left at the end of an epoch and does not fill a batch is
/// dropped; the next epoch's shuffle gives those pairs their turn. If the whole source is smaller than
/// the batch size asked for, `batchSize` is the source's count.
///
/// Decoded pairs are kept at load size up to a limit, so later epochs only cut. `next()` has one caller
/// at a time.
public final class Prefetcher: Sendable {
  public let batchSize: Int
  public let batchesPerEpoch: Int

  private let work: Work
  private let threadCount: Int
  private let reader: Mutex<Reader>

  private struct Reader {
    var step: Int
    var waited: Duration = .zero
  }

  /// - Parameters:
  ///   - source: must not be empty.
  ///   - size: the side of the pictures in a batch, in pixels.
  ///   - jitter: random cuts and flips; false resizes straight to `size`, for validation.
  ///   - shuffle: false keeps the source's order in every epoch, for validation.
  ///   - startStep: the first batch to deliver, counted from the run's beginning.
  ///   - threads: how many decode at a time.
  ///   - depth: how many batches may be under way or waiting; bounds the memory.
  ///   - cacheLimit: bytes of decoded pictures to keep. Pairs beyond it are decoded again every epoch.
  public init(
    source: PairSource, size: Int, batchSize: Int, jitter: Bool, shuffle: Bool = true, seed: UInt64,
    startStep: Int = 0, threads: Int = Prefetcher.defaultThreads, depth: Int = 8,
    cacheLimit: Int = 1 << 30
  ) {
    precondition(source.count > 0 && batchSize > 0 && startStep >= 0 && threads > 0 && depth > 0)
    self.batchSize = min(batchSize, source.count)
    batchesPerEpoch = source.count / self.batchSize
    threadCount = threads
    reader = Mutex(Reader(step: startStep))
    work = Work(
      source: source, augmentation: Augmentation(size: size, jitter: jitter, seed: seed), shuffle: shuffle,
      batchSize: self.batchSize, batchesPerEpoch: batchesPerEpoch, startStep: startStep, depth: depth,
      cacheLimit: cacheLimit)
    for _ in 0..<threads {
      Thread.detachNewThread { [work] in work.run() }
    }
  }

  deinit { stop() }

  /// Leaves a core for the thread that feeds the device, and does not take a whole big machine.
  public static var defaultThreads: Int {
    max(1, min(8, ProcessInfo.processInfo.activeProcessorCount - 1))
  }

  /// The next batch, waiting for it if need be. A batch that failed throws when its turn comes; calling
  /// again goes on with the batch after it.
  /// - Throws: what `PairFiles.load()` throws; `.stopped` after `stop()`.
  public func next() throws(ImageError) -> Batch {
    let step = reader.withLock { reader in
      defer { reader.step += 1 }
      return reader.step
    }
    let begin = ContinuousClock.now
    let result = work.take(step)
    reader.withLock { $0.waited += ContinuousClock.now - begin }
    return try result.get()
  }

  /// The total time `next()` has waited for pictures, in seconds.
  public var waitedSeconds: Double {
    let parts = reader.withLock { $0.waited }.components
    return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
  }

  /// Ends the threads after the batch each is at and waits for them. Batches not yet taken are lost.
  public func stop() {
    work.stop(threads: threadCount)
  }
}

/// What the threads share. They hold this and not the prefetcher, so that a prefetcher which is let go of
/// ends them.
private final class Work: Sendable {
  private let source: PairSource
  private let augmentation: Augmentation
  private let shuffle: Bool
  private let batchSize: Int
  private let batchesPerEpoch: Int
  private let depth: Int
  private let cacheLimit: Int

  private struct State {
    var nextStep: Int
    var isStopped = false
    /// Step s goes to place s % depth. A step is only begun when `free` allows, that is when the step
    /// `depth` before it has been taken, so a place never holds two.
    var finished: [Result<Batch, ImageError>?]
    /// The last epoch's shuffle; all threads work on the same epoch nearly always.
    var order: (epoch: Int, indices: [Int])
  }

  private struct Cache {
    var pairs: [Int: (input: Picture, target: Picture)] = [:]
    var bytes = 0
  }

  private let state: Mutex<State>
  private let cache = Mutex(Cache())
  /// Counts steps that may be begun.
  private let free = DispatchSemaphore(value: 0)
  /// One per place: its step is finished.
  private let filled: [DispatchSemaphore]
  /// Counts threads that have ended.
  private let ended = DispatchSemaphore(value: 0)

  init(
    source: PairSource, augmentation: Augmentation, shuffle: Bool, batchSize: Int, batchesPerEpoch: Int,
    startStep: Int, depth: Int, cacheLimit: Int
  ) {
    self.source = source
    self.augmentation = augmentation
    self.shuffle = shuffle
    self.batchSize = batchSize
    self.batchesPerEpoch = batchesPerEpoch
    self.depth = depth
    self.cacheLimit = cacheLimit
    state = Mutex(
      State(nextStep: startStep, finished: Array(repeating: nil, count: depth), order: (-1, [])))
    filled = (0..<depth).map { _ in DispatchSemaphore(value: 0) }
    for _ in 0..<depth { free.signal() }
  }

  /// A thread's whole life.
  func run() {
    while true {
      free.wait()
      let step = state.withLock { state -> Int? in
        if state.isStopped { return nil }
        defer { state.nextStep += 1 }
        return state.nextStep
      }
      guard let step else { break }
      let result = Result { () throws(ImageError) in try makeBatch(step) }
      state.withLock { $0.finished[step % depth] = result }
      filled[step % depth].signal()
    }
    ended.signal()
  }

  /// Waits for a step and takes it.
  func take(_ step: Int) -> Result<Batch, ImageError> {
    if state.withLock({ $0.isStopped }) { return .failure(.stopped) }
    filled[step % depth].wait()
    let result = state.withLock { $0.finished[step % depth].take() }
    guard let result else { return .failure(.stopped) }
    free.signal()
    return result
  }

  func stop(threads: Int) {
    let isFirst = state.withLock { state in
      defer { state.isStopped = true }
      return !state.isStopped
    }
    guard isFirst else { return }
    for _ in 0..<threads { free.signal() }
    for _ in 0..<threads { ended.wait() }
    // A reader may be waiting for a step that was never begun.
    for semaphore in filled { semaphore.signal() }
  }

  private func makeBatch(_ step: Int) throws(ImageError) -> Batch {
    let epoch = step / batchesPerEpoch
    let indexInEpoch = step % batchesPerEpoch
    let first = indexInEpoch * batchSize
    let indices = order(epoch)[first..<first + batchSize]
    let pictureFloats = 3 * augmentation.size * augmentation.size

    var input = [Float](repeating: 0, count: batchSize * pictureFloats)
    var target = input
    for (place, index) in indices.enumerated() {
      let pair = try pair(index)
      let cut = augmentation.cut(epoch: epoch, index: index)
      let range = place * pictureFloats..<(place + 1) * pictureFloats
      input.withUnsafeMutableBufferPointer {
        augmentation.write(pair.input, cut, into: UnsafeMutableBufferPointer(rebasing: $0[range]))
      }
      target.withUnsafeMutableBufferPointer {
        augmentation.write(pair.target, cut, into: UnsafeMutableBufferPointer(rebasing: $0[range]))
      }
    }
    return Batch(
      input: input, target: target, epoch: epoch, indexInEpoch: indexInEpoch,
      names: indices.map { source.pairs[$0].name })
  }

  private func order(_ epoch: Int) -> [Int] {
    guard shuffle else { return Array(0..<source.count) }
    return state.withLock { state in
      if state.order.epoch != epoch {
        state.order = (epoch, shuffledOrder(count: source.count, seed: augmentation.seed, epoch: epoch))
      }
      return state.order.indices
    }
  }

  /// A pair at load size. When the cache is full, what is in it stays: with every pair used once an epoch,
  /// putting out the oldest would put out the one needed next.
  private func pair(_ index: Int) throws(ImageError) -> (input: Picture, target: Picture) {
    if let cached = cache.withLock({ $0.pairs[index] }) { return cached }
    let loaded = try source.pairs[index].load()
    let pair = (input: augmentation.resized(loaded.input), target: augmentation.resized(loaded.target))
    let bytes = pair.input.byteCount + pair.target.byteCount
    cache.withLock { cache in
      // Two threads at two ends of an epoch may have decoded the same pair.
      guard cache.pairs[index] == nil, cache.bytes + bytes <= cacheLimit else { return }
      cache.pairs[index] = pair
      cache.bytes += bytes
    }
    return pair
  }
}
