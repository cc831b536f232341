import CLBackend
import Foundation
import Testing

@Suite(.serialized) struct QueueTests {
  /// A chain of multiply-adds in one work-item, some 1 ms for a million: nothing can shorten or spread it.
  private static let chain = """
    __kernel void chain(__global float *result, int steps)
    {
      float value = result[0];
      for (int step = 0; step < steps; step++) value = fma(value, 0.999f, 0.001f);
      result[0] = value;
    }
    """

  /// A time reaches from one marker behind a group of launches to the next, so it lies between what the launches of its
  /// group took and that with the gaps around them: all on the device's clock, however busy the machine is. How many
  /// launches are a group is not known here, but the nine times must fit groups of some size.
  @Test(arguments: [100_000, 4_000_000])
  func timesAreTheDevices(steps: Int) throws {
    let device = try TestDevice(profiling: true)
    let result = try Buffer(device.queue, floats: 1, label: "result")
    let launch = Launch(
      try Kernel(device.program(Self.chain), "chain", [.buffer(result), .int(Int32(steps))]),
      global: [1], local: [1])
    let times = try device.queue.times(9) { () throws(OpenCLError) in try device.queue.enqueue(launch) }
    try device.queue.enqueue(launch)
    let launches = try device.queue.profile()
    try #require(times.count == 9)
    let fits = (1...launches.count / 9).contains { size in
      // The last launch was enqueued here; the nine groups stand before it.
      let first = launches.count - 1 - 9 * size
      return first > 0
        && times.enumerated().allSatisfy { index, time in
          let (begin, end) = (first + index * size, first + (index + 1) * size)
          let least = Double(launches[end - 1].end - launches[begin].start)
          let most = Double(launches[end].start - launches[begin - 1].end)
          // Times are differences of seconds since the machine started.
          return time * Double(size) * 1e9 > least - 1000 && time * Double(size) * 1e9 < most + 1000
        }
    }
    #expect(fits, "\(times) of \(launches)")
  }

  #if os(Linux)
    /// One thread of PoCL's to each core, where the process may use all and the user has not said otherwise.
    @Test func threadsOfPoCLAreTiedToTheirCores() throws {
      let device = try TestDevice().context.device.description
      let chosen = ProcessInfo.processInfo.environment["POCL_AFFINITY"]
      guard device.platform == "Portable Computing Language", chosen == nil || chosen == "1",
        try cores(of: "/proc/self") == cores(online: "/sys/devices/system/cpu/online")
      else { return }
      let tied = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
        .compactMap { try? cores(of: "/proc/self/task/\($0)") }.filter { Int($0) != nil }
      #expect(tied.count >= device.computeUnits && Set(tied).count == device.computeUnits)
    }

    /// Such as "0-15"; "3" for a thread that is tied to one core.
    private func cores(of task: String) throws -> String {
      let status = try String(contentsOfFile: task + "/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") })
      return line.dropFirst("Cpus_allowed_list:".count).trimmingCharacters(in: .whitespaces)
    }

    private func cores(online path: String) throws -> String {
      try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }
  #endif
}
