import COpenCL
import Foundation

/// A built program for one device. Build it through `ProgramCache`, which knows what was built before. Any thread may
/// make kernels of it.
public final class Program: Sendable {
  /// The options of every build: the language version, no warnings, whose number PoCL would print, and nothing that changes
  /// rounding; then those of the user's PIX2PIX_BUILD_OPTIONS, such as -cl-opt-disable where a driver's optimiser is at
  /// fault.
  public static let defaultOptions =
    ["-cl-std=CL1.2", "-w"]
    + (ProcessInfo.processInfo.environment["PIX2PIX_BUILD_OPTIONS"] ?? "").split(separator: " ").map(
      String.init)

  public let name: String
  public let device: Device
  nonisolated(unsafe) let handle: cl_program

  /// Compiles `source` with `options` as one string.
  init(_ context: DriverContext, _ source: ProgramSource, options: String) throws(OpenCLError) {
    handle = try Self.created(context, source)
    name = source.name
    device = context.device
    let status = DriverDeath.naming("compiling \(source.name)", of: device) {
      clBuildProgram(handle, 1, [device.handle], options, nil, nil)
    }
    try succeed(status, "clBuildProgram", options)
  }

  /// Loads the `binary()` of an earlier run. Throws if the driver refuses it.
  init(_ context: DriverContext, name: String, binary: [UInt8]) throws(OpenCLError) {
    handle = try Self.created(context, name, binary)
    self.name = name
    device = context.device
    // The options are in the binary already.
    let status = DriverDeath.naming("loading \(name)", of: device) {
      clBuildProgram(handle, 1, [device.handle], "", nil, nil)
    }
    try succeed(status, "clBuildProgram", "")
  }

  /// Compiles `source` with `options` as one string, to be linked.
  init(_ context: DriverContext, object source: ProgramSource, options: String) throws(OpenCLError) {
    handle = try Self.created(context, source)
    name = source.name
    device = context.device
    let status = DriverDeath.naming("compiling \(source.name)", of: device) {
      clCompileProgram(handle, 1, [device.handle], options, 0, nil, nil, nil, nil)
    }
    try succeed(status, "clCompileProgram", options)
  }

  /// Loads an object's `binary()` of an earlier run. Throws if the driver refuses it.
  init(_ context: DriverContext, name: String, object: [UInt8]) throws(OpenCLError) {
    handle = try Self.created(context, name, object)
    self.name = name
    device = context.device
  }

  /// Links an object into a program whose kernels can be launched.
  init(_ context: DriverContext, linking object: Program) throws(OpenCLError) {
    var status: cl_int = 0
    let handle = DriverDeath.naming("linking \(object.name)", of: context.device) {
      clLinkProgram(context.handle, 1, [context.device.handle], "", 1, [object.handle], nil, nil, &status)
    }
    guard status == CL_SUCCESS, let handle else {
      if let handle { checkRelease(clReleaseProgram(handle), "clReleaseProgram") }
      throw OpenCLError(status, "clLinkProgram", object.name)
    }
    self.handle = handle
    name = object.name
    device = context.device
  }

  private static func created(_ context: DriverContext, _ source: ProgramSource) throws(OpenCLError)
    -> cl_program
  {
    var status: cl_int = 0
    let handle = source.text.withCString { text in
      var text: UnsafePointer<CChar>? = text
      return watched("clCreateProgramWithSource") {
        clCreateProgramWithSource(context.handle, 1, &text, nil, &status)
      }
    }
    try check(status, "clCreateProgramWithSource", source.name)
    guard let handle else { throw OpenCLError(CL_INVALID_PROGRAM, "clCreateProgramWithSource") }
    return handle
  }

