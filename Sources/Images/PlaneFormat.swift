/// The planes [C, H, W] that a network reads or draws, made of a picture and turned into one.
///
/// Pictures of 8 and of 16 bits have the same range, so that a model may read one and write the other.
public enum PlaneFormat: Sendable, Equatable, Codable {
  /// One plane in [-1, 1]. Colours become the luma of ITU-R BT.601, as Pillow's mode "L" has it.
  case gray
  /// Three planes in [-1, 1]. Gray is repeated.
  case rgb
  /// Four planes in [-1, 1], the last one alpha, 1 where a picture has none. Colours are those under the
  /// alpha, not multiplied by it.
  case rgba
  /// One-hot planes, one for each class: 1 where a pixel has the class's colour, 0 elsewhere. All are 0 where a pixel has
  /// the palette's colour for "unlabelled".
  case labels(Palette)
  /// One plane: CIE L as L / 50 - 1.
  case lightness
  /// Two planes: CIE a / 110 and b / 110. sRGB's colours lie within -0.99 and 0.9.
  case chroma
  /// A number of planes in [-1, 1] without a common meaning: an array's channels, or a picture's, alpha included.
  case channels(Int)

  /// The number of planes, C.
  public var channels: Int {
    switch self {
    case .gray, .lightness: 1
    case .chroma: 2
    case .rgb: 3
    case .rgba: 4
    case .labels(let palette): palette.count
    case .channels(let count): count
    }
  }

  /// `picture` makes colours, or grays, of such planes; see `Picture.isColour`.
  public var showsColour: Bool {
    if case .channels(let count) = self { count == 1 || count == 3 } else { true }
  }

  /// The extension of such pictures' files: "png", or "npy" for channels without a meaning in PNG.
  public var fileExtension: String {
    if case .channels = self { "npy" } else { "png" }
  }

  // MARK: - From pictures

  /// A whole picture as planes [channels, height, width] at its own size. Alpha that the format does not have
  /// goes as in `Picture.rgb()`; of label maps it is ignored.
  ///
  /// - Parameter path: for errors only
  /// - Throws: `.wrongChannels`; for `labels` also `.unknownColour` and `.noLabelMap`.
  public func planes(of picture: Picture, path: String) throws(ImageError) -> [Float] {
    try planes(of: picture, fittedTo: picture.size, path: path)
  }

  /// A whole picture at another size as planes [channels, height, width], an input of a trained network.
  /// - Throws: the errors of `planes(of:path:)`.
  public func planes(of picture: Picture, fittedTo size: PictureSize, path: String) throws(ImageError)
    -> [Float]
  {
    let source = try reduced(picture, path: path)
    let fitted = source.resized(width: size.width, height: size.height, method: resizeMethod(for: source))
    var out = [Float](repeating: 0, count: channels * size.area)
    out.withUnsafeMutableBufferPointer {
      write(fitted, x: 0, y: 0, width: size.width, height: size.height, isFlipped: false, into: $0)
    }
    return out
  }

  /// A picture reduced to the format's channels, small enough to be kept: gray, RGB or RGBA, or class indices.
  /// - Throws: `.wrongChannels` for an array whose channels are no colours, unless the format is `channels`; the errors of
  ///   `planes(of:path:)`.
  func reduced(_ picture: Picture, path: String) throws(ImageError) -> Picture {
    if case .channels(let count) = self {
      guard picture.channels == count else {
        throw .wrongChannels(path: path, channels: picture.channels, expected: count)
      }
      return picture.withoutAlpha()
    }
    guard picture.isColour else {
      throw .wrongChannels(path: path, channels: picture.channels, expected: colourChannels)
    }
    return switch self {
    case .gray: picture.gray()
    case .rgb, .lightness, .chroma, .channels: picture.rgb()
    case .rgba: picture.rgba()
    case .labels(let palette): try picture.classes(palette, path: path)
    }
  }

  /// The channels of the pictures that the planes are made of.
  private var colourChannels: Int {
    switch self {
    case .gray: 1
    case .rgb, .lightness, .chroma, .labels: 3
    case .rgba: 4
    case .channels(let count): count
    }
  }

