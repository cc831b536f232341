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

  /// Set beside the times of the launches themselves, the shortest of each. A run never takes less than its launch;
  /// that it takes little more shows in one of a few attempts, since the tests that run at the same time come between
  /// launches. Measured alone, in the first: 1.02 to 1.05 with 1 ms to a run, of
  /// which the launch is 12 us; 1.01 to 1.03 with 4 ms.
  @Test(arguments: [1_000_000, 4_000_000])
  func timesAreTheDevices(steps: Int) throws {
    let device = try TestDevice(profiling: true)
    let result = try Buffer(device.queue, floats: 1, label: "result")
    let launch = Launch(
      try Kernel(device.program(Self.chain), "chain", [.buffer(result), .int(Int32(steps))]),
      global: [1], local: [1])
    var ratio = Double.infinity
    for _ in 0..<10 where ratio >= 1.1 {
      var launches = 0
      let times = try device.queue.times(9) { () throws(OpenCLError) in
        try device.queue.enqueue(launch)
        launches += 1
      }
      let own = try device.queue.profile().map { $0.milliseconds * 1e-3 }
      #expect(times.count == 9 && own.count == launches)
      ratio = try #require(times.min()) / #require(own.min())
      #expect(ratio > 0.99)
    }
    #expect(ratio < 1.1)
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
