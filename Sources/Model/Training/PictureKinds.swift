import Images

/// The kinds of pictures that a run was asked for.
public struct PictureKinds: Sendable, Codable, Equatable {
  /// Label maps by the name of a class.
  public enum Labels: String, Sendable, Codable, CaseIterable, OptionValue {
    /// A class is a colour.
    case palette
    /// A class is a gray level.
    case index
  }

  /// A kind of pictures, without the palette or the number of channels that only the files tell.
  public enum Kind: String, Sendable, Codable, CaseIterable, OptionValue {
    case gray, rgb, rgba, lightness, palette, index, channels

    var isOfLabels: Bool { self == .palette || self == .index }

    init(_ labels: Labels) { self = labels == .palette ? .palette : .index }
  }

  /// The kind of the first inputs, where they are label maps.
  public var labels: Labels?
  /// The kind of each folder of inputs; where there is none, as the first picture is.
  public var inputs: [Kind] = []
  /// The kind of the targets; where there is none, as the first picture is.
  public var target: Kind?
  /// The colour of pixels in targets' label maps that nobody labelled.
  public var unlabelled: Colour?

  public init() {}
}
