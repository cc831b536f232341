import Foundation

/// What a picture's header says, read without its pixels: cheap enough for every file of a data set.
///
/// Size, channels, depth, alpha and palette are those of the `Picture` that the file decodes to.
public struct PictureHeader: Sendable, Equatable {
  public enum Format: String, Sendable, CaseIterable {
    case png, jpeg, npy
  }

  public let format: Format
  /// The size when it is turned upright.
  public let size: PictureSize
  /// 1...`Picture.maximumChannels`.
  public let channels: Int
  /// 8 or 16.
  public let bitDepth: Int
  /// The last channel is the opacity of the others.
  public let hasAlpha: Bool
  /// See `Picture.palette`.
  public let palette: [Colour]?
  /// How the stored pixels lie.
  let orientation: EXIF.Orientation
  /// Bytes that the decoder needs beside the samples.
  let decoderBytes: Int

  /// Gray or RGB, with or without alpha; see `Picture.isColour`.
  public var isColour: Bool { channels == 1 || channels == 3 || hasAlpha }

  /// See `Picture.isPalette`.
  public var isPalette: Bool { palette != nil }

  /// The size in which the pixels are stored.
  var storedSize: PictureSize { orientation.turned(size) }

  /// Reads a PNG's, JPEG's or NPY's header, recognised by its content, and only the parts of the file that it needs.
  /// - Throws: what `Picture(contentsOf:)` throws for anything but the pixels: `.unreadable`, `.notAPicture`, `.corrupt`,
  ///   `.unsupported`, `.badDimensions`.
  public init(contentsOf path: String) throws(ImageError) {
    try self.init(ByteSource(contentsOf: path))
  }

  /// The same of a file in memory; `path` is only for errors.
  public init(decoding bytes: [UInt8], path: String) throws(ImageError) {
    try self.init(ByteSource(bytes, path: path))
  }

  init(_ source: ByteSource) throws(ImageError) {
    guard source.count > 0 else { throw .corrupt(path: source.path, detail: "the file is empty") }
    let start = try source.bytes(0..<min(source.count, ForeignFormat.headerSize)) ?? []
    if start.starts(with: PNG.signature) {
      self = try PNG.header(source)
    } else if start.starts(with: JPEG.signature) {
      self = try JPEG.header(source)
    } else if start.starts(with: NPY.signature) {
      self = try NPY.header(source)
    } else {
      throw .notAPicture(path: source.path, format: ForeignFormat.name(ofFileThatBegins: Array(start)))
    }
  }

  /// - Parameter stored: the size in which the pixels are stored
  init(
    format: Format, stored: PictureSize, channels: Int, bitDepth: Int, hasAlpha: Bool,
    palette: [Colour]? = nil, orientation: EXIF.Orientation = .topLeft, decoderBytes: Int = 0
  ) {
    self.format = format
    size = orientation.turned(stored)
    self.channels = channels
    self.bitDepth = bitDepth
    self.hasAlpha = hasAlpha
    self.palette = palette
    self.orientation = orientation
    self.decoderBytes = decoderBytes
  }

  // MARK: - Memory

  /// Makes sure that there is memory for the picture: for decoding it, and for what callers make of it at its own size, which
  /// are colours with alpha (four channels) and a picture on its way to another size. Swift ends the program where there is
  /// none, so it is asked for before. Whoever takes it in between wins; nothing is kept.
  /// - Throws: `.noMemory`.
  func checkMemory(path: String) throws(ImageError) {
    let sample = bitDepth / 8
    let samples = size.area * channels * sample
    let decoding = decoderBytes + (orientation == .topLeft ? 0 : samples)
    let converting = 2 * size.area * max(4, channels) * sample
    let bytes = samples + max(decoding, converting)
    guard hasMemory(bytes) else {
      throw .noMemory(path: path, width: size.width, height: size.height, bytes: bytes)
    }
  }
}

/// Whether the system would give so many bytes now.
func hasMemory(_ bytes: Int) -> Bool {
  // Small pictures are not worth two system calls, and a little is needed beside every large one.
  let margin = 1 << 20
  if bytes < margin { return true }
  let count = bytes + 4 * margin
  guard
    let memory = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
    memory != MAP_FAILED
  else { return false }
  munmap(memory, count)
  return true
}
