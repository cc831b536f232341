import CLBackend
import Foundation
import Testing

@Suite(.serialized) struct ProgramTests {
  @Test func aBuildFailureTellsTheProgramAndTheFirstError() throws {
    let device = try TestDevice()
    let text = """
      #include "layout.clh"
      __kernel void broken(__global float *x) {
        x[0] = not_declared;
      }
      """
    let error = try openCLError { _ = try device.program(text, name: "broken.cl", macros: [("N", "3")]) }
    #expect(error.name == "CL_BUILD_PROGRAM_FAILURE")
    #expect(error.summary.contains("broken.cl") && error.summary.contains("-D N=3"))
    // The line is the one in the file, whatever the include brought in before it.
    #expect(error.summary.contains("broken.cl:3") && error.summary.contains("not_declared"))
    #expect(!error.summary.contains("\n"))
    let log = try #require(error.log)
    #expect(log.contains("not_declared"))
    #expect(error.description == error.summary + "\n" + log)
  }

  @Test func aLongLogIsCut() throws {
    let device = try TestDevice()
    let lines = (0..<40).map { "  x[\($0)] = not_declared_\($0);" }.joined(separator: "\n")
    let text = "__kernel void broken(__global float *x) {\n\(lines)\n}"
    let error = try openCLError { _ = try device.program(text) }
    #expect(try #require(error.log).split(separator: "\n").count <= 21)
  }

  @Test func macrosReachTheProgram() throws {
    let device = try TestDevice()
    let text = "__kernel void give(__global float *x) { x[0] = A - B; }"
    let program = try device.program(text, macros: [("B", "2"), ("A", "10.5f")])
    #expect(try program.kernelNames() == ["give"])
    let x = try Buffer(device.queue, floats: 1, label: "x")
    try device.queue.enqueue(Launch(try Kernel(program, "give", [.buffer(x)]), global: [1]))
    #expect(try device.queue.read(x) == [8.5])
  }

  @Test func macrosThatCannotBeOptionsAreRefused() throws {
    let device = try TestDevice()
    let text = "__kernel void none() {}"
    let twice = try openCLError { _ = try device.program(text, macros: [("A", "1"), ("A", "2")]) }
    #expect(twice.description.contains("A is given twice"))
    let spaced = try openCLError { _ = try device.program(text, macros: [("A", "1 + 2")]) }
    #expect(spaced.description.contains("A=1 + 2"))
  }

  @Test func includesAreReplacedOnce() throws {
    let text = "#include \"layout.clh\"\n  # include \"layout.clh\"\nint x;"
    let source = try ProgramSource(name: "two.cl", text: text)
    #expect(!source.text.contains("include \"layout.clh\""))
    let entries = source.text.split(separator: "\n").filter { $0 == "#line 1 \"layout.clh\"" }
    #expect(entries.count == 1)
    #expect(source.text.hasSuffix("#line 3 \"two.cl\"\nint x;"))
  }

  @Test func anUnknownIncludeIsRefusedWithTheList() throws {
    let text = "// first\n#include \"layuot.clh\"\n"
    let error = try openCLError { _ = try ProgramSource(name: "a.cl", text: text) }
    #expect(error.description.hasPrefix("a.cl:2: #include \"layuot.clh\" names no embedded file"))
    #expect(error.description.contains("layout.clh"))
    let bare = try openCLError { _ = try ProgramSource(name: "a.cl", text: "#include <math.h>") }
    #expect(bare.description.hasPrefix("a.cl:1: "))
  }
}

@Suite(.serialized) struct ProgramCacheTests {
  private let source: ProgramSource
  private let device: TestDevice

  init() throws {
    device = try TestDevice()
    let text = """
      #ifndef N
      #define N 1
      #endif
      __kernel void give(__global float *x) { x[get_global_id(0)] = N; }
      """
    source = try ProgramSource(name: "give.cl", text: text)
  }

  /// What the program gives, and how it was come by: each call is a process's first.
  private func run(
    _ folder: String?, keeping kind: ProgramFiles.Kind? = nil, macros: [(String, String)] = []
  ) throws -> ProgramCache.Counters {
    let cache = ProgramCache(try Context(device.context.device), directory: folder, keeping: kind)
    let program = try cache.program(source, macros: macros)
    let value = Float(macros.first?.1 ?? "1") ?? .nan
    #expect(try given(by: program, of: cache) == [value, value, value])
    cache.save()
    return cache.counters
  }

  private func given(by program: Program, of cache: ProgramCache) throws -> [Float] {
    let queue = try Queue(cache.context)
    let x = try Buffer(queue, floats: 3, label: "x")
    try queue.enqueue(Launch(try Kernel(program, "give", [.buffer(x)]), global: [3]))
    return try queue.read(x)
  }

