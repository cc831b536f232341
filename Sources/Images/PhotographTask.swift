import Random

/// A task that photographs alone can teach: the input is made from the target.
///
/// Written as `colorize`, `inpaint`, `inpaint:random`, `edges`, `edges:SIGMA,LOW,HIGH`, `super-resolve:FACTOR`,
/// `denoise:SIGMA`.
public enum PhotographTask: Sendable, Equatable {
  /// The places of missing pixels.
  public enum Holes: Sendable, Equatable {
    /// The middle, half as wide and half as high as the picture.
    case centre
    /// One to four rectangles, other ones for every picture and epoch. Sides are from an eighth to half of the
    /// picture's.
    case random
  }

  /// CIE lightness to chroma.
  case colorize
  /// The photograph with holes, which have the mean gray 0, and a fourth plane that is 1 in the holes and 0
  /// elsewhere, to the photograph.
  case inpaint(Holes)
  /// Canny's edges in one plane, -1 (black) on 1 (white), to the photograph.
  case edges(Canny)
  /// The photograph made smaller by a factor and as large again, bicubic both times, to the photograph.
  case superResolve(factor: Int)
  /// The photograph with Gaussian noise of a standard deviation in 0...255, clamped, to the photograph.
  case denoise(sigma: Double)

  /// The planes of the target.
  public var target: PlaneFormat { self == .colorize ? .chroma : .rgb }

  public var inputChannels: Int {
    switch self {
    case .colorize, .edges: 1
    case .inpaint: 4
    case .superResolve, .denoise: 3
    }
  }

  /// A photograph's input as planes [inputChannels, height, width]: a pure function of the photograph, seed, epoch
  /// and index.
  public func input(of photograph: Picture, seed: UInt64, epoch: Int, index: Int) -> [Float] {
    let picture = photograph.rgb()
    switch self {
    case .colorize: return Self.planes(picture, .lightness)
    case .inpaint(let holes):
      let isHole = holes.mask(picture.size, seed: seed, epoch: epoch, index: index)
      return Self.withHoles(Self.planes(picture, .rgb), isHole)
    case .edges(let canny): return canny.edges(of: picture).map { $0 ? -1 : 1 }
    case .superResolve(let factor):
      func reduced(_ side: Int) -> Int { max(1, (side + factor / 2) / factor) }
      let small = picture.resized(
        width: reduced(picture.width), height: reduced(picture.height), method: .bicubic)
      return Self.planes(
        small.resized(width: picture.width, height: picture.height, method: .bicubic), .rgb)
    case .denoise(let sigma):
      var planes = Self.planes(picture, .rgb)
      Self.addNoise(to: &planes, deviation: sigma / 127.5, seed: seed, epoch: epoch, index: index)
      return planes
    }
  }

  /// The planes [inputChannels, height, width] of a picture that is an input already, fitted to a size: a gray picture to
  /// be coloured, a drawing of edges, a small or a noisy picture. Transparent pixels (alpha below a half) are holes to
  /// fill.
  /// - Throws: `.unsupported` for `inpaint` when nothing is transparent. `path` is only for errors.
  public func planes(ofInput picture: Picture, fittedTo size: PictureSize, path: String) throws(ImageError)
    -> [Float]
  {
    switch self {
    case .colorize: return try PlaneFormat.lightness.planes(of: picture, fittedTo: size, path: path)
    case .edges: return try PlaneFormat.gray.planes(of: picture, fittedTo: size, path: path)
    case .superResolve, .denoise: return try PlaneFormat.rgb.planes(of: picture, fittedTo: size, path: path)
    case .inpaint:
      let planes = try PlaneFormat.rgba.planes(of: picture, fittedTo: size, path: path)
      let isHole = planes[(3 * size.area)...].map { $0 < 0 }
      guard isHole.contains(true) else {
        throw .unsupported(
          path: path, detail: "has no holes: make transparent what shall be filled, and save as PNG")
      }
      return Self.withHoles(Array(planes[..<(3 * size.area)]), isHole)
    }
  }

  // MARK: - Parts

  private static func planes(_ picture: Picture, _ format: PlaneFormat) -> [Float] {
    var out = [Float](repeating: 0, count: format.channels * picture.size.area)
    out.withUnsafeMutableBufferPointer {
      format.write(
        picture, x: 0, y: 0, width: picture.width, height: picture.height, isFlipped: false, into: $0)
    }
    return out
  }

  /// [3, H, W] to [4, H, W].
  private static func withHoles(_ planes: [Float], _ isHole: [Bool]) -> [Float] {
    let area = isHole.count
    var out = planes
    for (pixel, isHole) in isHole.enumerated() where isHole {
      for channel in 0..<3 { out[channel * area + pixel] = 0 }
    }
    return out + isHole.map { $0 ? 1 : 0 }
  }

