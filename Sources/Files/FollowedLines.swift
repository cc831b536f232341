import Foundation

/// A file that another process may be appending lines to, read on from where it was read before.
public struct FollowedLines: Sendable {
  private let path: String
  private var identity: FileIdentity?
  /// Bytes read, up to the end of a line.
  private var offset = 0

  /// Bytes that are read at a time.
  private static let most = 1 << 24

  public init(_ path: String) { self.path = path }

  /// The whole lines that have come since the last call.
  ///
  /// - Returns: also whether the file is another one than before, or was cut, so that these are its first lines. A file that
  ///   is not there, or cannot be read, has none.
  public mutating func next() -> (isAnew: Bool, lines: [String]) {
    guard let (descriptor, size) = try? RegularFile.open(path) else {
      let wasThere = identity != nil
      (identity, offset) = (nil, 0)
      return (wasThere, [])
    }
    defer { close(descriptor) }
    var status = stat()
    fstat(descriptor, &status)
    let current = FileIdentity(status)
    let isAnew = current != identity || size < offset
    if isAnew { (identity, offset) = (current, 0) }
    var lines: [String] = []
    while true {
      let bytes = [UInt8](unsafeUninitializedCapacity: min(Self.most, max(0, size - offset))) {
        buffer, count in
        count = max(0, pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)))
      }
      guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { break }
      lines += bytes[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
      offset += end + 1
    }
    return (isAnew, lines)
  }
}
