import COpenCL
import Foundation
import Synchronization

/// An error of an OpenCL call, or a request refused before it reached OpenCL.
public struct OpenCLError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The status OpenCL returned; nil when the request was refused before any call.
  public let status: Int32?
  /// The C function that failed; empty when `status` is nil.
  public let call: String
  /// The object of the request: the buffer, kernel, program or option by name.
  public let detail: String
  /// The start of a program's build log, for build failures only.
  public let log: String?

  init(_ status: cl_int, _ call: StaticString, _ detail: String = "", log: String? = nil) {
    self.status = status
    self.call = call.description
    self.detail = detail
    self.log = log
  }

  /// A refusal of our own; the text alone must tell the user what to do.
  init(_ detail: String, log: String? = nil) {
    status = nil
    call = ""
    self.detail = detail
    self.log = log
  }

  /// The same error with the name of the object before its detail, if it does not begin with it.
  func of(_ object: String) -> OpenCLError {
    guard !detail.hasPrefix(object) else { return self }
    return OpenCLError(self, detail: detail.isEmpty ? object : "\(object): \(detail)")
  }

  private init(_ error: OpenCLError, detail: String) {
    (status, call, log) = (error.status, error.call, error.log)
    self.detail = detail
  }

  /// OpenCL's name of the status, such as `CL_OUT_OF_RESOURCES`; empty when `status` is nil.
  public var name: String { status.map(OpenCLError.name(of:)) ?? "" }

  /// The error in one line: the object, the call, OpenCL's name of the status.
  public var summary: String {
    guard status != nil else { return detail }
    return detail.isEmpty ? "\(call): \(name)" : "\(detail): \(call): \(name)"
  }

  /// The summary, followed by the build log where there is one.
  public var description: String {
    guard let log, !log.isEmpty else { return summary }
    return summary + "\n" + log
  }

  /// OpenCL's name of a status.
  static func name(of status: cl_int) -> String {
    names[status] ?? "OpenCL error \(status)"
  }

  private static let names: [Int32: String] = [
    0: "CL_SUCCESS",
    -1: "CL_DEVICE_NOT_FOUND",
    -2: "CL_DEVICE_NOT_AVAILABLE",
    -3: "CL_COMPILER_NOT_AVAILABLE",
    -4: "CL_MEM_OBJECT_ALLOCATION_FAILURE",
    -5: "CL_OUT_OF_RESOURCES",
    -6: "CL_OUT_OF_HOST_MEMORY",
    -7: "CL_PROFILING_INFO_NOT_AVAILABLE",
    -8: "CL_MEM_COPY_OVERLAP",
    -9: "CL_IMAGE_FORMAT_MISMATCH",
    -10: "CL_IMAGE_FORMAT_NOT_SUPPORTED",
    -11: "CL_BUILD_PROGRAM_FAILURE",
    -12: "CL_MAP_FAILURE",
    -13: "CL_MISALIGNED_SUB_BUFFER_OFFSET",
    -14: "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST",
    -15: "CL_COMPILE_PROGRAM_FAILURE",
    -16: "CL_LINKER_NOT_AVAILABLE",
    -17: "CL_LINK_PROGRAM_FAILURE",
    -18: "CL_DEVICE_PARTITION_FAILED",
    -19: "CL_KERNEL_ARG_INFO_NOT_AVAILABLE",
    -30: "CL_INVALID_VALUE",
    -31: "CL_INVALID_DEVICE_TYPE",
    -32: "CL_INVALID_PLATFORM",
    -33: "CL_INVALID_DEVICE",
    -34: "CL_INVALID_CONTEXT",
    -35: "CL_INVALID_QUEUE_PROPERTIES",
    -36: "CL_INVALID_COMMAND_QUEUE",
    -37: "CL_INVALID_HOST_PTR",
    -38: "CL_INVALID_MEM_OBJECT",
    -39: "CL_INVALID_IMAGE_FORMAT_DESCRIPTOR",
    -40: "CL_INVALID_IMAGE_SIZE",
    -41: "CL_INVALID_SAMPLER",
    -42: "CL_INVALID_BINARY",
    -43: "CL_INVALID_BUILD_OPTIONS",
    -44: "CL_INVALID_PROGRAM",
    -45: "CL_INVALID_PROGRAM_EXECUTABLE",
    -46: "CL_INVALID_KERNEL_NAME",
    -47: "CL_INVALID_KERNEL_DEFINITION",
    -48: "CL_INVALID_KERNEL",
    -49: "CL_INVALID_ARG_INDEX",
    -50: "CL_INVALID_ARG_VALUE",
    -51: "CL_INVALID_ARG_SIZE",
    -52: "CL_INVALID_KERNEL_ARGS",
    -53: "CL_INVALID_WORK_DIMENSION",
    -54: "CL_INVALID_WORK_GROUP_SIZE",
    -55: "CL_INVALID_WORK_ITEM_SIZE",
    -56: "CL_INVALID_GLOBAL_OFFSET",
    -57: "CL_INVALID_EVENT_WAIT_LIST",
    -58: "CL_INVALID_EVENT",
    -59: "CL_INVALID_OPERATION",
    -60: "CL_INVALID_GL_OBJECT",
    -61: "CL_INVALID_BUFFER_SIZE",
    -62: "CL_INVALID_MIP_LEVEL",
    -63: "CL_INVALID_GLOBAL_WORK_SIZE",
    -64: "CL_INVALID_PROPERTY",
    -65: "CL_INVALID_IMAGE_DESCRIPTOR",
    -66: "CL_INVALID_COMPILER_OPTIONS",
    -67: "CL_INVALID_LINKER_OPTIONS",
    -68: "CL_INVALID_DEVICE_PARTITION_COUNT",
    -1001: "CL_PLATFORM_NOT_FOUND_KHR",
  ]
}