  /// Thirty-two numbers at a time, in order.
  private static func addNoise(
    to planes: inout [Float], deviation: Double, seed: UInt64, epoch: Int, index: Int
  ) {
    let philox = Philox(seed: seed)
    for first in stride(from: 0, to: planes.count, by: 32) {
      let numbers = philox.normals(
        from: UInt32(truncatingIfNeeded: first / 4), UInt32(truncatingIfNeeded: index),
        UInt32(truncatingIfNeeded: epoch), RandomPurpose.noise.rawValue)
      for place in first..<min(first + 32, planes.count) {
        let lane = (place - first) / 4
        let number =
          switch place % 4 {
          case 0: numbers.0[lane]
          case 1: numbers.1[lane]
          case 2: numbers.2[lane]
          default: numbers.3[lane]
          }
        planes[place] = Float(min(max(Double(planes[place]) + number * deviation, -1), 1))
      }
    }
  }
}

extension PhotographTask.Holes {
  /// True for each missing pixel, row by row.
  func mask(_ size: PictureSize, seed: UInt64, epoch: Int, index: Int) -> [Bool] {
    var mask = [Bool](repeating: false, count: size.area)
    for (x, y) in rectangles(size, seed: seed, epoch: epoch, index: index) {
      for row in y { for column in x { mask[row * size.width + column] = true } }
    }
    return mask
  }

  private func rectangles(
    _ size: PictureSize, seed: UInt64, epoch: Int, index: Int
  ) -> [(x: Range<Int>, y: Range<Int>)] {
    switch self {
    case .centre:
      let (width, height) = (size.width / 2, size.height / 2)
      let (x, y) = ((size.width - width) / 2, (size.height - height) / 2)
      return [(x..<x + width, y..<y + height)]
    case .random:
      let philox = Philox(seed: seed)
      func words(_ number: Int) -> SIMD4<UInt32> {
        philox.words(
          UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: epoch), RandomPurpose.hole.rawValue,
          UInt32(number))
      }
      /// A stretch of a side: from an eighth to half as long, anywhere.
      func stretch(_ side: Int, _ length: UInt32, _ start: UInt32) -> Range<Int> {
        let (shortest, longest) = (max(1, side / 8), max(1, side / 2))
        let length = shortest + Philox.integer(length, below: longest - shortest + 1)
        let start = Philox.integer(start, below: side - length + 1)
        return start..<start + length
      }
      return (1...1 + Philox.integer(words(0).x, below: 4)).map { number in
        let words = words(number)
        return (stretch(size.width, words.x, words.y), stretch(size.height, words.z, words.w))
      }
    }
  }
}

// MARK: - As text

extension PhotographTask: LosslessStringConvertible {
  /// The spelling of tasks, for help and error messages.
  public static let forms =
    "colorize, inpaint, inpaint:random, edges, edges:SIGMA,LOW,HIGH, super-resolve:FACTOR (2 to 16) or "
    + "denoise:SIGMA (0 to 255)"

  public var description: String {
    switch self {
    case .colorize: "colorize"
    case .inpaint(.centre): "inpaint"
    case .inpaint(.random): "inpaint:random"
    case .edges(Canny()): "edges"
    case .edges(let canny): "edges:\(canny.sigma),\(canny.low),\(canny.high)"
    case .superResolve(let factor): "super-resolve:\(factor)"
    case .denoise(let sigma): "denoise:\(sigma)"
    }
  }

  /// Nil for any text but `forms`.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    switch (parts[0], parts.count == 2 ? parts[1] : nil) {
    case ("colorize", nil): self = .colorize
    case ("inpaint", nil): self = .inpaint(.centre)
    case ("inpaint", "random"): self = .inpaint(.random)
    case ("edges", nil): self = .edges(Canny())
    case ("edges", let numbers?):
      let values = numbers.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) ?? .nan }
      guard values.count == 3, values[0] > 0, values[0] <= 100, values[1] > 0, values[2] >= values[1],
        values[2].isFinite
      else { return nil }
      self = .edges(Canny(sigma: values[0], low: values[1], high: values[2]))
    case ("super-resolve", let factor?):
      guard let factor = Int(factor), (2...16).contains(factor) else { return nil }
      self = .superResolve(factor: factor)
    case ("denoise", let sigma?):
      guard let sigma = Double(sigma), sigma > 0, sigma <= 255 else { return nil }
      self = .denoise(sigma: sigma)
    default: return nil
    }
  }
}

/// Coded as its description.
extension PhotographTask: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let task = PhotographTask(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\"\(text)\" is none of \(Self.forms)")
    }
    self = task
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
