import COpenCL

/// One argument of a kernel; the case must be the type the kernel declares.
public enum KernelArgument {
  case buffer(Buffer)
  case int(Int32)
  case uint(UInt32)
  case float(Float)
  case int4(SIMD4<Int32>)
  case float4(SIMD4<Float>)
  case long(Int64)
  /// Local memory for a `__local` pointer.
  case local(bytes: Int)
}

/// A kernel object of a program. Its arguments are bound once, so each launch has a Kernel of its own.
public final class Kernel {
  public let name: String
  /// As the kernel declares it.
  public let argumentCount: Int
  let handle: cl_kernel
  private let program: Program
  /// Keeps the buffers alive: OpenCL does not retain them.
  private var arguments: [KernelArgument] = []

  /// Throws if the program has no kernel of that name; the error lists those it has.
  public init(_ program: Program, _ name: String) throws(OpenCLError) {
    var status: cl_int = 0
    let handle = DriverDeath.naming("making the kernel \(name)", of: program.device) {
      clCreateKernel(program.handle, name, &status)
    }
    if status == CL_INVALID_KERNEL_NAME {
      let names = try program.kernelNames().joined(separator: ", ")
      throw OpenCLError("program \(program.name) has no kernel \(name); it has \(names)")
    }
    try check(status, "clCreateKernel", "kernel \(name) of \(program.name)")
    guard let handle else { throw OpenCLError(CL_INVALID_KERNEL, "clCreateKernel", name) }
    var count: cl_uint = 0
    status = watched("clGetKernelInfo") {
      clGetKernelInfo(
        handle, cl_kernel_info(CL_KERNEL_NUM_ARGS), MemoryLayout<cl_uint>.size, &count, nil)
    }
    self.handle = handle
    self.name = name
    self.program = program
    argumentCount = Int(count)
    try check(status, "clGetKernelInfo", "kernel \(name) of \(program.name)")
  }

  /// The same with arguments that `bind` binds later: their buffers need no memory until then.
  convenience init(
    _ program: Program, _ name: String, deferring arguments: [KernelArgument]
  ) throws(OpenCLError) {
    try self.init(program, name)
    self.arguments = arguments
  }

  /// Binds the arguments that were deferred.
  func bind() throws(OpenCLError) { try setArguments(arguments) }

  /// The same with the arguments bound.
  public convenience init(
    _ program: Program, _ name: String, _ arguments: [KernelArgument]
  ) throws(OpenCLError) {
    try self.init(program, name)
    try setArguments(arguments)
  }

  /// The most work-items of a work-group that the driver runs the kernel with.
  func mostWorkItems() throws(OpenCLError) -> Int {
    var most = 0
    let status = watched("clGetKernelWorkGroupInfo") {
      clGetKernelWorkGroupInfo(
        handle, program.device.handle, cl_kernel_work_group_info(CL_KERNEL_WORK_GROUP_SIZE),
        MemoryLayout<Int>.size, &most, nil)
    }
    try check(status, "clGetKernelWorkGroupInfo", "kernel \(name) of \(program.name)")
    return most
  }

  deinit { checkRelease(clReleaseKernel(handle), "clReleaseKernel") }

  /// Binds all arguments. Throws if their number, or the size of one of them, is not what the kernel
  /// declares.
  public func setArguments(_ arguments: [KernelArgument]) throws(OpenCLError) {
    guard arguments.count == argumentCount else {
      throw OpenCLError(
        "kernel \(name) of \(program.name) takes \(argumentCount) arguments, got \(arguments.count)")
    }
    self.arguments = arguments
    for (index, argument) in arguments.enumerated() {
      let position = cl_uint(index)
      func set<T: BitwiseCopyable>(_ value: T) -> cl_int {
        withUnsafeBytes(of: value) { bytes in
          watched("clSetKernelArg") { clSetKernelArg(handle, position, bytes.count, bytes.baseAddress) }
        }
      }
      let status =
        switch argument {
        case .buffer(let buffer): set(try buffer.handle())
        case .int(let value): set(value)
        case .uint(let value): set(value)
        case .float(let value): set(value)
        case .int4(let value): set(value)
        case .float4(let value): set(value)
        case .long(let value): set(value)
        case .local(let bytes): watched("clSetKernelArg") { clSetKernelArg(handle, position, bytes, nil) }
        }
      try check(status, "clSetKernelArg", "argument \(index) of kernel \(name) of \(program.name)")
    }
  }
}
