import CLBackend
import Foundation
import Testing

@Suite struct DeviceTests {
  @Test func devicesAreListedInOrderWithTheirFacts() throws {
    let devices = try Device.all().map(\.description)
    try #require(!devices.isEmpty, "no OpenCL device")
    #expect(devices.map(\.index) == Array(devices.indices))
    for device in devices {
      #expect(!device.name.isEmpty && !device.platform.isEmpty && !device.driverVersion.isEmpty)
      #expect(device.openCLVersion.hasPrefix("OpenCL "))
      #expect(device.computeUnits > 0 && device.maxWorkGroupSize > 0)
      #expect(device.maxAllocation > 0 && device.maxAllocation <= device.globalMemory)
      #expect(device.baseAddressAlignment > 0)
      let copy = try JSONDecoder().decode(DeviceDescription.self, from: JSONEncoder().encode(device))
      #expect(copy == device)
    }
  }

  @Test func aDeviceIsSelectedByAutoIndexOrName() throws {
    let auto = try Device.select("auto")
    #expect(auto.reason.hasPrefix("auto"))
    let first = try Device.select("0")
    #expect(first.device.description.index == 0)
    let part = String(first.device.description.name.prefix(6)).uppercased()
    #expect(try Device.select(part).device.description.name.uppercased().contains(part))
    let error = try openCLError { _ = try Device.select("no such device") }
    #expect(error.description.contains(first.device.description.name))
  }

  // Choosing is a pure function of descriptions, so machines that are not here can be tried.

  private static let workstation = [
    description(0, "Big CPU", .cpu, computeUnits: 128, clockMHz: 5000),
    description(1, "Board X", .accelerator, computeUnits: 512, clockMHz: 1000),
    description(2, "GeForce A", .gpu, computeUnits: 20, clockMHz: 1500),
    description(3, "GeForce B", .gpu, computeUnits: 80, clockMHz: 1400),
    description(4, "Old 90", .gpu, computeUnits: 999, clockMHz: 2000, version: "OpenCL 1.1 Old"),
  ]

  @Test(arguments: [
    ("auto", 3), ("AUTO", 3), ("0", 0), ("2", 2), ("board", 1), ("geforce", 3), ("GeForce A", 2), ("90", 4),
    ("cpu", 0), ("GPU", 3), ("Accelerator", 1),
  ])
  func choice(name: String, position: Int) throws {
    let choice = try DeviceDescription.choose(name, among: DeviceTests.workstation)
    #expect(choice.position == position)
    #expect(!choice.reason.isEmpty)
  }

  @Test func autoPrefersAcceleratorsToCPUs() throws {
    let devices = Array(DeviceTests.workstation.prefix(2))
    #expect(try DeviceDescription.choose("auto", among: devices).position == 1)
  }

  @Test func ofEqualDevicesTheFirstIsTaken() throws {
    let twins = (0..<2).map { DeviceTests.description($0, "Twin", .gpu, computeUnits: 8, clockMHz: 1) }
    #expect(try DeviceDescription.choose("auto", among: twins).position == 0)
  }

  /// A GPU that is too old is none.
  @Test func aKindThatIsNotThereIsRefused() throws {
    let devices = [DeviceTests.workstation[0], DeviceTests.workstation[4]]
    let error = try openCLError { _ = try DeviceDescription.choose("gpu", among: devices) }
    #expect(error.description.contains("no device is a gpu; there are 0: Big CPU"))
    #expect(error.description.contains("--device reference"))
  }

  @Test(arguments: ["5", "-1", "radeon", ""])
  func whatIsNotThereIsRefusedWithTheList(name: String) throws {
    let error = try openCLError { _ = try DeviceDescription.choose(name, among: DeviceTests.workstation) }
    #expect(error.description.contains("--device reference"))
    #expect(error.description.contains("GeForce B") && error.description.contains("0: Big CPU"))
    #expect(!error.description.contains("\n"))
  }

  @Test func noDeviceAtAllIsRefusedWithAdvice() throws {
    let error = try openCLError { _ = try DeviceDescription.choose("auto", among: []) }
    #expect(error.description.contains("no OpenCL device found"))
    #expect(error.description.contains("--device reference"))
  }

  @Test func vendorsAndClasses() {
    var device = DeviceTests.description(0, "H", .gpu, computeUnits: 1, clockMHz: 1)
    device.vendor = "NVIDIA Corporation"
    #expect(device.isNVIDIA && device.deviceClass == .gpu)
    device.kind = .cpu
    #expect(!device.isNVIDIA)
    device.kind = .gpu
    device.vendor = "Intel(R) Corporation"
    #expect(!device.isNVIDIA)
  }

  @Test func anOldDeviceIsRefused() {
    #expect(!DeviceTests.workstation[4].hasOpenCL12)
    #expect(DeviceTests.workstation[0].hasOpenCL12)
  }

  private static func description(
    _ index: Int, _ name: String, _ kind: DeviceDescription.Kind, computeUnits: Int, clockMHz: Int,
    version: String = "OpenCL 3.0 Test"
  ) -> DeviceDescription {
    DeviceDescription(
      index: index, name: name, vendor: "Test", platform: "Test", platformVersion: version,
      driverVersion: "1", openCLVersion: version, kind: kind, computeUnits: computeUnits,
      clockMHz: clockMHz, globalMemory: 1 << 30, maxAllocation: 1 << 28, localMemory: 1 << 15,
      maxWorkGroupSize: 256, preferredFloatVectorWidth: 1, nativeFloatVectorWidth: 1, extensions: [],
      baseAddressAlignment: 128, isUsable: true)
  }
}
