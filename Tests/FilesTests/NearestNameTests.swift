import Files
import Foundation
import Testing

/// What is proposed for a name that is not there.
@Suite struct NearestNameTests {
  @Test(
    arguments: [
      ("facade", ["facades", "maps"], "facades"), ("faces", ["facades", "maps"], "facades"),
      ("FACADES", ["facades"], "facades"), ("Facade", ["facade", "facades"], "facade"),
      // A third of a long name.
      ("step-0000100.safetensor", ["step-00000100.safetensors"], "step-00000100.safetensors"),
      ("checkpoints-of-monday", ["checkpoints-of-friday"], "checkpoints-of-friday"),
      ("trian", ["translate", "train", "train-scorer"], "train"),
      // Of equally near ones the first.
      ("run4", ["run3", "run2"], "run2"),
      // Nothing in common, too far, or the very name.
      ("a", ["b"], nil), ("ab", ["cd"], nil), ("run", ["pictures"], nil), ("facades", ["facades"], nil),
      ("run", [], nil), ("é", ["e"], nil), ("cafe", ["café"], "café"),
    ] as [(String, [String], String?)])
  func nearest(_ name: String, _ names: [String], _ expected: String?) {
    #expect(NearestName.of(name, among: names) == expected)
  }

  @Test func pathsAreLookedForWhereTheirFoldersAre() throws {
    let top = NSTemporaryDirectory() + "pix2pix-files-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: top) }
    for folder in ["runs/facades/checkpoints", "runs/.hidden", "Data"] {
      try FileManager.default.createDirectory(atPath: "\(top)/\(folder)", withIntermediateDirectories: true)
    }
    try Data().write(to: URL(fileURLWithPath: "\(top)/runs/facades.txt"))
    let cases: [(String, MissingPath.Kind, String?)] = [
      ("runs/facade", .either, "runs/facades"), ("runs/facade/", .folder, "runs/facades"),
      ("runs/facade/checkpoints/step-1.safetensors", .file, "runs/facades"),
      ("runs/facades/checkpoint/step-1.safetensors", .file, "runs/facades/checkpoints"),
      // Only what is wanted.
      ("runs/facade", .file, nil), ("runs/facade.txt", .file, "runs/facades.txt"),
      ("runs/facades.tx/x", .file, "runs/facades"), ("data", .folder, "Data"),
      ("data/train", .folder, "Data"),
      ("runs/hidden", .folder, nil), ("runs/.hiden", .folder, "runs/.hidden"), ("other/run", .either, nil),
      // Through a file there is no way.
      ("runs/facades.txt/x", .file, nil),
    ]
    for (path, kind, expected) in cases {
      #expect(MissingPath.nearest(to: "\(top)/\(path)", kind) == expected.map { "\(top)/\($0)" }, "\(path)")
    }
    #expect(MissingPath.nearest(to: "/", .folder) == nil && MissingPath.nearest(to: "", .file) == nil)
    #expect(
      FileError("\(top)/run", missing: .folder).description
        == "\(top)/run: no such folder; did you mean \(top)/runs?")
    #expect(FileError("\(top)/none", missing: .either).description == "\(top)/none: no such file or folder")
    let error = #expect(throws: FileError.self) { try RegularFile.contents("\(top)/runs/facade.txt") }
    #expect(error?.reason == "no such file; did you mean \(top)/runs/facades.txt?")
  }
}