/// The one place where a status becomes an error. `detail` names the object of the request.
@inline(__always)
func check(
  _ status: cl_int, _ call: StaticString, _ detail: @autoclosure () -> String = ""
) throws(OpenCLError) {
  if status != CL_SUCCESS { throw OpenCLError(status, call, detail()) }
}

/// For `deinit`: the first failed release is told on stderr; it never stops the program. A device that is lost fails them
/// all.
func checkRelease(_ release: @autoclosure () -> cl_int, _ call: StaticString) {
  let status = watched(call, release)
  guard status != CL_SUCCESS, !hasReleaseFailed.exchange(true, ordering: .relaxed) else { return }
  logToStandardError(OpenCLError(status, call).summary)
}

private let hasReleaseFailed = Atomic(false)

/// One line on stderr, marked as ours.
func logToStandardError(_ line: String) {
  try? FileHandle.standardError.write(contentsOf: Data("pix2pix: \(line)\n".utf8))
}

/// The shape of every clGet…Info call once its first arguments are bound: size, where to, size returned.
typealias InfoCall = (Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> cl_int

/// A scalar answer of a clGet…Info call; `value` gives its type and is overwritten.
func info<T: BitwiseCopyable>(
  _ call: StaticString, as value: T, _ read: InfoCall
) throws(OpenCLError) -> T {
  var value = value
  let status = watched(call) { read(MemoryLayout<T>.size, &value, nil) }
  try check(status, call)
  return value
}

/// A text answer of a clGet…Info call, without its terminating zero and outer white space.
func infoText(_ call: StaticString, _ read: InfoCall) throws(OpenCLError) -> String {
  var size = 0
  let sizing = watched(call) { read(0, nil, &size) }
  try check(sizing, call)
  guard size > 0 else { return "" }
  var bytes = [UInt8](repeating: 0, count: size)
  let status = watched(call) { bytes.withUnsafeMutableBytes { read(size, $0.baseAddress, nil) } }
  try check(status, call)
  return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    .trimmingCharacters(in: .whitespacesAndNewlines)
}
