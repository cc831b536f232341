import Kernels

/// A launch whose program is not built yet, and whose buffers may have no memory yet.
package struct PlannedLaunch {
  enum Work {
    /// A kernel of a program, by its name.
    case kernel(String, of: ProgramCache.Request, [KernelArgument], global: [Int], local: [Int]?)
    case product(MatrixProduct)
  }

  /// The step's name with the kernel's.
  package let label: String
  /// The derived tensor that it writes; nil where it writes none.
  let derivation: Derivation?
  private(set) var work: Work
  private var copies = 0

  init(label: String, derivation: Derivation?, work: Work) {
    self.label = label
    self.derivation = derivation
    self.work = work
  }

  /// A launch of a kernel in an embedded file.
  init(
    _ label: String, _ source: KernelSource, _ kernel: String, macros: [(String, String)],
    arguments: [KernelArgument], global: [Int], local: [Int]? = nil, derivation: Derivation? = nil
  ) throws(OpenCLError) {
    let request = ProgramCache.Request(source: try ProgramSource(source), macros: macros)
    self.init(
      label: label, derivation: derivation,
      work: .kernel(kernel, of: request, arguments, global: global, local: local))
  }

  /// nil for a matrix product.
  var program: ProgramCache.Request? {
    guard case .kernel(_, let request, _, _, _) = work else { return nil }
    return request
  }

  /// The buffers that it reads and writes.
  var buffers: [Buffer] {
    switch work {
    case .kernel(_, _, let arguments, _, _):
      arguments.compactMap { if case .buffer(let buffer) = $0 { buffer } else { nil } }
    case .product(let product): product.buffers
    }
  }

  /// Has the kernel write a copy of its result too: see `LaunchPlanner.launchWithCopies`.
  mutating func addCopy(_ target: [KernelArgument]) {
    guard case .kernel(let kernel, let request, let arguments, let global, let local) = work else { return }
    copies += 1
    precondition(request.macros.last?.0 == "COPIES", "\(label) writes no copies")
    work = .kernel(
      kernel,
      of: ProgramCache.Request(
        source: request.source, macros: request.macros.dropLast() + [("COPIES", "\(copies)")]),
      arguments + target, global: global, local: local)
  }

  /// Builds the program. The launch is still to be bound to memory.
  func make(_ programs: ProgramCache) throws(OpenCLError) -> Launch {
    switch work {
    case .kernel(let kernel, let request, let arguments, let global, let local):
      let program = try programs.program(request.source, macros: request.macros)
      return Launch(
        try Kernel(program, kernel, deferring: arguments), global: global, local: local, label: label)
    case .product(let product):
      programs.context.usesCLBlast = true
      return Launch(product, label: label)
    }
  }
}

extension Clearing {
  func launch(_ deviceClass: DeviceClass) throws(OpenCLError) -> PlannedLaunch {
    let pixels = isBorderOnly ? map.pixels - map.height * map.width : map.pixels
    // CPU: one work-item per 4,096 pixels; GPU: one each.
    let local = deviceClass == .cpu ? 1 : 64
    let items = deviceClass == .cpu ? (pixels + 4095) / 4096 : (pixels + local - 1) / local * local
    let size = SIMD4(Int32(map.height), Int32(map.width), Int32(map.border), isBorderOnly ? 0 : 1)
    return try PlannedLaunch(
      "\(buffer.label)/clear", .border, "clear", macros: [], arguments: [.buffer(buffer), .int4(size)],
      global: [items, maps], local: [local, 1])
  }
}
