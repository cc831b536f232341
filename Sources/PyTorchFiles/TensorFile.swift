import Files
import Foundation

/// The tensors of a file that PyTorch's `torch.save` wrote of a state_dict, read tensor by tensor.
///
/// Both of its formats are read: a zip archive (from PyTorch 1.6 on), and the older row of pickles with the values behind them.
/// Nothing in a file is executed, and no memory is taken but for what a tensor holds.
public struct TensorFile: Sendable {
  /// A tensor's shape, before its values are read.
  public struct Entry: Sendable {
    public let shape: [Int]
    fileprivate let tensor: TensorReference
  }

  public let path: String
  /// By the names of the state_dict.
  public let entries: [String: Entry]
  private let source: any StorageSource

  /// The longest pickle that is read, in bytes: the names and shapes of some thousand tensors.
  static let pickleLimit = 1 << 20

  /// - Throws: `FileError` for a file that cannot be read, is none of `torch.save`, or holds something else than tensors and
  ///   plain values
  public init(_ path: String) throws(FileError) {
    let file = try OpenedFile(path)
    let beginning = try file.read(0..<min(file.byteCount, 4), as: UInt8.self)
    let content: (source: any StorageSource, pickle: Unpickler, object: PickleValue)
    do throws(PickleFault) {
      content = beginning == ZipArchive.beginning ? try Self.archive(file) : try Self.row(file)
    } catch {
      throw error.file ?? FileError(path, "is not read: \(error.reason)")
    }
    self.path = path
    source = content.source
    entries = try Self.entries(content.pickle, content.object, path)
  }

  /// The values of a tensor, row-major.
  ///
  /// - Throws: `FileError` when the file is cut short or damaged
  public func floats(_ name: String) throws(FileError) -> [Float] {
    guard let tensor = entries[name]?.tensor else { preconditionFailure("\(path) has no \(name)") }
    let type = tensor.storage.type
    // A file of holes may claim any size.
    guard tensor.storage.count <= Int(ProcessInfo.processInfo.physicalMemory) / type.byteCount else {
      throw FileError(
        path, "\(name.inErrors) has \(tensor.storage.count) values, more than this machine's memory")
    }
    guard tensor.isContiguous, tensor.count > 0 else { return try gathered(tensor) }
    let first = tensor.offset * type.byteCount
    return type.floats(
      try source.bytes(first..<first + tensor.count * type.byteCount, of: tensor.storage))
  }

  /// The values of a view that jumps over elements or turns dimensions around.
  private func gathered(_ tensor: TensorReference) throws(FileError) -> [Float] {
    guard tensor.count > 0 else { return [] }
    let all = tensor.storage.type.floats(
      try source.bytes(0..<tensor.storage.count * tensor.storage.type.byteCount, of: tensor.storage))
    var values: [Float] = []
    values.reserveCapacity(tensor.count)
    var index = [Int](repeating: 0, count: tensor.shape.count)
    for _ in 0..<tensor.count {
      values.append(all[zip(index, tensor.strides).reduce(tensor.offset) { $0 + $1.0 * $1.1 }])
      for dimension in index.indices.reversed() {
        index[dimension] += 1
        if index[dimension] < tensor.shape[dimension] { break }
        index[dimension] = 0
      }
    }
    return values
  }

  // MARK: - What the pickle holds

  /// The tensors of a state_dict, or of the one that a dictionary of other things holds as "state_dict".
  private static func entries(
    _ pickle: Unpickler, _ object: PickleValue, _ path: String
  ) throws(FileError) -> [String: Entry] {
    guard case .dictionary(var dictionary) = object else {
      throw FileError(path, "holds \(object.kind), not a state_dict; save model.state_dict()")
    }
    if case .dictionary(let inner)? = pickle.entries(of: dictionary).first(where: { $0.key == "state_dict" })?
      .value
    {
      dictionary = inner
    }
    var entries: [String: Entry] = [:]
    for (key, value) in pickle.entries(of: dictionary) {
      guard case .tensor(let tensor) = value else { continue }
      // Networks that ran on several devices are inside a module of that name.
      let name = key.hasPrefix("module.") ? String(key.dropFirst("module.".count)) : key
      guard entries.updateValue(Entry(shape: tensor.shape, tensor: tensor), forKey: name) == nil else {
        throw FileError(path, "holds two tensors of the name \(name.inErrors)")
      }
    }
    guard !entries.isEmpty else {
      let keys = pickle.entries(of: dictionary).prefix(5).map(\.key.inErrors).joined(separator: ", ")
      throw FileError(
        path,
        "holds no tensors by their names\(keys.isEmpty ? "" : ", only \(keys)"); save model.state_dict()")
    }
    return entries
  }
}
