import ArgumentParser
import CLBackend
import Foundation

/// The trial of a driver, run by this program in a process of its own.
struct TryDriver: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tries a device's driver with small kernels; run by the other commands.", shouldDisplay: false)

  @Argument(help: "The device's number.") var device: String
  @Argument(help: "The class of kernels, cpu or gpu.") var kernels: DeviceClass

  func run() throws {
    try DriverTrial.perform(on: try Device.select(device).device.taking(kernels))
  }
}

extension DeviceClass: ExpressibleByArgument {}

extension DriverTrial {
  /// Runs `TryDriver` for the device. Its process may take ten minutes, since compilers of some drivers are slow.
  static func inProcess(_ device: Device) -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe")
    let description = device.description
    process.arguments = ["try-driver", String(description.index), description.deviceClass.rawValue]
    process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    let errors = Pipe()
    process.standardError = errors
    process.standardOutput = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return .unknown }
    let number = process.processIdentifier
    let deadline = DispatchWorkItem { kill(number, SIGXCPU) }
    DispatchQueue.global().asyncAfter(deadline: .now() + 600, execute: deadline)
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    deadline.cancel()
    let last = text.split(whereSeparator: \.isNewline).last { !$0.hasPrefix("pix2pix: ") }
    let said = last.map { " (\($0.trimmingPrefix("Error: ")))" } ?? ""
    switch (process.terminationReason, process.terminationStatus) {
    case (.exit, 0): return .works
    case (.exit, 1): return .fails("fails\(said)")
    case (.exit, let code): return .fails("ends the program by exit code \(code)\(said)")
    case (.uncaughtSignal, SIGXCPU): return .fails("does not come to an end in ten minutes")
    case (.uncaughtSignal, let signal):
      let outer = [SIGKILL, SIGINT, SIGTERM, SIGHUP, SIGPIPE]
      return outer.contains(signal) ? .unknown : .fails("ends the program by signal \(signal)\(said)")
    }
  }
}
