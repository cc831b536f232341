import CTurboJPEG

/// JPEG through TurboJPEG: colour and gray, baseline and progressive, turned upright as EXIF says.
enum JPEG {
  static let signature: [UInt8] = [0xff, 0xd8, 0xff]

  static func decode(_ bytes: [UInt8], path: String) throws(ImageError) -> Picture {
    guard let decoder = Decompressor() else {
      throw .unreadable(path: path, reason: "out of memory for the JPEG decoder")
    }
    var (width, height, subsampling, colours): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    guard
      tjDecompressHeader3(
        decoder.handle, bytes, UInt(bytes.count), &width, &height, &subsampling, &colours) == 0,
      // Without a frame header TurboJPEG finds nothing wrong: such files exist, to carry tables only.
      width > 0, height > 0
    else { throw .corrupt(path: path, detail: detail(decoder, bytes)) }
    try checkDimensions(width: Int(width), height: Int(height), path: path)
    if colours == TJCS_CMYK.rawValue || colours == TJCS_YCCK.rawValue {
      throw .unsupported(
        path: path, detail: "is a CMYK JPEG (made for print); convert it to RGB, for example to PNG")
    }

    let channels = colours == TJCS_GRAY.rawValue ? 1 : 3
    let format = channels == 1 ? TJPF_GRAY : TJPF_RGB
    let count = Int(width) * Int(height) * channels
    var status: Int32 = 0
    let samples = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      // Limiting scans stops a small progressive file from taking minutes.
      status = tjDecompress2(
        decoder.handle, bytes, UInt(bytes.count), buffer.baseAddress, width, 0, height, format.rawValue,
        TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)
      initialized = count
    }
    if status != 0, !isHarmless(decoder, bytes) {
      throw .corrupt(path: path, detail: detail(decoder, bytes))
    }
    let picture = Picture(
      width: Int(width), height: Int(height), channels: channels, samples: .eight(samples))
    return EXIF.orientation(ofJPEG: bytes).upright(picture)
  }

  /// TurboJPEG decodes truncated data with a warning and fills the rest with gray, so warnings are errors. Stray bytes
  /// between segments are the exception: some cameras write them. TurboJPEG keeps the text of the first warning only, so
  /// the end marker must be there too, or the file could be truncated all the same.
  private static func isHarmless(_ decoder: Decompressor, _ bytes: [UInt8]) -> Bool {
    tjGetErrorCode(decoder.handle) == TJERR_WARNING.rawValue
      && decoder.message.contains("extraneous bytes before marker") && hasEndMarker(bytes)
  }

  /// The reason of a failed decoding. Data cut inside a table makes the library complain of the table.
  private static func detail(_ decoder: Decompressor, _ bytes: [UInt8]) -> String {
    hasEndMarker(bytes) ? decoder.message : "the file ends too early (\(decoder.message))"
  }

  /// Looks a little before the end, as some programs append data of their own.
  private static func hasEndMarker(_ bytes: [UInt8]) -> Bool {
    let tail = bytes.suffix(4096)
    return zip(tail, tail.dropFirst()).contains { $0 == 0xff && $1 == 0xd9 }
  }

  private final class Decompressor {
    let handle: tjhandle

    init?() {
      guard let handle = tjInitDecompress() else { return nil }
      self.handle = handle
    }

    deinit { tjDestroy(handle) }

    /// The reason of the last call's failure.
    var message: String { tjGetErrorStr2(handle).map { String(cString: $0) } ?? "unknown error" }
  }
}
