import CPNG

/// PNG through libpng. Every colour type and depth, interlaced or not; palettes become their colours. Turned upright as EXIF
/// says.
enum PNG {
  static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

  /// - Parameter header: the file's own
  static func decode(_ bytes: [UInt8], _ header: PictureHeader, path: String) throws(ImageError) -> Picture {
    let size = header.storedSize
    let count = size.area * header.channels
    var message = [CChar](repeating: 0, count: 256)
    var status = CPNG_OK
    func samples<S: FixedWidthInteger>(_: S.Type) -> [S] {
      [S](unsafeUninitializedCapacity: count) { buffer, initialized in
        status = cpng_read_pixels(
          bytes, bytes.count, buffer.baseAddress, UInt32(size.width), UInt32(size.height),
          Int32(header.channels), Int32(header.bitDepth), &message, message.count)
        initialized = status == CPNG_OK ? count : 0
      }
    }
    let stored: Picture.Samples =
      header.bitDepth == 16 ? .sixteen(samples(UInt16.self)) : .eight(samples(UInt8.self))
    switch status {
    case CPNG_OK: break
    case CPNG_NO_MEMORY:
      throw .noMemory(
        path: path, width: size.width, height: size.height, bytes: count * header.bitDepth / 8)
    default: throw .corrupt(path: path, detail: text(message))
    }
    return header.orientation.upright(
      Picture(
        width: size.width, height: size.height, channels: header.channels, samples: stored,
        palette: header.palette))
  }

  // MARK: - The header

  /// Goes over all chunks, since EXIF may follow the pixels, and reads those that say what the picture is.
  static func header(_ source: ByteSource) throws(ImageError) -> PictureHeader {
    let path = source.path
    func damaged(_ detail: String) -> ImageError { .corrupt(path: path, detail: detail) }
    let endsTooEarly = damaged("the file ends too early")
    func kind(_ what: String) -> ImageError {
      .unsupported(
        path: path,
        detail:
          "is a PNG of a kind that is not read (\(what)); convert it, for example with the program that made it"
      )
    }
    func number(at offset: Int) throws(ImageError) -> Int {
      guard let number = try source.number(at: offset, size: 4) else { throw endsTooEarly }
      return Int(number)
    }

    // The header chunk: length, "IHDR", width, height (big-endian), depth, colour type, compression, filter, interlace, CRC.
    let first = try source.bytes(12..<16)
    if first?.elementsEqual("CgBI".utf8) ?? false { throw kind("CgBI, of apps for Apple's iOS") }
    guard let first, first.elementsEqual("IHDR".utf8), let fields = try source.bytes(24..<29).map(Array.init)
    else { throw damaged("the PNG header is incomplete") }
    let size = PictureSize(width: try number(at: 16), height: try number(at: 20))
    try checkDimensions(width: size.width, height: size.height, path: path)
    guard try number(at: 8) == 13, try hasRightCRC(source, chunk: 8, length: 13) else {
      throw damaged("IHDR: CRC error")
    }
    let depth = Int(fields[0])
    guard let type = ColourType(rawValue: fields[1]), type.depths.contains(depth) else {
      throw damaged("IHDR: no such depth or colour type")
    }
    guard fields[2] == 0, fields[3] == 0, fields[4] < 2 else {
      throw kind("compression \(fields[2]), filter \(fields[3]), interlacing \(fields[4])")
    }

    var palette: [Colour]?
    var (hasTransparency, hasPixels) = (false, false)
    var orientation: EXIF.Orientation?
    var offset = 33
    chunks: while true {
      let length = try number(at: offset)
      guard length < 1 << 31, offset + 12 + length <= source.count,
        let name = try source.bytes(offset + 4..<offset + 8)
      else { throw endsTooEarly }
      let content = offset + 8..<offset + 8 + length
      switch String(decoding: name, as: UTF8.self) {
      case "PLTE" where type == .palette && palette == nil && !hasPixels:
        guard length > 0, length % 3 == 0, length <= 3 * 256, let bytes = try source.bytes(content) else {
          throw damaged("PLTE: invalid")
        }
        let entries = Array(bytes)
        guard try hasRightCRC(source, chunk: offset, length: length) else {
          throw damaged("PLTE: CRC error")
        }
        // What indices of that depth cannot reach does not count.
        palette = (0..<min(length / 3, 1 << depth)).map { entry in
          Colour(red: entries[entry * 3], green: entries[entry * 3 + 1], blue: entries[entry * 3 + 2])
        }
      case "tRNS" where !hasPixels:
        // Of a wrong length it is ignored.
        switch type {
        case .gray where length == 2, .rgb where length == 6: hasTransparency = true
        case .palette where length > 0 && length <= palette?.count ?? 0: hasTransparency = true
        default: break
        }
      case "eXIf" where orientation == nil:
        orientation = try EXIF.orientation(in: content, of: source)
      case "IDAT":
        guard type != .palette || palette != nil else { throw damaged("the palette is missing") }
        hasPixels = true
      case "IEND":
        break chunks
      case let name where name.utf8.first.map { $0 & 0x20 == 0 } ?? false && name != "PLTE":
        // A capital: nobody who does not know the chunk can show the picture. Damage may look like one.
        guard length < 1 << 20, try hasRightCRC(source, chunk: offset, length: length) else {
          throw damaged("an unknown chunk with a CRC error")
        }
        throw name == "IHDR" ? damaged("it has two headers") : kind("with the chunk \(name.inErrors)")
      default: break
      }
      offset = content.upperBound + 4
    }
    guard hasPixels else { throw damaged("it has no pixels") }
    return PictureHeader(
      format: .png, stored: size, channels: type.channels + (hasTransparency ? 1 : 0),
      bitDepth: max(8, depth),
      hasAlpha: type.hasAlpha || hasTransparency, palette: palette, orientation: orientation ?? .topLeft,
      // A row and the one before it.
      decoderBytes: size.width * 16)
  }

