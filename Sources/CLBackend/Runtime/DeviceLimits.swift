import Kernels

/// The limits of a device, measured: benchmarks compare layers with them.
public struct DeviceLimits: Sendable, Codable {
  /// Float multiply-adds from registers, two operations each, in 10^9 operations per second.
  public let gflops: Double
  /// Reads and writes of arrays too large for any cache, in 10^9 bytes per second.
  public let gigabytesPerSecond: Double

  /// Measures both; takes about a second.
  ///
  /// - Parameter vectorWidth: see `OpenCLExecutor`; wider vectors than registers would spill
  public init(of device: Device, vectorWidth: Int? = nil) throws(OpenCLError) {
    let context = try Context(device)
    let queue = try Queue(context)
    let isCPU = device.description.deviceClass == .cpu
    let width = vectorWidth ?? device.description.nativeFloatVectorWidth
    let lanes = isCPU ? (width >= 16 ? 16 : width >= 8 ? 8 : 4) : 4
    let program = try ProgramCache(context).program(.limits, macros: [("LANES", "\(lanes)")])
    let units = device.description.computeUnits
    let local = isCPU ? 1 : min(256, device.description.maxWorkGroupSize)

    let workItems = isCPU ? units * 4 : units * 2048
    let steps = isCPU ? 2_000_000 : 4096
    let result = try Buffer(queue, floats: workItems, label: "results of the arithmetic limit")
    let arithmetic = Launch(
      try Kernel(
        program, "multiply_add", [.buffer(result), .int(Int32(steps)), .float(0.999), .float(0.001)]),
      global: [workItems], local: [local])
    let operations = Double(workItems) * Double(steps) * 12 * Double(lanes) * 2
    gflops = operations / (try Self.bestTime(queue, arithmetic)) / 1e9

    // At most a sixteenth of the memory; milliseconds on any device.
    let most = min(256 << 20, device.description.globalMemory / 16, device.description.maxAllocation)
    let bytes = most - most % (1 << 20)
    let x = try Buffer(queue, byteCount: bytes, label: "source of the traffic limit")
    let y = try Buffer(queue, byteCount: bytes, label: "target of the traffic limit")
    let vectors = bytes / 4 / lanes
    let groups = isCPU ? units * 16 : units * 32
    let run = vectors / groups
    let traffic = Launch(
      try Kernel(program, "scale", [.buffer(x), .buffer(y), .int(Int32(run)), .float(0.5)]),
      global: [groups * local], local: [local])
    let moved = 2 * Double(groups * run * lanes * 4)
    gigabytesPerSecond = moved / (try Self.bestTime(queue, traffic)) / 1e9
  }

  /// Seconds of the fastest of several runs.
  private static func bestTime(_ queue: Queue, _ launch: Launch) throws(OpenCLError) -> Double {
    let clock = ContinuousClock()
    var best = Double.infinity
    for _ in 0..<6 {
      try queue.finish()
      let start = clock.now
      try queue.enqueue(launch)
      try queue.finish()
      best = min(best, (clock.now - start) / .seconds(1))
    }
    return best
  }
}
