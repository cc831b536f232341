import Foundation
import Testing

/// Drivers whose surroundings are wrong, and drivers that end the process. On PoCL and, where it is installed, on Mesa's
/// rusticl.
@Suite struct DriverTests {
  private let folder: TemporaryFolder
  /// Compiles and runs a few kernels, in two seconds.
  private let small = ["try-driver", "0", "cpu"]
  private let onPoCL: String
  private let onRusticl: String

  static let hasPoCL = FileManager.default.fileExists(atPath: "/etc/OpenCL/vendors/pocl.icd")
  static let rusticl = [
    "/usr/lib/x86_64-linux-gnu/libRusticlOpenCL.so.1", "/usr/lib/aarch64-linux-gnu/libRusticlOpenCL.so.1",
  ].first { FileManager.default.fileExists(atPath: $0) }

  init() throws {
    folder = try TemporaryFolder()
    onPoCL =
      "export OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd POCL_CACHE_DIR='\(folder.path)/pocl' SWIFT_BACKTRACE=enable=no; unset POCL_AFFINITY"
    try folder.write("rusticl.icd", Data("\(Self.rusticl ?? "none")\n".utf8))
    onRusticl =
      "export OCL_ICD_VENDORS='\(folder.path)/rusticl.icd' RUSTICL_ENABLE=llvmpipe PIX2PIX_CACHE='\(folder.path)/cache'"
  }

  // MARK: PoCL

