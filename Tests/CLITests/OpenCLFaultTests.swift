import Foundation
import Synchronization
import Testing

/// Tests/Layer/layer.c, compiled.
private enum FaultLayer {
  private static let folder = try? TemporaryFolder()

  /// Its path; nil where there is no compiler, or the loader knows no layers.
  static let path: String? = {
    guard let folder else { return nil }
    let path = "\(folder.path)/layer.so"
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    compiler.arguments = ["cc", "-O1", "-shared", "-fPIC", "-o", path, source, "-lpthread"]
    compiler.standardError = FileHandle.nullDevice
    guard (try? compiler.run()) != nil else { return nil }
    compiler.waitUntilExit()
    let log = "\(folder.path)/log"
    guard compiler.terminationStatus == 0,
      (try? Program.run(["devices"], shell: "export OPENCL_LAYERS='\(path)' LAYER_LOG='\(log)'"))?.status
        == 0
    else { return nil }
    return FileManager.default.fileExists(atPath: log) ? path : nil
  }()

  static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  static let source = tests.appendingPathComponent("Layer/layer.c").path
}

/// Drivers that fail, hang or compute wrongly, by a layer between the loader and the driver: Tests/Layer/layer.c. The short
/// form of scripts/check-opencl-faults and scripts/check-wrong-kernels.
@Suite(.serialized, .enabled(if: FaultLayer.path != nil)) struct OpenCLFaultTests {
  private let folder: TemporaryFolder
  private let pairs: String

  init() throws {
    folder = try TemporaryFolder()
    pairs = try folder.writePairs("pairs")
  }

  /// A call of the undisturbed training.
  private struct Call {
    let number: Int
    let name: String
    let detail: String
  }

  private static func calls(_ path: String) throws -> [Call] {
    let text = String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
    return text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard words.count >= 2, let number = Int(words[0]) else { return nil }
      return Call(
        number: number, name: String(words[1]), detail: words.dropFirst(2).joined(separator: " "))
    }
  }

  /// A training of three steps with a checkpoint after each, under settings of the layer.
  private func train(_ run: String, _ settings: String = "", _ options: [String] = []) throws -> Outcome {
    try Program.run(
      [
        "train", "--data", pairs, "--out", "\(folder.path)/\(run)", "--steps", "3", "--save-every", "1",
        "--validate-every", "0", "--no-jitter", "--seed", "1",
      ] + tiny + options,
      shell: settings.isEmpty
        ? nil
        : "export OPENCL_LAYERS='\(FaultLayer.path ?? "")' SWIFT_BACKTRACE=enable=no LAYER_TOLD='\(folder.path)/\(run).told' \(settings)"
    )
  }

  /// The names that the layer said it had go wrong.
  private func told(_ run: String) -> Set<String> {
    let text = FileManager.default.contents(atPath: "\(folder.path)/\(run).told") ?? Data()
    return Set(
      String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap {
        $0.split(separator: " ").dropFirst().first.map(String.init)
      })
  }

  /// The log of an undisturbed training; compiled kernels are there then, and tested.
  private func undisturbed() throws -> [Call] {
    let warm = try train("warm")
    #expect(warm.status == 0, "\(warm.errors)")
    let plain = try train("plain", "LAYER_LOG='\(folder.path)/log'")
    #expect(plain.status == 0, "\(plain.errors)")
    return try Self.calls("\(folder.path)/log")
  }

  /// Runs the program for every element, on as many threads as there are processors.
  private func concurrently<T: Sendable>(
    _ elements: [T], _ run: @Sendable (T) throws -> Outcome
  ) throws -> [(T, Outcome)] {
    let outcomes = Mutex<[Int: Result<Outcome, any Error>]>([:])
    DispatchQueue.concurrentPerform(iterations: elements.count) { index in
      let outcome = Result { try run(elements[index]) }
      outcomes.withLock { $0[index] = outcome }
    }
    return try outcomes.withLock { outcomes in
      try elements.indices.map { (elements[$0], try #require(outcomes[$0]).get()) }
    }
  }

  // MARK: Calls that fail

  private struct Fault: Sendable {
    let call: Int
    let code: Int
    let isOnce: Bool
    var run: String { "\(call) \(code) \(isOnce)" }
  }

  static let errorNames = [
    -4: "CL_MEM_OBJECT_ALLOCATION_FAILURE", -5: "CL_OUT_OF_RESOURCES", -6: "CL_OUT_OF_HOST_MEMORY",
    -36: "CL_INVALID_COMMAND_QUEUE",
  ]

  /// Whatever is in a run's folder is what an undisturbed run writes, checkpoints to the byte. What a process was writing as
  /// it was ended is removed by the next.
  private func expectWholeFiles(_ run: String, hasHung: Bool = false) throws {
    let (path, plain) = ("\(folder.path)/\(run)", "\(folder.path)/plain")
    let files = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    for file in files where !file.hasPrefix(".lock") {
      if hasHung, file.contains("/.pix2pix-") { continue }
      #expect(FileManager.default.fileExists(atPath: "\(plain)/\(file)"), "\(run): \(file) was left behind")
      guard file.hasSuffix(".safetensors") else { continue }
      #expect(
        FileManager.default.contentsEqual(atPath: "\(path)/\(file)", andPath: "\(plain)/\(file)"),
        "\(run): \(file)")
    }
  }

  @Test func aCallThatFailsIsNamedOrMadeUpFor() throws {
    let calls = try undisturbed()
    var faults: [Fault] = []
    let codes = Self.errorNames.keys.sorted()
    for (index, name) in Set(calls.map(\.name)).sorted().enumerated() {
      let those = calls.filter { $0.name == name }
      for (place, call) in [those[0], those[those.count - 1]].enumerated() {
        guard place == 0 || those.count > 1 else { continue }
        faults.append(
          Fault(call: call.number, code: codes[(index + place) % codes.count], isOnce: place == 0))
      }
    }
    let outcomes = try concurrently(faults) { fault in
      try train(
        fault.run,
        "LAYER_FAIL_CALL=\(fault.call) LAYER_FAIL_CODE=\(fault.code) LAYER_FAIL_ONCE=\(fault.isOnce ? 1 : 0)")
    }
    for (fault, outcome) in outcomes {
      try expectWholeFiles(fault.run)
      let failed = told(fault.run)
      guard outcome.status != 0 else {
        let last = "\(folder.path)/\(fault.run)/checkpoints/step-00000003.safetensors"
        #expect(FileManager.default.fileExists(atPath: last), "\(fault) \(failed)")
        #expect(outcome.errorLines.isEmpty, "\(fault) \(failed): \(outcome.errors)")
        continue
      }
      expectFailure(outcome, try #require(Self.errorNames[fault.code]))
      let line = outcome.errorLines.first ?? ""
      #expect(failed.contains { line.contains($0) }, "\(fault) \(failed): \(outcome.errors)")
    }
  }

  /// Kernels and buffers are named where a call is about one.
  @Test func errorsNameKernelsAndBuffers() throws {
    let calls = try undisturbed()
    for (name, part) in [
      ("clCreateKernel", "kernel "), ("clSetKernelArg", "of kernel "), ("clEnqueueNDRangeKernel", "kernel "),
      ("clCreateBuffer", "buffer "), ("clCreateSubBuffer", "buffer "), ("clEnqueueReadBuffer", "of buffer "),
    ] {
      let call = try #require(calls.last { $0.name == name })
      let outcome = try train(name, "LAYER_FAIL_CALL=\(call.number) LAYER_FAIL_ONCE=0")
      expectFailure(outcome, name, part, "CL_OUT_OF_RESOURCES")
    }
  }

  /// Whichever call it is.
  @Test func aCallThatHangsIsSaid() throws {
    let names = Set(try undisturbed().map(\.name))
    #expect(names.count >= 28, "\(names.sorted())")
    try expectHang(of: names.sorted(), seconds: [2, 20, 120], cache: { _ in "" })
    // Calls of which there are none once kernels are compiled; compilers take longer.
    try expectHang(
      of: ["clCompileProgram", "clCreateProgramWithSource", "clGetProgramInfo"], seconds: [10, 120],
      cache: { run in "PIX2PIX_CACHE='\(folder.path)/\(run)-cache'" })
  }

  /// Expects that a training in which calls of a name never return says so.
  ///
  /// - Parameters:
  ///   - seconds: the times to wait for a call. On a busy machine an honest call may take longer than the first, and is said
  ///     then; the next is tried.
  ///   - cache: a setting of a run
  private func expectHang(of names: [String], seconds: [Int], cache: @Sendable (_ run: String) -> String)
    throws
  {
    let outcomes = try concurrently(names) { name in
      var (outcome, told) = (Outcome(status: 0, output: "", errors: ""), Set<String>())
      for limit in seconds where told.isEmpty {
        let run = "\(name)-\(limit)"
        outcome = try train(run, "LAYER_HANG_NAME=\(name) PIX2PIX_DEVICE_TIMEOUT=\(limit) \(cache(run))")
        told = self.told(run)
      }
      return outcome
    }
    for (name, outcome) in outcomes {
      #expect(
        seconds.contains { told("\(name)-\($0)") == [name] },
        "\(name) was not made to hang: \(outcome.errors)")
      expectFailure(outcome, "takes longer than", "PIX2PIX_DEVICE_TIMEOUT")
    }
  }

  /// A device that does not come back is said after the time that was set; checkpoints stay.
  @Test func aDeviceThatHangsIsSaid() throws {
    let calls = try undisturbed()
    let waits = calls.filter {
      ["clFinish", "clWaitForEvents", "clEnqueueReadBuffer", "clEnqueueMapBuffer"].contains($0.name)
    }
    let places = [waits[0], waits[waits.count / 2], waits[waits.count - 1]].enumerated().map {
      ($0.offset, $0.element.number)
    }
    let outcomes = try concurrently(places) { index, call in
      let setting = index == 1 ? "LAYER_HANG_AFTER" : "LAYER_HANG_CALL"
      return try train("hang \(index)", "\(setting)=\(call) PIX2PIX_DEVICE_TIMEOUT=2")
    }
    for ((index, _), outcome) in outcomes {
      expectFailure(outcome, "takes longer than 2.0 s", "PIX2PIX_DEVICE_TIMEOUT")
      try expectWholeFiles("hang \(index)", hasHung: true)
    }
  }

  /// The layer knows every call of the program, so that none goes untried.
  @Test func theLayerHasEveryCall() throws {
    let layer = try String(contentsOfFile: FaultLayer.source, encoding: .utf8)
    let sources = FaultLayer.tests.deletingLastPathComponent().appendingPathComponent("Sources/CLBackend")
      .path
    let files = try #require(FileManager.default.enumerator(atPath: sources)).compactMap { $0 as? String }
    var names: Set<String> = []
    for file in files where file.hasSuffix(".swift") {
      let text = try String(contentsOfFile: "\(sources)/\(file)", encoding: .utf8)
      names.formUnion(text.matches(of: /\b(cl[A-Z][A-Za-z]+)\(/).map { String($0.1) })
    }
    #expect(names.count > 30)
    for name in names { #expect(layer.contains("PUT(\(name))"), "\(name)") }
  }

  // MARK: Kernels that compute wrongly

  /// For every kernel that a training launches: one that is not run, or whose result has a wrong bit, ends the training
  /// before its first step.
  @Test(arguments: ["", "; export PIX2PIX_KERNELS=gpu"]) func wrongKernelsAreNamed(_ others: String) throws {
    // Programs from the cache have other names than those just compiled.
    for (run, settings) in [("warm", others), ("plain", "LAYER_LOG='\(folder.path)/log'\(others)")] {
      let outcome = try train(run, settings)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    let launches = try Self.calls("\(folder.path)/log").filter { $0.name == "clEnqueueNDRangeKernel" }
    let kernels = Set(launches.map(\.detail)).sorted()
    #expect(kernels.count > 30)
    // All for CPUs, a sample of those for GPUs, which PoCL runs slowly.
    let tried = kernels.enumerated().filter { others.isEmpty || $0.offset.isMultiple(of: 6) }.map {
      ($0.element, $0.offset.isMultiple(of: 2) ? "LAYER_DROP" : "LAYER_FLIP")
    }
    let outcomes = try concurrently(tried) { kernel, fault in
      try train("\(kernel) \(fault)", "\(fault)=\(kernel)\(others)", ["--self-test"])
    }
    for ((kernel, fault), outcome) in outcomes {
      let run = "\(kernel) \(fault)"
      #expect(!told(run).isEmpty, "\(run) was not launched")
      if outcome.status == 0, fault == "LAYER_FLIP" {
        // A number that nobody reads, in channels that fill up a block.
        let last = try ["plain", run].map {
          try Data(
            contentsOf: URL(fileURLWithPath: "\(folder.path)/\($0)/checkpoints/step-00000003.safetensors"))
        }
        #expect(last[0] == last[1], "\(run) was not named")
        continue
      }
      // Many kernels of CLBlast make one product.
      let name = kernel.hasPrefix("Xgemm") ? "Xgemm" : String(kernel.prefix { $0 != "@" })
      expectFailure(outcome, "computes wrongly", name, "driver ", "--device")
      #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/\(run)"), "\(run) has begun")
    }
  }

  /// Steps that use a room twice, and sums that are left to others, are no faults.
  @Test(arguments: ["", "; export PIX2PIX_KERNELS=gpu"]) func rightKernelsPass(_ others: String) throws {
    let outcome = try train(
      "right", others,
      ["--self-test", "--objective", "cgan", "--gan-loss", "lsgan", "--patch", "1", "--spectral-norm"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(!outcome.errors.contains("there is none for"), "\(outcome.errors)")
  }

  /// Kernels are tested once, and again when they are asked for.
  @Test func kernelsAreTestedOnce() throws {
    let programs = try #require(Program.environment["PIX2PIX_CACHE"]) + "/programs"
    try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: try folder.makeFolder("cache") + "/programs", withDestinationPath: programs)
    let cache = "; export PIX2PIX_CACHE='\(folder.path)/cache'"
    let (text, option) = ("agree with the reference", ["--self-test"])
    #expect(try train("first", cache).errors.contains(text))
    #expect(try !train("second", cache).errors.contains(text))
    #expect(try train("third", cache, option).errors.contains(text))
    // Other kernels are others.
    #expect(try train("fourth", cache, ["--norm", "instance"]).errors.contains(text))
    // A damaged file is none.
    let folderOfTests = "\(folder.path)/cache/selftests"
    for file in try FileManager.default.contentsOfDirectory(atPath: folderOfTests) {
      try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folderOfTests)/\(file)"))
    }
    #expect(try train("fifth", cache).errors.contains(text))
  }
}
