import Images

/// The header of a safetensors file: a JSON object of one known shape, read byte by byte.
///
/// Own code, since Foundation's readers take one of two equal names and follow any nesting, both of which the format
/// forbids. Nothing here recurses, and nothing is allocated that the header's own bytes do not pay for.
struct SafetensorsHeader {
  /// What the header says of a tensor.
  struct Entry {
    let dtype: String
    let shape: [Int]
    /// Of its values, in bytes from the first tensor's.
    let offsets: Range<Int>

    /// Of values; nil beyond the largest `Int`.
    var count: Int? {
      var count = 1
      for dimension in shape {
        let (product, overflows) = count.multipliedReportingOverflow(by: dimension)
        guard !overflows else { return nil }
        count = product
      }
      return count
    }
  }

  private(set) var entries: [String: Entry] = [:]
  private(set) var metadata: [String: String] = [:]

  /// The most dimensions of a tensor; NumPy and PyTorch make no more.
  private static let mostDimensions = 64

  /// Reads a whole header. White space may follow its object.
  ///
  /// - Throws: `HeaderFault` naming the tensor or the byte at fault
  init(_ bytes: [UInt8]) throws(HeaderFault) {
    var json = HeaderReader(bytes)
    var hasMetadata = false
    do throws(HeaderFault) {
      // The format allows no white space before it.
      guard bytes.first == UInt8(ascii: "{") else { throw json.syntax("\"{\"") }
      try json.readObject { (json, name) throws(HeaderFault) in
        if name == "__metadata__" {
          guard !hasMetadata else { throw .format("it has two __metadata__") }
          hasMetadata = true
          metadata = try Self.metadata(&json)
        } else {
          guard entries[name] == nil else { throw .format("two tensors are named \(name.inErrors)") }
          entries[name] = try Self.entry(&json, of: name)
        }
      }
      try json.readEnd()
    } catch {
      throw error.completed("its header is not a JSON object")
    }
  }

  /// In the order of their values; empty ones before those that begin where they are, and then by name.
  var entriesByPlace: [(name: String, entry: Entry)] {
    entries.map { (name: $0.key, entry: $0.value) }.sorted { a, b in
      let (one, other) = (a.entry.offsets, b.entry.offsets)
      if one.lowerBound != other.lowerBound { return one.lowerBound < other.lowerBound }
      return one.upperBound != other.upperBound ? one.upperBound < other.upperBound : a.name < b.name
    }
  }

  private static func metadata(_ json: inout HeaderReader) throws(HeaderFault) -> [String: String] {
    var metadata: [String: String] = [:]
    do throws(HeaderFault) {
      try json.readObject { (json, key) throws(HeaderFault) in
        guard metadata[key] == nil else { throw .format("its metadata have \(key.inErrors) twice") }
        metadata[key] = try json.string()
      }
    } catch {
      throw error.completed("its metadata are no texts by name")
    }
    return metadata
  }

  private static func entry(_ json: inout HeaderReader, of name: String) throws(HeaderFault) -> Entry {
    var (dtype, shape, offsets): (String?, [Int]?, [Int]?) = (nil, nil, nil)
    let malformed = "the entry of \(name.inErrors) is malformed"
    do throws(HeaderFault) {
      try json.readObject { (json, field) throws(HeaderFault) in
        switch field {
        case "dtype" where dtype == nil: dtype = try json.string()
        case "shape" where shape == nil: shape = try json.wholeNumbers(atMost: mostDimensions)
        case "data_offsets" where offsets == nil: offsets = try json.wholeNumbers(atMost: 2)
        case "dtype", "shape", "data_offsets": throw .format("\(malformed): it has two \(field)")
        default: throw .format("\(malformed): it has a field \(field.inErrors)")
        }
      }
    } catch {
      throw error.completed(malformed)
    }
    guard let dtype, let shape, let offsets else {
      throw .format("\(malformed): it needs dtype, shape and data_offsets")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw .format("\(malformed): its data_offsets are not a beginning and an end")
    }
    return Entry(dtype: dtype, shape: shape, offsets: offsets[0]..<offsets[1])
  }
}

/// Why a header is refused.
enum HeaderFault: Error {
  /// In whole words.
  case format(String)
  /// Not the JSON that should stand there: what should, and where.
  case syntax(String)

  /// - Parameter subject: what is wrong where the JSON is
  fileprivate func completed(_ subject: String) -> HeaderFault {
    switch self {
    case .format: self
    case .syntax(let detail): .format("\(subject): \(detail)")
    }
  }

  var reason: String {
    switch self {
    case .format(let reason), .syntax(let reason): reason
    }
  }
}

/// Reads the JSON that a header may consist of, piece by piece: objects, strings, and lists of whole numbers.
private struct HeaderReader {
  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The fault of the byte that comes next.
  ///
  /// - Parameter expected: what should stand there
  func syntax(_ expected: String) -> HeaderFault {
    .syntax(
      place < bytes.count ? "byte \(place) should be \(expected)" : "it ends where \(expected) should follow")
  }

