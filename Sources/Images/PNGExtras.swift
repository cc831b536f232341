/// What a PNG file may hold beside the picture: texts, and pictures that it was made from.
public struct PNGExtras: Sendable, Equatable {
  /// Texts by keyword (PNG specification, "iTXt"): 1 to 79 characters of Latin 1 each.
  public var texts: [String: String] = [:]
  /// Whole files, in order: those that the picture was made from.
  public var sources: [[UInt8]] = []

  public init(texts: [String: String] = [:], sources: [[UInt8]] = []) {
    (self.texts, self.sources) = (texts, sources)
  }

  /// A private chunk for each source. The last letter tells editors that do not know it to drop it when they change the
  /// picture (PNG specification, "Chunk naming conventions").
  private static let sourceChunk = "pxIN"
  /// The longest text and the largest source that are read, in bytes.
  private static let (longestText, largestSource) = (1 << 16, 1 << 26)

  /// The file of a picture with these beside it.
  ///
  /// - Parameter path: for errors only
  /// - Throws: `.unwritable` for a picture that the encoder refuses
  public func file(_ picture: Picture, path: String) throws(ImageError) -> [UInt8] {
    let file = try PNG.encode(picture, path: path)
    // Before the last chunk, which is 12 bytes and ends every PNG.
    return file.dropLast(12) + chunks + file.suffix(12)
  }

  /// The chunks, texts by their keywords' order.
  private var chunks: [UInt8] {
    let texts = texts.sorted { $0.key < $1.key }.flatMap { keyword, text in
      // Keyword, end, not compressed, method, no language, no translated keyword.
      PNG.chunk("iTXt", Array(keyword.utf8) + [0, 0, 0, 0, 0] + Array(text.utf8))
    }
    return texts + sources.flatMap { PNG.chunk(Self.sourceChunk, $0) }
  }

  /// Reads them from a file; broken, compressed and huge ones are left out.
  ///
  /// - Throws: `.unreadable`, `.notAPicture` for a file that is no PNG, `.corrupt` for one that ends too early
  public init(contentsOf path: String) throws(ImageError) {
    let source = try ByteSource(contentsOf: path)
    guard try source.bytes(0..<8)?.elementsEqual(PNG.signature) ?? false else {
      throw .notAPicture(path: path, format: nil)
    }
    var offset = 8
    while true {
      guard let length = try source.number(at: offset, size: 4).map(Int.init), length < 1 << 31,
        let name = try source.bytes(offset + 4..<offset + 8).map({ String(decoding: $0, as: UTF8.self) }),
        offset + 12 + length <= source.count
      else { throw .corrupt(path: path, detail: "the file ends too early") }
      if name == "IEND" { return }
      let isText = name == "iTXt" && length <= Self.longestText
      let isSource = name == Self.sourceChunk && length <= Self.largestSource
      if isText || isSource, try PNG.hasRightCRC(source, chunk: offset, length: length),
        let content = try source.bytes(offset + 8..<offset + 8 + length)
      {
        if isText { add(text: content) } else { sources.append(Array(content)) }
      }
      offset += 12 + length
    }
  }

  private mutating func add(text content: ArraySlice<UInt8>) {
    let parts = content.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let keyword = String(validating: parts[0], as: UTF8.self),
      parts[1].starts(with: [0, 0])
    else { return }
    // Language and translated keyword, each to its zero.
    let rest = parts[1].dropFirst(2).split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
    guard rest.count == 3, let text = String(validating: rest[2], as: UTF8.self) else { return }
    texts[keyword] = text
  }
}

extension PNG {
  /// A chunk: length, name, content, CRC.
  fileprivate static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    func word(_ number: UInt32) -> [UInt8] {
      [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }
    let body = Array(name.utf8) + content
    return word(UInt32(content.count)) + body + word(crc(of: body))
  }
}
