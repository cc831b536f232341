import Files

/// The errors between a file and a batch. `description` is one line that names the file
/// and says what to do.
public enum ImageError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file could not be opened or read; `reason` is the system's own word.
  case unreadable(path: String, reason: String)
  /// The content is neither PNG, JPEG nor NPY; `format` is what it is, where that is known.
  case notAPicture(path: String, format: String? = nil)
  /// The file is damaged or cut short; `detail` is the decoder's own word.
  case corrupt(path: String, detail: String)
  /// A kind of picture that is not read.
  case unsupported(path: String, detail: String)
  /// Other channels than the network reads.
  case wrongChannels(path: String, channels: Int, expected: Int)
  /// The header claims 0 pixels, or more than `Picture.maximumSide` or `Picture.maximumPixels` allow.
  case badDimensions(path: String, width: Int, height: Int)
  /// There is no memory for the picture and its conversions, which need that many bytes.
  case noMemory(path: String, width: Int, height: Int, bytes: Int)
  /// Decodes, but has too few pixels to learn anything from.
  case tooSmall(path: String, width: Int, height: Int, minimum: Int)
  /// A side-by-side picture that cannot be cut into two equal halves.
  case oddWidth(path: String, width: Int)
  /// Names in one folder of a pair of folders only (sorted).
  case unmatched(inputs: String, targets: String, onlyInInputs: [String], onlyInTargets: [String])
  /// Two files of one folder have the same name but for extension or case.
  case ambiguous(folder: String, names: [String])
  /// Names of pictures that are no UTF-8, escaped.
  case unnameable(folder: String, names: [String])
  /// A folder of a data set without pictures.
  case noPictures(folder: String)
  /// One of a pair of folders is missing.
  case noOtherFolder(folder: String, other: String)
  /// The first of several files that cannot be taken.
  indirect case first(ImageError, of: Int)
  /// The folder does not exist, or holds no pictures in a known layout.
  case noPairs(folder: String, reason: String)
  /// A folder of unpaired pictures lacks a side, or is none.
  case noSides(folder: String, reason: String)
  /// The file cannot name classes by its colours; `reason` says why and what to do.
  case noLabelMap(path: String, reason: String)
  /// A pixel of a label map has none of the palette's colours.
  case unknownColour(path: String, colour: Colour, x: Int, y: Int, classes: Int)
  /// A file that cannot be written, or may not be replaced.
  case file(FileError)
  /// The picture cannot be encoded; `reason` is the encoder's own word.
  case unwritable(path: String, reason: String)
  /// `Prefetcher.next()` was called after, or was waiting during, `Prefetcher.stop()`.
  case stopped

  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      return "\(path): cannot be read: \(reason)"
    case .notAPicture(let path, let format):
      let kind = "not a PNG, JPEG or NPY (judged by its content, not its name)"
      return format.map { "\(path): is \($0), \(kind); convert it, for example to PNG, or remove it" }
        ?? "\(path): is \(kind); convert or remove it"
    case .corrupt(let path, let detail):
      return "\(path): is damaged or incomplete: \(detail); copy it again or remove it"
    case .unsupported(let path, let detail):
      return "\(path): \(detail)"
    case .wrongChannels(let path, let channels, let expected):
      if channels == expected {
        return "\(path): is an array, whose \(channels) channels are not taken for colours; save it as PNG"
      }
      return
        "\(path): has \(channels) \(channels == 1 ? "channel" : "channels") where \(expected) are read; all "
        + "files of a folder need the same"
    case .badDimensions(let path, let width, let height):
      return "\(path): its header claims \(width)x\(height) pixels; we read 1x1 up to "
        + "\(Picture.maximumSide) on a side and \(Picture.maximumPixels) in total; "
        + "scale it down or remove it"
    case .noMemory(let path, let width, let height, let bytes):
      return "\(path): there is no memory for its \(width)x\(height) pixels (\((bytes >> 20) + 1) MiB); "
        + "scale it down or give the program more"
    case .tooSmall(let path, let width, let height, let minimum):
      return "\(path): \(width)x\(height) pixels are too small to train on (at least \(minimum) on a "
        + "side, for each half of a side-by-side picture); remove it"
    case .oddWidth(let path, let width):
      return "\(path): its width \(width) is odd, so it is not two pictures side by side; "
        + "give pairs of equal width, or two folders A and B"
    case .unmatched(let inputs, let targets, let onlyInInputs, let onlyInTargets):
      var parts: [String] = []
      if !onlyInInputs.isEmpty { parts.append("only in \(inputs): \(Self.list(onlyInInputs))") }
      if !onlyInTargets.isEmpty { parts.append("only in \(targets): \(Self.list(onlyInTargets))") }
      return "pictures without a partner of the same name: \(parts.joined(separator: "; ")); "
        + "add or remove files until the names match"
    case .ambiguous(let folder, let names):
      return "\(folder): several files share a name but for extension or case: \(Self.list(names)); "
        + "keep one of each"
    case .unnameable(let folder, let names):
      return "\(folder): names of pictures are no UTF-8: \(Self.list(names)); rename them "
        + "(convmv -f latin1 -t utf8 renames what was made on older systems)"
    case .noPictures(let folder):
      return
        "\(folder): no pictures (\(PictureFolder.extensionList)); understood layouts: \(PairSource.layouts)"
    case .noOtherFolder(let folder, let other):
      return "\(folder): no such folder, but \(other) exists; understood layouts: \(PairSource.layouts)"
    case .first(let error, let count):
      return "\(error) (the first of \(count) such files; pix2pix check names all)"
    case .noPairs(let folder, let reason):
      return "\(folder): \(reason); understood layouts: \(PairSource.layouts)"
    case .noSides(let folder, let reason):
      return "\(folder): \(reason); layouts of unpaired pictures: \(UnpairedSource.layouts)"
    case .noLabelMap(let path, let reason):
      return "\(path): \(reason)"
    case .unknownColour(let path, let colour, let x, let y, let classes):
      return "\(path): the pixel at x \(x), y \(y) has the colour \(colour), which is none of the "
        + "\(classes) classes; correct the picture"
    case .file(let error):
      return error.description
    case .unwritable(let path, let reason):
      return "\(path): cannot be written: \(reason)"
    case .stopped:
      return "the prefetcher has been stopped"
    }
  }

  /// The first ten names, and the number of all where there are more.
  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(10).joined(separator: ", ")
    return names.count > 10 ? "\(shown), ... (\(names.count) in all)" : shown
  }
}