  private enum ColourType: UInt8 {
    case gray = 0
    case rgb = 2
    case palette = 3
    case grayAlpha = 4
    case rgba = 6

    var depths: [Int] {
      switch self {
      case .gray: [1, 2, 4, 8, 16]
      case .palette: [1, 2, 4, 8]
      default: [8, 16]
      }
    }

    var hasAlpha: Bool { self == .grayAlpha || self == .rgba }

    /// Of the decoded picture, as long as nothing else makes it transparent.
    var channels: Int {
      switch self {
      case .gray: 1
      case .grayAlpha: 2
      case .rgb, .palette: 3
      case .rgba: 4
      }
    }
  }

  /// Whether the CRC behind a chunk is that of its name and content.
  static func hasRightCRC(_ source: ByteSource, chunk: Int, length: Int) throws(ImageError) -> Bool {
    guard let stored = try source.number(at: chunk + 8 + length, size: 4),
      let bytes = try source.bytes(chunk + 4..<chunk + 8 + length)
    else { return false }
    return UInt64(crc(of: bytes)) == stored
  }

  /// The CRC of a chunk's name and content (PNG specification, "Cyclic Redundancy Code algorithm").
  static func crc(of bytes: some Sequence<UInt8>) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    return ~crc
  }

  static func encode(_ picture: Picture, path: String) throws(ImageError) -> [UInt8] {
    var message = [CChar](repeating: 0, count: 256)
    var output: UnsafeMutablePointer<UInt8>?
    var size = 0
    func write(_ pixels: UnsafeRawPointer) -> cpng_status {
      cpng_write(
        pixels, UInt32(picture.width), UInt32(picture.height), Int32(picture.channels),
        Int32(picture.bitDepth), &output, &size, &message, message.count)
    }
    let status =
      switch picture.samples {
      case .eight(let values): write(values)
      case .sixteen(let values): write(values)
      }
    guard status == CPNG_OK, let output else { throw .unwritable(path: path, reason: text(message)) }
    defer { cpng_free(output) }
    return [UInt8](UnsafeBufferPointer(start: output, count: size))
  }

  private static func text(_ message: [CChar]) -> String {
    String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
