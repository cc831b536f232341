import Foundation
import Synchronization

/// Reads, resizes, cuts and flips pictures on background threads into a bounded queue, and hands out batches in
/// order, so that the device need not wait for them.
public final class Prefetcher: Sendable {
  /// One step's pictures.
  public struct Batch: Sendable {
    /// [N, 3, size, size] in [-1, 1].
    public let input: [Float]
    public let target: [Float]
    /// From 0.
    public let epoch: Int
    /// The batch's number in its epoch, from 0.
    public let index: Int
  }

  private struct State {
    /// The next step a worker will take.
    var next: Int
    var finished: [Int: Result<Batch, ImageError>] = [:]
    var stopped = false
    var waited = 0.0
  }

  private struct Cache {
    var pairs: [Int: (input: Picture, target: Picture)] = [:]
    var bytes = 0
  }

  public let sampler: Sampler
  private let source: PairSource
  private let size: Int
  private let jitters: Bool
  private let cacheLimit: Int
  private let state: Mutex<State>
  private let cache = Mutex(Cache())
  /// Counts the batches that may still be begun, and those that were finished.
  private let room: DispatchSemaphore
  private let ready = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)
  private let threads: Int
  private let nextStep: Mutex<Int>

  /// Starts the threads.
  ///
  /// - Parameters:
  ///   - source: at least `batchSize` pairs
  ///   - size: pixels on a side of what the networks see
  ///   - jitters: resize to 286/256 of the size, cut at random and flip
  ///   - startStep: the step whose batch `next` gives first
  ///   - depth: batches made ahead at most
  ///   - cacheLimit: bytes of resized pictures kept, so that later epochs need not read files
  public init(
    _ source: PairSource, size: Int, batchSize: Int, jitters: Bool, seed: UInt64, startStep: Int = 0,
    threads: Int = 2, depth: Int = 8, cacheLimit: Int = 1 << 30
  ) {
    self.source = source
    self.size = size
    self.jitters = jitters
    self.cacheLimit = cacheLimit
    self.threads = threads
    sampler = Sampler(pairs: source.pairs.count, batchSize: batchSize, seed: seed)
    state = Mutex(State(next: startStep))
    nextStep = Mutex(startStep)
    // Raised from 0: a semaphore must not end below the value it began with.
    room = DispatchSemaphore(value: 0)
    for _ in 0..<depth { room.signal() }
    for _ in 0..<threads {
      let thread = Thread { [self] in work() }
      thread.name = "prefetch"
      thread.start()
    }
  }

  /// The next step's pictures; waits for them if need be.
  ///
  /// - Throws: `ImageError` naming a file that cannot be used.
  public func next() throws(ImageError) -> Batch {
    let step = nextStep.withLock { step in
      defer { step += 1 }
      return step
    }
    let clock = ContinuousClock()
    let start = clock.now
    while true {
      if let result = state.withLock({ $0.finished.removeValue(forKey: step) }) {
        let waited = (clock.now - start).components
        state.withLock { $0.waited += Double(waited.seconds) + Double(waited.attoseconds) * 1e-18 }
        room.signal()
        return try result.get()
      }
      ready.wait()
    }
  }

  /// Seconds that `next` has waited in all.
  public var waitedSeconds: Double { state.withLock { $0.waited } }

  /// Ends the threads and waits for them. Nothing may be asked for afterwards.
  public func stop() {
    state.withLock { $0.stopped = true }
    for _ in 0..<threads { room.signal() }
    for _ in 0..<threads { ended.wait() }
  }

  private func work() {
    defer { ended.signal() }
    var order: (epoch: Int, pairs: [Int]) = (-1, [])
    while true {
      room.wait()
      let step: Int? = state.withLock { state in
        if state.stopped { return nil }
        defer { state.next += 1 }
        return state.next
      }
      guard let step else { return }
      let epoch = step / sampler.batchesPerEpoch
      if order.epoch != epoch { order = (epoch, sampler.order(epoch: epoch)) }
      let result: Result<Batch, ImageError>
      do throws(ImageError) {
        result = .success(try batch(step, epoch, order.pairs))
      } catch {
        result = .failure(error)
      }
      state.withLock { $0.finished[step] = result }
      ready.signal()
    }
  }

  private func batch(_ step: Int, _ epoch: Int, _ order: [Int]) throws(ImageError) -> Batch {
    let index = step % sampler.batchesPerEpoch
    let batchSize = sampler.batchSize
    let plane = 3 * size * size
    let loadSize = jitters ? size * 286 / 256 : size
    var input = [Float](repeating: 0, count: batchSize * plane)
    var target = input
    for slot in 0..<batchSize {
      let pair = order[index * batchSize + slot]
      let (a, b) = try resized(pair, loadSize)
      let jitter =
        jitters
        ? sampler.jitter(epoch: epoch, pair: pair, room: loadSize - size)
        : Sampler.Jitter(left: 0, top: 0, flipped: false)
      a.writePlanes(
        into: &input, at: slot * plane, left: jitter.left, top: jitter.top, width: size, height: size,
        flipped: jitter.flipped)
      b.writePlanes(
        into: &target, at: slot * plane, left: jitter.left, top: jitter.top, width: size, height: size,
        flipped: jitter.flipped)
    }
    return Batch(input: input, target: target, epoch: epoch, index: index)
  }

  /// A pair at load size, read once while the cache has room.
  private func resized(_ pair: Int, _ loadSize: Int) throws(ImageError) -> (input: Picture, target: Picture) {
    if let cached = cache.withLock({ $0.pairs[pair] }) { return cached }
    let (input, target) = try source.load(pair)
    let result = (input: input.fitted(loadSize), target: target.fitted(loadSize))
    let bytes = 2 * (result.input.samples.count + result.target.samples.count)
    cache.withLock { cache in
      guard cache.pairs[pair] == nil, cache.bytes + bytes <= cacheLimit else { return }
      cache.pairs[pair] = result
      cache.bytes += bytes
    }
    return result
  }
}
