import CLBackend
import Foundation
import Testing

/// What the process' environment is given before drivers are asked.
@Suite struct DriverEnvironmentTests {
  private func needed(
    _ environment: [String: String], allowed: Set<Int> = [0, 1], online: Int = 2, folders: [String] = []
  ) -> DriverEnvironment {
    DriverEnvironment(
      environment, allowedProcessors: allowed, onlineProcessors: online, temporaryFolders: folders)
  }

  @Test func soundEnvironmentsAreLeftAlone() throws {
    try withTemporaryFolder { folder throws in
      let needed = needed(["HOME": folder, "PATH": "/none:/usr/bin:/bin", "POCL_AFFINITY": "0"])
      #expect(needed.variables.isEmpty && needed.notes.isEmpty)
      // To look whether a folder could be made leaves nothing behind.
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  // MARK: Drivers

  @Test func driversAreFoundWhereOtherSystemsNameThem() throws {
    try withTemporaryFolder { folder throws in
      let first = folder + "/first"
      let second = folder + "/second"
      for path in [first, second] {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      }
      func vendors(_ more: [String: String] = [:]) -> String? {
        let environment = ["HOME": folder, "PATH": "/usr/bin:/bin", "POCL_AFFINITY": "0"].merging(more) { $1 }
        return DriverEnvironment(
          environment, allowedProcessors: [0], onlineProcessors: 1, temporaryFolders: [],
          vendorFolders: [folder + "/none", first, second]
        ).variables["OCL_ICD_VENDORS"]
      }
      #expect(vendors() == nil)
      try Data().write(to: URL(fileURLWithPath: second + "/README"))
      #expect(vendors() == nil)
      try Data().write(to: URL(fileURLWithPath: second + "/pocl.icd"))
      #expect(vendors() == second)
      try Data().write(to: URL(fileURLWithPath: first + "/mesa.icd"))
      #expect(vendors() == first)
      // The user's word counts.
      #expect(vendors(["OCL_ICD_VENDORS": "pocl.icd"]) == nil)
      #expect(vendors(["OPENCL_VENDOR_PATH": "/opt"]) == nil)
    }
  }

  // MARK: Caches

  @Test func whereCachesCannotBeWrittenOthersAreTaken() throws {
    try withTemporaryFolder { folder throws in
      let expected = ["PIX2PIX_CACHE": "/pix2pix", "POCL_CACHE_DIR": "/pocl"].mapValues {
        "\(folder)/pix2pix-\(geteuid())\($0)"
      }
      try Data().write(to: URL(fileURLWithPath: folder + "/file"))
      for environment in [
        ["HOME": "/proc"], ["HOME": "/dev/null"], ["HOME": folder + "/file"],
        ["XDG_CACHE_HOME": "/proc/none"],
        ["POCL_CACHE_DIR": "", "PIX2PIX_CACHE": "/proc/x"],
        ["POCL_CACHE_DIR": "/sys/none", "PIX2PIX_CACHE": folder + "/file"],
      ] {
        let needed = needed(
          environment.merging(["PATH": "/usr/bin", "POCL_AFFINITY": "0"]) { $1 }, folders: ["/proc", folder])
        #expect(needed.variables == expected, "\(environment)")
        #expect(needed.notes.count == 1, "\(environment)")
        #expect(
          needed.notes.first?.contains(folder) == true
            && needed.notes.first?.contains("POCL_CACHE_DIR") == true)
      }
      // One that can be written stays.
      let half = needed(
        ["POCL_CACHE_DIR": "/proc/x", "HOME": folder, "PATH": "/usr/bin", "POCL_AFFINITY": "0"],
        folders: [folder])
      #expect(half.variables == expected.filter { $0.key == "POCL_CACHE_DIR" })
    }
  }

  @Test func whereNothingCanBeWrittenThatIsSaid() {
    let needed = needed(
      ["HOME": "/proc", "PATH": "/usr/bin", "POCL_AFFINITY": "0"], folders: ["/proc", "/sys", "none"])
    #expect(needed.variables.isEmpty)
    #expect(needed.notes.count == 1 && needed.notes[0].contains("/proc/.cache/pocl/kcache"))
  }

  /// As PoCL 3.1 does in pocl_cache_init_topdir.
  @Test func theFolderOfPoCLIsKnown() {
    for (environment, folder) in [
      (["POCL_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"], "/a"),
      (["POCL_CACHE_DIR": "", "HOME": "/c"], ""),
      (["XDG_CACHE_HOME": "/b", "HOME": "/c"], "/b/pocl/kcache"),
      (["XDG_CACHE_HOME": "", "HOME": "/c"], "/c/.cache/pocl/kcache"),
      (["HOME": "/c", "POCL_KERNEL_CACHE": "0"], "/c/.cache/pocl/uncached"),
      ([:], "/tmp/pocl/kcache"),
    ] { #expect(PoCL.cacheFolder(environment) == folder, "\(environment)") }
  }

  /// Kernels that lie there are run, so nobody else may have put them there.
  @Test func foldersOfOthersAreNotTaken() throws {
    try withTemporaryFolder { folder throws in
      let name = "\(folder)/pix2pix-\(geteuid())"
      try FileManager.default.createSymbolicLink(atPath: name, withDestinationPath: folder)
      try FileManager.default.createDirectory(
        atPath: name + "-2", withIntermediateDirectories: false, attributes: [.posixPermissions: 0o777])
      #expect(DriverEnvironment.privateFolder(below: [folder]) == name + "-3")
      #expect(DriverEnvironment.privateFolder(below: [folder]) == name + "-3")
    }
  }

  // MARK: Tools

  @Test func pathsWithoutLinkerAreCompleted() throws {
    try withTemporaryFolder { folder throws in
      let rest = ["HOME": folder, "POCL_AFFINITY": "0"]
      let standard = try #require(needed(rest).variables["PATH"])
      #expect(standard.split(separator: ":").contains("/usr/bin"))
      #expect(needed(rest.merging(["PATH": ""]) { $1 }).variables["PATH"] == standard)
      #expect(needed(rest.merging(["PATH": "/none"]) { $1 }).variables["PATH"] == "/none:\(standard)")
      try Data().write(to: URL(fileURLWithPath: folder + "/ld"))
      #expect(needed(rest.merging(["PATH": folder]) { $1 }).variables["PATH"] != nil)
      chmod(folder + "/ld", 0o755)
      #expect(needed(rest.merging(["PATH": folder]) { $1 }).variables["PATH"] == nil)
    }
  }

  // MARK: Processors

  @Test func threadsAreTiedWhereEachHasItsCore() {
    func tied(_ allowed: Set<Int>, online: Int, _ environment: [String: String] = [:]) -> Bool {
      PoCL.canTieThreads(environment, allowed: allowed, online: online)
    }
    #expect(tied([0, 1, 2, 3], online: 4))
    #expect(
      !tied([0], online: 4) && !tied([0, 1, 3], online: 3) && !tied([2, 3], online: 2) && !tied([], online: 1)
    )
    for name in ["POCL_MAX_PTHREAD_COUNT", "POCL_CPU_MAX_CU_COUNT", "POCL_PTHREAD_MIN_THREADS"] {
      #expect(tied([0, 1], online: 2, [name: "2"]) && !tied([0, 1], online: 2, [name: "3"]), "\(name)")
      #expect(!tied([0, 1], online: 2, [name: "many"]), "\(name)")
    }
    #expect(tied([0], online: 4, ["POCL_MAX_PTHREAD_COUNT": "1"]))
  }

  @Test func theUsersWordGoesBefore() throws {
    try withTemporaryFolder { folder throws in
      let rest = ["HOME": folder, "PATH": "/usr/bin"]
      #expect(needed(rest).variables == ["POCL_AFFINITY": "1"])
      #expect(needed(rest.merging(["POCL_AFFINITY": "0"]) { $1 }).variables.isEmpty)
      #expect(needed(rest, allowed: [1]).variables.isEmpty)
    }
  }

  @Test func listsOfProcessorsAreRead() {
    #expect(DriverEnvironment.processors("0-3,8") == [0, 1, 2, 3, 8])
    #expect(DriverEnvironment.processors("5") == [5])
    for text in ["", "x", "3-1", "-1", "0-9999999999"] {
      #expect(DriverEnvironment.processors(text).isEmpty, "\(text)")
    }
  }

  // MARK: Devices

  @Test func platformsWithoutDevicesAreNamed() {
    func text(_ platforms: [(String, String)], _ environment: [String: String] = [:]) -> String {
      Device.noneFound(platforms: platforms.map { (name: $0.0, version: $0.1) }, environment: environment)
    }
    #expect(text([]).contains("install") && !text([]).contains("OCL_ICD_VENDORS"))
    #expect(text([], ["OCL_ICD_VENDORS": "/none"]).contains("look in /none"))
    let pocl = text([("Portable Computing Language", "3.1")], ["HOME": "/home/me"])
    #expect(
      pocl.contains("Language (3.1)") && pocl.contains("/home/me/.cache/pocl/kcache")
        && !pocl.contains("install"))
    let several = text([("rusticl", "3.0"), ("Clover", "1.1")])
    #expect(
      several.contains("RUSTICL_ENABLE") && several.contains("Clover (1.1)") && several.contains("/dev/dri"))
  }

  @Test func cpusWithoutVectorsAreGivenTheKernelsForGPUs() {
    #expect(DeviceDescription.standardClass(.cpu, floatsInVector: 1) == .gpu)
    #expect(DeviceDescription.standardClass(.cpu, floatsInVector: 0) == .gpu)
    #expect(DeviceDescription.standardClass(.cpu, floatsInVector: 4) == .cpu)
    #expect(DeviceDescription.standardClass(.gpu, floatsInVector: 16) == .gpu)
    #expect(DeviceDescription.standardClass(.accelerator, floatsInVector: 4) == .gpu)
  }
}

