import COpenCL

/// A kernel with its range, or a matrix product, ready to be enqueued any number of times. It describes itself for errors.
public struct Launch: CustomStringConvertible {
  private enum Work {
    case kernel(Kernel)
    case product(MatrixProduct)
  }

  private let work: Work
  /// Work-items in all, one to three dimensions.
  public let global: [Int]
  /// Work-items per work-group; the driver chooses when nil.
  public let local: [Int]?
  /// Its name in profiles and errors.
  public let label: String

  /// `global` must be a multiple of `local` in each dimension, as OpenCL 1.2 demands. The label is the
  /// kernel's name unless given.
  public init(_ kernel: Kernel, global: [Int], local: [Int]? = nil, label: String? = nil) {
    work = .kernel(kernel)
    self.global = global
    self.local = local
    self.label = label ?? kernel.name
    precondition((1...3).contains(global.count) && global.allSatisfy { $0 > 0 }, description)
    if let local {
      precondition(local.count == global.count && local.allSatisfy { $0 > 0 }, description)
      precondition(zip(global, local).allSatisfy { $0.isMultiple(of: $1) }, description)
    }
  }

  init(_ product: MatrixProduct, label: String) {
    work = .product(product)
    (global, local) = ([product.rows, product.columns], nil)
    self.label = label
  }

  public var description: String {
    guard case .kernel(let kernel) = work else { return "launch \(label)" }
    let groups = local.map { " in groups of \($0)" } ?? ""
    return "launch \(label) (kernel \(kernel.name)) over \(global)\(groups)"
  }

  /// The call that enqueues it.
  fileprivate var call: StaticString {
    if case .kernel = work { "clEnqueueNDRangeKernel" } else { "CLBlastSgemm" }
  }

  /// Gives the buffers their memory, and a kernel its arguments where that was put off.
  func bind() throws(OpenCLError) {
    switch work {
    case .kernel(let kernel): try kernel.bind()
    case .product(let product): for buffer in product.buffers { _ = try buffer.handle() }
    }
  }

  /// The bare call; allocates nothing.
  fileprivate func enqueue(on queue: cl_command_queue, event: UnsafeMutablePointer<cl_event?>?) -> cl_int {
    let kernel: Kernel
    switch work {
    case .product(let product): return product.enqueue(on: queue, event: event)
    case .kernel(let value): kernel = value
    }
    return global.withUnsafeBufferPointer { global in
      guard let local else {
        return clEnqueueNDRangeKernel(
          queue, kernel.handle, cl_uint(global.count), nil, global.baseAddress, nil, 0, nil, event)
      }
      return local.withUnsafeBufferPointer { local in
        clEnqueueNDRangeKernel(
          queue, kernel.handle, cl_uint(global.count), nil, global.baseAddress, local.baseAddress, 0, nil,
          event)
      }
    }
  }
}

extension Queue {
  /// Enqueues one kernel; nothing waits for it.
  public func enqueue(_ launch: Launch) throws(OpenCLError) {
    try enqueue(launch.label, launch.call, launch.description) { queue, event in
      launch.enqueue(on: queue, event: event)
    }
  }
}