  @Test(
    .enabled(if: hasPoCL),
    arguments: [
      "export HOME=/proc; unset POCL_CACHE_DIR PIX2PIX_CACHE XDG_CACHE_HOME", "export POCL_CACHE_DIR=",
      "export POCL_CACHE_DIR=/proc/none",
    ])
  func cachesThatCannotBeWrittenAreReplaced(_ setting: String) throws {
    let outcome = try Program.run(small, shell: "\(onPoCL); export TMPDIR='\(folder.path)'; \(setting)")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(FileManager.default.fileExists(atPath: "\(folder.path)/pix2pix-\(geteuid())/pocl"))
    // An empty value is no folder to name.
    #expect(
      setting.hasSuffix("=")
        ? outcome.errors.isEmpty : outcome.errors.contains("cannot be written; compiled kernels"),
      "\(outcome.errors)")
  }

  @Test(
    .enabled(if: hasPoCL),
    arguments: [
      "unset PATH", "PATH=", "PATH=/none", "export POCL_MAX_PTHREAD_COUNT=99",
      "export POCL_PTHREAD_MIN_THREADS=70",
    ])
  func poorEnvironmentsDoNoHarm(_ setting: String) throws {
    let outcome = try Program.run(small, shell: "\(onPoCL); \(setting)")
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
  }

  private func files(_ ending: String) throws -> [String] {
    let all = try #require(FileManager.default.enumerator(atPath: folder.path + "/pocl"))
    return all.compactMap { $0 as? String }.filter { $0.hasSuffix(ending) && $0.contains("/") }
      .map { "\(folder.path)/pocl/\($0)" }
  }

  @Test(.enabled(if: hasPoCL)) func damagedCachesAreMadeAgain() throws {
    #expect(try Program.run(small, shell: onPoCL).status == 0)
    let whole = try Program.run(small, shell: onPoCL)
    #expect(whole.status == 0 && whole.errors.isEmpty, "\(whole.errors)")
    for (ending, length, isZero) in [
      (".so", 0, false), (".so", 1000, false), (".so", 9000, false), (".so", nil, true),
      ("program.bc", 0, false),
      ("program.bc", 1001, false), ("program.bc", nil, true),
    ] as [(String, Int?, Bool)] {
      let paths = try files(ending)
      #expect(paths.count >= 3)
      for path in paths {
        let content = try Data(contentsOf: URL(fileURLWithPath: path))
        let damaged = isZero ? Data(count: content.count) : content.prefix(length ?? content.count)
        try damaged.write(to: URL(fileURLWithPath: path))
        if ending == "program.bc" { try? FileManager.default.removeItem(atPath: path + ".so") }
      }
      // Else a program is not looked at.
      if ending == "program.bc" {
        for path in try files(".so") { try FileManager.default.removeItem(atPath: path) }
      }
      let outcome = try Program.run(small, shell: onPoCL)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(
        outcome.errors.contains("\(folder.path)/pocl: \(paths.count) damaged file(s)"),
        "\(ending) \(length ?? -1): \(outcome.errors)")
    }
  }

  /// What cannot be found out beforehand is at least said: the head and the end of a file are whole, the rest is not.
  @Test(.enabled(if: hasPoCL)) func noDriverDiesWithoutAWord() throws {
    #expect(try Program.run(small, shell: onPoCL).status == 0)
    for path in try files(".so") {
      var content = try Data(contentsOf: URL(fileURLWithPath: path))
      content.replaceSubrange(64..<(content.count - 2000), with: Data(count: content.count - 2064))
      try content.write(to: URL(fileURLWithPath: path))
    }
    let outcome = try Program.run(small, shell: onPoCL)
    #expect(outcome.status != 0)
    let line = outcome.errors.split(separator: "\n").last { $0.hasPrefix("pix2pix: ") }
    #expect(
      line?.contains("OpenCL driver") == true && line?.contains("\(folder.path)/pocl") == true,
      "\(outcome.errors)")
  }

  // MARK: rusticl

  /// A CPU whose vectors hold one float is given the kernels for GPUs.
  @Test(.enabled(if: rusticl != nil)) func rusticlTrains() throws {
    let devices = try Program.run(["devices", "--json"], shell: onRusticl)
    #expect(devices.output.contains("\"deviceClass\" : \"gpu\""), "\(devices.output)")
    let run = "\(folder.path)/run"
    let trained = try Program.run(
      ["train", "--data", try folder.writePairs("pairs"), "--out", run, "--steps", "4"] + tiny,
      shell: onRusticl)
    #expect(trained.status == 0 && trained.errors.contains("llvmpipe"), "\(trained.errors)")
    let translated = try Program.run(
      [
        "translate", "--model", run, "--input", "\(folder.path)/pairs", "--side", "A", "--out",
        "\(folder.path)/out",
      ],
      shell: onRusticl)
    #expect(translated.status == 0, "\(translated.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out").count == 3)
  }

  /// Its compiler ends the process over the kernels for CPUs: by exit code 8, or by a signal on the way there.
  @Test(.enabled(if: rusticl != nil)) func aCompilerThatDiesCostsOneClassOfKernels() throws {
    let forced = "\(onRusticl) PIX2PIX_KERNELS=cpu"
    let outcome = try Program.run(["verify"] + tiny, shell: forced)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.errors.contains("ends the program by") && outcome.errors.contains("those for GPUs are taken"),
      "\(outcome.errors)")
    #expect(try Program.run(["devices"], shell: forced).output.contains("gpu"))
    // Asked for by name, they are not tried before; then the driver is named.
    let named = try Program.run(["verify", "--vector-width", "8"] + tiny, shell: onRusticl)
    #expect(named.status == 8 || named.status < 0)
    #expect(
      named.errors.contains("the OpenCL driver rusticl") && named.errors.contains("convolution_cpu.cl"),
      "\(named.errors)")
  }

  @Test(.enabled(if: rusticl != nil)) func aPlatformWithoutDevicesIsNamed() throws {
    for arguments in [["devices"], ["verify"] + tiny] {
      let outcome = try Program.run(arguments, shell: "\(onRusticl); unset RUSTICL_ENABLE")
      #expect(
        (outcome.output + outcome.errors).contains("RUSTICL_ENABLE"), "\(outcome.output)\(outcome.errors)")
    }
  }

  // MARK: All

  /// Whatever does not come back from a driver is named in time; here a compiler that is given no time.
  @Test(.enabled(if: hasPoCL)) func waitsHaveAnEnd() throws {
    let outcome = try Program.run(small, shell: "\(onPoCL); export PIX2PIX_DEVICE_TIMEOUT=0.01")
    #expect(outcome.status == 1, "\(outcome.errors)")
    #expect(
      outcome.errors.contains("takes longer than 0.01 s")
        && outcome.errors.contains("PIX2PIX_DEVICE_TIMEOUT"),
      "\(outcome.errors)")
  }

  /// Without optimisation no function is inlined.
  @Test(arguments: [[], ["--gpu-kernels"]]) func kernelsNeedNoOptimisation(_ kernels: [String]) throws {
    let outcome = try Program.run(
      ["verify"] + tiny + kernels,
      shell: "export PIX2PIX_BUILD_OPTIONS=-cl-opt-disable SWIFT_BACKTRACE=enable=no")
    #expect(outcome.status == 0 && !outcome.output.contains("FAILED"), "\(outcome.errors)")
  }
}
