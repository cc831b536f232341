/// A picture's orientation, the one EXIF entry that is read.
enum EXIF {
  /// EXIF's orientation codes: the places of the stored row 0 and column 0 in the upright picture.
  enum Orientation: Int {
    case topLeft = 1
    case topRight, bottomRight, bottomLeft, leftTop, rightTop, rightBottom, leftBottom

    private var swapsSides: Bool { rawValue >= 5 }

    /// Turns a stored 8-bit picture upright.
    func upright(_ picture: Picture) -> Picture {
      guard self != .topLeft, case .eight(let source) = picture.samples else { return picture }
      let (storedWidth, storedHeight, channels) = (picture.width, picture.height, picture.channels)
      let width = swapsSides ? storedHeight : storedWidth
      let height = swapsSides ? storedWidth : storedHeight
      let mirrorsX = self == .topRight || self == .bottomRight || self == .rightTop || self == .rightBottom
      let mirrorsY =
        self == .bottomRight || self == .bottomLeft || self == .rightBottom || self == .leftBottom
      let samples = [UInt8](unsafeUninitializedCapacity: source.count) { out, count in
        for y in 0..<height {
          for x in 0..<width {
            let u = mirrorsX ? width - 1 - x : x
            let v = mirrorsY ? height - 1 - y : y
            let from = (swapsSides ? u * storedWidth + v : v * storedWidth + u) * channels
            let to = (y * width + x) * channels
            for channel in 0..<channels { out[to + channel] = source[from + channel] }
          }
        }
        count = source.count
      }
      return Picture(
        width: width, height: height, channels: channels, samples: .eight(samples),
        palette: picture.palette)
    }
  }

  /// The orientation in the first APP1 segment that is EXIF. Anything missing or malformed means upright:
  /// a broken tag is no reason to refuse a good picture.
  static func orientation(ofJPEG bytes: [UInt8]) -> Orientation {
    var offset = 2  // after the start marker
    while offset + 4 <= bytes.count, bytes[offset] == 0xff {
      let marker = bytes[offset + 1]
      if marker == 0xff {  // fill byte
        offset += 1
        continue
      }
      if marker == 0xda || marker == 0xd9 { break }  // the pixels begin, or the file ends
      let length = Int(bytes[offset + 2]) << 8 | Int(bytes[offset + 3])
      guard length >= 2, offset + 2 + length <= bytes.count else { break }
      let payload = bytes[offset + 4..<offset + 2 + length]
      if marker == 0xe1, payload.starts(with: [0x45, 0x78, 0x69, 0x66, 0, 0]) {
        return orientation(ofTIFF: payload.dropFirst(6)) ?? .topLeft
      }
      offset += 2 + length
    }
    return .topLeft
  }

  /// `tiff` is the TIFF block inside the segment; its offsets count from its own start.
  private static func orientation(ofTIFF tiff: ArraySlice<UInt8>) -> Orientation? {
    let bytes = Array(tiff)
    let isLittleEndian: Bool
    switch bytes.prefix(2) {
    case [0x49, 0x49]: isLittleEndian = true
    case [0x4d, 0x4d]: isLittleEndian = false
    default: return nil
    }
    func number(at offset: Int, size: Int) -> Int? {
      guard offset >= 0, offset <= bytes.count - size else { return nil }
      let part = bytes[offset..<offset + size]
      return isLittleEndian
        ? part.reversed().reduce(0) { $0 << 8 | Int($1) } : part.reduce(0) { $0 << 8 | Int($1) }
    }
    guard number(at: 2, size: 2) == 42, let directory = number(at: 4, size: 4),
      let entries = number(at: directory, size: 2)
    else { return nil }
    for entry in 0..<entries {
      // An entry is 12 bytes: tag, type, count, value. Orientation is tag 0x112, one 16-bit number.
      let start = directory + 2 + entry * 12
      guard let tag = number(at: start, size: 2), let type = number(at: start + 2, size: 2),
        let value = number(at: start + 8, size: 2)
      else { return nil }
      if tag == 0x112 { return type == 3 ? Orientation(rawValue: value) : nil }
    }
    return nil
  }
}
