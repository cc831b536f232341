import Files
import Foundation

extension Picture {
  /// Reads a PNG, JPEG or NPY file, recognised by its content. PNG and JPEG pictures are turned upright as EXIF says.
  /// - Throws: `.unreadable`, `.notAPicture`, `.corrupt`, `.unsupported`, `.badDimensions`, `.noMemory`.
  public init(contentsOf path: String) throws(ImageError) {
    // A file of gigabytes that its header has refused is never read.
    _ = try PictureHeader(contentsOf: path)
    try self.init(decoding: try readFile(path), path: path)
  }

  /// Decodes a PNG, JPEG or NPY file that is already in memory; `path` is only for errors.
  /// - Throws: `.notAPicture`, `.corrupt`, `.unsupported`, `.badDimensions`, `.noMemory`.
  public init(decoding bytes: [UInt8], path: String) throws(ImageError) {
    let header = try PictureHeader(ByteSource(bytes, path: path))
    try header.checkMemory(path: path)
    switch header.format {
    case .png: self = try PNG.decode(bytes, header, path: path)
    case .jpeg: self = try JPEG.decode(bytes, header, path: path)
    case .npy: self = try NPY.decode(bytes, path: path)
    }
  }

  /// The bytes of a PNG or NPY file of the same channels and depth.
  ///
  /// - Parameters:
  ///   - format: not `.jpeg`, which loses what is in a picture
  ///   - path: for errors only
  /// - Throws: `.unwritable` for a picture that the encoder refuses
  public func file(_ format: PictureHeader.Format, path: String) throws(ImageError) -> [UInt8] {
    precondition(format != .jpeg, "pictures are not written as JPEG")
    if format == .npy { return NPY.encode(self) }
    precondition(isColour, "a PNG holds colours")
    return try PNG.encode(self, path: path)
  }

  /// Writes an NPY where `path` ends in ".npy", a PNG otherwise, of the same channels and depth; see `OutputFile` for what
  /// is there already.
  /// - Throws: `.file`, and `.unwritable` for a picture that the encoder refuses.
  public func write(to path: String, replacing: OutputFile.Replacing = .own) throws(ImageError) {
    let bytes = try file(path.lowercased().hasSuffix(".npy") ? .npy : .png, path: path)
    do {
      // A picture can be made again; flushing its folder, too, would cost as much as the picture.
      try OutputFile.write(bytes, to: path, replacing: replacing, syncsFolder: false)
    } catch {
      throw .file(error)
    }
  }
}

/// Checks a header's size before anything of that size is allocated.
func checkDimensions(width: Int, height: Int, path: String) throws(ImageError) {
  let sides = 1...Picture.maximumSide
  guard sides.contains(width), sides.contains(height), width * height <= Picture.maximumPixels else {
    throw .badDimensions(path: path, width: width, height: height)
  }
}

private func systemMessage() -> String { String(cString: strerror(errno)) }

private func readFile(_ path: String) throws(ImageError) -> [UInt8] {
  let (file, size) = try openPicture(path)
  defer { close(file) }
  guard hasMemory(size) else {
    throw .unreadable(path: path, reason: "there is no memory for its \(size) bytes")
  }
  var failure: String?
  let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
    while filled < buffer.count {
      let count = read(file, buffer.baseAddress! + filled, buffer.count - filled)
      if count < 0 && errno == EINTR { continue }
      if count < 0 { failure = systemMessage() }
      if count <= 0 { break }
      filled += count
    }
  }
  if let failure { throw .unreadable(path: path, reason: failure) }
  return bytes
}
