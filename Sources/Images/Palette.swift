import Dispatch

/// The colours of a label map's classes: class i is the colour at place i.
public struct Palette: Sendable, Equatable {
  /// 1 to 256 different colours.
  public let colours: [Colour]
  /// The colour of pixels without a class: nobody labelled them, and nothing is learnt of them. `classes(of:)` gives them
  /// the number behind the last class's.
  public let unlabelled: Colour?

  public var count: Int { colours.count }

  /// The most classes that 8 bits can tell apart.
  public static let maximumCount = 256

  /// Colours in the order of their first appearance; repetitions are ignored, since programs fill palettes up with black.
  public init(_ colours: some Sequence<Colour>) {
    var seen = Set<Colour>()
    self.colours = colours.filter { seen.insert($0).inserted }
    unlabelled = nil
    precondition((1...Self.maximumCount).contains(self.colours.count), "a palette has 1 to 256 colours")
  }

  /// The same of colours that may be too many for a purpose; nil where they are.
  public init?(maximum: Int, _ colours: some Sequence<Colour>) {
    var seen = Set<Colour>()
    var distinct: [Colour] = []
    for colour in colours where seen.insert(colour).inserted {
      distinct.append(colour)
      if distinct.count > min(maximum, Self.maximumCount) { return nil }
    }
    guard !distinct.isEmpty else { return nil }
    self.init(distinct: distinct, unlabelled: nil)
  }

  private init(distinct colours: [Colour], unlabelled: Colour?) {
    self.colours = colours
    self.unlabelled = unlabelled
  }

  /// The palette with one of its colours taken for "unlabelled"; nil where it is none of them, or the only one.
  public func without(_ colour: Colour) -> Palette? {
    let rest = colours.filter { $0 != colour }
    guard rest.count == count - 1, !rest.isEmpty else { return nil }
    return Palette(distinct: rest, unlabelled: colour)
  }

  /// The colours by the numbers that `Picture.classes` gives them.
  var numbered: [Colour] { colours + (unlabelled.map { [$0] } ?? []) }

  /// Colours sorted by red, green and blue; nil for none, or more than `maximumCount`.
  public init?(sorted colours: Set<Colour>) {
    guard (1...Self.maximumCount).contains(colours.count) else { return nil }
    self.init(colours.sorted())
  }

  /// The classes of a picture that stores them as gray levels: class i is the gray of level i.
  public init(grayLevels count: Int) {
    self.init((0..<count).map { Colour(red: UInt8($0), green: UInt8($0), blue: UInt8($0)) })
  }

  /// The palette of a palette PNG, in the file's order.
  /// - Throws: the errors of `Picture(contentsOf:)`, `.noLabelMap` when the file has no palette.
  public init(ofPNG path: String) throws(ImageError) {
    guard let palette = try Picture(contentsOf: path).palette else {
      throw .noLabelMap(path: path, reason: "has no palette; name a palette PNG or a folder of label maps")
    }
    self.init(palette)
  }

  /// The gray levels that occur in 8-bit gray pictures of class indices, in order: with the levels 0 and 255, 255 is class 1.
  /// - Throws: the errors of `Picture(contentsOf:)`, `.noLabelMap` for a picture that is not 8-bit gray.
  public init(indicesOf paths: [String]) throws(ImageError) {
    precondition(!paths.isEmpty, "a palette needs pictures")
    let levels = try Self.colours(of: paths) { picture, path throws(ImageError) in
      guard picture.channels == 1, case .eight = picture.samples else {
        throw .noLabelMap(
          path: path, reason: "is not 8-bit gray, so its values are no class indices; save it as 8-bit gray")
      }
    }
    self.init(levels.sorted())
  }

  /// The distinct colours of label maps, sorted, so that the order of the files is no matter.
  /// - Throws: the errors of `Picture(contentsOf:)`, `.noLabelMap` for the file that brings the 257th colour, and for one
  ///   with 16 bits a sample.
  public init(coloursOf paths: [String]) throws(ImageError) {
    precondition(!paths.isEmpty, "a palette needs pictures")
    let colours = try Self.colours(of: paths) { picture, path throws(ImageError) in
      guard picture.isColour else {
        throw .wrongChannels(path: path, channels: picture.channels, expected: 3)
      }
      guard case .eight = picture.samples else {
        throw .noLabelMap(path: path, reason: "has 16 bits a sample; save label maps with 8")
      }
    }
    self.init(colours.sorted())
  }

