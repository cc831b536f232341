import Foundation
import Kernels

/// Builds each program once per context of the driver, and once per machine: compiled programs are kept on disk.
public final class ProgramCache {
  /// The numbers of programs by their origin.
  public struct Counters: Sendable, Equatable {
    /// Compiled from source.
    public var built = 0
    /// Taken from disk.
    public var loaded = 0
    /// Already there in the context.
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

    package init(source: ProgramSource, macros: [(String, String)]) {
      self.source = source
      self.macros = macros
    }
  }

  public private(set) var counters = Counters()
  /// Every program that was asked for, once.
  public private(set) var requests: [Request] = []
  /// Time spent building and loading, or waiting for it.
  public private(set) var buildTime = Duration.zero
  package let context: Context
  private let files: ProgramFiles
  private let ahead: BuildAhead
  private var programs: [String: Program] = [:]
  private var unsaved: [(program: Program, build: ProgramBuild)] = []

  /// - Parameters:
  ///   - directory: where compiled programs are kept; nil for nowhere
  ///   - kind: the part of them that is kept; by default the part that the driver does not keep
  package init(_ context: Context, directory: String?, keeping kind: ProgramFiles.Kind? = nil) {
    self.context = context
    let driverKeeps = context.device.description.keepsKernels()
    files = ProgramFiles(directory: directory, kind: kind ?? (driverKeeps ? .object : .program))
    ahead = BuildAhead(files, context.programs, warmsDriver: driverKeeps)
  }

  /// Keeps programs in the default directory.
  public convenience init(_ context: Context) {
    self.init(context, directory: ProgramCache.defaultDirectory())
  }

  deinit { save() }

  /// Writes built programs to disk. Not done while building: some drivers compile when asked for a binary, and their
  /// binary after the first launches holds the kernels as specialised for them. Done at the latest when the cache is
  /// released.
  public func save() {
    for (program, build) in unsaved where !files.store(program, build) { counters.unwritten += 1 }
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
    let build = try build(source, macros, options)
    let name = build.name
    if let program = programs[name] {
      counters.reused += 1
      return program
    }
    requests.append(Request(source: source, macros: macros))
    let clock = ContinuousClock()
    let start = clock.now
    let made = if let made = try ahead.take(name) { made } else { try context.programs.program(build, files) }
    if made.isFileRejected { counters.rejected += 1 }
    if made.isUnwritten { counters.unwritten += 1 }
    switch made.origin {
    case .process: counters.reused += 1
    case .disk: counters.loaded += 1
    case .compiled:
      counters.built += 1
      unsaved.append((made.program, build))
    }
    programs[name] = made.program
    buildTime += clock.now - start
    return made.program
  }

  /// Begins to make programs that will be asked for, in this order. Errors are left to when they are.
  package func expect(_ requests: [Request]) {
    guard context.device.description.buildsBesideRunning else { return }
    ahead.add(
      requests.compactMap { request in
        let build = try? build(request.source, request.macros, Program.defaultOptions)
        return build.flatMap { programs[$0.name] == nil ? $0 : nil }
      })
  }

  private func build(
    _ source: ProgramSource, _ macros: [(String, String)], _ options: [String]
  ) throws(OpenCLError) -> ProgramBuild {
    let options = try Program.options(macros: macros, options: options, for: source.name)
    return ProgramBuild(source, options: options, for: context.device.description)
  }
}
