import Files
import Foundation

/// Arrays of any number of channels in numpy's own format: a dictionary of dtype, order and shape in Python's notation, then
/// the values (numpy.lib.format, versions 1 to 3). A page of code does it; a library would bring all of numpy.
///
/// [height, width] is one channel; with three axes, channels are the shorter one of first and last, the last if they are
/// equal. Bytes and bool are pictures of 8 bits, 16-bit integers of 16; floating-point numbers in [0, 1] become 16 bits.
enum NPY {
  static let signature: [UInt8] = [0x93] + Array("NUMPY".utf8)

  // MARK: - Reading

  static func decode(_ bytes: [UInt8], path: String) throws(ImageError) -> Picture {
    let (header, layout, size) = try read(ByteSource(bytes, path: path))

    func bits<T: FixedWidthInteger & UnsignedInteger>(_ element: Int) -> T {
      let first = header.end + element * size
      var bits: T = 0
      for place in 0..<size {
        bits = bits << 8 | T(bytes[first + (header.isBigEndian ? place : size - 1 - place)])
      }
      return bits
    }
    let samples: Picture.Samples =
      switch header.type {
      case "u1": .eight(layout.gathered { bits($0) })
      case "b1": .eight(layout.gathered { bytes[header.end + $0] == 0 ? 0 : 255 })
      case "u2": .sixteen(layout.gathered { bits($0) })
      case "f4": .sixteen(try layout.levels(path: path) { Double(Float(bitPattern: bits($0))) })
      default: .sixteen(try layout.levels(path: path) { Double(bitPattern: bits($0)) })
      }
    return Picture(
      width: layout.width, height: layout.height, channels: layout.channels, samples: samples, hasAlpha: false
    )
  }

  static func header(_ source: ByteSource) throws(ImageError) -> PictureHeader {
    let (header, layout, _) = try read(source)
    return PictureHeader(
      format: .npy, stored: PictureSize(width: layout.width, height: layout.height),
      channels: layout.channels,
      bitDepth: ["u1", "b1"].contains(header.type) ? 8 : 16, hasAlpha: false)
  }

  /// The header, and the bytes of an element.
  private static func read(_ source: ByteSource) throws(ImageError) -> (Header, Layout, elementSize: Int) {
    let header = try Header(source)
    let layout = try Layout(header, path: source.path)
    guard let size = elementSizes[header.type] else {
      throw .unsupported(
        path: source.path,
        detail: "has values of dtype \(header.type.inErrors); save uint8, uint16, or float32 from 0 to 1")
    }
    guard source.count - header.end == layout.count * size else {
      throw .corrupt(
        path: source.path,
        detail:
          "\(layout.count * size) bytes of values should follow the header, not \(source.count - header.end)")
    }
    return (header, layout, size)
  }

  /// Bytes of an element, for each dtype that is read.
  private static let elementSizes = ["u1": 1, "b1": 1, "u2": 2, "f4": 4, "f8": 8]

  /// The order of an array's elements, and a picture's samples in it.
  private struct Layout {
    let width: Int, height: Int, channels: Int
    private let rowStride: Int, columnStride: Int, channelStride: Int

    init(_ header: Header, path: String) throws(ImageError) {
      let axes = header.shape
      guard axes.count == 2 || axes.count == 3 else {
        throw .unsupported(
          path: path,
          detail:
            "an array of shape (\(axes.map(String.init).joined(separator: ", ").inErrors)) is no picture; save one array "
            + "[height, width] or [height, width, channels] for each picture")
      }
      let isChannelsFirst = axes.count == 3 && axes[0] < axes[2]
      let (y, x, c) = isChannelsFirst ? (1, 2, 0) : (0, 1, 2)
      (width, height, channels) = (axes[x], axes[y], c < axes.count ? axes[c] : 1)
      try checkDimensions(width: width, height: height, path: path)
      guard (1...Picture.maximumChannels).contains(channels) else {
        throw .unsupported(
          path: path, detail: "has \(channels) channels; we read 1 to \(Picture.maximumChannels)")
      }
      // Neighbours along the last axis lie side by side; in Fortran's order, along the first.
      var strides = [Int](repeating: 1, count: axes.count)
      for axis in axes.indices {
        let faster = header.isFortranOrder ? axes[..<axis] : axes[(axis + 1)...]
        strides[axis] = faster.reduce(1, *)
      }
      (rowStride, columnStride, channelStride) = (strides[y], strides[x], c < axes.count ? strides[c] : 0)
    }

    var count: Int { width * height * channels }

    /// All samples in a picture's order; `sample` reads an element of the array.
    func gathered<S>(_ sample: (Int) -> S) -> [S] {
      [S](unsafeUninitializedCapacity: count) { out, filled in
        for y in 0..<height {
          for x in 0..<width {
            for channel in 0..<channels {
              let element = y * rowStride + x * columnStride + channel * channelStride
              out.initializeElement(at: filled, to: sample(element))
              filled += 1
            }
          }
        }
      }
    }

