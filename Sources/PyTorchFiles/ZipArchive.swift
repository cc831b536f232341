import CZlib
import Files

/// A zip archive of stored entries, as PyTorch writes them, read entry by entry.
///
/// Own code, since all that it needs of the format (PKWARE's APPNOTE, sections 4.3 and 4.5.3) is where entries lie: whatever is
/// compressed, encrypted or split is refused, so that no file can grow in memory.
struct ZipArchive: Sendable {
  struct Entry: Sendable {
    let crc32: UInt32
    /// The entry's bytes, from the file's start.
    let bytes: Range<Int>
  }

  let entries: [String: Entry]
  private let file: OpenedFile

  static let beginning: [UInt8] = Array("PK\u{3}\u{4}".utf8)
  /// The longest list of entries that is read, in bytes: some ten thousand entries.
  private static let listLimit = 1 << 20
  /// The record that ends an archive, with the longest comment.
  private static let longestEnd = 22 + 65_535

  /// - Throws: `FileError` for a file that cannot be read, or breaks any rule of the format
  init(_ file: OpenedFile) throws(FileError) {
    self.file = file
    let list = try Self.list(of: file)
    var reader = ByteReader(try file.read(list.bytes, as: UInt8.self))
    var entries: [String: Entry] = [:]
    for _ in 0..<list.count {
      let record = try Self.record(&reader, file.path)
      let shown = record.name.inErrors
      guard record.method == 0, record.flags & 1 == 0, record.byteCount == record.storedCount else {
        throw FileError(
          file.path,
          "\(shown) is compressed or encrypted, which PyTorch's files are not; save it by torch.save")
      }
      let bytes = try Self.bytes(of: record, before: list.bytes.lowerBound, in: file)
      guard entries.updateValue(Entry(crc32: record.crc32, bytes: bytes), forKey: record.name) == nil else {
        throw FileError(file.path, "holds two entries of the name \(shown)")
      }
    }
    let places = entries.sorted { $0.value.bytes.lowerBound < $1.value.bytes.lowerBound }
    for (entry, next) in zip(places, places.dropFirst())
    where entry.value.bytes.upperBound > next.value.bytes.lowerBound {
      throw FileError(
        file.path, "not a whole PyTorch file: \(next.key.inErrors) begins inside \(entry.key.inErrors)")
    }
    self.entries = entries
  }

  /// The bytes of a small entry, held to its checksum.
  ///
  /// - Throws: `FileError` for an entry that is not there, is longer than `limit`, or damaged
  func contents(_ name: String, limit: Int) throws(FileError) -> [UInt8] {
    guard let entry = entries[name] else {
      throw FileError(file.path, "holds no \(name.inErrors); is it a file of torch.save?")
    }
    guard entry.bytes.count <= limit else {
      throw FileError(
        file.path, "\(name.inErrors) has \(entry.bytes.count) bytes; no more than \(limit) are read")
    }
    let bytes = try file.read(entry.bytes, as: UInt8.self)
    try check(name, bytes)
    return bytes
  }

