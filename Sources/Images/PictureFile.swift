import Foundation

extension Picture {
  /// Extensions of the files that count as pictures in a folder.
  public static let extensions: Set<String> = ["png", "jpg", "jpeg"]

  /// Reads a PNG or JPEG file, told apart by its first bytes.
  ///
  /// - Throws: `ImageError` naming the file: unreadable, neither PNG nor JPEG, damaged, or more than
  ///   `largestSide` pixels on a side (refused before anything is allocated for it).
  public init(path: String) throws(ImageError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw ImageError(path, "no such file")
    }
    guard !isFolder.boolValue else { throw ImageError(path, "a folder, not a picture") }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ImageError(path, "cannot be read")
    }
    let bytes = [UInt8](data)
    if bytes.starts(with: PNG.signature) {
      self = try PNG.decode(bytes, path: path)
    } else if bytes.starts(with: JPEG.signature) {
      self = try JPEG.decode(bytes, path: path)
    } else {
      throw ImageError(path, "neither a PNG nor a JPEG file, whatever its name says")
    }
  }

  /// The picture as a PNG file.
  public func pngData() throws(ImageError) -> Data {
    try PNG.encode(self, path: "picture")
  }

  /// Writes a PNG file beside its name and renames it.
  ///
  /// - Throws: `ImageError` naming the file when it cannot be written; a file of that name remains as it was.
  public func writePNG(to path: String) throws(ImageError) {
    let data = try PNG.encode(self, path: path)
    do {
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ImageError(path, "cannot be written: \((error as NSError).localizedFailureReason ?? "\(error)")")
    }
  }
}
