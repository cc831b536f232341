import Files

/// Where the values of storages lie.
protocol StorageSource: Sendable {
  /// A range of a storage's bytes.
  func bytes(_ range: Range<Int>, of storage: StorageReference) throws(FileError) -> [UInt8]
}

extension PickleFault {
  /// The error of a file behind it, which a pickle's own words would only hide.
  var file: FileError? { underlying }

  static func of<T>(_ body: () throws(FileError) -> T) throws(PickleFault) -> T {
    do throws(FileError) { return try body() } catch { throw PickleFault(error) }
  }
}

// MARK: - Zip archives

/// A storage is an entry "ARCHIVE/data/KEY".
private struct ArchivedStorages: StorageSource {
  let archive: ZipArchive
  let file: OpenedFile
  let prefix: String

  func bytes(_ range: Range<Int>, of storage: StorageReference) throws(FileError) -> [UInt8] {
    let name = "\(prefix)/data/\(storage.key)"
    guard let entry = archive.entries[name] else {
      throw FileError(file.path, "not a whole PyTorch file: holds no \(name.inErrors)")
    }
    let (count, isTooLarge) = storage.count.multipliedReportingOverflow(by: storage.type.byteCount)
    guard !isTooLarge, entry.bytes.count == count else {
      throw FileError(
        file.path,
        "not a whole PyTorch file: \(name.inErrors) has \(entry.bytes.count) bytes for \(storage.count) values of a \(storage.type.rawValue)"
      )
    }
    let first = entry.bytes.lowerBound + range.lowerBound
    let bytes = try file.read(first..<first + range.count, as: UInt8.self)
    // The checksum is one of the whole storage, which one tensor fills in nearly all files.
    if range.count == entry.bytes.count { try archive.check(name, bytes) }
    return bytes
  }
}

extension TensorFile {
  typealias Content = (source: any StorageSource, pickle: Unpickler, object: PickleValue)

  /// A zip archive: one folder with data.pkl and the storages.
  static func archive(_ file: OpenedFile) throws(PickleFault) -> Content {
    let archive = try PickleFault.of { () throws(FileError) in try ZipArchive(file) }
    let pickles = archive.entries.keys.filter { $0.hasSuffix("/data.pkl") }
    guard pickles.count == 1, let name = pickles.first else {
      throw PickleFault(
        FileError(file.path, "is a zip archive, but none of torch.save: it holds no data.pkl"))
    }
    let prefix = String(name.dropLast("/data.pkl".count))
    guard archive.entries["\(prefix)/constants.pkl"] == nil else {
      throw PickleFault(
        FileError(file.path, "is a TorchScript program; save model.state_dict() by torch.save"))
    }
    if archive.entries["\(prefix)/byteorder"] != nil {
      let order = try PickleFault.of { () throws(FileError) in
        try archive.contents("\(prefix)/byteorder", limit: 16)
      }
      guard order == Array("little".utf8) else {
        throw PickleFault("its numbers are big-endian; save it on a little-endian machine")
      }
    }
    let bytes = try PickleFault.of { () throws(FileError) in try archive.contents(name, limit: pickleLimit) }
    var pickle = Unpickler(bytes)
    let object = try pickle.read()
    return (ArchivedStorages(archive: archive, file: file, prefix: prefix), pickle, object)
  }
}

// MARK: - Rows of pickles

/// Behind the pickles, each storage is the number of its elements, in eight bytes, and the elements.
private struct StoragesInARow: StorageSource {
  let file: OpenedFile
  /// By the storages' keys.
  let places: [String: Range<Int>]

  func bytes(_ range: Range<Int>, of storage: StorageReference) throws(FileError) -> [UInt8] {
    guard let place = places[storage.key], place.count == storage.count * storage.type.byteCount else {
      throw FileError(file.path, "not a whole PyTorch file: the storage \(storage.key.inErrors) is missing")
    }
    return try file.read(
      place.lowerBound + range.lowerBound..<place.lowerBound + range.upperBound, as: UInt8.self)
  }
}

extension TensorFile {
  /// The lowest eight bytes of the number that the older format begins with, 0x1950a86a20f9469cfc6c.
  private static let magic = Int(bitPattern: 0xa86a_20f9_469c_fc6c)

  /// The older format: the pickles of a magic number, the format's version, the machine's sizes, the object, and the list of
  /// its storages; then the storages.
  static func row(_ file: OpenedFile) throws(PickleFault) -> Content {
    let bytes = try PickleFault.of { () throws(FileError) in
      try file.read(0..<min(file.byteCount, 2 * pickleLimit), as: UInt8.self)
    }
    var first = Unpickler(bytes)
    guard bytes.first == 0x80, case .integer(magic)? = try? first.read() else {
      throw PickleFault(FileError(file.path, "is no file of torch.save"))
    }
    var version = Unpickler(bytes, from: first.offset)
    guard case .integer(1001) = try version.read() else {
      throw PickleFault("its format is none that PyTorch has written; save it anew with a newer one")
    }
    var sizes = Unpickler(bytes, from: version.offset)
    if case .dictionary(let place) = try sizes.read(),
      case .bool(false)? = sizes.entries(of: place).first(where: { $0.key == "little_endian" })?.value
    {
      throw PickleFault("its numbers are big-endian; save it on a little-endian machine")
    }
    var pickle = Unpickler(bytes, from: sizes.offset)
    let object = try pickle.read()
    guard pickle.offset - sizes.offset <= pickleLimit else {
      throw PickleFault("the names and shapes of its tensors take more than \(pickleLimit) bytes")
    }
    var list = Unpickler(bytes, from: pickle.offset)
    guard case .list(let place) = try list.read() else {
      throw PickleFault("the list of its storages is missing")
    }
    let places = try places(list.sequences[place], pickle.storages, from: list.offset, in: file)
    return (StoragesInARow(file: file, places: places), pickle, object)
  }

  private static func places(
    _ keys: [PickleValue], _ storages: [String: StorageReference], from start: Int, in file: OpenedFile
  ) throws(PickleFault) -> [String: Range<Int>] {
    var places: [String: Range<Int>] = [:]
    var offset = start
    for key in keys {
      guard case .text(let key) = key, let storage = storages[key], places[key] == nil else {
        throw PickleFault("the list of its storages names one that no tensor is in")
      }
      let (length, isTooLarge) = storage.count.multipliedReportingOverflow(by: storage.type.byteCount)
      guard !isTooLarge, file.byteCount - offset >= 8, length <= file.byteCount - offset - 8 else {
        throw PickleFault(
          FileError(file.path, "not a whole PyTorch file: it is cut short in the storage \(key.inErrors)"))
      }
      let written = try PickleFault.of { () throws(FileError) in
        try file.read(offset..<offset + 8, as: UInt64.self)[0].littleEndian
      }
      guard written == UInt64(storage.count) else {
        throw PickleFault(
          "the storage \(key.inErrors) has \(written) values, and its tensors count on \(storage.count)")
      }
      places[key] = offset + 8..<offset + 8 + length
      offset += 8 + length
    }
    return places
  }
}