  /// The filter for a reduced picture: classes, and a palette's colours, are never mixed.
  func resizeMethod(for picture: Picture) -> ResizeMethod {
    if case .labels = self { return .nearest }
    return picture.isPalette ? .nearest : .bicubic
  }

  /// Writes a rectangle of a reduced picture as planes [channels, height, width], which must be zeros.
  func write(
    _ picture: Picture, x: Int, y: Int, width: Int, height: Int, isFlipped: Bool,
    into out: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(out.count == channels * width * height, "planes are [channels, height, width]")
    switch self {
    case .gray, .rgb, .rgba, .channels:
      picture.writePlanes(x: x, y: y, width: width, height: height, isFlipped: isFlipped, into: out)
    case .labels(let palette):
      guard case .eight(let classes) = picture.samples else { preconditionFailure("classes have 8 bits") }
      picture.forEachPixel(x: x, y: y, width: width, height: height, isFlipped: isFlipped) { pixel, place in
        let index = Int(classes[pixel])
        if index < palette.count { out[index * width * height + place] = 1 }
      }
    case .lightness:
      picture.forEachLab(x: x, y: y, width: width, height: height, isFlipped: isFlipped) { lab, place in
        out[place] = Float(lab.l / 50 - 1)
      }
    case .chroma:
      picture.forEachLab(x: x, y: y, width: width, height: height, isFlipped: isFlipped) { lab, place in
        out[place] = Float(lab.a / Self.chromaRange)
        out[width * height + place] = Float(lab.b / Self.chromaRange)
      }
    }
  }

  /// sRGB's a are from -86.2 to 98.3, its b from -107.9 to 94.5.
  private static let chromaRange = 110.0

  // MARK: - To pictures

  /// The picture of planes [channels, height, width]: gray, RGB, RGBA or channels; for `labels` the colour of the class
  /// with the largest value (the first of equals; NaN loses), the palette's "unlabelled" where all are 0; for `lightness`
  /// the grays of that lightness.
  ///
  /// - Parameters:
  ///   - planes: may be a slice of a batch
  ///   - bitDepth: 8 or 16; label maps have 8 always
  ///   - lightness: for `chroma` only, the planes [1, height, width] of the format `lightness` that the colours
  ///     belong to; without them colours are shown at L = 50. Colours that sRGB does not have are clamped.
  public func picture(
    planes: some RandomAccessCollection<Float>, width: Int, height: Int, bitDepth: Int = 8,
    lightness: ArraySlice<Float>? = nil
  ) -> Picture {
    precondition(planes.count == channels * width * height, "planes are [channels, height, width]")
    let area = width * height
    let values = Array(planes)
    switch self {
    case .gray, .rgb, .rgba:
      return Picture(planes: values, width: width, height: height, channels: channels, bitDepth: bitDepth)
    case .channels:
      return Picture(
        planes: values, width: width, height: height, channels: channels, bitDepth: bitDepth, hasAlpha: false)
    case .labels(let palette):
      return Self.picture(
        ofClasses: Self.classes(ofPlanes: values, palette, area: area), palette, width, height)
    case .lightness:
      return Picture(width: width, height: height, bitDepth: bitDepth, lab: { Self.lab(values[$0], 0, 0) })
        .gray()
    case .chroma:
      precondition(lightness.map { $0.count == area } ?? true, "lightness is [1, height, width]")
      let l = lightness.map(Array.init) ?? [Float](repeating: 0, count: area)
      return Picture(width: width, height: height, bitDepth: bitDepth) {
        Self.lab(l[$0], values[$0], values[area + $0])
      }
    }
  }

  /// NaN becomes 0, and a value out of range the range's end.
  private static func lab(_ l: Float, _ a: Float, _ b: Float) -> Lab {
    func limited(_ value: Float) -> Double { value.isNaN ? 0 : Double(min(max(value, -1), 1)) }
    return Lab(l: (limited(l) + 1) * 50, a: limited(a) * chromaRange, b: limited(b) * chromaRange)
  }