  private static func created(
    _ context: DriverContext, _ name: String, _ binary: [UInt8]
  ) throws(OpenCLError) -> cl_program {
    var id: cl_device_id? = context.device.handle
    var length = binary.count
    var status: cl_int = 0
    var binaryStatus: cl_int = 0
    let handle = binary.withUnsafeBufferPointer { bytes in
      var bytes = bytes.baseAddress
      return watched("clCreateProgramWithBinary") {
        clCreateProgramWithBinary(context.handle, 1, &id, &length, &bytes, &binaryStatus, &status)
      }
    }
    guard status == CL_SUCCESS, binaryStatus == CL_SUCCESS, let handle else {
      if let handle { checkRelease(clReleaseProgram(handle), "clReleaseProgram") }
      throw OpenCLError(status == CL_SUCCESS ? binaryStatus : status, "clCreateProgramWithBinary", name)
    }
    return handle
  }

  deinit { checkRelease(clReleaseProgram(handle), "clReleaseProgram") }

  /// The kernels in the program, in the driver's order.
  public func kernelNames() throws(OpenCLError) -> [String] {
    try infoText("clGetProgramInfo") {
      clGetProgramInfo(handle, cl_program_info(CL_PROGRAM_KERNEL_NAMES), $0, $1, $2)
    }.split(separator: ";").map(String.init)
  }

  /// The compiled program, in the driver's own format; empty if the driver has none to give.
  func binary() throws(OpenCLError) -> [UInt8] {
    let size = try info("clGetProgramInfo", as: 0) {
      clGetProgramInfo(handle, cl_program_info(CL_PROGRAM_BINARY_SIZES), $0, $1, $2)
    }
    var bytes = [UInt8](repeating: 0, count: size)
    guard size > 0 else { return bytes }
    let status = bytes.withUnsafeMutableBufferPointer { bytes in
      var pointer = bytes.baseAddress
      return watched("clGetProgramInfo") {
        clGetProgramInfo(
          handle, cl_program_info(CL_PROGRAM_BINARIES), MemoryLayout.size(ofValue: pointer), &pointer, nil)
      }
    }
    try check(status, "clGetProgramInfo", name)
    return bytes
  }

  /// `options`, then a `-D` for each macro in the order of their names, so that equal builds have equal
  /// options. Throws on a macro given twice, or one whose text cannot be an option.
  static func options(
    macros: [(String, String)], options: [String], for name: String
  ) throws(OpenCLError) -> String {
    let sorted = macros.sorted { $0.0 < $1.0 }
    for (macro, next) in zip(sorted, sorted.dropFirst()) where macro.0 == next.0 {
      throw OpenCLError("program \(name): macro \(macro.0) is given twice")
    }
    // Drivers differ in their reading of quotes in options.
    for (macro, value) in sorted
    where macro.isEmpty || (macro + value).contains(where: { $0.isWhitespace || $0 == "\"" }) {
      throw OpenCLError("program \(name): macro \(macro)=\(value) must have no spaces or quotes")
    }
    return (options + sorted.map { "-D \($0)=\($1)" }).joined(separator: " ")
  }

  /// Throws the compiler's log, unless `status` is success.
  private func succeed(
    _ status: cl_int, _ call: StaticString, _ options: String
  ) throws(OpenCLError) {
    guard status != CL_SUCCESS else { return }
    let log = Program.trimmed(buildLog())
    let detail = "program \(name) does not build with \"\(options)\""
    throw OpenCLError(
      status, call, log.firstError.isEmpty ? detail : "\(detail): \(log.firstError)", log: log.text)
  }

  private func buildLog() -> String {
    do throws(OpenCLError) {
      return try infoText("clGetProgramBuildInfo") {
        clGetProgramBuildInfo(
          handle, device.handle, cl_program_build_info(CL_PROGRAM_BUILD_LOG), $0, $1, $2)
      }
    } catch {
      return error.summary
    }
  }

  /// The first lines of a log, and its first line that tells of an error.
  private static func trimmed(_ log: String, lines limit: Int = 20) -> (text: String, firstError: String) {
    let lines = log.split(whereSeparator: \.isNewline)
    let firstError = lines.first { $0.lowercased().contains("error") } ?? lines.first ?? ""
    var shown = lines.prefix(limit)
    if lines.count > limit { shown.append("… \(lines.count - limit) more lines") }
    return (shown.joined(separator: "\n"), String(firstError))
  }
}
