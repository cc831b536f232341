import Kernels

/// A launch whose program is not built yet, and whose buffers may have no memory yet.
package struct PlannedLaunch {
  enum Work {
    /// A kernel of a program, by its name.
    case kernel(String, of: ProgramCache.Request, [KernelArgument], range: Range)
    case product(MatrixProduct)
  }

  /// Work-items, and how they are grouped.
  struct Range {
    let global: [Int]
    let local: [Int]?
    let smaller: SmallerGroups
  }

  /// Whether a kernel also runs in smaller work-groups than planned, as some drivers want of kernels that need many
  /// registers. Their sizes are powers of two.
  enum SmallerGroups {
    /// The program is compiled for the size.
    case never
    /// In more of them.
    case more
    /// In as many, whose work-items take more each: a work-group makes a sum. Four neighbours share a pixel.
    case sameNumber
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
    arguments: [KernelArgument], global: [Int], local: [Int]? = nil, smaller: SmallerGroups = .never,
    derivation: Derivation? = nil
  ) throws(OpenCLError) {
    let request = ProgramCache.Request(source: try ProgramSource(source), macros: macros)
    self.init(
      label: label, derivation: derivation,
      work: .kernel(
        kernel, of: request, arguments, range: Range(global: global, local: local, smaller: smaller)))
  }

  /// nil for a matrix product.
  var program: ProgramCache.Request? {
    guard case .kernel(_, let request, _, _) = work else { return nil }
    return request
  }

  /// The kernel's name; of a matrix product, that of CLBlast's kernels.
  var kernelName: String {
    switch work {
    case .kernel(let name, _, _, _): name
    case .product: "Xgemm (CLBlast)"
    }
  }

  /// The buffers that it reads and writes.
  var buffers: [Buffer] {
    switch work {
    case .kernel(_, _, let arguments, _):
      arguments.compactMap { if case .buffer(let buffer) = $0 { buffer } else { nil } }
    case .product(let product): product.buffers
    }
  }

  /// Has the kernel write a copy of its result too: see `LaunchPlanner.launchWithCopies`.
  mutating func addCopy(_ target: [KernelArgument]) {
    guard case .kernel(let kernel, let request, let arguments, let range) = work else { return }
    copies += 1
    precondition(request.macros.last?.0 == "COPIES", "\(label) writes no copies")
    work = .kernel(
      kernel,
      of: ProgramCache.Request(
        source: request.source, macros: request.macros.dropLast() + [("COPIES", "\(copies)")]),
      arguments + target, range: range)
  }

  /// Builds the program. The launch is still to be bound to memory.
  ///
  /// - Parameter mostWorkItems: of a work-group; the driver may allow the kernel less
  /// - Throws: `OpenCLError` when the program does not compile, or its work-groups must be smaller than they can be
  func make(_ programs: ProgramCache, mostWorkItems: Int) throws(OpenCLError) -> Launch {
    switch work {
    case .kernel(let name, let request, let arguments, let range):
      let program = try programs.program(request.source, macros: request.macros)
      let kernel = try Kernel(program, name, deferring: arguments)
      // Of a kernel that is compiled for its size the driver has agreed to that; rusticl speaks of 32 all the same.
      let most = range.smaller == .never ? mostWorkItems : min(mostWorkItems, try kernel.mostWorkItems())
      guard let range = range.grouped(byAtMost: most) else {
        throw OpenCLError(
          "\(label): kernel \(name) of \(program.name) needs work-groups of \(range.local!); \(program.device.description.name) allows it \(most) work-items; name another --device, or other kernels by --choices"
        )
      }
      return Launch(kernel, global: range.global, local: range.local, label: label)
    case .product(let product):
      programs.context.usesCLBlast = true
      return Launch(product, label: label)
    }
  }
}

extension PlannedLaunch.Range {
  /// The same work in work-groups of at most `most`; nil where there are no such.
  func grouped(byAtMost most: Int) -> Self? {
    guard var local, local.reduce(1, *) > most else { return self }
    var global = global
    while local.reduce(1, *) > most {
      // Sums keep the four neighbours of a pixel, along the first dimension.
      let least = { (axis: Int) in smaller == .sameNumber && axis == 0 ? 4 : 1 }
      guard smaller != .never, let axis = local.indices.last(where: { local[$0] > least($0) }) else {
        return nil
      }
      local[axis] /= 2
      if smaller == .sameNumber { global[axis] /= 2 }
    }
    return Self(global: global, local: local, smaller: smaller)
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
      global: [items, maps], local: [local, 1], smaller: .more)
  }
}
