import CPNG
import Foundation

enum PNG {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Decodes a whole PNG file. Alpha is laid on white.
  static func decode(_ bytes: [UInt8], path: String) throws(ImageError) -> Picture {
    var image = cpng_image()
    var message = [CChar](repeating: 0, count: Int(CPNG_MESSAGE))
    guard cpng_decode(bytes, bytes.count, UInt32(Picture.largestSide), &image, &message) == 0 else {
      throw ImageError(path, "not a readable PNG: \(text(message))")
    }
    defer { cpng_free(&image) }
    let pixels = Int(image.width) * Int(image.height)
    let stored = Int(image.channels)
    let maximum: UInt16 = image.bit_depth == 16 ? 65535 : 255
    var samples = [UInt16](repeating: 0, count: pixels * stored)
    if image.bit_depth == 16 {
      let source = image.samples.assumingMemoryBound(to: UInt16.self)
      for i in samples.indices { samples[i] = source[i] }
    } else {
      let source = image.samples.assumingMemoryBound(to: UInt8.self)
      for i in samples.indices { samples[i] = UInt16(source[i]) }
    }
    if stored == 2 || stored == 4 { samples = onWhite(samples, channels: stored, maximum: maximum) }
    return Picture(
      width: Int(image.width), height: Int(image.height), channels: stored < 3 ? 1 : 3, maximum: maximum,
      samples: samples, isPalette: image.is_palette != 0)
  }

  /// Colour * alpha + white * (1 - alpha), without the alpha channel.
  private static func onWhite(_ samples: [UInt16], channels: Int, maximum: UInt16) -> [UInt16] {
    let (white, colours) = (UInt32(maximum), channels - 1)
    var result: [UInt16] = []
    result.reserveCapacity(samples.count / channels * colours)
    for pixel in stride(from: 0, to: samples.count, by: channels) {
      let alpha = UInt32(samples[pixel + colours])
      for c in 0..<colours {
        // In 64 bits: 65535 squared twice over does not fit 32.
        let sum = UInt64(samples[pixel + c]) * UInt64(alpha) + UInt64(white) * UInt64(white - alpha)
        result.append(UInt16((sum + UInt64(white) / 2) / UInt64(white)))
      }
    }
    return result
  }

  static func encode(_ picture: Picture, path: String) throws(ImageError) -> Data {
    var message = [CChar](repeating: 0, count: Int(CPNG_MESSAGE))
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    func encode(_ samples: UnsafeMutableRawPointer?, bits: UInt32) -> Int32 {
      var image = cpng_image(
        width: UInt32(picture.width), height: UInt32(picture.height), channels: UInt32(picture.channels),
        bit_depth: bits, is_palette: 0, samples: samples)
      return cpng_encode(&image, &bytes, &count, &message)
    }
    let status: Int32
    if picture.maximum == 255 {
      var samples = picture.samples.map { UInt8(truncatingIfNeeded: $0) }
      status = samples.withUnsafeMutableBytes { encode($0.baseAddress, bits: 8) }
    } else {
      var samples = picture.samples
      status = samples.withUnsafeMutableBytes { encode($0.baseAddress, bits: 16) }
    }
    guard status == 0, let bytes else { throw ImageError(path, "cannot be encoded: \(text(message))") }
    defer { free(bytes) }
    return Data(bytes: bytes, count: count)
  }

  private static func text(_ message: [CChar]) -> String {
    String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