  /// The colours of pictures, read on all cores; errors are those of the first file in order.
  private static func colours(
    of paths: [String], _ check: @Sendable (Picture, String) throws(ImageError) -> Void
  ) throws(ImageError) -> Set<Colour> {
    let results = ConditionLock([Result<Set<Colour>?, ImageError>?](repeating: nil, count: paths.count))
    DispatchQueue.concurrentPerform(iterations: paths.count) { index in
      let result = Result { () throws(ImageError) in
        let picture = try Picture(contentsOf: paths[index])
        try check(picture, paths[index])
        return picture.distinctColours(limit: maximumCount)
      }
      results.withLock { $0[index] = result }
    }
    var colours = Set<Colour>()
    for (path, result) in zip(paths, results.withLock({ $0 })) {
      if let found = try result!.get() {
        colours.formUnion(found)
        if colours.count <= maximumCount { continue }
      }
      throw .noLabelMap(
        path: path,
        reason: "brings the colours to more than \(maximumCount), so this is no label map "
          + "(a JPEG, or one that was resized with blending, is none); save label maps as PNG")
    }
    return colours
  }
}

extension Palette {
  /// The class of each pixel of a label map at another size, row by row: `count` where a pixel is unlabelled.
  /// - Throws: `.unknownColour`, `.noLabelMap`; `path` is only for errors.
  public func classes(of picture: Picture, fittedTo size: PictureSize, path: String) throws(ImageError)
    -> [UInt8]
  {
    let classes = try picture.classes(self, path: path)
    let fitted = classes.resized(width: size.width, height: size.height, method: .nearest)
    guard case .eight(let values) = fitted.samples else { preconditionFailure("classes have 8 bits") }
    return values
  }
}

/// Coded as the list of its colours where all are classes.
extension Palette: Codable {
  private enum CodingKeys: CodingKey { case colours, unlabelled }

  public init(from decoder: any Decoder) throws {
    if let colours = try? decoder.singleValueContainer().decode([Colour].self) {
      self.init(distinct: colours, unlabelled: nil)
    } else {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      self.init(
        distinct: try values.decode([Colour].self, forKey: .colours),
        unlabelled: try values.decode(Colour.self, forKey: .unlabelled))
    }
    guard !colours.isEmpty, numbered.count <= Self.maximumCount, Set(numbered).count == numbered.count else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription: "a palette has 1 to \(Self.maximumCount) different colours"))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    guard let unlabelled else {
      var container = encoder.singleValueContainer()
      return try container.encode(colours)
    }
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(colours, forKey: .colours)
    try container.encode(unlabelled, forKey: .unlabelled)
  }
}

extension Picture {
  /// The distinct colours as RGB of 8 bits; nil when there are more than `limit`.
  public func distinctColours(limit: Int) -> Set<Colour>? {
    let eight = eightBit()
    guard case .eight(let values) = eight.samples else { preconditionFailure("eightBit() has 8 bits") }
    var found = Set<UInt32>()
    var last: UInt32?
    eight.forEachColour(values) { packed in
      guard packed != last, found.count <= limit else { return }
      last = packed
      found.insert(packed)
    }
    return found.count <= limit ? Set(found.map(Colour.init)) : nil
  }

  /// Calls `body` with each pixel's colour 0xRRGGBB, row by row; `values` are the picture's 8-bit samples.
  /// Alpha does not count: a label is its colour.
  @inline(__always)
  func forEachColour(_ values: [UInt8], _ body: (UInt32) -> Void) {
    values.withUnsafeBufferPointer { values in
      for pixel in 0..<width * height {
        let at = pixel &* channels
        if channels < 3 {
          body(UInt32(values[at]) &* 0x010101)
        } else {
          body(UInt32(values[at]) << 16 | UInt32(values[at &+ 1]) << 8 | UInt32(values[at &+ 2]))
        }
      }
    }
  }

  /// The class of each pixel, as an 8-bit picture of one channel; the number of classes where a pixel is unlabelled.
  /// - Throws: `.unknownColour` naming the first pixel that has none of the palette's colours,
  ///   `.noLabelMap` for 16 bits a sample. `path` is only for errors.
  func classes(_ palette: Palette, path: String) throws(ImageError) -> Picture {
    guard isColour else { throw .wrongChannels(path: path, channels: channels, expected: 3) }
    guard case .eight(let values) = samples else {
      throw .noLabelMap(path: path, reason: "has 16 bits a sample; save label maps with 8")
    }
    let classes = Dictionary(
      uniqueKeysWithValues: palette.numbered.enumerated().map { ($1.packed, UInt8($0)) })
    var unknown: Int?
    let indices = [UInt8](unsafeUninitializedCapacity: width * height) { out, count in
      // Neighbours are mostly of one class, so that few pixels are looked up.
      var last = palette.colours[0].packed
      var lastClass: UInt8 = 0
      forEachColour(values) { packed in
        if packed != last {
          if let found = classes[packed] {
            (last, lastClass) = (packed, found)
          } else if unknown == nil {
            unknown = count
          }
        }
        out.initializeElement(at: count, to: lastClass)
        count += 1
      }
    }
    if let unknown {
      var (colour, pixel) = (UInt32(0), 0)
      forEachColour(values) { packed in
        if pixel == unknown { colour = packed }
        pixel += 1
      }
      throw .unknownColour(
        path: path, colour: Colour(packed: colour), x: unknown % width, y: unknown / width,
        classes: palette.count)
    }
    return Picture(width: width, height: height, channels: 1, samples: .eight(indices))
  }
}
