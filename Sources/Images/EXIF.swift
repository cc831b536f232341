/// A picture's orientation, the one EXIF entry that is read.
enum EXIF {
  /// What JPEG's segment begins with. Some programs write it into PNG's chunk too.
  static let prefix = Array("Exif\0\0".utf8)

  /// EXIF's orientation codes: the places of the stored row 0 and column 0 in the upright picture.
  enum Orientation: Int {
    case topLeft = 1
    case topRight, bottomRight, bottomLeft, leftTop, rightTop, rightBottom, leftBottom

    private var swapsSides: Bool { rawValue >= 5 }

    /// The upright size of a stored one, and the other way round.
    func turned(_ size: PictureSize) -> PictureSize {
      swapsSides ? PictureSize(width: size.height, height: size.width) : size
    }

    /// Turns a stored picture upright.
    func upright(_ picture: Picture) -> Picture {
      guard self != .topLeft else { return picture }
      let (storedWidth, channels) = (picture.width, picture.channels)
      let size = turned(picture.size)
      let mirrorsX = self == .topRight || self == .bottomRight || self == .rightTop || self == .rightBottom
      let mirrorsY =
        self == .bottomRight || self == .bottomLeft || self == .rightBottom || self == .leftBottom
      func moved<S: FixedWidthInteger>(_ source: [S]) -> [S] {
        [S](unsafeUninitializedCapacity: source.count) { out, count in
          for y in 0..<size.height {
            for x in 0..<size.width {
              let u = mirrorsX ? size.width - 1 - x : x
              let v = mirrorsY ? size.height - 1 - y : y
              let from = (swapsSides ? u * storedWidth + v : v * storedWidth + u) * channels
              let to = (y * size.width + x) * channels
              for channel in 0..<channels { out[to + channel] = source[from + channel] }
            }
          }
          count = source.count
        }
      }
      let samples: Picture.Samples =
        switch picture.samples {
        case .eight(let values): .eight(moved(values))
        case .sixteen(let values): .sixteen(moved(values))
        }
      return Picture(
        width: size.width, height: size.height, channels: channels, samples: samples,
        palette: picture.palette,
        hasAlpha: picture.hasAlpha)
    }
  }

  /// Bytes of a value, for each of TIFF's types of integers: BYTE, SHORT, LONG, SBYTE, SSHORT, SLONG, IFD, LONG8.
  private static let integerSizes = [1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 13: 4, 16: 8]

  /// The orientation in a range of a file, which is a TIFF block. Anything missing or malformed means nil: a broken tag is no
  /// reason to refuse a good picture.
  /// - Throws: `.unreadable`.
  static func orientation(in range: Range<Int>, of source: ByteSource) throws(ImageError) -> Orientation? {
    var start = range.lowerBound
    while start + prefix.count <= range.upperBound,
      try source.bytes(start..<start + prefix.count)?.elementsEqual(prefix) ?? false
    {
      start += prefix.count
    }
    guard start + 8 <= range.upperBound else { return nil }
    let isLittleEndian: Bool
    switch try source.number(at: start, size: 2) {
    case 0x4949: isLittleEndian = true
    case 0x4d4d: isLittleEndian = false
    default: return nil
    }
    /// Offsets count from the block's own start.
    func number(at offset: Int, size: Int) throws(ImageError) -> Int? {
      guard offset >= 0, offset <= range.upperBound - start - size else { return nil }
      return try source.number(at: start + offset, size: size, isLittleEndian: isLittleEndian)
        .map { Int(truncatingIfNeeded: $0) }
    }
    // 42, in either order: some programs write it in the wrong one.
    guard let version = try number(at: 2, size: 2), version == 42 || version == 42 << 8,
      let directory = try number(at: 4, size: 4), let entries = try number(at: directory, size: 2)
    else { return nil }
    for entry in 0..<entries {
      // An entry is 12 bytes: tag, type, number of values, and the values or, beyond four bytes, their place.
      let place = directory + 2 + entry * 12
      guard let tag = try number(at: place, size: 2), let type = try number(at: place + 2, size: 2),
        let count = try number(at: place + 4, size: 4)
      else { return nil }
      guard tag == 0x112, count > 0, let size = integerSizes[type] else { continue }
      // More values than one make no sense; the first counts.
      guard let first = count * size <= 4 ? place + 8 : try number(at: place + 8, size: 4) else { return nil }
      return try number(at: first, size: size).flatMap(Orientation.init)
    }
    return nil
  }
}
