import Foundation
import Images
import Testing

/// What a run of the program left behind.
struct Outcome {
  /// The exit code, or the negative number of the signal that ended it.
  let status: Int32
  let output: String
  let errors: String

  /// The lines that say what went wrong.
  var errorLines: [String] {
    errors.split(separator: "\n").map(String.init).filter { $0.hasPrefix("Error: ") }
  }
}

/// The program, as it was built for these tests.
enum Program {
  static let path: String = {
    let candidates = [
      CommandLine.arguments[0], Bundle.main.executablePath ?? "",
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "",
    ]
    for candidate in candidates where candidate.hasPrefix("/") {
      var folder = URL(fileURLWithPath: candidate).deletingLastPathComponent()
      while folder.path != "/" {
        let program = folder.appendingPathComponent("pix2pix").path
        var isFolder: ObjCBool = true
        if FileManager.default.fileExists(atPath: program, isDirectory: &isFolder), !isFolder.boolValue {
          return program
        }
        folder.deleteLastPathComponent()
      }
    }
    preconditionFailure("pix2pix was not built beside the tests: \(candidates)")
  }()

  /// The tests' own environment. Compiled kernels and tuned choices lie beside the program, apart from the user's, unless
  /// the environment names other folders, as scripts/test does.
  static let environment: [String: String] = {
    let caches = (path as NSString).deletingLastPathComponent + "/kernel-caches"
    return ["PIX2PIX_CACHE": caches + "/pix2pix", "POCL_CACHE_DIR": caches + "/pocl"]
      .merging(ProcessInfo.processInfo.environment) { $1 }
  }()

  /// Starts the program.
  static func start(_ arguments: [String], shell prefix: String? = nil) throws -> Running {
    try Running(arguments, shell: prefix)
  }

  /// Runs the program to its end, which has to be a good one.
  @discardableResult
  static func done(_ arguments: [String]) throws -> Outcome {
    let outcome = try run(arguments)
    #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
    return outcome
  }

  /// Runs the program to its end.
  static func run(_ arguments: [String], shell prefix: String? = nil) throws -> Outcome {
    try start(arguments, shell: prefix).wait()
  }
}

/// A process of the program.
final class Running {
  private let process = Process()
  private let ended = DispatchSemaphore(value: 0)
  private let folder: TemporaryFolder
  private var outputPath: String { "\(folder.path)/output" }
  private var errorPath: String { "\(folder.path)/errors" }

  /// - Parameter prefix: shell commands to run before, such as limits
  fileprivate init(_ arguments: [String], shell prefix: String?) throws {
    folder = try TemporaryFolder()
    if let prefix {
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", "\(prefix); exec \"$0\" \"$@\"", Program.path] + arguments
    } else {
      process.executableURL = URL(fileURLWithPath: Program.path)
      process.arguments = arguments
    }
    process.environment = Program.environment
    // Files hold any amount; a full pipe would stop the program.
    for path in [outputPath, errorPath] { try Data().write(to: URL(fileURLWithPath: path)) }
    process.standardOutput = FileHandle(forWritingAtPath: outputPath)
    process.standardError = FileHandle(forWritingAtPath: errorPath)
    process.standardInput = FileHandle.nullDevice
    process.terminationHandler = { [ended] _ in ended.signal() }
    // Tests run on threads that block all signals, and children inherit that.
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
  }

  var output: String { Self.text(outputPath) }

  private static func text(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }

  var isRunning: Bool { process.isRunning }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Waits for the end. How long that takes is the machine's affair: a program hangs when it has used no processor time
  /// for two minutes, or more than half an hour of it.
  func wait() throws -> Outcome {
    var (used, idleSeconds) = (0.0, 0)
    while ended.wait(timeout: .now() + 1) == .timedOut {
      guard let now = processorSeconds() else { continue }
      idleSeconds = now > used ? 0 : idleSeconds + 1
      used = now
      guard idleSeconds >= 120 || used >= 1800 else { continue }
      signal(SIGKILL)
      ended.wait()
      Issue.record("the program hung: \(process.arguments ?? [])\n\(Self.text(errorPath))")
      break
    }
    let status = process.terminationStatus
    return Outcome(
      status: process.terminationReason == .uncaughtSignal ? -status : status, output: output,
      errors: Self.text(errorPath))
  }

  /// The processor time of all its threads; nil where there is no /proc.
  private func processorSeconds() -> Double? {
    let stat = Self.text("/proc/\(process.processIdentifier)/stat")
    // Behind the name, which may hold anything: state, ten numbers, user and system time in ticks.
    guard let name = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[name...].split(separator: " ").dropFirst().map(String.init)
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
      return nil
    }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// Waits until `condition` holds; false when the program ends before.
  func wait(until condition: () -> Bool) -> Bool {
    while !condition() {
      guard process.isRunning else { return condition() }
      usleep(2000)
    }
    return true
  }
}

