import Foundation
import Images
import Model
import Testing

/// Files of a few bytes that claim to be huge are refused by their names, in a second of processor time and with 64 MiB beside
/// what the program takes without them.
@Suite struct HostileSizeTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// What a file of that kind may cost, for a shell. Data are all private memory that can be written to; the program itself
  /// takes less than 64 MiB of them.
  private static let limits = "ulimit -t 1; ulimit -d \((64 + 64) << 10); export MALLOC_ARENA_MAX=1"

  struct Hostile: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let file: String
    let message: String
    let bytes: [UInt8]
    /// Zeros behind the bytes, which take no room on the disk.
    var holes = 0

    init(_ name: String, _ file: String, _ message: String, _ bytes: [UInt8], holes: Int = 0) {
      (testDescription, self.file, self.message, self.bytes, self.holes) = (name, file, message, bytes, holes)
    }
  }

  private func write(_ hostile: Hostile) throws -> String {
    let path = try folder.write("data/\(hostile.file)", Data(hostile.bytes))
    if hostile.holes > 0 { #expect(truncate(path, off_t(hostile.bytes.count + hostile.holes)) == 0) }
    return path
  }

  private static func bigEndian(_ number: Int, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  private static func littleEndian(_ number: Int, _ count: Int) -> [UInt8] {
    bigEndian(number, count).reversed()
  }

  // MARK: - Pictures

  private static func chunk(_ name: String, _ content: [UInt8], length: Int? = nil) -> [UInt8] {
    let named = Array(name.utf8) + content
    var crc = UInt32.max
    for byte in named {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return bigEndian(length ?? content.count, 4) + named + bigEndian(Int(~crc), 4)
  }

  private static func png(_ width: Int, _ height: Int, _ chunks: [UInt8]...) -> [UInt8] {
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
      + chunk("IHDR", bigEndian(width, 4) + bigEndian(height, 4) + [8, 2, 0, 0, 0]) + chunks.joined()
      + chunk("IEND", [])
  }

  private static func jpeg(_ width: Int, _ height: Int) -> [UInt8] {
    [0xff, 0xd8, 0xff, 0xc0, 0, 17, 8] + bigEndian(height, 2) + bigEndian(width, 2)
      + [3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0, 0xff, 0xd9]
  }

  private static func npy(_ shape: String, length: Int? = nil) -> [UInt8] {
    let header = Array("{'descr': '|u1', 'fortran_order': False, 'shape': \(shape), }\n".utf8)
    return [0x93] + Array("NUMPY".utf8) + [2, 0] + littleEndian(length ?? header.count, 4) + header
  }

  private static let pictureFiles: [Hostile] = [
    Hostile("2^31 x 2^31 PNG", "p.png", "its header claims", png(1 << 31 - 1, 1 << 31 - 1)),
    Hostile("2^31 x 1 PNG", "p.png", "its header claims", png(1 << 31 - 1, 1)),
    Hostile(
      "the largest PNG, without pixels", "p.png", "p.png", png(16384, 16384, chunk("IDAT", [0x78, 0x9c]))),
    Hostile(
      "a chunk of 671 MB", "p.png", "is damaged or incomplete: the file ends too early",
      png(8, 8, chunk("eXIf", [1, 2, 3], length: 0x2800_0000))),
    Hostile("2^32 pixels of JPEG", "p.jpg", "its header claims", jpeg(65535, 65535)),
    Hostile("the largest JPEG, without pixels", "p.jpg", "p.jpg", jpeg(16384, 16384)),
    Hostile("2^62 values", "p.npy", "its header claims", npy("(2147483648, 2147483648)")),
    Hostile(
      "beyond the largest number", "p.npy", "p.npy", npy("(9223372036854775807, 9223372036854775807, 3)")),
    Hostile(
      "the largest array, without values", "p.npy", "bytes of values should follow", npy("(16384, 16384, 4)")),
    Hostile("a header of 4 GB", "p.npy", "the NPY header is incomplete", npy("(2, 2)", length: 0xffff_ffff)),
    Hostile(
      "a header of 1 GB of holes", "p.npy", "the NPY header is too long", npy("(2, 2)", length: 1 << 30),
      holes: 1 << 30),
  ]

  @Test(arguments: pictureFiles) func pictures(_ hostile: Hostile) throws {
    let file = try write(hostile)
    let arguments = ["train", "--data", "\(folder.path)/data", "--out", "\(folder.path)/run", "--steps", "1"]
    expectFailure(
      try Program.run(arguments + tiny + onReference, shell: Self.limits), "\(file): ", hostile.message)
  }

  /// Sixteen million zeros behind the header of a small picture: what it has no room for is not inflated.
  @Test func bomb() throws {
    let zeros = Picture(
      width: 4096, height: 4096, channels: 1, samples: .eight([UInt8](repeating: 0, count: 1 << 24)))
    let large = try Data(contentsOf: URL(fileURLWithPath: try folder.write("large.png", zeros)))
    let header = Self.bigEndian(65, 4) + Self.bigEndian(32, 4) + [8, 0, 0, 0, 0]
    let file = try folder.write(
      "data/p.png", large.prefix(8) + Self.chunk("IHDR", header) + large.dropFirst(33))
    let arguments = ["train", "--data", "\(folder.path)/data", "--out", "\(folder.path)/run", "--steps", "1"]
    expectFailure(try Program.run(arguments + tiny + onReference, shell: Self.limits), "\(file): ")
  }

  // MARK: - Checkpoints

  private static func safetensors(_ header: String, length: Int? = nil) -> [UInt8] {
    littleEndian(length ?? header.utf8.count, 8) + Array(header.utf8)
  }

  private static func tensor(_ count: Int) -> String {
    #"{"x":{"dtype":"F32","shape":[\#(count)],"data_offsets":[0,\#(4 * count)]}}"#
  }

  private static let modelFiles: [Hostile] = [
    Hostile("a header of 2^63 bytes", "x", "its header claims", safetensors("{}", length: .max)),
    Hostile(
      "a header of 100 MB of holes", "x", "no more than", safetensors("{", length: 100_000_000),
      holes: 1 << 30),
    Hostile("a tensor of 4 TB that is not there", "x", "the file is cut short", safetensors(tensor(1 << 40))),
    Hostile("a tensor of 4 TB of holes", "x", "no checkpoint", safetensors(tensor(1 << 40)), holes: 1 << 42),
    Hostile(
      "a shape beyond the largest number", "x", "the shape of x is absurd",
      safetensors(#"{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#)),
    Hostile(
      "a longest header of nothing", "x", "no checkpoint",
      safetensors("{}" + String(repeating: " ", count: 2_000_000))),
    Hostile(
      "a deep header", "x", "malformed", safetensors(#"{"x":"# + String(repeating: "[", count: 2_000_000))),
  ]

  @Test(arguments: modelFiles) func models(_ hostile: Hostile) throws {
    let file = try write(hostile)
    expectFailure(try translate(file), "\(file): ", hostile.message)
  }

  private func translate(_ model: String) throws -> Outcome {
    let picture = try folder.write("a.png", pattern(32, 32))
    return try Program.run(
      ["translate", "--model", model, "--input", picture, "--out", "\(folder.path)/out"] + onReference,
      shell: Self.limits)
  }

  /// The options ask for a network of a hundred gigabytes.
  @Test func absentTensors() throws {
    var options = TrainingOptions()
    options.network.size = PictureSize(square: 16384)
    (options.network.levels, options.network.ngf) = (10, 512)
    var model = Safetensors()
    model.metadata = [
      "format": "pix2pix checkpoint 2",
      "options": String(decoding: try JSONEncoder().encode(options), as: UTF8.self),
      "progress": #"{"step":1,"badEpochs":0,"rateReductions":0}"#,
    ]
    let file = try folder.write("x.safetensors", model.data())
    expectFailure(try translate(file), "\(file): ", "has no model.model.0.weight")
  }
}
