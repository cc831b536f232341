import CLBackend
import Files
import Foundation
import Testing

struct KernelChoicesFileTests {
  private static func path(_ name: String) -> String {
    NSTemporaryDirectory() + "pix2pix-\(UUID().uuidString)-\(name)"
  }

  @Test func survivesTheDisk() throws {
    let device = try Device.select("auto").device.description
    let key = try #require(PassKey("convolution 6>40 4x4 s2 p1 9x9>4x4 n1 lanes output"))
    let path = Self.path("choices.json")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try KernelChoicesFile(KernelChoices([key: "stream 1x4x32"]), device, .gpu).write(to: path)
    let file = try KernelChoicesFile(path: path)
    #expect(file.device == device.fingerprint && file.deviceClass == .gpu)
    #expect(file.choices(source: "here") == KernelChoices([key: "stream 1x4x32"], source: "here"))
  }

  @Test func refusals() throws {
    let path = Self.path("bad.json")
    defer { try? FileManager.default.removeItem(atPath: path) }
    for (text, reason) in [
      ("[1", "holds no kernel choices: "), ("{}", "holds no kernel choices; pix2pix tune --pin FILE writes"),
      (#"{"device": "", "deviceClass": "gpu", "variants": {"pooling": "x"}}"#, "\"pooling\" is no pass"),
      (#"{"device": "", "deviceClass": "gpu", "variants": {"\n\u001b[31mx": "x"}}"#, "\"[31mx\" is no pass"),
      (#"{"device": "", "deviceClass": "\u0000cpu", "variants": {}}"#, "invalid String value cpu"),
    ] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      let error = try #require(throws: OpenCLError.self) { _ = try KernelChoicesFile(path: path) }
      #expect(error.description.hasPrefix(path) && error.description.contains(reason), "\(error)")
    }
    // A file of holes: its first 16 MiB are read.
    #expect(truncate(path, 1 << 40) == 0)
    let long = try #require(throws: OpenCLError.self) { _ = try KernelChoicesFile(path: path) }
    #expect(long.description.hasPrefix("\(path): holds no kernel choices"))
    let none = try #require(throws: OpenCLError.self) { _ = try KernelChoicesFile(path: path + ".none") }
    #expect(none.description == "\(path).none: no such file; did you mean \(path)?")
    let device = try Device.select("auto").device.description
    let unwritable = try #require(throws: FileError.self) {
      try KernelChoicesFile(KernelChoices(), device, .cpu).write(to: "\(path)/none/choices.json")
    }
    #expect(unwritable.description.hasPrefix(path))
  }
}
