import ArgumentParser
import CLBackend
import Foundation
import Tape

struct Devices: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the OpenCL devices, and says which one `--device auto` takes and why.",
    discussion: """
      "precision" lists what --precision may be: fp32 on every device; tf32 and bf16 where matrix units (tensor \
      cores) have just multiplied a tile that came out right. "kernels" is their class, cpu or gpu: a CPU without \
      vectors, or whose compiler fails with those for CPUs, is given those for GPUs.

      Examples:
        pix2pix devices
        pix2pix devices --json
      """)

  @Flag(help: "Print all facts about the devices, as JSON.")
  var json = false

  func run() throws {
    let all = try Device.all()
    let devices = all.map(\.description)
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      print(String(decoding: try encoder.encode(devices), as: UTF8.self))
      return
    }
    guard !devices.isEmpty else {
      print(try Device.noneFound())
      print("--device reference does everything meanwhile, slowly.")
      return
    }
    print(
      Table(
        [
          "", "device", "platform", "kind", "units", "MHz", "memory", "local", "float vector", "kernels",
          "precision", "OpenCL", "driver",
        ],
        all.map {
          let device = $0.description
          // The precisions that matrix units have proven; every device computes fp32.
          let precisions = Precision.possible(on: $0).map(\.rawValue).joined(separator: " ")
          return [
            String(device.index), device.name, device.platform, device.kind.rawValue,
            String(device.computeUnits), String(device.clockMHz), bytesText(device.globalMemory),
            bytesText(device.localMemory), String(device.nativeFloatVectorWidth),
            DriverTrial().expectedClass(of: device).rawValue, precisions,
            device.openCLVersion, device.driverVersion,
          ]
        }
      ).description)
    let (chosen, reason) = try Device.select("auto")
    print("\n--device auto takes \(chosen.description.label): \(reason)")
    print("--device reference is the slow CPU reference, in plain Swift.")
  }
}

/// 1536 MiB, 1.5 GiB, 48 KiB.
func bytesText(_ bytes: Int) -> String {
  switch bytes {
  case ..<(1 << 20): "\(bytes >> 10) KiB"
  case ..<(10 << 30): "\(bytes >> 20) MiB"
  default: String(format: "%.0f GiB", Double(bytes) / Double(1 << 30))
  }
}
