/// Width and height in pixels.
public struct PictureSize: Sendable, Hashable, Codable, CustomStringConvertible {
  public var width: Int
  public var height: Int

  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  public init(square side: Int) { self.init(width: side, height: side) }

  /// Reads "256", a square, or "500x375", width first; nil for anything else.
  public init?(_ text: String) {
    let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    switch (sides.count, sides.first ?? nil, sides.last ?? nil) {
    case (1, let side?, _): self.init(square: side)
    case (2, let width?, let height?): self.init(width: width, height: height)
    default: return nil
    }
  }

  /// In pixels.
  public var area: Int { width * height }

  public var description: String { "\(width)x\(height)" }

  /// The smallest size of whole multiples that holds this one.
  public func roundedUp(toMultipleOf multiple: Int) -> PictureSize {
    precondition(multiple > 0, "a multiple of nothing")
    func rounded(_ side: Int) -> Int { (side + multiple - 1) / multiple * multiple }
    return PictureSize(width: rounded(width), height: rounded(height))
  }
}

extension PictureSize: ExpressibleByIntegerLiteral {
  /// A square.
  public init(integerLiteral side: Int) { self.init(square: side) }
}

extension Picture {
  public var size: PictureSize { PictureSize(width: width, height: height) }

  /// The picture at another size and, maybe, of other proportions: bicubic, or nearest for a palette picture, since its
  /// colours must not be mixed.
  public func fitted(to size: PictureSize) -> Picture {
    resized(width: size.width, height: size.height, method: isPalette ? .nearest : .bicubic)
  }

  /// The picture with left and right exchanged.
  public func mirrored() -> Picture {
    func mirror<S>(_ values: [S]) -> [S] {
      [S](unsafeUninitializedCapacity: values.count) { out, count in
        for pixel in 0..<width * height {
          let from = (pixel / width * width + width - 1 - pixel % width) * channels
          for channel in 0..<channels {
            out.initializeElement(at: count, to: values[from + channel])
            count += 1
          }
        }
      }
    }
    let new: Samples =
      switch samples {
      case .eight(let values): .eight(mirror(values))
      case .sixteen(let values): .sixteen(mirror(values))
      }
    return Picture(
      width: width, height: height, channels: channels, samples: new, palette: palette, hasAlpha: hasAlpha)
  }
}
