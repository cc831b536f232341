import Foundation

/// A folder that is removed with it.
final class TestFolder {
  let path = NSTemporaryDirectory() + "pix2pix-pytorch-\(UUID().uuidString)"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