    /// Numbers in [0, 1] as 16 bits.
    func levels(path: String, _ value: (Int) -> Double) throws(ImageError) -> [UInt16] {
      var bad: Double?
      let levels = gathered { element in
        let number = value(element)
        guard number >= 0 && number <= 1 else {
          if bad == nil { bad = number }
          return UInt16(0)
        }
        return UInt16((number * 65535).rounded())
      }
      if let bad {
        throw .unsupported(
          path: path,
          detail: "holds \(bad), and floating-point values are read as 0 to 1; scale all files alike")
      }
      return levels
    }
  }

  /// The header before the values.
  private struct Header {
    /// The dtype without its byte order: "u1", "f4".
    let type: String
    let isBigEndian: Bool
    let isFortranOrder: Bool
    let shape: [Int]
    /// The offset of the values.
    let end: Int

    init(_ source: ByteSource) throws(ImageError) {
      let path = source.path
      func damaged(_ detail: String) -> ImageError {
        .corrupt(path: path, detail: "the NPY header \(detail)")
      }
      // Magic, version (major, minor), and the dictionary's length in two bytes, in four from version 2 on.
      guard source.count >= 12, let version = try source.number(at: 6, size: 1) else {
        throw damaged("is incomplete")
      }
      guard (1...3).contains(version) else {
        throw .unsupported(path: path, detail: "is of NPY version \(version); we read 1 to 3")
      }
      let start = version == 1 ? 10 : 12
      guard let length = try source.number(at: 8, size: start - 8, isLittleEndian: true).map({ Int($0) }),
        length <= source.count - start
      else { throw damaged("is incomplete") }
      // numpy writes about 120, and its own reader takes 10,000.
      guard length <= 1 << 20, let dictionary = try source.bytes(start..<start + length) else {
        throw damaged("is too long (\(length) bytes)")
      }
      end = start + length
      let text = String(decoding: dictionary, as: UTF8.self)

      /// The text behind a key and its colon.
      func rest(after key: String) throws(ImageError) -> Substring {
        for quote in ["'", "\""] {
          guard let found = text.range(of: quote + key + quote) else { continue }
          let rest = text[found.upperBound...].drop { $0 == " " }
          if rest.first == ":" { return rest.dropFirst().drop { $0 == " " } }
        }
        throw damaged("has no \"\(key)\"")
      }

      let type = try rest(after: "descr")
      guard let quote = type.first, quote == "'" || quote == "\"" else {
        throw .unsupported(path: path, detail: "is an array of records; save plain numbers")
      }
      let name = type.dropFirst().prefix { $0 != quote }
      isBigEndian = name.first == ">"
      self.type = String(name.drop { "<>=|".contains($0) })

      let order = try rest(after: "fortran_order")
      guard order.hasPrefix("True") || order.hasPrefix("False") else { throw damaged("says no order") }
      isFortranOrder = order.hasPrefix("True")

      let axes = try rest(after: "shape")
      guard axes.first == "(", let close = axes.firstIndex(of: ")") else { throw damaged("says no shape") }
      var shape: [Int] = []
      for axis in axes[..<close].dropFirst().split(separator: ",") {
        let word = axis.trimmingCharacters(in: .whitespaces)
        if word.isEmpty { continue }
        guard let count = Int(word), count >= 0 else { throw damaged("has the axis \"\(word.inErrors)\"") }
        shape.append(count)
      }
      self.shape = shape
    }
  }

  // MARK: - Writing

  /// The samples as uint8 or uint16, [height, width] or [height, width, channels], in a file of version 1.
  static func encode(_ picture: Picture) -> [UInt8] {
    let axes = [picture.height, picture.width] + (picture.channels == 1 ? [] : [picture.channels])
    let type = picture.bitDepth == 8 ? "|u1" : "<u2"
    let shape = axes.map(String.init).joined(separator: ", ")
    var header = Array("\(OwnMark.npyHeader)(\(shape)), 'fortran_order': False, 'descr': '\(type)'}".utf8)
    // Values begin at a multiple of 64 bytes, and the dictionary ends with a line.
    let before = signature.count + 4
    let padding = (64 - (before + header.count + 1) % 64) % 64
    header += [UInt8](repeating: UInt8(ascii: " "), count: padding) + [UInt8(ascii: "\n")]
    var bytes = signature + [1, 0, UInt8(header.count & 255), UInt8(header.count >> 8)] + header
    switch picture.samples {
    case .eight(let values): bytes += values
    case .sixteen(let values):
      bytes.reserveCapacity(bytes.count + 2 * values.count)
      for value in values { bytes += [UInt8(truncatingIfNeeded: value), UInt8(value >> 8)] }
    }
    return bytes
  }
}