  /// Calls `member` with the name of each of an object's members; it reads the value.
  mutating func readObject(
    _ member: (inout HeaderReader, String) throws(HeaderFault) -> Void
  ) throws(HeaderFault) {
    guard take("{") else { throw syntax("\"{\"") }
    if take("}") { return }
    repeat {
      let name = try string()
      guard take(":") else { throw syntax("\":\"") }
      try member(&self, name)
    } while take(",")
    guard take("}") else { throw syntax("\",\" or \"}\"") }
  }

  /// A list of numbers from 0 to the largest `Int`, without fraction or exponent.
  mutating func wholeNumbers(atMost most: Int) throws(HeaderFault) -> [Int] {
    guard take("[") else { throw syntax("\"[\"") }
    var numbers: [Int] = []
    if take("]") { return numbers }
    repeat {
      guard numbers.count < most else { throw .syntax("it lists more than \(most) numbers") }
      numbers.append(try wholeNumber())
    } while take(",")
    guard take("]") else { throw syntax("\",\" or \"]\", behind a whole number") }
    return numbers
  }

  private mutating func wholeNumber() throws(HeaderFault) -> Int {
    skipSpace()
    let start = place
    var number = 0
    while place < bytes.count, case let digit = Int(bytes[place]) - 0x30, (0...9).contains(digit) {
      let (tenfold, overflows) = number.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = tenfold.addingReportingOverflow(digit)
      guard !overflows, !overflowsToo else { throw .syntax("the number at byte \(start) is absurd") }
      number = sum
      place += 1
    }
    guard place > start else { throw syntax("a whole number from 0 on") }
    // JSON has no 007.
    guard place == start + 1 || bytes[start] != UInt8(ascii: "0") else {
      throw .syntax("the number at byte \(start) begins with 0")
    }
    return number
  }

  /// Nothing but white space is left.
  mutating func readEnd() throws(HeaderFault) {
    skipSpace()
    guard place == bytes.count else { throw syntax("the header's end") }
  }

  // MARK: Strings

  mutating func string() throws(HeaderFault) -> String {
    guard take("\"") else { throw syntax("a string") }
    let start = place
    var text: [UInt8] = []
    // Runs between escapes are copied as they are.
    var copied = start
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: "\""):
        text += bytes[copied..<place]
        place += 1
        guard let string = String(validating: text, as: UTF8.self) else {
          throw .syntax("the string at byte \(start) is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"):
        text += bytes[copied..<place]
        place += 1
        try readEscape(into: &text)
        copied = place
      case 0..<0x20: throw syntax("no control character")
      default: place += 1
      }
    }
    throw syntax("a string's end")
  }

  /// The rest of an escape sequence, as UTF-8.
  private mutating func readEscape(into text: inout [UInt8]) throws(HeaderFault) {
    guard place < bytes.count else { throw syntax("an escape sequence") }
    let byte = bytes[place]
    let character: UInt8? =
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte
      case UInt8(ascii: "b"): 0x08
      case UInt8(ascii: "f"): 0x0c
      case UInt8(ascii: "n"): 0x0a
      case UInt8(ascii: "r"): 0x0d
      case UInt8(ascii: "t"): 0x09
      case UInt8(ascii: "u"): nil
      default: throw syntax("an escape sequence")
      }
    place += 1
    if let character {
      text.append(character)
      return
    }
    var code = try hexadecimal()
    // UTF-16's pairs: the first half brings ten bits, the second ten more.
    if (0xd800..<0xdc00).contains(code), place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\\"),
      bytes[place + 1] == UInt8(ascii: "u")
    {
      place += 2
      let low = try hexadecimal()
      guard (0xdc00..<0xe000).contains(low) else { throw .syntax("half a character ends at byte \(place)") }
      code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
    }
    guard let scalar = Unicode.Scalar(code) else {
      throw .syntax("half a character ends at byte \(place)")
    }
    text += UTF8.encode(scalar)!
  }

  /// Four digits.
  private mutating func hexadecimal() throws(HeaderFault) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard place < bytes.count, let digit = Character(Unicode.Scalar(bytes[place])).hexDigitValue else {
        throw syntax("a hexadecimal digit")
      }
      code = code << 4 + UInt32(digit)
      place += 1
    }
    return code
  }

  // MARK: Bytes

  /// Whether the next byte behind white space is this one; if so, it is read.
  private mutating func take(_ byte: Unicode.Scalar) -> Bool {
    skipSpace()
    guard place < bytes.count, bytes[place] == UInt8(ascii: byte) else { return false }
    place += 1
    return true
  }

  private mutating func skipSpace() {
    while place < bytes.count {
      switch bytes[place] {
      case 0x20, 0x09, 0x0a, 0x0d: place += 1
      default: return
      }
    }
  }
}