/// A driver's trial, without its process.
@Suite struct DriverTrialTests {
  private let device: Device

  init() throws { device = try Device.select("auto").device.taking(.cpu) }

  @Test func whatWorkedIsNotTriedAgain() throws {
    try withTemporaryFolder { folder throws in
      let trial = DriverTrial(cache: folder)
      var runs = 0
      for _ in 0..<3 {
        let trusted = try trial.trusted(device) { _ in
          runs += 1
          return .works
        }
        #expect(trusted.device.description == device.description && trusted.note == nil)
      }
      #expect(runs == 1)
      // A damaged record is none.
      let records = try FileManager.default.contentsOfDirectory(atPath: folder + "/drivers")
      for content in ["", "{", "[]", "{\"device\": 1}"] {
        for record in records {
          try Data(content.utf8).write(to: URL(fileURLWithPath: "\(folder)/drivers/\(record)"))
        }
        let before = runs
        _ = try trial.trusted(device) { _ in
          runs += 1
          return .works
        }
        #expect(runs == before + 1)
      }
    }
  }

  @Test func kernelsForGPUsReplaceThoseThatFail() throws {
    try withTemporaryFolder { folder throws in
      let trial = DriverTrial(cache: folder)
      #expect(trial.expectedClass(of: device.description) == .cpu)
      for _ in 0..<2 {
        var tried: [DeviceClass] = []
        let (trusted, note) = try trial.trusted(device) { device in
          tried.append(device.description.deviceClass)
          return device.description.deviceClass == .cpu ? .fails("ends the program by signal 6") : .works
        }
        #expect(tried.first == .cpu && trusted.description.deviceClass == .gpu)
        #expect(note?.contains(device.description.name) == true && note?.contains("signal 6") == true)
        #expect(trial.expectedClass(of: device.description) == .gpu)
      }
      // What has failed is tried again.
      #expect(try trial.trusted(device) { _ in .works }.device.description.deviceClass == .cpu)
      #expect(trial.expectedClass(of: device.description) == .cpu)
    }
  }

  @Test func devicesWithoutKernelsAreRefused() throws {
    for kernels in [DeviceClass.cpu, .gpu] {
      let error = try openCLError {
        _ = try DriverTrial(cache: nil).trusted(device.taking(kernels)) { _ in .fails("fails (why)") }
      }
      #expect(error.description.contains("--device") && error.description.contains("fails (why)"))
    }
  }

  @Test func anInterruptedTrialSaysNothing() throws {
    try withTemporaryFolder { folder throws in
      let trial = DriverTrial(cache: folder)
      #expect(try trial.trusted(device) { _ in .unknown }.device.description.deviceClass == .cpu)
      #expect(!FileManager.default.fileExists(atPath: folder + "/drivers"))
    }
  }

  @Test(arguments: DeviceClass.tested) func theTrialPasses(_ kernels: DeviceClass) throws {
    try DriverTrial.perform(on: device.taking(kernels))
  }
}
