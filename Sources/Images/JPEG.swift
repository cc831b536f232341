import CJPEG

import func Foundation.free

/// JPEG through libjpeg: colour and gray of every chroma sampling, baseline, progressive and arithmetic-coded, turned upright
/// as EXIF says.
enum JPEG {
  /// The start marker.
  static let signature: [UInt8] = [0xff, 0xd8]

  /// - Parameter header: the file's own
  static func decode(_ bytes: [UInt8], _ header: PictureHeader, path: String) throws(ImageError) -> Picture {
    let (size, channels) = (header.storedSize, header.channels)
    let count = size.area * channels
    var message = [CChar](repeating: 0, count: 256)
    var status = CJPEG_OK
    let samples = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      status = cjpeg_read_pixels(
        bytes, bytes.count, buffer.baseAddress, UInt32(size.width), UInt32(size.height), Int32(channels),
        &message, message.count)
      initialized = status == CJPEG_OK ? count : 0
    }
    let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    switch status {
    case CJPEG_OK: break
    case CJPEG_NOT_READ: throw kind(text, path: path)
    case CJPEG_NO_MEMORY:
      throw .noMemory(
        path: path, width: size.width, height: size.height, bytes: count + header.decoderBytes)
    default: throw .corrupt(path: path, detail: text)
    }
    let picture = Picture(
      width: size.width, height: size.height, channels: channels, samples: .eight(samples))
    return header.orientation.upright(picture)
  }

  /// The bytes of a baseline JPEG with libjpeg's usual chroma sampling.
  ///
  /// - Parameters:
  ///   - picture: gray or RGB of 8 bits
  ///   - quality: from 1 to 100
  ///   - path: for errors only
  /// - Throws: `.unwritable`
  static func encode(_ picture: Picture, quality: Int, path: String) throws(ImageError) -> [UInt8] {
    guard case .eight(let samples) = picture.samples, picture.channels == 1 || picture.channels == 3 else {
      preconditionFailure("a JPEG holds gray or RGB of 8 bits")
    }
    var message = [CChar](repeating: 0, count: 256)
    var data: UnsafeMutablePointer<UInt8>?
    var size = 0
    let status = cjpeg_write_pixels(
      samples, UInt32(picture.width), UInt32(picture.height), Int32(picture.channels), Int32(quality), &data,
      &size, &message, message.count)
    defer { free(data) }
    guard status == CJPEG_OK, let data else {
      let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw .unwritable(path: path, reason: text)
    }
    return Array(UnsafeBufferPointer(start: data, count: size))
  }

  private static func kind(_ what: String, path: String) -> ImageError {
    .unsupported(
      path: path, detail: "is a JPEG of a kind that is not read (\(what)); convert it, for example to PNG")
  }

  // MARK: - The header

  /// Goes over the markers up to the first scan, and over their segments without reading them.
  static func header(_ source: ByteSource) throws(ImageError) -> PictureHeader {
    let path = source.path
    func damaged(_ detail: String) -> ImageError { .corrupt(path: path, detail: detail) }
    func hexadecimal(_ marker: UInt8) -> String { "0x" + String(marker, radix: 16) }
    let endsTooEarly = damaged("the file ends too early")

    var frame: Frame?
    var orientation: EXIF.Orientation?
    var offset = 2  // behind the start marker
    while true {
      guard let marker = try nextMarker(source, &offset) else { throw endsTooEarly }
      switch marker {
      case 0x01, 0xd0...0xd7: continue  // no segment follows
      case 0xd8: throw damaged("it starts twice")
      case 0xd9:
        // Such files go with others that have no tables.
        throw .unsupported(path: path, detail: "is a JPEG of tables only, without a picture; remove it")
      case 0xf7, 0xf8: throw kind("JPEG-LS", path: path)
      case 0xc4, 0xcc, 0xda...0xdd, 0xe0...0xef, 0xfe: break
      case 0xc8: throw kind("with extensions", path: path)
      case 0xde, 0xdf: throw kind("hierarchical", path: path)
      case 0xc0...0xcf:
        if let kind = unreadCoding(marker) { throw Self.kind(kind, path: path) }
      default: throw damaged("the marker \(hexadecimal(marker)) is unknown")
      }
      // Its length counts itself.
      guard let length = try source.number(at: offset, size: 2).map({ Int($0) }),
        offset + max(length, 2) <= source.count
      else { throw endsTooEarly }
      let segment = offset + 2..<offset + max(length, 2)
      offset = segment.upperBound
      switch marker {
      case 0xe1 where orientation == nil:
        // The first segment that is EXIF decides.
        guard segment.count >= 6, let start = try source.bytes(segment.lowerBound..<segment.lowerBound + 6),
          start.elementsEqual(EXIF.prefix)
        else { break }
        orientation = try EXIF.orientation(in: segment, of: source) ?? .topLeft
      case 0xc0...0xc2, 0xc9, 0xca:
        guard frame == nil else { throw damaged("it has two frame headers") }
        guard let bytes = try source.bytes(segment) else { throw endsTooEarly }
        frame = try Frame(Array(bytes), marker: marker, path: path)
      case 0xda:
        guard let frame else { throw damaged("the pixels have no frame header") }
        guard let bytes = try source.bytes(segment) else { throw endsTooEarly }
        return PictureHeader(
          format: .jpeg, stored: frame.size, channels: frame.components.count, bitDepth: 8, hasAlpha: false,
          orientation: orientation ?? .topLeft,
          decoderBytes: try frame.decoderBytes(firstScan: Array(bytes), path: path))
      default: break
      }
    }
  }

  /// The next marker, which is a byte behind 0xff that is neither 0 nor 0xff. Stray bytes in front of it are skipped, as libjpeg
  /// does. Moves `offset` behind it.
  private static func nextMarker(_ source: ByteSource, _ offset: inout Int) throws(ImageError) -> UInt8? {
    var isBehindFF = false
    while let byte = try source.bytes(offset..<offset + 1)?.first {
      offset += 1
      if isBehindFF, byte != 0, byte != 0xff { return byte }
      isBehindFF = byte == 0xff
    }
    return nil
  }

  /// Why a frame of this marker is not read, nil where it is.
  private static func unreadCoding(_ marker: UInt8) -> String? {
    switch marker {
    case 0xc3, 0xcb: "lossless"
    case 0xc5...0xc7, 0xcd...0xcf: "hierarchical"
    case 0xc9, 0xca: cjpeg_reads_arithmetic_coding() == 0 ? "arithmetic coding" : nil
    default: nil
    }
  }

  /// A frame header.
  private struct Frame {
    /// A component's samples in each direction, for the largest component's.
    struct Component {
      let name: UInt8
      let horizontal: Int, vertical: Int
      var blocks: Int { horizontal * vertical }
    }

    let size: PictureSize
    let components: [Component]
    let isProgressive: Bool

    /// - Parameter bytes: precision, height (2), width (2), number of components; and of each its name, sampling and table
    init(_ bytes: [UInt8], marker: UInt8, path: String) throws(ImageError) {
      func damaged(_ detail: String) -> ImageError { .corrupt(path: path, detail: detail) }
      guard bytes.count >= 6 else { throw damaged("the frame header is incomplete") }
      if bytes[0] != 8 {
        guard (2...16).contains(bytes[0]) else { throw damaged("its samples have \(bytes[0]) bits") }
        throw kind("\(bytes[0]) bits a sample", path: path)
      }
      let height = Int(bytes[1]) << 8 | Int(bytes[2])
      size = PictureSize(width: Int(bytes[3]) << 8 | Int(bytes[4]), height: height)
      isProgressive = marker == 0xc2 || marker == 0xca
      let count = Int(bytes[5])
      guard count > 0, bytes.count == 6 + 3 * count else {
        throw damaged("the frame header has a wrong length")
      }
      if height == 0, size.width > 0 { throw kind("its height follows the pixels, as DNL", path: path) }
      try checkDimensions(width: size.width, height: size.height, path: path)
      if count == 4 {
        throw .unsupported(
          path: path, detail: "is a CMYK JPEG (made for print); convert it to RGB, for example to PNG")
      }
      guard count == 1 || count == 3 else { throw kind("\(count) colour components", path: path) }

      components = stride(from: 6, to: bytes.count, by: 3).map {
        Component(name: bytes[$0], horizontal: Int(bytes[$0 + 1] >> 4), vertical: Int(bytes[$0 + 1] & 15))
      }
      let sides = 1...4
      guard components.allSatisfy({ sides.contains($0.horizontal) && sides.contains($0.vertical) }) else {
        throw damaged("its chroma sampling is out of range")
      }
      guard
        components.allSatisfy({ most.horizontal % $0.horizontal == 0 && most.vertical % $0.vertical == 0 })
      else { throw kind("chroma sampling \(sampling)", path: path) }
    }

    private var most: (horizontal: Int, vertical: Int) {
      (components.map(\.horizontal).max() ?? 1, components.map(\.vertical).max() ?? 1)
    }

    private var sampling: String {
      components.map { "\($0.horizontal)x\($0.vertical)" }.joined(separator: ", ")
    }

    /// Bytes that libjpeg needs for the picture, beside its pixels: some rows of it or, where scans have to be put together, all
    /// coefficients.
    /// - Parameter firstScan: number of components; of each its name and tables; three parameters
    func decoderBytes(firstScan: [UInt8], path: String) throws(ImageError) -> Int {
      func damaged() -> ImageError { .corrupt(path: path, detail: "the scan header is damaged") }
      guard let count = firstScan.first.map({ Int($0) }), firstScan.count == 4 + 2 * count,
        (1...components.count).contains(count)
      else { throw damaged() }
      var blocks = 0
      for place in stride(from: 1, through: 2 * count - 1, by: 2) {
        guard let component = components.first(where: { $0.name == firstScan[place] }) else {
          throw damaged()
        }
        blocks += component.blocks
      }
      // The format allows no more, and libjpeg holds no more.
      guard count == 1 || blocks <= 10 else { throw kind("chroma sampling \(sampling)", path: path) }

      let rows = size.width * 64 * components.count * 4
      guard isProgressive || count < components.count else { return rows }
      let (across, down) = (8 * most.horizontal, 8 * most.vertical)
      let units = ((size.width + across - 1) / across) * ((size.height + down - 1) / down)
      return rows + units * components.reduce(0) { $0 + $1.blocks } * 64 * 2
    }
  }
}

extension Picture {
  /// The picture as a JPEG of a quality gives it back, RGB of 8 bits: pictures that were stored differently get the same traces of
  /// compression.
  ///
  /// - Parameters:
  ///   - quality: from 1 to 100
  ///   - path: for errors only
  /// - Throws: `.unwritable`
  public func throughJPEG(quality: Int, path: String) throws(ImageError) -> Picture {
    try Picture(decoding: JPEG.encode(rgb().eightBit(), quality: quality, path: path), path: path)
  }
}
