import Files
import Images
import Tape

/// The pictures of one domain in a folder, with a label map each where there are label maps.
public struct DomainPictures: Sendable {
  /// A picture's file and its label map's.
  struct Entry: Sendable {
    let file: String
    let labels: String?
  }

  /// What a file's header says.
  fileprivate struct Look: Sendable {
    let size: PictureSize
    let isJPEG: Bool
  }

  /// "generated" or "real", for files and remarks.
  public let name: String
  /// The option that names the folder.
  private let option: String
  private let path: String
  /// Pictures that can be read, and whose label maps can, in the order of names.
  let entries: [Entry]
  fileprivate let looks: [Look]
  /// The errors of the others.
  public let unreadable: [ImageError]
  /// Lines about what else lies in the folders.
  public let remarks: [String]

  public var count: Int { entries.count }
  /// Every file that can be read.
  public var files: [String] { entries.flatMap { [$0.file] + ($0.labels.map { [$0] } ?? []) } }
  var labelMaps: [String] { entries.compactMap(\.labels) }

  /// The fewest pictures of which a held-out half says something.
  public static let fewest = 20

  /// Reads all pictures once.
  ///
  /// - Parameters:
  ///   - path: a folder; folders in it are not looked into
  ///   - labels: a folder of label maps, matched by name; other files in it are ignored
  ///   - name: "generated" or "real"
  /// - Throws: `FileError` for a folder that is not there, `ModelError.file` for one without pictures, `ImageError` for names that do
  ///   not match
  public init(_ path: String, labels: String?, name: String) throws {
    (self.path, self.name, option) = (path, name, "--\(name)")
    for folder in [path, labels].compactMap(\.self) where !PictureFolder.exists(folder) {
      throw FileError(folder, missing: .folder)
    }
    let folder = try PictureFolder.some(in: path)
    // Training pairs are named after pictures.
    _ = try folder.byName()
    let labelFolder = try labels.map(PictureFolder.some)
    let maps = try labelFolder?.byName()
    if let labels, let maps {
      let lonely = folder.pictures.filter { maps[of: $0] == nil }
      guard lonely.isEmpty else {
        throw ImageError.unmatched(
          inputs: path, targets: labels, onlyInInputs: lonely.map(PictureFolder.stem), onlyInTargets: [])
      }
    }
    let entries = folder.pictures.map { Entry(file: $0, labels: maps?[of: $0]) }
    let looks = try mapInParallel(over: entries.indices) { index in
      Result { () throws(ImageError) in try Self.look(at: entries[index]) }
    }
    var (readable, found, errors): ([Entry], [Look], [ImageError]) = ([], [], folder.unnameableErrors)
    for (entry, look) in zip(entries, looks) {
      switch look {
      case .success(let look):
        readable.append(entry)
        found.append(look)
      case .failure(let error): errors.append(error)
      }
    }
    (self.entries, self.looks, unreadable) = (readable, found, errors)
    remarks = [folder.leftOut, labelFolder?.leftOut].compactMap(\.self)
  }

  private static func look(at entry: Entry) throws(ImageError) -> Look {
    let header = try PictureHeader(contentsOf: entry.file)
    let picture = try Picture(contentsOf: entry.file)
    guard picture.isColour else {
      throw .wrongChannels(path: entry.file, channels: picture.channels, expected: 3)
    }
    if let labels = entry.labels { _ = try Picture(contentsOf: labels) }
    return Look(size: header.size, isJPEG: header.format == .jpeg)
  }

  /// - Throws: `ModelError.option` for fewer pictures than `fewest`
  public func requireEnough() throws(ModelError) {
    guard count < Self.fewest else { return }
    let lack = count == 0 ? "none" : "a held-out half of \(count / 2)"
    throw .option(
      option,
      "\(path) has \(count) \(count == 1 ? "picture" : "pictures"), and \(Self.fewest) are the fewest; \(lack) says nothing"
    )
  }

  /// Places of the pictures here and there whose names are equal: they may show one scene.
  func twins(_ other: DomainPictures) -> [(a: Int, b: Int)] {
    let places = Dictionary(
      uniqueKeysWithValues: other.entries.enumerated().map { (PictureFolder.key($1.file), $0) })
    return entries.enumerated().compactMap { place, entry in
      places[PictureFolder.key(entry.file)].map { (place, $0) }
    }
  }

  fileprivate var jpegs: Int { looks.count(where: \.isJPEG) }
}

/// Makes the pictures of two domains alike in what is not of the pictures: their sizes and the traces of compression. A classifier
/// would see nothing else.
public struct DomainPreparation: Sendable {
  /// What all pictures are brought to; nil where all have one size.
  private let size: PictureSize?
  /// Whether all pictures go through one JPEG.
  public let compresses: Bool
  /// Lines about what is done to the pictures, and why.
  public let remarks: [String]

  /// Low enough to cover the traces of most photographs' own compression.
  static let quality = 75

  /// - Parameter domains: at least a picture each
  public init(_ domains: DomainPictures...) {
    var remarks: [String] = []
    let sizes = domains.flatMap(\.looks).map(\.size)
    if sizes.contains(where: { $0 != sizes[0] }) {
      let smallest = PictureSize(
        width: sizes.reduce(.max) { min($0, $1.width) }, height: sizes.reduce(.max) { min($0, $1.height) })
      remarks.append(
        "the pictures are not of one size: all are brought to \(smallest), the smallest width and height of any"
      )
      size = smallest
    } else {
      size = nil
    }
    compresses = domains.contains { $0.jpegs > 0 }
    if compresses {
      let counts = domains.map { "\($0.jpegs) of the \($0.count) \($0.name) pictures" }
        .joined(separator: " and ")
      remarks.append(
        "\(counts) are JPEGs: all pictures are encoded as JPEG once more, at quality \(Self.quality), so that traces of compression do not tell them apart"
      )
    }
    self.remarks = remarks
  }

  /// A picture as it is compared: RGB of 8 bits.
  func picture(_ file: String) throws(ImageError) -> Picture {
    var picture = try Picture(contentsOf: file).rgb().eightBit()
    if let size {
      picture = picture.resized(
        width: size.width, height: size.height, method: picture.isPalette ? .nearest : .bicubic)
    }
    return compresses ? try picture.throughJPEG(quality: Self.quality, path: file) : picture
  }
}
