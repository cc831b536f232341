import Tape

/// A kernel of a program as it is compiled for a device: what a driver may compute wrongly.
public struct KernelIdentity: Hashable, Sendable {
  /// The kernel's name.
  public let name: String
  /// A digest of the program's source and options, the device and its driver.
  let program: String
  /// The same but for the numbers of equal parts that are unrolled in it: a small case may have fewer.
  let kind: String

  /// As it is kept in a file.
  var key: String { "\(name) \(program.prefix(32))" }

  /// Macros that only say how many equal parts one launch has: weights, or copies of a result.
  private static let counts: Set<String> = ["ITEM_COUNT", "COPIES"]

  /// - Throws: `OpenCLError` for macros that cannot be options
  init(_ name: String, of request: ProgramCache.Request, on device: DeviceDescription) throws(OpenCLError) {
    func digest(_ macros: [(String, String)]) throws(OpenCLError) -> String {
      let options = try Program.options(
        macros: macros, options: Program.defaultOptions, for: request.source.name)
      return ProgramBuild(request.source, options: options, for: device).name
    }
    self.name = name
    program = try digest(request.macros)
    let uncounted = request.macros.map { macro, value in
      (macro, Self.counts.contains(macro) && Int(value) ?? 0 > 0 ? "n" : value)
    }
    kind = "\(name) \(try digest(uncounted))"
  }
}

extension PlannedLaunch {
  /// nil for a matrix product, whose kernels are CLBlast's.
  func identity(on device: DeviceDescription) throws(OpenCLError) -> KernelIdentity? {
    guard case .kernel(let name, let request, _, _) = work else { return nil }
    return try KernelIdentity(name, of: request, on: device)
  }
}

/// A result of a kernel that is not the reference's.
public struct KernelFault: Sendable {
  /// Of the step's launches, in order.
  public let kernels: [String]
  public let step: String
  public let tensor: String
  public let comparison: Comparison
  /// The relative L2 error that is allowed.
  public let bound: Double
}
