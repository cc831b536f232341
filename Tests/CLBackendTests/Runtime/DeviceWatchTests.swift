import CLBackend
import Foundation
import Synchronization
import Testing

/// Calls that wait for a device.
@Suite struct DeviceWatchTests {
  /// What was told, and when it may be looked at.
  private final class Told: Sendable {
    let works = Mutex<[String]>([])
    let signal = DispatchSemaphore(value: 0)
  }

  private func watch(seconds: Double?, _ told: Told) -> DeviceWatch {
    DeviceWatch(seconds: seconds) { work, _ in
      told.works.withLock { $0.append(work) }
      told.signal.signal()
    }
  }

  @Test func callsThatDoNotComeBackAreTold() {
    let told = Told()
    let watch = watch(seconds: 0.05, told)
    // Twice, since the thread that looks on ends with the last wait.
    for number in 1...2 {
      #expect(watch.during("short", "\(number)", on: "cpu") { number } == number)
      // Comes back only when it has been told.
      watch.during("long", "\(number)", on: "cpu") { told.signal.wait() }
    }
    #expect(told.works.withLock { $0 } == ["cpu: long 1", "cpu: long 2"])
  }

  @Test func otherCallsAreNot() {
    let told = Told()
    let patient = watch(seconds: 3600, told)
    for number in 0..<1000 { #expect(patient.during("\(number)", on: "cpu") { number } == number) }
    watch(seconds: nil, told).during("endless", on: "cpu") { _ = usleep(200_000) }
    #expect(told.works.withLock { $0 }.isEmpty)
  }

  @Test func theTimeIsOfTheEnvironment() {
    #expect(DeviceWatch.timeout([:]) == 3600)
    for (text, seconds) in [("2.5", 2.5), ("x", 3600), ("-1", 3600), ("nan", 3600), ("inf", 3600)] {
      #expect(DeviceWatch.timeout(["PIX2PIX_DEVICE_TIMEOUT": text]) == seconds, "\(text)")
    }
    #expect(DeviceWatch.timeout(["PIX2PIX_DEVICE_TIMEOUT": "0"]) == nil)
  }

  /// The object, the call and OpenCL's name, in one line.
  @Test func errorsNameTheCall() throws {
    let device = try TestDevice()
    let program = try device.program("__kernel void give(__global int *x) { x[0] = 1; }")
    let buffer = try Buffer(device.queue, floats: 1, label: "x")
    let size = device.context.device.description.maxWorkGroupSize * 2
    let launch = Launch(
      try Kernel(program, "give", [.buffer(buffer)]), global: [size], local: [size], label: "too many")
    let error = try openCLError { try device.queue.enqueue(launch) }
    #expect(error.description.contains("launch too many (kernel give)"))
    #expect(error.description.contains("clEnqueueNDRangeKernel: CL_INVALID_WORK_"), "\(error)")
  }
}