  /// The plane with the largest value, for each pixel; the number of planes where all are 0 and the palette has a colour for
  /// that.
  private static func classes(ofPlanes values: [Float], _ palette: Palette, area: Int) -> [UInt8] {
    var classes = largest(values, area: area)
    guard palette.unlabelled != nil else { return classes }
    for pixel in 0..<area
    where (0..<palette.count).allSatisfy({ values[$0 * area + pixel] == 0 }) {
      classes[pixel] = UInt8(palette.count)
    }
    return classes
  }

  /// The plane with the largest value, for each pixel: of one-hot planes or of logits the class.
  ///
  /// - Parameters:
  ///   - values: [classes, height, width], at most 256 classes
  ///   - area: height x width
  public static func largest(_ values: [Float], area: Int) -> [UInt8] {
    var best = [Float](repeating: -.infinity, count: area)
    var classes = [UInt8](repeating: 0, count: area)
    for channel in 0..<values.count / area {
      for pixel in 0..<area where values[channel * area + pixel] > best[pixel] {
        best[pixel] = values[channel * area + pixel]
        classes[pixel] = UInt8(channel)
      }
    }
    return classes
  }

  /// A picture of one channel when all of the palette's colours are gray, so that class indices come back as
  /// they were read.
  private static func picture(ofClasses classes: [UInt8], _ palette: Palette, _ width: Int, _ height: Int)
    -> Picture
  {
    let colours = palette.numbered
    let isGray = colours.allSatisfy { $0.red == $0.green && $0.green == $0.blue }
    let samples = classes.flatMap { index -> [UInt8] in
      let colour = colours[Int(index)]
      return isGray ? [colour.red] : [colour.red, colour.green, colour.blue]
    }
    return Picture(
      width: width, height: height, channels: isGray ? 1 : 3, samples: .eight(samples), palette: colours)
  }
}

extension Picture {
  /// An RGB picture of Lab colours; `lab` is asked for each pixel, row by row.
  fileprivate init(width: Int, height: Int, bitDepth: Int, lab: (Int) -> Lab) {
    func samples<S: FixedWidthInteger & UnsignedInteger>(_: S.Type) -> [S] {
      [S](unsafeUninitializedCapacity: 3 * width * height) { out, count in
        for pixel in 0..<width * height {
          let colour = lab(pixel).sRGB
          for channel in 0..<3 {
            out.initializeElement(at: count, to: S((colour[channel] * Double(S.max)).rounded()))
            count += 1
          }
        }
      }
    }
    self.init(
      width: width, height: height, channels: 3,
      samples: bitDepth == 8 ? .eight(samples(UInt8.self)) : .sixteen(samples(UInt16.self)))
  }

  /// Calls `body` with each pixel of a rectangle, as its number in the picture, and its place in the rectangle
  /// after the flip, row by row.
  @inline(__always)
  fileprivate func forEachPixel(
    x: Int, y: Int, width: Int, height: Int, isFlipped: Bool, _ body: (_ pixel: Int, _ place: Int) -> Void
  ) {
    precondition(x >= 0 && y >= 0 && x + width <= self.width && y + height <= self.height)
    for row in 0..<height {
      for column in 0..<width {
        let from = isFlipped ? width - 1 - column : column
        body((y + row) * self.width + x + from, row * width + column)
      }
    }
  }

  /// The same for an RGB picture's colours.
  @inline(__always)
  fileprivate func forEachLab(
    x: Int, y: Int, width: Int, height: Int, isFlipped: Bool, _ body: (Lab, _ place: Int) -> Void
  ) {
    precondition(channels == 3, "Lab is made of RGB")
    func call<S: FixedWidthInteger>(_ values: [S], _ linear: [Double]) {
      values.withUnsafeBufferPointer { values in
        linear.withUnsafeBufferPointer { linear in
          forEachPixel(x: x, y: y, width: width, height: height, isFlipped: isFlipped) { pixel, place in
            let at = pixel * 3
            body(
              Lab(
                linear: SIMD3(
                  linear[Int(values[at])], linear[Int(values[at + 1])], linear[Int(values[at + 2])])), place)
          }
        }
      }
    }
    switch samples {
    case .eight(let values): call(values, Lab.linearOfEight)
    case .sixteen(let values): call(values, Lab.linearOfSixteen)
    }
  }
}
