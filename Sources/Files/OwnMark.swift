/// How files that this program wrote are told from the user's: every format has a place for a mark that other programs do
/// not write, and drop when they write the file anew.
public enum OwnMark {
  /// A PNG's private chunk behind the header. Its last letter tells editors that do not know it to drop it when they change
  /// the picture (PNG specification, "Chunk naming conventions").
  public static let pngChunk = "pxPX"
  /// The first key of an NPY's header. Keys are in any order by the format's specification, and numpy writes "descr" first.
  public static let npyHeader = "{'shape': "
  /// An element in the head of an HTML page.
  public static let html = "<meta name=\"generator\" content=\"pix2pix\"/>"
  /// The value of `jsonKey` in a JSON object.
  public static let name = "pix2pix"
  public static let jsonKey = "generator"
  /// A line in a Markdown file.
  public static let markdown = "<!-- generator: pix2pix -->"
  /// The first line of an OpenCL source.
  public static let source = "// generator: pix2pix"
  /// The beginning of the format's name in a checkpoint's metadata.
  public static let checkpoint = "pix2pix checkpoint"
  /// ONNX's field "producer_name", number 2, of `name`: its key, its length, and the text. Only "ir_version" is before it.
  public static let onnx = "\u{12}\u{7}\(name)"

  /// The first line of a YAML file.
  public static let yaml = "# generator: pix2pix"

  /// CSV has no place for a mark: the names of the first columns are one.
  public static let tables = ["step,epoch", "name,l1,mse,psnr"]
  /// An experiment's table begins with "row", any figure, and that figure's lower bound.
  public static let (experiment, lowerBound) = ("row", "_lower")

  /// Bytes that are looked at: a checkpoint's metadata and a page's head are at the beginning.
  static let length = 1 << 16

  /// Whether this program wrote a file.
  ///
  /// - Parameters:
  ///   - path: for its end, which decides where the mark is
  ///   - beginning: the file's first bytes, up to `length`
  static func isIn(_ beginning: [UInt8], of path: String) -> Bool {
    func has(_ text: String, within count: Int = length) -> Bool {
      let text = Array(text.utf8)
      let bytes = beginning.prefix(count)
      guard bytes.count >= text.count else { return false }
      return (0...bytes.count - text.count).contains { bytes[$0..<$0 + text.count].elementsEqual(text) }
    }
    let end = path.lastIndex(of: ".").map { path[$0...].lowercased() }
    switch end {
    case ".png": return has(pngChunk, within: 41)
    case ".npy": return has(npyHeader, within: 24)
    case ".html": return has(html, within: 4096)
    case ".json": return has("\"\(jsonKey)\" : \"\(name)\"")
    case ".md": return has(markdown)
    case ".csv":
      let fields = beginning.split(separator: UInt8(ascii: ","), maxSplits: 3).prefix(3).map {
        String(decoding: $0, as: UTF8.self)
      }
      return tables.contains { has($0, within: $0.utf8.count) }
        || fields.count == 3 && fields[0] == experiment && fields[2] == fields[1] + lowerBound
    case ".yaml", ".yml": return has(yaml, within: yaml.utf8.count)
    case ".cl": return has(source, within: source.utf8.count)
    case ".safetensors": return has(checkpoint)
    case ".onnx": return has(onnx, within: 16)
    default:
      return has(pngChunk, within: 41)
        || [html, "\"\(jsonKey)\" : \"\(name)\"", checkpoint].contains { has($0) }
    }
  }
}
