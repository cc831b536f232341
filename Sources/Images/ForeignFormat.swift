/// Formats that are not read, by the bytes that their files begin with.
enum ForeignFormat {
  /// The bytes of a file's beginning that tell its format.
  static let headerSize = 1024

  /// The format's name, nil for any other content.
  static func name(ofFileThatBegins bytes: [UInt8]) -> String? {
    if let name = boxedName(bytes) { return name }
    for format in formats where bytes.dropFirst(format.offset).starts(with: format.signature) {
      return format.name
    }
    // BMP's signature is too short to tell it from a text: the length of its second header is looked at too.
    if bytes.starts(with: "BM".utf8), bytes.count > 18, [12, 40, 52, 56, 64, 108, 124].contains(bytes[14]),
      bytes[15..<18].allSatisfy({ $0 == 0 })
    {
      return "BMP"
    }
    if bytes.count > 2, bytes[0] == UInt8(ascii: "P"), (0x31...0x37).contains(bytes[1]),
      [0x09, 0x0a, 0x0d, 0x20].contains(bytes[2])
    {
      return "PNM"
    }
    let text = String(decoding: bytes, as: UTF8.self).lowercased()
    if text.contains("<svg") { return "SVG" }
    return text.contains("<html") || text.contains("<!doctype html") ? "HTML" : nil
  }

  /// Files of boxes (ISO's media format): a length, "ftyp", the brand and those that it is compatible with.
  private static func boxedName(_ bytes: [UInt8]) -> String? {
    guard bytes.count >= 12, bytes[4..<8].elementsEqual("ftyp".utf8) else { return nil }
    let length = bytes[0..<4].reduce(0) { $0 << 8 | Int($1) }
    let end = min(max(length, 12), bytes.count)
    let brands = stride(from: 8, through: end - 4, by: 4).map {
      String(decoding: bytes[$0..<$0 + 4], as: UTF8.self)
    }
    if brands.contains(where: { ["avif", "avis"].contains($0) }) { return "AVIF" }
    if brands.contains(where: { $0.hasPrefix("he") || ["mif1", "msf1"].contains($0) }) { return "HEIC" }
    return brands[0] == "crx " ? "a camera's raw file (CR3)" : "a film or picture in ISO's media format"
  }

  private struct Format {
    let name: String
    let offset: Int
    let signature: [UInt8]

    init(_ name: String, _ signature: [UInt8], at offset: Int = 0) {
      (self.name, self.signature, self.offset) = (name, signature, offset)
    }

    init(_ name: String, _ signature: String, at offset: Int = 0) {
      self.init(name, Array(signature.utf8), at: offset)
    }
  }

  private static let formats = [
    Format("WebP", "WEBP", at: 8),
    Format("GIF", "GIF87a"), Format("GIF", "GIF89a"),
    Format("a camera's raw file (CR2)", [0x49, 0x49, 0x2a, 0, 0x10, 0, 0, 0, 0x43, 0x52]),
    Format("TIFF", [0x49, 0x49, 0x2a, 0]), Format("TIFF", [0x4d, 0x4d, 0, 0x2a]),
    Format("TIFF", [0x49, 0x49, 0x2b, 0]), Format("TIFF", [0x4d, 0x4d, 0, 0x2b]),
    Format("JPEG XR", [0x49, 0x49, 0xbc, 1]),
    Format("JPEG 2000", [0, 0, 0, 12] + Array("jP  ".utf8)), Format("JPEG 2000", [0xff, 0x4f, 0xff, 0x51]),
    Format("JPEG XL", [0, 0, 0, 12] + Array("JXL ".utf8)), Format("JPEG XL", [0xff, 0x0a]),
    Format("PSD", "8BPS"), Format("XCF", "gimp xcf"), Format("OpenEXR", [0x76, 0x2f, 0x31, 1]),
    Format("Radiance HDR", "#?RADIANCE"), Format("Radiance HDR", "#?RGBE"),
    Format("MNG", [0x8a] + Array("MNG".utf8)), Format("JNG", [0x8b] + Array("JNG".utf8)),
    Format("ICO", [0, 0, 1, 0]), Format("DDS", "DDS "), Format("QOI", "qoif"), Format("PFM", "PF\n"),
    Format("PFM", "Pf\n"), Format("farbfeld", "farbfeld"), Format("BPG", [0x42, 0x50, 0x47, 0xfb]),
    Format("DjVu", "AT&TFORM"), Format("PDF", "%PDF"), Format("PostScript", "%!PS"),
    Format("FITS", "SIMPLE  ="), Format("DICOM", "DICM", at: 128),
    Format("HDF5", [0x89] + Array("HDF\r\n".utf8)),
    Format("a camera's raw file (RAF)", "FUJIFILM"),
    Format("a camera's raw file (RW2)", [0x49, 0x49, 0x55, 0]),
    Format("a camera's raw file (ORF)", "IIRO"),
    Format("a ZIP archive (as NPZ is)", [0x50, 0x4b, 3, 4]), Format("a gzip archive", [0x1f, 0x8b]),
    Format("a pointer of Git LFS", "version https://git-lfs"),
  ]
}