  private func files(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder + "/programs").sorted()
      .map { folder + "/programs/" + $0 }
  }

  @Test(arguments: ProgramFiles.Kind.allCases) func builtOnceThenLoaded(kind: ProgramFiles.Kind) throws {
    try withTemporaryFolder { folder throws in
      #expect(try run(folder, keeping: kind) == counters(built: 1))
      #expect(try files(folder).count == 1)
      #expect(try run(folder, keeping: kind) == counters(loaded: 1))
      #expect(try files(folder).count == 1)
    }
  }

  @Test func builtOnceForAllWhoShareAContext() throws {
    let cache = ProgramCache(device.context, directory: nil)
    let first = try cache.program(source, macros: [("N", "2"), ("M", "3")])
    let second = try cache.program(source, macros: [("M", "3"), ("N", "2")])
    #expect(first === second)
    #expect(cache.counters == counters(built: 1, reused: 1))
    let other = ProgramCache(device.context, directory: nil)
    #expect(try other.program(source, macros: [("N", "2"), ("M", "3")]) === first)
    #expect(other.counters == counters(reused: 1))
  }

  /// Each of four threads asks for the same eight programs, in an order of its own.
  @Test func builtOnceByManyThreads() throws {
    let context = try Context.shared(by: device.context.device)
    // Names that no other test and no earlier run of this one has.
    let seed = Int.random(in: 1_000_000..<100_000_000)
    let caches = (0..<4).map { _ in ProgramCache(context, directory: nil) }
    nonisolated(unsafe) let shared = caches
    let source = source
    DispatchQueue.concurrentPerform(iterations: caches.count) { thread in
      for index in 0..<8 {
        let n = seed + (index + 2 * thread) % 8
        _ = try? shared[thread].program(source, macros: [("N", "\(n)")])
      }
    }
    #expect(caches.map(\.counters.built).reduce(0, +) == 8)
    #expect(caches.map(\.counters.reused).reduce(0, +) == 24)
    let value = Float(seed)
    let program = try caches[3].program(source, macros: [("N", "\(seed)")])
    #expect(try given(by: program, of: caches[3]) == [value, value, value])
  }

  /// Program 2 does not compile. They are asked for in another order than they are made in, and in two parts.
  @Test func whatIsExpectedIsThereWhenAskedFor() throws {
    try withTemporaryFolder { folder throws in
      for isSecondRun in [false, true] {
        let cache = ProgramCache(try Context(device.context.device), directory: folder)
        let requests = ["1", "?", "3", "4"].map { ProgramCache.Request(source: source, macros: [("N", $0)]) }
        cache.expect(Array(requests[..<2]))
        cache.expect(requests)
        for request in requests.reversed() + requests {
          let n = request.macros[0].1
          guard n != "?" else {
            let error = try openCLError { _ = try cache.program(request.source, macros: request.macros) }
            #expect(error.detail.contains("give.cl"))
            continue
          }
          let program = try cache.program(request.source, macros: request.macros)
          #expect(try given(by: program, of: cache) == [Float](repeating: try #require(Float(n)), count: 3))
        }
        // What helping threads have compiled is loaded.
        let counters = cache.counters
        #expect(isSecondRun ? counters.built == 0 : counters.built > 0)
        #expect(counters.built + counters.loaded == 3 && counters.reused == 3 && counters.rejected == 0)
      }
    }
  }

  /// The thread that builds does not outlive the cache, nor does the cache wait for all that was expected. The thread
  /// holds the context, and each program it makes is a file.
  @Test func aCacheMayGoBeforeWhatItExpects() throws {
    try withTemporaryFolder { folder throws in
      weak var held: Context?
      do {
        let context = try Context(device.context.device)
        held = context
        let cache = ProgramCache(context, directory: folder, keeping: .object)
        cache.expect((0..<1000).map { ProgramCache.Request(source: source, macros: [("N", "\(1000 + $0)")]) })
      }
      func made() -> Int { (try? files(folder).count) ?? 0 }
      let atEnd = made()
      #expect(atEnd < 1000)
      while held != nil { sched_yield() }
      #expect(made() == atEnd)
    }
  }

  @Test func anotherMacroIsAnotherProgram() throws {
    try withTemporaryFolder { folder throws in
      #expect(try run(folder, macros: [("N", "2")]) == counters(built: 1))
      #expect(try run(folder, macros: [("N", "3")]) == counters(built: 1))
      #expect(try files(folder).count == 2)
      #expect(try run(folder, macros: [("N", "2")]) == counters(loaded: 1))
    }
  }

  @Test(
    arguments: ["payload", "key", "magic", "truncated", "empty", "longer", "foreign"],
    ProgramFiles.Kind.allCases)
  func aDamagedFileIsReplaced(how: String, kind: ProgramFiles.Kind) throws {
    try withTemporaryFolder { folder throws in
      _ = try run(folder, keeping: kind)
      let file = try #require(try files(folder).first)
      var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
      let whole = bytes
      switch how {
      case "payload": bytes[bytes.count - 10] ^= 1
      case "key": bytes[20] ^= 1
      case "magic": bytes[0] ^= 1
      case "truncated": bytes.removeLast(bytes.count / 2)
      case "empty": bytes = []
      case "longer": bytes.append(0)
      default:
        // Every check of ours is passed; only the driver can tell that this is no program.
        let junk = [UInt8]("no program at all".utf8)
        bytes = Array(bytes[..<48]) + [UInt8(junk.count), 0, 0, 0, 0, 0, 0, 0] + SHA256.digest(junk) + junk
      }
      try Data(bytes).write(to: URL(fileURLWithPath: file))
      #expect(try run(folder, keeping: kind) == counters(built: 1, rejected: 1))
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)).count > whole.count / 2)
      #expect(try run(folder, keeping: kind) == counters(loaded: 1))
    }
  }

  @Test(arguments: ProgramFiles.Kind.allCases)
  func aFolderThatCannotBeWrittenIsNoError(kind: ProgramFiles.Kind) throws {
    try withTemporaryFolder { folder throws in
      // Below a file nothing can be made, not even by root.
      try Data().write(to: URL(fileURLWithPath: folder + "/file"))
      #expect(try run(folder + "/file/cache", keeping: kind) == counters(built: 1, unwritten: 1))
    }
  }

  @Test func aFailingBuildIsNotKept() throws {
    try withTemporaryFolder { folder throws in
      let cache = ProgramCache(device.context, directory: folder)
      let broken = try ProgramSource(name: "broken.cl", text: "__kernel void a() { b; }")
      for _ in 0..<2 { _ = try openCLError { _ = try cache.program(broken) } }
      #expect(cache.counters == ProgramCache.Counters())
      #expect(!FileManager.default.fileExists(atPath: folder + "/programs"))
    }
  }

  @Test func theFolderComesFromTheEnvironment() throws {
    #expect(
      ProgramCache.defaultDirectory(environment: ["PIX2PIX_CACHE": "/a", "XDG_CACHE_HOME": "/b"]) == "/a")
    #expect(
      ProgramCache.defaultDirectory(environment: ["XDG_CACHE_HOME": "/b", "HOME": "/c"]) == "/b/pix2pix")
    #expect(
      ProgramCache.defaultDirectory(environment: ["PIX2PIX_CACHE": "", "HOME": "/c"]) == "/c/.cache/pix2pix")
    #expect(ProgramCache.defaultDirectory(environment: [:]) == nil)
  }

  private func counters(
    built: Int = 0, loaded: Int = 0, reused: Int = 0, rejected: Int = 0, unwritten: Int = 0
  ) -> ProgramCache.Counters {
    var counters = ProgramCache.Counters()
    counters.built = built
    counters.loaded = loaded
    counters.reused = reused
    counters.rejected = rejected
    counters.unwritten = unwritten
    return counters
  }
}

