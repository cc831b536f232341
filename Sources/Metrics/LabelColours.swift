import Images

/// The colours of label maps: class k is the colour at index k.
public struct LabelColours: Sendable, Equatable {
  /// More distinct colours than this are no classes but a photograph.
  public static let maximumCount = 256

  /// 1...256 distinct RGB colours.
  public let colours: [SIMD3<UInt8>]

  public var count: Int { colours.count }

  /// Nil when there is no colour or more than `maximumCount`. Of equal colours the first counts.
  public init?(_ colours: some Sequence<SIMD3<UInt8>>) {
    var seen: Set<SIMD3<UInt8>> = []
    let distinct = colours.filter { seen.insert($0).inserted }
    guard (1...Self.maximumCount).contains(distinct.count) else { return nil }
    self.colours = distinct
  }

  /// Colours in the order of their red, then green, then blue samples; nil as for the other initialiser.
  public init?(sorted colours: Set<SIMD3<UInt8>>) {
    self.init(colours.sorted { ($0.x, $0.y, $0.z) < ($1.x, $1.y, $1.z) })
  }

  /// The entries of a palette PNG's PLTE chunk, in its order: classes that the picture does not show, too. Nil when
  /// the bytes are no PNG with a palette.
  public init?(palettePNG bytes: [UInt8]) {
    // After the signature come chunks: length (big-endian), type, content, checksum.
    var start = 8
    while start + 8 <= bytes.count {
      let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
      let content = bytes.dropFirst(start + 8).prefix(length)
      if bytes[start + 4..<start + 8].elementsEqual("PLTE".utf8) {
        self.init(
          stride(from: content.startIndex, to: content.endIndex - 2, by: 3).map {
            SIMD3(content[$0], content[$0 + 1], content[$0 + 2])
          })
        return
      }
      start += 12 + length
    }
    return nil
  }

  /// The class of every pixel: the nearest colour by squared distance in RGB, of equally near ones the first.
  public func nearestClasses(_ picture: Picture) -> [UInt8] {
    let wide = colours.map { SIMD3<Int32>(truncatingIfNeeded: $0) }
    // What was found last for a colour of each remainder: pictures repeat their colours, and a dictionary takes longer than
    // a few distances.
    var known = [(colour: SIMD3<UInt8>, nearest: UInt8)?](repeating: nil, count: 1 << 12)
    return picture.colours.map { colour in
      let number = UInt32(colour.x) << 16 | UInt32(colour.y) << 8 | UInt32(colour.z)
      let place = Int((number &* 0x9E37_79B1) >> 20)
      if let found = known[place], found.colour == colour { return found.nearest }
      var nearest = (index: 0, distance: Int32.max)
      for (index, candidate) in wide.enumerated() {
        let difference = candidate &- SIMD3<Int32>(truncatingIfNeeded: colour)
        let distance = (difference &* difference).wrappedSum()
        if distance < nearest.distance { nearest = (index, distance) }
      }
      known[place] = (colour, UInt8(nearest.index))
      return UInt8(nearest.index)
    }
  }

  /// The class of every pixel of a true label map.
  /// - Throws: `UnknownColour` for the first pixel whose colour is none of these.
  public func classes(_ picture: Picture) throws(UnknownColour) -> [UInt8] {
    var indices: [SIMD3<UInt8>: UInt8] = [:]
    for (index, colour) in colours.enumerated() { indices[colour] = UInt8(index) }
    let pixels = picture.colours
    var classes = [UInt8](repeating: 0, count: pixels.count)
    var last = (colour: colours[0], index: UInt8(0))
    for (pixel, colour) in pixels.enumerated() {
      // Neighbours are mostly of one class.
      if colour != last.colour {
        guard let index = indices[colour] else {
          throw UnknownColour(colour: colour, x: pixel % picture.width, y: pixel / picture.width)
        }
        last = (colour, index)
      }
      classes[pixel] = last.index
    }
    return classes
  }

  /// A pixel whose colour names no class.
  public struct UnknownColour: Error, Equatable, CustomStringConvertible {
    public let colour: SIMD3<UInt8>
    public let x: Int
    public let y: Int

    public init(colour: SIMD3<UInt8>, x: Int, y: Int) {
      (self.colour, self.x, self.y) = (colour, x, y)
    }

    public var description: String {
      "the colour \(LabelColours.name(colour)) at x \(x), y \(y) is none of the palette's"
    }
  }

  /// A colour as web pages write it: "#rrggbb".
  public static func name(_ colour: SIMD3<UInt8>) -> String {
    let number = UInt32(colour.x) << 16 | UInt32(colour.y) << 8 | UInt32(colour.z)
    let digits = String(number, radix: 16)
    return "#" + String(repeating: "0", count: 6 - digits.count) + digits
  }

  /// The colour that `name` writes, with or without "#"; nil for any other text.
  public static func colour(named name: String) -> SIMD3<UInt8>? {
    let digits = name.hasPrefix("#") ? name.dropFirst() : name[...]
    guard digits.count == 6, digits.allSatisfy(\.isHexDigit), let number = UInt32(digits, radix: 16) else {
      return nil
    }
    return SIMD3(UInt8(number >> 16), UInt8(number >> 8 & 255), UInt8(number & 255))
  }
}

extension Picture {
  /// The pixels' colours as RGB of 8 bits, row by row.
  var colours: [SIMD3<UInt8>] {
    guard case .eight(let samples) = rgb().eightBit().samples else { return [] }
    return stride(from: 0, to: samples.count, by: 3).map {
      SIMD3(samples[$0], samples[$0 + 1], samples[$0 + 2])
    }
  }

  /// The distinct colours as RGB of 8 bits; nil when there are more than `limit`.
  public func distinctColours(limit: Int) -> Set<SIMD3<UInt8>>? {
    var found: Set<SIMD3<UInt8>> = []
    var last: SIMD3<UInt8>?
    for colour in colours where colour != last {
      last = colour
      if found.insert(colour).inserted, found.count > limit { return nil }
    }
    return found
  }
}
