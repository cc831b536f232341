import Foundation
import Kernels

/// Builds each program once per process, and once per machine: compiled programs are kept on disk.
///
/// The disk is only ever a shortcut. A file that is missing, damaged, of another driver or unwanted by
/// the driver leads to a build from source; a directory that cannot be written is no error.
public final class ProgramCache {
  /// How programs were come by.
  public struct Counters: Sendable, Equatable {
    /// Compiled from source.
    public var built = 0
    /// Taken from disk.
    public var loaded = 0
    /// Already there in this process.
    public var reused = 0
    /// Files on disk that could not be used.
    public var rejected = 0
    /// Compiled programs that could not be kept on disk.
    public var unwritten = 0

    public init() {}
  }

  /// A program as it was asked for.
  public struct Request: Sendable {
    public let source: ProgramSource
    public let macros: [(String, String)]
  }

  public private(set) var counters = Counters()
  /// Every program that was asked for, once.
  public private(set) var requests: [Request] = []
  /// Time spent building and loading.
  public private(set) var buildTime = Duration.zero
  /// Where compiled programs are kept; nil for nowhere.
  public let directory: String?
  private let context: Context
  private var programs: [String: Program] = [:]
  /// Will be asked for soon.
  private var expected: [Request] = []
  private var ahead: BuildAhead?
  private var unsaved: [(program: Program, path: String, key: [UInt8])] = []

  public init(_ context: Context, directory: String?) {
    self.context = context
    self.directory = directory
  }

  /// Keeps programs in the default directory, unless the driver keeps them itself.
  public convenience init(_ context: Context) {
    self.init(
      context,
      directory: context.device.description.keepsPrograms() ? nil : ProgramCache.defaultDirectory())
  }

  deinit { save() }

  /// Puts what was built on disk. Not done while building: some drivers compile when asked for a binary, and what they
  /// give after the first launches holds the kernels as they were specialised for them. Done at the latest when the
  /// cache goes.
  public func save() {
    for (program, path, key) in unsaved { store(program, path, key) }
    unsaved = []
  }

  /// `$PIX2PIX_CACHE`, or `$XDG_CACHE_HOME/pix2pix`, or `~/.cache/pix2pix`; nil if none of them is set.
  public static func defaultDirectory(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String? {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    return value("PIX2PIX_CACHE")
      ?? value("XDG_CACHE_HOME").map { $0 + "/pix2pix" }
      ?? value("HOME").map { $0 + "/.cache/pix2pix" }
  }

  /// The program of an embedded file. Throws if it does not compile.
  public func program(
    _ kernel: KernelSource, macros: [(String, String)] = [], options: [String] = Program.defaultOptions
  ) throws(OpenCLError) -> Program {
    try program(try ProgramSource(kernel), macros: macros, options: options)
  }

  /// The program of `source`. Throws if it does not compile.
  public func program(
    _ source: ProgramSource, macros: [(String, String)] = [], options: [String] = Program.defaultOptions
  ) throws(OpenCLError) -> Program {
    let options = try Program.options(macros: macros, options: options, for: source.name)
    let key = self.key(source, options)
    let name = SHA256.hex(key)
    if let program = programs[name] {
      counters.reused += 1
      return program
    }
    requests.append(Request(source: source, macros: macros))
    let clock = ContinuousClock()
    let start = clock.now
    ahead?.wait(for: name)
    let path = directory.map { $0 + "/programs/" + name + ".bin" }
    let program: Program
    if let path, let loaded = load(path, key, source.name) {
      program = loaded
    } else {
      let start = Self.threadSeconds()
      program = try Program(context, source, options: options)
      counters.built += 1
      if Self.threadSeconds() - start > Self.cachedBuildSeconds { buildAhead() }
      if let path { unsaved.append((program, path, key)) }
    }
    programs[name] = program
    buildTime += clock.now - start
    return program
  }

  /// Takes note of programs that will be asked for.
  ///
  /// Where the driver keeps what it built, and the first of them turns out to be new to it, the others are built on
  /// other threads, so that they are there when they are asked for.
  func expect(_ requests: [Request]) {
    expected = context.device.description.keepsPrograms() ? requests : []
    ahead = nil
  }

  /// A program that the driver has kept takes less: in PoCL 25 ms, the first of a process 60. To compile one takes 100 to
  /// 300 ms, the first 700.
  private static let cachedBuildSeconds = 0.1

  /// The time this thread has computed, whatever else the machine does.
  private static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Errors are left to when the program is asked for.
  private func buildAhead() {
    var wanted: [BuildAhead.Build] = []
    var names: Set<String> = []
    for request in expected {
      guard
        let options = try? Program.options(
          macros: request.macros, options: Program.defaultOptions, for: request.source.name)
      else { continue }
      let name = SHA256.hex(key(request.source, options))
      guard programs[name] == nil, names.insert(name).inserted else { continue }
      wanted.append(BuildAhead.Build(name: name, source: request.source, options: options))
    }
    expected = []
    if !wanted.isEmpty { ahead = BuildAhead(context.device, wanted) }
  }

  /// Everything the binary depends on, each part behind its length so that no two lists run together.
  private func key(_ source: ProgramSource, _ options: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in [source.name, source.text, options, context.device.description.fingerprint] {
      bytes += littleEndian(part.utf8.count)
      bytes += part.utf8
    }
    return SHA256.digest(bytes)
  }

  // MARK: Files: magic, key (32), length of the binary (8), its SHA-256 (32), the binary

  private static let magic = Array("pix2pixCLbinary1".utf8)

  private func header(_ key: [UInt8], _ binary: [UInt8]) -> [UInt8] {
    ProgramCache.magic + key + littleEndian(binary.count) + SHA256.digest(binary)
  }

  private func littleEndian(_ value: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt64(value).littleEndian) { Array($0) }
  }

  /// nil on any doubt; the caller builds from source.
  private func load(_ path: String, _ key: [UInt8], _ name: String) -> Program? {
    guard let file = FileManager.default.contents(atPath: path).map({ [UInt8]($0) }) else { return nil }
    let binary = Array(file.dropFirst(ProgramCache.magic.count + 32 + 8 + 32))
    guard !binary.isEmpty, file.starts(with: header(key, binary)),
      let program = try? Program(context, name: name, binary: binary)
    else {
      counters.rejected += 1
      return nil
    }
    counters.loaded += 1
    return program
  }

  /// Written under another name and renamed, so that a reader never sees half a file.
  private func store(_ program: Program, _ path: String, _ key: [UInt8]) {
    do {
      let binary = try program.binary()
      guard !binary.isEmpty else { return }
      let folder = (path as NSString).deletingLastPathComponent
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data(header(key, binary) + binary).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      counters.unwritten += 1
    }
  }
}
