/// STUB until the real reader of headers.
public struct PictureHeader: Sendable, Equatable {
  public let size: PictureSize
  public let channels: Int
  public let bitDepth: Int
  public let hasAlpha: Bool
  public let palette: [Colour]?
  public var isColour: Bool { channels == 1 || channels == 3 || hasAlpha }
  public var isPalette: Bool { palette != nil }
  public init(contentsOf path: String) throws(ImageError) {
    let p = try Picture(contentsOf: path)
    (size, channels, bitDepth, hasAlpha, palette) = (p.size, p.channels, p.bitDepth, p.hasAlpha, p.palette)
  }
}
