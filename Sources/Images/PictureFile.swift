import Foundation

extension Picture {
  /// Reads a PNG, JPEG or NPY file, recognised by its content. PNG and JPEG pictures are turned upright as EXIF says.
  /// - Throws: `.unreadable`, `.notAPicture`, `.corrupt`, `.unsupported`, `.badDimensions`, `.noMemory`.
  public init(contentsOf path: String) throws(ImageError) {
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

  /// Writes an NPY where `path` ends in ".npy", a PNG otherwise; see `writePNG(to:)`.
  /// - Throws: `.unwritable`.
  public func write(to path: String) throws(ImageError) {
    guard path.hasSuffix(".npy") else { return try writePNG(to: path) }
    try writeFile(NPY.encode(self), to: path)
  }

  /// Writes colours as a PNG of the same channels and depth. The file is written beside its name, flushed to the
  /// disk and renamed, so that `path` is never half a picture and an old one survives a full disk.
  /// - Throws: `.unwritable`.
  public func writePNG(to path: String) throws(ImageError) {
    precondition(isColour, "a PNG holds colours")
    try writeFile(try PNG.encode(self, path: path), to: path)
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

private func writeFile(_ bytes: [UInt8], to path: String) throws(ImageError) {
  // Hidden, so that a reader of the folder does not take it for a picture.
  let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
  let partial =
    "\(path[..<start]).\(path[start...]).\(getpid()).\(UInt32.random(in: 0 ... .max)).partial"
  let file = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
  guard file >= 0 else { throw .unwritable(path: path, reason: systemMessage()) }

  // A full disk may show at any of write, fsync and close; the first word is the one to report.
  var failure: String?
  var written = 0
  while failure == nil, written < bytes.count {
    let count = bytes.withUnsafeBytes { write(file, $0.baseAddress! + written, bytes.count - written) }
    if count >= 0 { written += count } else if errno != EINTR { failure = systemMessage() }
  }
  if failure == nil, fsync(file) != 0 { failure = systemMessage() }
  if close(file) != 0, failure == nil { failure = systemMessage() }
  if failure == nil, rename(partial, path) != 0 { failure = systemMessage() }
  if let failure {
    unlink(partial)
    throw .unwritable(path: path, reason: failure)
  }
}