/// The program in a terminal, which util-linux' script gives it.
enum PseudoTerminal {
  static let isThere = FileManager.default.isExecutableFile(atPath: "/usr/bin/script")

  /// Runs the program to its end.
  ///
  /// - Parameter variables: of the environment, beside the tests' own
  /// - Returns: the exit code, and all that the terminal was sent, standard error included, with its line ends as \n
  static func run(
    _ arguments: [String], columns: Int = 80, variables: [String: String] = [:]
  ) throws -> (status: Int32, text: String) {
    let folder = try TemporaryFolder()
    let path = try folder.write("terminal", Data())
    let script = Process()
    script.executableURL = URL(fileURLWithPath: "/usr/bin/script")
    let command = ([Program.path] + arguments).map { "'\($0)'" }.joined(separator: " ")
    script.arguments = ["-qec", "stty cols \(columns); \(command)", "/dev/null"]
    script.environment = Program.environment
      .merging(["TERM": "xterm", "NO_COLOR": ""]) { $1 }.merging(variables) { $1 }
    script.standardOutput = FileHandle(forWritingAtPath: path)
    script.standardInput = FileHandle.nullDevice
    try script.run()
    script.waitUntilExit()
    let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    return (script.terminationStatus, text.replacingOccurrences(of: "\r\n", with: "\n"))
  }
}

/// A folder of its own for a test, removed when the value goes.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "pix2pix-cli-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file, making the folders above it, and returns its path.
  @discardableResult
  func write(_ name: String, _ content: Data) throws -> String {
    let file = "\(path)/\(name)"
    try makeFolder((name as NSString).deletingLastPathComponent)
    try content.write(to: URL(fileURLWithPath: file))
    return file
  }

  @discardableResult
  func write(_ name: String, _ picture: Picture) throws -> String {
    let file = try write(name, Data())
    try picture.write(to: file, replacing: .any)
    return file
  }

  func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")) }

  @discardableResult
  func makeFolder(_ name: String) throws -> String {
    let folder = "\(path)/\(name)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
  }

  /// Side-by-side pairs, all different.
  @discardableResult
  func writePairs(_ name: String, count: Int = 3, width: Int = 64, height: Int = 32) throws -> String {
    for index in 0..<count { try write("\(name)/p\(index).png", pattern(width, height, index)) }
    return "\(path)/\(name)"
  }
}

/// A small model that was trained for two steps, and a picture for it.
struct SmallModel {
  let folder: TemporaryFolder
  /// The run's folder.
  let path: String
  let input: String

  /// - Parameter options: of the training
  init(_ options: [String] = []) throws {
    folder = try TemporaryFolder()
    _ = try folder.writePairs("pairs/train")
    (path, input) = ("\(folder.path)/model", "\(folder.path)/input.png")
    try folder.write("input.png", pattern(32, 32, 3))
    let outcome = try Program.run(
      ["train", "--data", "\(folder.path)/pairs", "--out", path, "--steps", "2"] + options + tiny
        + onReference)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }
}

/// A picture with edges and slopes, another for every number.
func pattern(_ width: Int, _ height: Int, _ number: Int = 0) -> Picture {
  var samples: [UInt8] = []
  for y in 0..<height {
    for x in 0..<width {
      for channel in 0..<3 {
        let stripe = (x / (4 + number) + y / 5) % 2 * 90
        samples.append(UInt8(truncatingIfNeeded: stripe + (x * (channel + 1) + y * 3) % 128 + 17 * number))
      }
    }
  }
  return Picture(width: width, height: height, channels: 3, samples: .eight(samples))
}

/// The quickest network there is.
let tiny = ["--size", "32", "--ngf", "4", "--ndf", "4"]

/// For tests that are about files, options or messages and not about the device: no driver compiles or links anything.
let onReference = ["--device", "reference"]

/// Expects exit code 1 and one line that names all of `parts`, without traces or usage around it.
func expectFailure(
  _ outcome: Outcome, _ parts: String..., status: Int32 = 1, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: sourceLocation)
  #expect(outcome.errorLines.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
  if status == 1 {
    let last = outcome.errors.split(separator: "\n").last.map(String.init)
    #expect(last == outcome.errorLines.first, "\(outcome.errors)", sourceLocation: sourceLocation)
  }
  for part in parts {
    #expect(
      outcome.errorLines.first?.contains(part) == true, "no \"\(part)\" in: \(outcome.errors)",
      sourceLocation: sourceLocation)
  }
}
