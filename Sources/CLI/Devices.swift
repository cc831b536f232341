import ArgumentParser
import CLBackend
import Foundation

struct Devices: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the OpenCL devices, and says which one `--device auto` takes and why.",
    discussion: """
      Examples:
        pix2pix devices
        pix2pix devices --json
      """)

  @Flag(help: "Print everything that is known of the devices, as JSON.")
  var json = false

  func run() throws {
    let devices = try Device.all().map(\.description)
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      print(String(decoding: try encoder.encode(devices), as: UTF8.self))
      return
    }
    guard !devices.isEmpty else {
      print(
        "No OpenCL device. Install your GPU's driver with its OpenCL part, or pocl-opencl-icd to compute on the CPU."
      )
      print("--device reference does everything meanwhile, slowly.")
      return
    }
    print(
      Table(
        [
          "", "device", "platform", "kind", "units", "MHz", "memory", "local", "float vector", "OpenCL",
          "driver",
        ],
        devices.map {
          [
            String($0.index), $0.name, $0.platform, $0.kind.rawValue, String($0.computeUnits),
            String($0.clockMHz), bytesText($0.globalMemory), bytesText($0.localMemory),
            String($0.nativeFloatVectorWidth), $0.openCLVersion, $0.driverVersion,
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
