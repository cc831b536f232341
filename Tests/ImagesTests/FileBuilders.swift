import Images

/// Big-endian bytes of a number.
func bigEndian(_ number: Int, _ count: Int) -> [UInt8] {
  (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}

/// A baseline JPEG of blocks of one colour each, so that every pixel is known without a transform. Written by the standard
/// (ITU-T T.81), by nothing that the reader shares.
struct TestJPEG {
  var width = 48
  var height = 40
  /// Horizontal and vertical sampling of each component.
  var sampling: [(Int, Int)] = [(1, 1), (1, 1), (1, 1)]
  /// MCUs between restart markers; 0 for none.
  var restartInterval = 0
  var frameMarker: UInt8 = 0xc0
  /// As the frame header says it.
  var precision = 8
  /// As the frame header says it, where it is not the true one.
  var claimedSize: (width: Int, height: Int)?
  /// Ss, Se, and Ah and Al, which mean something in progressive files only.
  var scanParameters: [UInt8] = [0, 63, 0]
  /// Stray bytes or segments in front of the segment or marker of a name: 0xdb, 0xc0, 0xc4, 0xda, or 0xd9.
  var inserted: [UInt8: [UInt8]] = [:]

  static func segment(_ marker: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [0xff, marker] + bigEndian(payload.count + 2, 2) + payload
  }

  /// The level of a component's block, 8 x 8 samples, 0...255.
  func level(_ component: Int, blockX: Int, blockY: Int) -> Int {
    component == 0
      ? 60 + (blockX * 37 + blockY * 53) % 130 : 100 + (blockX * 11 + blockY * 23 + 31 * component) % 60
  }

  private var largest: (Int, Int) { (sampling.map(\.0).max() ?? 1, sampling.map(\.1).max() ?? 1) }

  /// The component's block that holds the sample of a pixel.
  func block(_ component: Int, x: Int, y: Int) -> (x: Int, y: Int) {
    let (h, v) = sampling.count == 1 ? (1, 1) : sampling[component]
    let (most, mostDown) = sampling.count == 1 ? (1, 1) : largest
    return (x * h / most / 8, y * v / mostDown / 8)
  }

  /// RGB or gray of a pixel in the middle of its blocks, by JFIF's equations, rounded.
  func pixel(x: Int, y: Int) -> [Int] {
    let values = sampling.indices.map { component in
      let block = block(component, x: x, y: y)
      return Double(level(component, blockX: block.x, blockY: block.y))
    }
    guard values.count == 3 else { return [Int(values[0])] }
    let (luma, blue, red) = (values[0], values[1] - 128, values[2] - 128)
    return [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue].map {
      Int(min(max($0, 0), 255).rounded())
    }
  }

  /// The entropy-coded data: each block a difference of DC, in 4 bits for its length and the bits of it, and a bit for the end.
  var data: [UInt8] {
    var bytes: [UInt8] = []
    var (bits, count) = (0, 0)
    func put(_ value: Int, _ length: Int) {
      bits = bits << length | value
      count += length
      while count >= 8 {
        count -= 8
        let byte = UInt8(truncatingIfNeeded: bits >> count)
        bytes += byte == 0xff ? [0xff, 0] : [byte]
      }
      bits &= 1 << count - 1
    }
    var last = sampling.map { _ in 0 }
    func block(_ component: Int, _ x: Int, _ y: Int) {
      // The quantiser is 8, so that a step of DC is a level.
      let value = level(component, blockX: x, blockY: y) - 128
      let difference = value - last[component]
      last[component] = value
      let length = Int.bitWidth - abs(difference).leadingZeroBitCount
      put(length, 4)
      put(difference >= 0 ? difference : difference + 1 << length - 1, length)
      put(0, 1)
    }
    func fill() { if count > 0 { put(1 << (8 - count) - 1, 8 - count) } }
    let (h, v) = sampling.count == 1 ? (1, 1) : largest
    let (across, down) = ((width + 8 * h - 1) / (8 * h), (height + 8 * v - 1) / (8 * v))
    for unit in 0..<across * down {
      if restartInterval > 0, unit > 0, unit % restartInterval == 0 {
        fill()
        bytes += [0xff, 0xd0 + UInt8((unit / restartInterval - 1) % 8)]
        last = sampling.map { _ in 0 }
      }
      for component in sampling.indices {
        let (columns, rows) = sampling.count == 1 ? (1, 1) : sampling[component]
        for y in 0..<rows {
          for x in 0..<columns {
            block(component, unit % across * columns + x, unit / across * rows + y)
          }
        }
      }
    }
    fill()
    return bytes
  }

  /// The whole file, or one with other entropy-coded data.
  func bytes(data: [UInt8]? = nil) -> [UInt8] {
    let size = claimedSize ?? (width, height)
    let names = sampling.indices.map { UInt8($0 + 1) }
    let frame =
      [UInt8(precision)] + bigEndian(size.height, 2) + bigEndian(size.width, 2) + [UInt8(sampling.count)]
      + zip(names, sampling).flatMap { [$0, UInt8($1.0 << 4 | $1.1), 0] }
    // DC: lengths 0 to 11 in codes of 4 bits. AC: the end of the block in one bit.
    let dc: [UInt8] = [0x00, 0, 0, 0, 12] + [UInt8](repeating: 0, count: 12) + (0..<12)
    let ac: [UInt8] = [0x10, 1] + [UInt8](repeating: 0, count: 15) + [0]
    var file: [UInt8] = [0xff, 0xd8]
    func add(_ marker: UInt8, _ bytes: [UInt8]) { file += (inserted[marker] ?? []) + bytes }
    add(0xdb, Self.segment(0xdb, [0] + [UInt8](repeating: 8, count: 64)))
    add(0xc0, Self.segment(frameMarker, frame))
    add(0xc4, Self.segment(0xc4, dc + ac))
    if restartInterval > 0 { file += Self.segment(0xdd, bigEndian(restartInterval, 2)) }
    add(0xda, Self.segment(0xda, [UInt8(names.count)] + names.flatMap { [$0, 0] } + scanParameters))
    file += data ?? self.data
    add(0xd9, [0xff, 0xd9])
    return file
  }
}

/// A PNG, chunk by chunk. Its rows are stored and not compressed.
struct TestPNG {
  var width = 7
  var height = 5
  var depth = 8
  /// 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA.
  var colourType = 2
  /// Compression, filter and interlace method.
  var methods: [UInt8] = [0, 0, 0]
  /// Chunks in front of the pixels, and behind them.
  var before: [UInt8] = []
  var after: [UInt8] = []

  var channels: Int { [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][colourType]! }

  /// A stored sample.
  func sample(x: Int, y: Int, channel: Int) -> Int {
    (37 * x + 101 * y + 59 * channel + 11) * (depth == 16 ? 257 : 1) % (1 << depth)
  }

  static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let body = Array(name.utf8) + content
    var crc = UInt32.max
    for byte in body {
      for bit in 0..<8 {
        let isOdd = (crc ^ UInt32(byte >> UInt8(bit))) & 1 == 1
        crc = crc >> 1 ^ (isOdd ? 0xedb8_8320 : 0)
      }
    }
    return bigEndian(content.count, 4) + body + bigEndian(Int(~crc), 4)
  }

  var rows: [UInt8] {
    (0..<height).flatMap { y -> [UInt8] in
      var (bytes, bits, count): ([UInt8], Int, Int) = ([0], 0, 0)
      for x in 0..<width {
        for channel in 0..<channels {
          bits = bits << depth | sample(x: x, y: y, channel: channel)
          count += depth
          while count >= 8 {
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> count))
          }
          bits &= 1 << count - 1
        }
      }
      return count > 0 ? bytes + [UInt8(truncatingIfNeeded: bits << (8 - count))] : bytes
    }
  }

  func bytes() -> [UInt8] {
    let header = bigEndian(width, 4) + bigEndian(height, 4) + [UInt8(depth), UInt8(colourType)] + methods
    let rows = rows
    var (a, b) = (1, 0)
    for byte in rows { (a, b) = ((a + Int(byte)) % 65521, (b + a + Int(byte)) % 65521) }
    let length = UInt16(rows.count)
    let stored: [UInt8] = [
      0x78, 1, 1, UInt8(length & 255), UInt8(length >> 8), UInt8(~length & 255), UInt8(~length >> 8),
    ]
    return [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] + Self.chunk("IHDR", header) + before
      + Self.chunk("IDAT", stored + rows + bigEndian(b << 16 | a, 4)) + after + Self.chunk("IEND", [])
  }
}

