#if Serve
  import Hummingbird
  import Synchronization

  /// Reads the bodies of requests, each within its bounds and all within theirs.
  final class RequestBodies: Sendable {
    private let limits: ServerConfiguration.Limits
    /// Bytes of all bodies that are in memory.
    private let held = Mutex(0)

    init(_ limits: ServerConfiguration.Limits) { self.limits = limits }

    /// Reads a body and lets it be used.
    ///
    /// - Throws: `RequestError` for a body that is empty, too large or too slow, or while others take the memory
    func with<Result>(
      _ request: Request, _ use: ([UInt8]) async throws -> Result
    ) async throws -> Result {
      let reserved = Mutex(0)
      defer { held.withLock { $0 -= reserved.withLock(\.self) } }
      let bytes = try await read(request) { count in
        let isThere = self.held.withLock { held in
          guard held + count <= self.limits.allBodyBytes else { return false }
          held += count
          return true
        }
        guard isThere else { throw RequestError(.busy, "too many pictures are on their way; try again") }
        reserved.withLock { $0 += count }
      }
      guard !bytes.isEmpty else {
        throw RequestError(.badRequest, "the body is empty; it is to be a picture")
      }
      return try await use(bytes)
    }

    /// - Parameter reserve: asks for so many more bytes
    private func read(
      _ request: Request, reserve: @escaping @Sendable (Int) throws -> Void
    ) async throws -> [UInt8] {
      let limits = limits
      let tooLarge = RequestError(.tooLarge, "the body has more than \(limits.bodyBytes >> 20) MiB")
      if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limits.bodyBytes {
        throw tooLarge
      }
      return try await withThrowingTaskGroup(of: [UInt8].self) { group in
        group.addTask {
          var bytes: [UInt8] = []
          for try await part in request.body {
            guard bytes.count + part.readableBytes <= limits.bodyBytes else { throw tooLarge }
            try reserve(part.readableBytes)
            bytes += part.readableBytesView
          }
          return bytes
        }
        group.addTask {
          try await Task.sleep(for: .seconds(limits.bodySeconds))
          throw RequestError(.tooSlow, "the body did not come within \(limits.bodySeconds) s")
        }
        defer { group.cancelAll() }
        return try await group.next() ?? []
      }
    }
  }
#endif