@Suite struct CacheWarmingTests {
  /// PoCL keeps programs unless its own switch is off; other drivers may not, so theirs are kept by us.
  @Test func onlyPoCLIsLeftToKeepPrograms() throws {
    var description = try TestDevice().context.device.description
    description.platform = "Portable Computing Language"
    #expect(description.keepsKernels(environment: [:]))
    #expect(description.keepsKernels(environment: ["POCL_KERNEL_CACHE": "1"]))
    #expect(!description.keepsKernels(environment: ["POCL_KERNEL_CACHE": "0"]))
    description.platform = "NVIDIA CUDA"
    #expect(!description.keepsKernels(environment: [:]))
  }

  /// Programs that no other test builds: number `failing` does not compile.
  private func builds(_ count: Int, _ name: String, failing: Int? = nil) throws -> [ProgramBuild] {
    let device = try TestDevice().context.device
    return try (0..<count).map { index in
      let value = index == failing ? "?" : "\(index)"
      let source = try ProgramSource(
        name: "\(name)\(index).cl", text: "__kernel void give(__global int *x) { x[0] = \(value); }")
      return ProgramBuild(source, options: "", for: device.description)
    }
  }

  private func warming(_ builds: [ProgramBuild], _ folder: String? = nil) throws -> CacheWarming {
    CacheWarming(ProgramFiles(directory: folder, kind: .object), try TestDevice().context.device, builds)
  }

  private func count(_ folder: String) -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/programs").count) ?? 0
  }

  @Test func waitsEndForWhatIsBuiltOrFailsOrIsNotAmongTheBuilds() throws {
    let builds = try builds(6, "ahead", failing: 3)
    let warming = try warming(builds)
    for build in builds.reversed() { warming.wait(for: build.name) }
    warming.wait(for: builds[0].name)
    warming.wait(for: "other")
  }

  @Test func whatAnotherHasBegunIsLeftToIt() throws {
    try withTemporaryFolder { folder throws in
      let builds = try builds(6, "shared")
      let (first, second) = (try warming(builds, folder + "/1"), try warming(builds, folder + "/2"))
      for build in builds { second.wait(for: build.name) }
      #expect(count(folder + "/1") == 6 && count(folder + "/2") == 0)
      for build in builds { first.wait(for: build.name) }
    }
  }

  @Test func whatIsNotBegunIsGivenBack() throws {
    try withTemporaryFolder { folder throws in
      let builds = try builds(1000, "given")
      do { _ = try warming(builds, folder + "/1") }
      let last = Array(builds.suffix(3))
      let second = try warming(last, folder + "/2")
      for build in last { second.wait(for: build.name) }
      #expect(count(folder + "/1") < 1000 && count(folder + "/2") == 3)
    }
  }
}
