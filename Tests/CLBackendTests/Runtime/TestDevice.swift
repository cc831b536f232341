import CLBackend
import Foundation
import Testing

/// The device all these tests run on. Without one they fail: a machine that checks this code has OpenCL.
struct TestDevice {
  let context: Context
  let queue: Queue

  init(profiling: Bool = false) throws {
    let devices = try Device.all()
    try #require(!devices.isEmpty, "no OpenCL device; install one, e.g. pocl-opencl-icd")
    context = try Context(try Device.select("auto").device)
    queue = try Queue(context, profiling: profiling)
  }

  func program(_ text: String, name: String = "test.cl", macros: [(String, String)] = []) throws -> Program {
    try ProgramCache(context, directory: nil, keeping: .program).program(
      ProgramSource(name: name, text: text), macros: macros)
  }
}

/// A folder of its own under the system's temporary one, gone at the end of `body`.
func withTemporaryFolder(_ body: (String) throws -> Void) throws {
  let path = NSTemporaryDirectory() + "pix2pix-test-" + UUID().uuidString
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  try body(path)
}

/// The error `body` throws; the test fails if it throws none.
func openCLError(_ body: () throws -> Void) throws -> OpenCLError {
  try #require(throws: OpenCLError.self) { try body() }
}

extension DeviceClass {
  /// The kernels that are tested: both classes on any device, but where the compiler of a CPU fails with those for CPUs.
  static let tested: [DeviceClass] = {
    let isOfGPUs = (try? Device.select("auto").device.description.kernelsInWords) ?? nil
    return isOfGPUs == nil ? [.cpu, .gpu] : [.gpu]
  }()
}
