import CWeb

/// The files of Web/, embedded in the binary by Sources/CWeb: templates, styles and whatever else pages are made of.
public enum WebFiles {
  private static let numbers = {
    var numbers: [String: Int] = [:]
    var number = 0
    while let file = webFile(number) {
      numbers[String(cString: file.pointee.name)] = number
      number += 1
    }
    return numbers
  }()

  /// Their paths in Web/, sorted.
  public static let names = numbers.keys.sorted()

  /// A file's bytes; nil where there is no file of that name.
  public static func bytes(_ name: String) -> [UInt8]? { buffer(name).map(Array.init) }

  /// A file's text; nil where there is no file of that name.
  public static func text(_ name: String) -> String? {
    buffer(name).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func buffer(_ name: String) -> UnsafeBufferPointer<UInt8>? {
    guard let number = numbers[name], let file = webFile(number)?.pointee else { return nil }
    return UnsafeBufferPointer(start: file.bytes, count: file.size)
  }
}
