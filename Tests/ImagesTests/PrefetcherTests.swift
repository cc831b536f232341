import Foundation
import Images
import Testing

/// A few small pairs in a folder of their own.
private struct SmallSet {
  let folder: TemporaryFolder
  let source: PairSource

  init(count: Int) throws {
    folder = try TemporaryFolder()
    for index in 0..<count {
      try folder.write(
        String(format: "%03d.png", index),
        Picture(width: 32, height: 20) { x, y, c in x * (index + 3) + y * 7 + c * 40 + index * 11 })
    }
    source = try PairSource(.folder(folder.path, .aToB))
  }
}

private struct Content: Equatable {
  var names: [String]
  var epoch: Int
  var indexInEpoch: Int
  var input: [Float]
  var target: [Float]
}

extension Prefetcher {
  fileprivate func take(_ count: Int) throws -> [Content] {
    try (0..<count).map { _ in
      let batch = try next()
      return Content(
        names: batch.names, epoch: batch.epoch, indexInEpoch: batch.indexInEpoch, input: batch.input,
        target: batch.target)
    }
  }
}

@Suite struct PrefetcherTests {
  /// What the batches should be, made by one thread from the public pieces.
  private func expected(
    _ source: PairSource, size: Int, batchSize: Int, seed: UInt64, steps: Range<Int>
  ) throws -> [Content] {
    let augmentation = Augmentation(size: size, jitter: true, seed: seed)
    let perEpoch = source.count / batchSize
    return try steps.map { step in
      let (epoch, place) = (step / perEpoch, step % perEpoch)
      let order = shuffledOrder(count: source.count, seed: seed, epoch: epoch)
      var content = Content(names: [], epoch: epoch, indexInEpoch: place, input: [], target: [])
      for index in order[place * batchSize..<(place + 1) * batchSize] {
        let pair = try source.pairs[index].load()
        let planes = augmentation.planes(
          input: pair.input, target: pair.target, epoch: epoch, index: index)
        content.names.append(source.pairs[index].name)
        content.input += planes.input
        content.target += planes.target
      }
      return content
    }
  }

  @Test(arguments: [1, 3], [1, 4]) func batchesDoNotDependOnThreadsOrDepth(threads: Int, depth: Int) throws {
    let set = try SmallSet(count: 7)
    let prefetcher = Prefetcher(
      source: set.source, size: 16, batchSize: 3, jitter: true, seed: 11, threads: threads, depth: depth)
    #expect(prefetcher.batchesPerEpoch == 2)
    // Two epochs and a half, so that both a first decode and the cache are read.
    let contents = try prefetcher.take(5)
    prefetcher.stop()
    #expect(contents == (try expected(set.source, size: 16, batchSize: 3, seed: 11, steps: 0..<5)))
    #expect(prefetcher.waitedSeconds > 0)
  }

  @Test(arguments: [0, 1 << 14, 1 << 30]) func theCacheChangesNothing(limit: Int) throws {
    let set = try SmallSet(count: 4)
    let prefetcher = Prefetcher(
      source: set.source, size: 16, batchSize: 1, jitter: true, seed: 1, threads: 2, depth: 3,
      cacheLimit: limit)
    #expect(
      try prefetcher.take(12) == expected(set.source, size: 16, batchSize: 1, seed: 1, steps: 0..<12))
  }

  @Test(arguments: [1, 2, 5, 9]) func aResumeContinuesExactly(start: Int) throws {
    let set = try SmallSet(count: 5)
    let resumed = Prefetcher(
      source: set.source, size: 16, batchSize: 2, jitter: true, seed: 3, startStep: start, threads: 2,
      depth: 4)
    #expect(
      try resumed.take(4)
        == expected(set.source, size: 16, batchSize: 2, seed: 3, steps: start..<start + 4))
  }

  @Test func validationKeepsOrderAndWholePictures() throws {
    let set = try SmallSet(count: 3)
    let prefetcher = Prefetcher(
      source: set.source, size: 16, batchSize: 1, jitter: false, shuffle: false, seed: 0, threads: 2,
      depth: 2)
    for pair in set.source.pairs + set.source.pairs {
      let batch = try prefetcher.next()
      #expect(batch.names == [pair.name])
      let input = try pair.load().input
      #expect(batch.input == input.resized(width: 16, height: 16, method: .bicubic).planes())
    }
  }

  @Test func aBatchLargerThanTheSourceShrinks() throws {
    let set = try SmallSet(count: 3)
    let prefetcher = Prefetcher(source: set.source, size: 16, batchSize: 10, jitter: true, seed: 0)
    #expect(prefetcher.batchSize == 3 && prefetcher.batchesPerEpoch == 1)
    let batch = try prefetcher.next()
    #expect(batch.count == 3 && batch.input.count == 3 * 3 * 16 * 16)
    #expect(batch.names.sorted() == set.source.pairs.map(\.name))
  }

  @Test func aCorruptFileThrowsAtItsTurn() throws {
    let set = try SmallSet(count: 4)
    let path = "\(set.folder.path)/002.png"
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    try whole.dropLast(30).write(to: URL(fileURLWithPath: path))
    let prefetcher = Prefetcher(
      source: set.source, size: 16, batchSize: 1, jitter: false, shuffle: false, seed: 0, threads: 2,
      depth: 2)
    #expect(try prefetcher.take(2).map(\.names) == [["000"], ["001"]])
    let error = try #require(#expect(throws: ImageError.self) { try prefetcher.next() })
    guard case .corrupt(path, _) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(error.description.contains("002.png"))
    #expect(try prefetcher.take(1).map(\.names) == [["003"]])
  }

  @Test func stopEndsThreadsAndWaitingReaders() async throws {
    let set = try SmallSet(count: 2)
    let prefetcher = Prefetcher(
      source: set.source, size: 16, batchSize: 1, jitter: true, seed: 0, threads: 3, depth: 2)
    _ = try prefetcher.next()
    // A reader on another thread takes batches, faster than they are made, until it is told that there are no more.
    let (batches, taken) = AsyncStream.makeStream(of: Batch.self)
    let reader = Task.detached {
      while true {
        do { taken.yield(try prefetcher.next()) } catch { return error }
      }
    }
    for await batch in batches where batch.epoch == 4 { break }
    prefetcher.stop()
    prefetcher.stop()  // again is harmless
    #expect(await reader.value as? ImageError == .stopped)
    #expect(throws: ImageError.stopped) { try prefetcher.next() }
  }

  @Test func lettingGoEndsTheThreads() throws {
    let set = try SmallSet(count: 2)
    for _ in 0..<50 {
      var prefetcher: Prefetcher? = Prefetcher(
        source: set.source, size: 16, batchSize: 2, jitter: true, seed: 0, threads: 2, depth: 2)
      _ = try prefetcher?.next()
      let running = try #require(prefetcher?.countRunningThreads)
      #expect(running() == 2)
      prefetcher = nil
      #expect(running() == 0)
    }
  }
}
