import Files
import Foundation
import Images

/// How a picture was made of its inputs, kept in its file, so that it can be made again.
public struct Recipe: Sendable, Codable, Equatable {
  /// The checkpoint's path.
  public var model: String
  /// What tells whether the file of that path is the same model: its size and CRC-32.
  public var fingerprint: String
  /// Of a model that was trained without pairs.
  public var direction: Direction?
  public var statistics: NormStatistics
  /// on, off, or a seed.
  public var dropout: String
  /// From 0; other noise and masks for the same picture.
  public var sample: Int
  /// The picture's place among those of its folder.
  public var index: Int
  public var size: Translator.Size
  /// The latent code where a picture gave it.
  public var code: [Float]?
  /// Bits of a channel.
  public var bitDepth: Int

  public init(
    model: String, fingerprint: String, direction: Direction? = nil, statistics: NormStatistics,
    dropout: String, sample: Int, index: Int,
    size: Translator.Size, code: [Float]? = nil, bitDepth: Int
  ) {
    (self.model, self.fingerprint, self.direction) = (model, fingerprint, direction)
    self.statistics = statistics
    (self.dropout, self.sample, self.index) = (dropout, sample, index)
    (self.size, self.code, self.bitDepth) = (size, code, bitDepth)
  }

  private static let keyword = "pix2pix recipe"

  /// A PNG file of a picture with the recipe and the files of its inputs.
  ///
  /// - Throws: `ImageError` for a picture that the encoder refuses
  public func file(of picture: Picture, inputs: [[UInt8]], path: String) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(self), as: UTF8.self)
    return try PNGExtras(texts: [Self.keyword: text, "Software": "pix2pix"], sources: inputs)
      .file(picture, path: path)
  }

  /// Reads the recipe of a picture, and the files of its inputs where they lie in it.
  ///
  /// - Throws: `ImageError` for a file that is no PNG, `ModelError.file` for one without a recipe
  public static func read(_ path: String) throws -> (Recipe, inputs: [[UInt8]]) {
    guard FileIdentity(path) != nil else { throw FileError(path, missing: .file) }
    let extras = try PNGExtras(contentsOf: path)
    guard let text = extras.texts[keyword] else {
      throw ModelError.file(
        path, "holds no recipe; pictures that serve downloads and translate --recipe writes do")
    }
    do {
      let recipe = try JSONDecoder().decode(Recipe.self, from: Data(text.utf8))
      guard (0..<1_000_000).contains(recipe.sample), recipe.index >= 0, [8, 16].contains(recipe.bitDepth),
        recipe.code?.areFinite ?? true
      else { throw ModelError.file(path, "holds a recipe with numbers out of range") }
      return (recipe, extras.sources)
    } catch is DecodingError {
      throw ModelError.file(path, "holds a recipe that this version of the program does not read")
    }
  }
}

extension Translator.Size: Codable {}
