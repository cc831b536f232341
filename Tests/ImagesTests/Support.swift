import Foundation
import Images
import Testing

/// The path of a file that make_fixtures.py made.
func fixture(_ name: String) -> String {
  Bundle.module.resourceURL!.appendingPathComponent("Fixtures/\(name)").path
}

func bytes(ofFixture name: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture(name))))
}

/// A folder of its own for a test, removed when the value goes.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/images-tests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file, making the folders above it, and returns its path.
  @discardableResult
  func write(_ name: String, _ content: [UInt8]) throws -> String {
    let file = "\(path)/\(name)"
    let folder = (file as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(content).write(to: URL(fileURLWithPath: file))
    return file
  }

  @discardableResult
  func write(_ name: String, _ picture: Picture) throws -> String {
    let file = try write(name, [])
    try picture.write(to: file, replacing: .any)
    return file
  }

  func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
  }
}

extension Picture {
  /// Samples of either depth.
  var values: [Int] {
    switch samples {
    case .eight(let values): values.map(Int.init)
    case .sixteen(let values): values.map(Int.init)
    }
  }

  /// An 8-bit RGB picture from a formula of x, y, channel; the low 8 bits count.
  init(width: Int, height: Int, _ formula: (Int, Int, Int) -> Int) {
    var samples: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        for channel in 0..<3 { samples.append(UInt8(truncatingIfNeeded: formula(x, y, channel))) }
      }
    }
    self.init(width: width, height: height, channels: 3, samples: .eight(samples))
  }
}

/// The largest difference of samples, and nil when the pictures are not of the same kind and size.
func largestDifference(_ a: Picture, _ b: Picture) -> Int? {
  guard a.width == b.width, a.height == b.height, a.channels == b.channels, a.bitDepth == b.bitDepth else {
    return nil
  }
  return zip(a.values, b.values).map { abs($0 - $1) }.max()
}