/// A TIFF block with the tag of the orientation among others.
struct TestEXIF {
  var orientation = 6
  /// TIFF's number of a type.
  var type = 3
  var isBigEndian = true
  var count = 1
  var version = 42

  static let sizes = [1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8]

  var bytes: [UInt8] {
    func number(_ value: Int, _ count: Int) -> [UInt8] {
      isBigEndian ? bigEndian(value, count) : bigEndian(value, count).reversed()
    }
    let size = Self.sizes[type] ?? 4
    let values = (0..<count).flatMap { number($0 == 0 ? orientation : 3, size) }
    // Two entries of 12 bytes follow the count, then the next directory's place, then what does not fit into an entry.
    let field = values.count <= 4 ? values + [UInt8](repeating: 0, count: 4 - values.count) : number(38, 4)
    return (isBigEndian ? [0x4d, 0x4d] : [0x49, 0x49]) + number(version, 2) + number(8, 4) + number(2, 2)
      + number(0x100, 2) + number(3, 2) + number(1, 4) + number(99, 2) + [0, 0]
      + number(0x112, 2) + number(type, 2) + number(count, 4) + field + number(0, 4)
      + (values.count <= 4 ? [] : values)
  }

  /// The segment of a JPEG.
  var segment: [UInt8] { TestJPEG.segment(0xe1, Array("Exif\0\0".utf8) + bytes) }
}

extension Picture {
  /// The picture as EXIF 2.3's table of orientations turns it, sample by sample.
  func turned(_ orientation: Int) -> Picture {
    let (w, h) = (width, height)
    let swaps = orientation > 4
    let size = swaps ? (h, w) : (w, h)
    let stored = values
    var turned: [Int] = []
    for y in 0..<size.1 {
      for x in 0..<size.0 {
        let (u, v) = [
          (x, y), (w - 1 - x, y), (w - 1 - x, h - 1 - y), (x, h - 1 - y), (y, x), (y, h - 1 - x),
          (w - 1 - y, h - 1 - x),
          (w - 1 - y, x),
        ][orientation - 1]
        turned += stored[(v * w + u) * channels..<(v * w + u + 1) * channels]
      }
    }
    return Picture(
      width: size.0, height: size.1, channels: channels,
      samples: bitDepth == 8 ? .eight(turned.map { UInt8($0) }) : .sixteen(turned.map { UInt16($0) }),
      palette: palette, hasAlpha: hasAlpha)
  }
}
