import CTurboJPEG

enum JPEG {
  static let signature: [UInt8] = [0xFF, 0xD8, 0xFF]

  /// A decompressor of libjpeg-turbo.
  private final class Decompressor {
    let handle: tjhandle

    init?() {
      guard let handle = tjInitDecompress() else { return nil }
      self.handle = handle
    }

    deinit { tjDestroy(handle) }

    var message: String { String(cString: tjGetErrorStr2(handle)) }
  }

  /// Decodes a whole JPEG file, turned upright as its EXIF orientation says.
  static func decode(_ bytes: [UInt8], path: String) throws(ImageError) -> Picture {
    guard let decompressor = Decompressor() else { throw ImageError(path, "out of memory") }
    var (width, height, subsampling, colourspace): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    let count = UInt(bytes.count)
    guard
      tjDecompressHeader3(decompressor.handle, bytes, count, &width, &height, &subsampling, &colourspace) == 0
    else { throw ImageError(path, "not a readable JPEG: \(decompressor.message)") }
    guard width <= Picture.largestSide, height <= Picture.largestSide else {
      throw ImageError(
        path,
        "not a readable JPEG: \(width) x \(height) pixels are more than \(Picture.largestSide) on a side")
    }
    guard colourspace != TJCS_CMYK.rawValue, colourspace != TJCS_YCCK.rawValue else {
      throw ImageError(path, "a CMYK JPEG, made for printing; convert it to RGB")
    }
    let isGray = colourspace == TJCS_GRAY.rawValue
    let channels = isGray ? 1 : 3
    var pixels = [UInt8](repeating: 0, count: Int(width) * Int(height) * channels)
    let format = isGray ? TJPF_GRAY.rawValue : TJPF_RGB.rawValue
    let status = tjDecompress2(
      decompressor.handle, bytes, count, &pixels, width, 0, height, Int32(format), TJFLAG_ACCURATEDCT)
    // Truncated and damaged data are warnings to the library: it fills the rest with gray. Not for us.
    guard
      status == 0
        || (tjGetErrorCode(decompressor.handle) == TJERR_WARNING.rawValue
          && !decompressor.message.contains("Premature end") && !decompressor.message.contains("Corrupt"))
    else { throw ImageError(path, "not a readable JPEG: \(decompressor.message)") }
    let picture = Picture(
      width: Int(width), height: Int(height), channels: channels, samples: pixels.map(UInt16.init))
    return picture.turned(orientation: orientation(bytes))
  }

  /// The EXIF orientation, 1 to 8; 1 when there is none or it makes no sense.
  static func orientation(_ bytes: [UInt8]) -> Int {
    func word(_ at: Int) -> Int? { at + 1 < bytes.count ? Int(bytes[at]) << 8 | Int(bytes[at + 1]) : nil }
    var position = 2
    // Segments until the picture's data begins.
    while let marker = word(position), marker >> 8 == 0xFF, marker != 0xFFDA, let length = word(position + 2),
      length >= 2
    {
      let segment = position + 4..<min(bytes.count, position + 2 + length)
      if marker == 0xFFE1, segment.count > 14, bytes[segment].starts(with: Array("Exif\0\0".utf8)) {
        return tiffOrientation(Array(bytes[segment.lowerBound + 6..<segment.upperBound]))
      }
      position += 2 + length
    }
    return 1
  }

  /// Tag 0x0112 of the first directory of a TIFF structure.
  private static func tiffOrientation(_ tiff: [UInt8]) -> Int {
    let littleEndian = tiff.starts(with: Array("II".utf8))
    func number(_ at: Int, _ size: Int) -> Int? {
      guard at >= 0, at + size <= tiff.count else { return nil }
      let field = tiff[at..<at + size]
      return (littleEndian ? Array(field.reversed()) : Array(field)).reduce(0) { $0 << 8 | Int($1) }
    }
    guard number(2, 2) == 42, let directory = number(4, 4), let entries = number(directory, 2) else {
      return 1
    }
    for entry in 0..<entries {
      let at = directory + 2 + 12 * entry
      guard let tag = number(at, 2) else { return 1 }
      if tag == 0x0112, let value = number(at + 8, 2), (1...8).contains(value) { return value }
    }
    return 1
  }
}

extension Picture {
  /// The picture upright, given how it is stored (EXIF orientation 1 to 8).
  func turned(orientation: Int) -> Picture {
    guard (2...8).contains(orientation) else { return self }
    let swapped = orientation >= 5
    let (newWidth, newHeight) = swapped ? (height, width) : (width, height)
    var result = [UInt16](repeating: 0, count: samples.count)
    for y in 0..<newHeight {
      for x in 0..<newWidth {
        let (sx, sy) =
          switch orientation {
          case 2: (width - 1 - x, y)
          case 3: (width - 1 - x, height - 1 - y)
          case 4: (x, height - 1 - y)
          case 5: (y, x)
          case 6: (y, height - 1 - x)
          case 7: (width - 1 - y, height - 1 - x)
          default: (width - 1 - y, x)
          }
        for c in 0..<channels {
          result[(y * newWidth + x) * channels + c] = samples[(sy * width + sx) * channels + c]
        }
      }
    }
    return Picture(
      width: newWidth, height: newHeight, channels: channels, maximum: maximum, samples: result,
      isPalette: isPalette)
  }
}
