import CPNG

/// PNG through libpng. Every colour type and depth, interlaced or not; palettes become their colours.
enum PNG {
  static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

  static func decode(_ bytes: [UInt8], path: String) throws(ImageError) -> Picture {
    // The signature, then the header chunk: length, "IHDR", width, height (big-endian), ...
    guard bytes.count >= 33, bytes[12..<16].elementsEqual("IHDR".utf8) else {
      throw .corrupt(path: path, detail: "the PNG header is incomplete")
    }
    func bigEndian(at offset: Int) -> Int { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
    try checkDimensions(width: bigEndian(at: 16), height: bigEndian(at: 20), path: path)

    var info = cpng_info()
    var message = [CChar](repeating: 0, count: 256)
    guard cpng_read_info(bytes, bytes.count, &info, &message, message.count) == 0 else {
      throw .corrupt(path: path, detail: text(message))
    }
    let (width, height, channels) = (Int(info.width), Int(info.height), Int(info.channels))
    let count = width * height * channels
    var status: Int32 = 0
    let samples: Picture.Samples
    if info.bit_depth == 16 {
      samples = .sixteen(
        [UInt16](unsafeUninitializedCapacity: count) { buffer, initialized in
          status = cpng_read_pixels(
            bytes, bytes.count, buffer.baseAddress, count * 2, &message, message.count)
          initialized = status == 0 ? count : 0
        })
    } else {
      samples = .eight(
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
          status = cpng_read_pixels(bytes, bytes.count, buffer.baseAddress, count, &message, message.count)
          initialized = status == 0 ? count : 0
        })
    }
    guard status == 0 else { throw .corrupt(path: path, detail: text(message)) }
    return Picture(
      width: width, height: height, channels: channels, samples: samples, palette: palette(&info))
  }

  /// The file's palette in its own order, nil when it stores colours and no indices.
  private static func palette(_ info: inout cpng_info) -> [Colour]? {
    guard info.palette_size > 0 else { return nil }
    return withUnsafeBytes(of: &info.palette) { bytes in
      (0..<Int(info.palette_size)).map { entry in
        Colour(red: bytes[entry * 3], green: bytes[entry * 3 + 1], blue: bytes[entry * 3 + 2])
      }
    }
  }

  static func encode(_ picture: Picture, path: String) throws(ImageError) -> [UInt8] {
    var message = [CChar](repeating: 0, count: 256)
    var output: UnsafeMutablePointer<UInt8>?
    var size = 0
    func write(_ pixels: UnsafeRawPointer) -> Int32 {
      cpng_write(
        pixels, UInt32(picture.width), UInt32(picture.height), Int32(picture.channels),
        Int32(picture.bitDepth), &output, &size, &message, message.count)
    }
    let status: Int32 =
      switch picture.samples {
      case .eight(let values): write(values)
      case .sixteen(let values): write(values)
      }
    guard status == 0, let output else { throw .unwritable(path: path, reason: text(message)) }
    defer { cpng_free(output) }
    return [UInt8](UnsafeBufferPointer(start: output, count: size))
  }

  private static func text(_ message: [CChar]) -> String {
    String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
