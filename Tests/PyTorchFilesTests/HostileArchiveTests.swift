import Files
import Foundation
import PyTorchFiles
import Testing

/// Zip archives that no honest program writes.
@Suite struct HostileArchiveTests {
  /// An entry, as its own header and as the list have it.
  private struct Entry {
    var name: String
    var content: [UInt8]
    var method: UInt16 = 0
    var flags: UInt16 = 0
    /// The size that both claim; the content's when nil.
    var claimed: UInt32?
    /// Where the list says that it begins; where it does when nil.
    var offset: UInt32?
  }

  private func number<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  private func archive(_ entries: [Entry], claimedEntries: UInt16? = nil, listOffset: UInt32? = nil)
    -> [UInt8]
  {
    var (bytes, list): ([UInt8], [UInt8]) = ([], [])
    for entry in entries {
      let size = entry.claimed ?? UInt32(entry.content.count)
      let common =
        number(UInt16(20)) + number(entry.flags) + number(entry.method) + number(UInt32(0))
        + number(UInt32(0))
        + number(UInt32(entry.content.count)) + number(size) + number(UInt16(entry.name.utf8.count))
        + number(UInt16(0))
      list +=
        Array("PK\u{1}\u{2}".utf8) + number(UInt16(20)) + common + [UInt8](repeating: 0, count: 10)
        + number(entry.offset ?? UInt32(bytes.count)) + entry.name.utf8
      bytes += Array("PK\u{3}\u{4}".utf8) + common + entry.name.utf8 + entry.content
    }
    let count = claimedEntries ?? UInt16(entries.count)
    return bytes + list + Array("PK\u{5}\u{6}".utf8) + number(UInt32(0)) + number(count) + number(count)
      + number(UInt32(list.count)) + number(listOffset ?? UInt32(bytes.count)) + number(UInt16(0))
  }

  private func refusal(of bytes: [UInt8]) throws -> String {
    let folder = try TestFolder()
    let path = "\(folder.path)/hostile.pth"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return (#expect(throws: FileError.self) { try TensorFile(path) })?.reason ?? ""
  }

  private let pickle = Entry(name: "a/data.pkl", content: Array("}.".utf8))

  @Test func compressedEntriesAreRefused() throws {
    var bomb = pickle
    (bomb.method, bomb.claimed) = (8, .max - 1)
    #expect(try refusal(of: archive([bomb])).contains("is compressed"))
    bomb.method = 0
    #expect(try refusal(of: archive([bomb])).contains("is compressed"))
    var encrypted = pickle
    encrypted.flags = 1
    #expect(try refusal(of: archive([encrypted])).contains("encrypted"))
  }

  @Test func entriesThatOverlapAreRefused() throws {
    // The second is inside the first's content, with a header of its own there.
    let inner = archive([Entry(name: "a/data/0", content: [1, 2, 3, 4])]).prefix(30 + 8 + 4)
    let outer = Entry(name: "a/data.pkl", content: Array(inner))
    var second = Entry(name: "a/data/0", content: [1, 2, 3, 4])
    second.offset = 30 + 10
    #expect(try refusal(of: archive([outer, second])).contains("begins inside"))
    #expect(try refusal(of: archive([pickle, pickle])).contains("two entries"))
  }

  @Test func placesOutsideAreRefused() throws {
    var far = pickle
    far.offset = 1 << 30
    #expect(try refusal(of: archive([far])).contains("lies outside"))
    #expect(try refusal(of: archive([pickle], claimedEntries: 9)).contains("claims 9 entries"))
    #expect(try refusal(of: archive([pickle], claimedEntries: 60000)).contains("more than are read"))
    #expect(try refusal(of: archive([pickle], listOffset: 1 << 30)).contains("outside"))
    // A record of large archives is asked for, and missing.
    #expect(try refusal(of: archive([pickle], listOffset: .max)).contains("missing"))
  }

  @Test func otherArchivesAreRefused() throws {
    #expect(try refusal(of: archive([Entry(name: "word/document.xml", content: [])])).contains("no data.pkl"))
    #expect(
      try refusal(of: archive([Entry(name: "a/constants.pkl", content: []), pickle])).contains("TorchScript"))
    let big = Entry(name: "a/byteorder", content: Array("big".utf8))
    #expect(try refusal(of: archive([pickle, big])).contains("checksum"))
    #expect(try refusal(of: archive([pickle])).contains("checksum"))
    let long = Entry(name: "a/data.pkl", content: [UInt8](repeating: 0, count: (1 << 20) + 1))
    #expect(try refusal(of: archive([long])).contains("no more than 1048576"))
  }

  @Test func otherFilesAreRefused() throws {
    for bytes in [[], [0x80], Array("PK\u{3}\u{4}".utf8), Array("hello world, no model".utf8)] {
      #expect(try !refusal(of: bytes).isEmpty)
    }
  }
}
