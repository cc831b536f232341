import Dispatch

/// Calls `body` for 0..<count on all cores. Each call must write where no other does.
package func inParallel(_ count: Int, _ body: (Int) -> Void) {
  withoutActuallyEscaping(body) { body in
    nonisolated(unsafe) let body = body
    DispatchQueue.concurrentPerform(iterations: count) { body($0) }
  }
}

/// The results of `body` for every index, computed on all cores. Where several throw, the error of the first index is
/// thrown, whatever the order in time.
package func mapInParallel<Result>(over indices: Range<Int>, _ body: (Int) throws -> Result) throws
  -> [Result]
{
  var results = [Swift.Result<Result, any Error>?](repeating: nil, count: indices.count)
  results.withUnsafeMutableBufferPointer { results in
    nonisolated(unsafe) let results = results
    inParallel(indices.count) { place in
      results[place] = Swift.Result { try body(indices.lowerBound + place) }
    }
  }
  return try results.map { try $0!.get() }
}