  /// Holds an entry's bytes to its checksum.
  func check(_ name: String, _ bytes: [UInt8]) throws(FileError) {
    guard let entry = entries[name] else { preconditionFailure("the archive has no \(name)") }
    let sum = bytes.withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, $0.count) }
    guard sum == entry.crc32 else {
      throw FileError(file.path, "\(name.inErrors) is damaged: its checksum is not the one written down")
    }
  }

  // MARK: - Records

  private static func broken(_ path: String, _ reason: String) -> FileError {
    FileError(path, "not a whole PyTorch file: \(reason)")
  }

  /// Where the list of entries lies, from the record at the file's end.
  private static func list(of file: OpenedFile) throws(FileError) -> (bytes: Range<Int>, count: Int) {
    let start = max(0, file.byteCount - longestEnd)
    let tail = try file.read(start..<file.byteCount, as: UInt8.self)
    // "PK", 5, 6, then the number of this disk and of the list's: 0, since the archive is one file.
    let mark: [UInt8] = [0x50, 0x4b, 5, 6]
    guard
      let end = (0..<max(0, tail.count - 21)).reversed().first(where: {
        tail[$0..<$0 + 4].elementsEqual(mark)
      })
    else { throw broken(file.path, "the list of its entries is missing; it is cut short") }
    var reader = ByteReader(tail, from: end + 8)
    guard let here = reader.number(UInt16.self), let count = reader.number(UInt16.self),
      let length = reader.number(UInt32.self), let offset = reader.number(UInt32.self)
    else { throw broken(file.path, "it is cut short") }
    var list = (offset: UInt64(offset), length: UInt64(length), count: UInt64(count))
    if count == .max || length == .max || offset == .max {
      list = try largeList(of: file, endingAt: start + end)
    } else if here != count {
      throw broken(file.path, "it is a part of a split archive")
    }
    guard list.length <= listLimit, list.count <= list.length / 46 else {
      throw FileError(file.path, "claims \(list.count) entries, more than are read")
    }
    guard list.offset <= UInt64(start + end), list.length <= UInt64(start + end) - list.offset else {
      throw broken(file.path, "the list of its entries lies outside of it")
    }
    return (Int(list.offset)..<Int(list.offset + list.length), Int(list.count))
  }

  /// The same from the record of large archives (zip64).
  private static func largeList(
    of file: OpenedFile, endingAt end: Int
  ) throws(FileError) -> (offset: UInt64, length: UInt64, count: UInt64) {
    func at(_ offset: Int, _ count: Int, _ mark: [UInt8]) throws(FileError) -> ByteReader {
      guard offset >= 0, offset <= file.byteCount - count else { throw broken(file.path, "it is cut short") }
      let bytes = try file.read(offset..<offset + count, as: UInt8.self)
      guard bytes.starts(with: mark) else { throw broken(file.path, "the record of its size is missing") }
      return ByteReader(bytes, from: mark.count)
    }
    var locator = try at(end - 20, 20, [0x50, 0x4b, 6, 7])
    _ = locator.take(4)
    guard let place = locator.number(UInt64.self).flatMap({ Int(exactly: $0) }) else {
      throw broken(file.path, "the record of its size lies outside of it")
    }
    var record = try at(place, 56, [0x50, 0x4b, 6, 6])
    _ = record.take(28)
    guard let count = record.number(UInt64.self), let length = record.number(UInt64.self),
      let offset = record.number(UInt64.self)
    else { throw broken(file.path, "it is cut short") }
    return (offset, length, count)
  }

  /// An entry as the list has it.
  private struct Record {
    let name: String
    let flags: UInt16
    let method: UInt16
    let crc32: UInt32
    let storedCount: UInt64
    let byteCount: UInt64
    /// Where its own header begins.
    let offset: UInt64
  }

  private static func record(_ reader: inout ByteReader, _ path: String) throws(FileError) -> Record {
    guard reader.take(4)?.elementsEqual([0x50, 0x4b, 1, 2]) == true, reader.take(4) != nil,
      let flags = reader.number(UInt16.self), let method = reader.number(UInt16.self), reader.take(4) != nil,
      let crc32 = reader.number(UInt32.self), let stored = reader.number(UInt32.self),
      let count = reader.number(UInt32.self), let nameLength = reader.number(UInt16.self),
      let extraLength = reader.number(UInt16.self), let commentLength = reader.number(UInt16.self),
      reader.take(8) != nil, let offset = reader.number(UInt32.self),
      let name = reader.take(Int(nameLength)), let extra = reader.take(Int(extraLength)),
      reader.take(Int(commentLength)) != nil
    else { throw broken(path, "the list of its entries is cut short") }
    guard let text = String(validating: name, as: UTF8.self) else {
      throw broken(path, "the name of an entry is no UTF-8")
    }
    // Numbers that do not fit stand in the extra field 1, in this order.
    var large = ByteReader(Array(extra))
    var numbers = ByteReader([])
    while let kind = large.number(UInt16.self), let length = large.number(UInt16.self),
      let field = large.take(Int(length))
    {
      if kind == 1 { numbers = ByteReader(Array(field)) }
    }
    func whole(_ value: UInt32) throws(FileError) -> UInt64 {
      guard value == .max else { return UInt64(value) }
      guard let number = numbers.number(UInt64.self) else {
        throw broken(path, "the size of \(text.inErrors) is missing")
      }
      return number
    }
    let byteCount = try whole(count)
    let storedCount = try whole(stored)
    return Record(
      name: text, flags: flags, method: method, crc32: crc32, storedCount: storedCount, byteCount: byteCount,
      offset: try whole(offset))
  }

  /// Where an entry's bytes lie: behind its own header, whose fields may be longer than the list's.
  ///
  /// - Parameter end: where the list begins
  private static func bytes(
    of record: Record, before end: Int, in file: OpenedFile
  ) throws(FileError) -> Range<Int> {
    func outside() -> FileError { broken(file.path, "\(record.name.inErrors) lies outside of it") }
    guard let offset = Int(exactly: record.offset), let count = Int(exactly: record.byteCount),
      offset <= end - 30
    else { throw outside() }
    var header = ByteReader(try file.read(offset..<offset + 30, as: UInt8.self))
    guard header.take(4)?.elementsEqual(beginning) == true, header.take(22) != nil,
      let nameLength = header.number(UInt16.self), let extraLength = header.number(UInt16.self)
    else { throw broken(file.path, "\(record.name.inErrors) has no header") }
    let start = offset + 30 + Int(nameLength) + Int(extraLength)
    guard start <= end, count <= end - start else { throw outside() }
    return start..<start + count
  }
}
