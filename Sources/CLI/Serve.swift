import ArgumentParser
import CLBackend
import Foundation
import Model
import Server
import Synchronization

struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serves a page to draw, translate and watch trainings in a browser, and an HTTP API.",
    discussion: """
      RUN is a run's folder, a folder of runs, or a checkpoint. The page translates with their models while you draw, and \
      follows trainings that go on in any process. Programs use the same API; /openapi.json describes it.

      Only this machine reaches the server, unless --host says otherwise; then visitors need the token that is printed. To \
      see it from another machine, use the printed ssh command. Ctrl-C lets the translation under way finish.

      Examples:
        pix2pix serve run
        pix2pix serve runs --port 8080
        pix2pix serve run/best.safetensors --label-names classes.txt
        curl --data-binary @labels.png 'http://127.0.0.1:8000/api/translate?model=run' -o picture.png
      """)

  @Argument(
    help: ArgumentHelp("Runs, folders of runs, or checkpoints.", valueName: "run"), completion: .file())
  var runs: [String]
  @Option(help: "The port to listen at; 0 for a free one.", transform: OptionRange.from(0, to: 65535).value)
  var port = 8000
  @Option(help: "The address to listen at: this machine's own, or 0.0.0.0 for all of its networks.")
  var host = "127.0.0.1"
  @Option(
    help:
      "What visitors have to know, at least 16 characters. (default: nothing; for a --host that others reach, one that is made up)"
  )
  var token: String?
  @Option(
    help: ArgumentHelp(
      "Another name, or name:port, that browsers know the server by; once for each.", valueName: "name",
      visibility: .rare))
  var allowHost: [String] = []
  @Option(
    help: ArgumentHelp(
      "Names of classes: lines such as \"#804080 road\", \"128 64 128 road\" or, for class indices, \"7 road\".",
      valueName: "file"), completion: .file())
  var labelNames: String?
  @Option(
    help: ArgumentHelp(
      "Memory to use on the device; larger pictures are translated in strips. (default: a quarter)",
      valueName: "GiB", visibility: .rare),
    transform: memoryLimits.value)
  var memoryLimit: Double?
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions

  func validate() throws {
    guard !runs.isEmpty else { throw ValidationError("Missing a run's folder or a checkpoint.") }
    if let token {
      guard token.utf8.count >= 16, token.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) else {
        throw ValidationError("--token is at least 16 letters and digits.")
      }
    }
  }

  func run() throws {
    try BuildTrait.server.require(for: "serve")
    #if Serve
      try serve()
    #endif
  }
}

#if Serve
  extension Serve {
    private func serve() throws {
      var device = device
      let name = try chooseDevice(&device)
      let place = TranslationDevice(
        device: device, kernels: kernels, memoryLimit: try memoryLimit ?? quarterOfMemory(device))
      var configuration = ServerConfiguration(places: runs) { try place.executor(for: $0) }
      (configuration.host, configuration.port) = (host, port)
      configuration.otherNames = allowHost
      configuration.token =
        token ?? (ServerConfiguration.isLoopback(host) ? nil : ServerConfiguration.newToken())
      configuration.labelNames = try labelNames.map(LabelNames.read) ?? [:]
      configuration.version = Version.text
      (configuration.device, configuration.isReference) = (name ?? "CPU reference", name == nil)
      let server = try PageServer(configuration)
      let stop = StopSignals()
      let (settings, signals) = (configuration, stop.signals)
      defer { withExtendedLifetime(stop) {} }
      try Blocking.wait {
        let models = await server.models()
        note(
          models.isEmpty
            ? "no model yet: pages will show the first checkpoint when it is written"
            : "models: \(models.joined(separator: ", ")), on \(settings.device)")
        let isListening = Mutex(false)
        do {
          try await server.run(stop: signals) { port in
            isListening.withLock { $0 = true }
            Terminal.tell(Self.addresses(settings, port: port))
          }
        } catch {
          guard !isListening.withLock(\.self) else { throw ModelError.training("the server ended: \(error)") }
          throw ModelError.option(
            "--port", "\(settings.host):\(settings.port) cannot be listened at: \(error)")
        }
      }
    }

    /// Where there is no OpenCL device, models run on the reference.
    ///
    /// - Returns: the device's name; nil for the reference
    private func chooseDevice(_ device: inout DeviceOptions) throws -> String? {
      if device.device.lowercased() == "auto", try Device.all().isEmpty {
        note("\(try Device.noneFound()) Models run on the slow CPU reference.")
        device.device = "reference"
      }
      if case .openCL(let chosen, _) = try device.choose() { return chosen.description.name }
      return nil
    }

    /// Of an OpenCL device, in GiB: a visitor's large picture is not to take a training's memory.
    private func quarterOfMemory(_ device: DeviceOptions) throws -> Double? {
      guard case .openCL(let chosen, _) = try device.choose() else { return nil }
      return Double(chosen.description.globalMemory) / Double(1 << 32)
    }

    /// The addresses to open, and the way from another machine.
    private static func addresses(_ settings: ServerConfiguration, port: Int) -> String {
      let query = settings.token.map { "?token=\($0)" } ?? ""
      let isLocal = ServerConfiguration.isLoopback(settings.host)
      let shown =
        ["0.0.0.0", "::"].contains(settings.host) ? ProcessInfo.processInfo.hostName : settings.host
      let line = "open:  http://\(ServerConfiguration.inURL(shown)):\(port)/\(query)"
      guard isLocal else { return line }
      let user = ProcessInfo.processInfo.userName
      return line
        + "\nfrom another machine:  ssh -L \(port):127.0.0.1:\(port) \(user)@\(ProcessInfo.processInfo.hostName)  and the same address there"
    }
  }

  /// The first Ctrl-C or SIGTERM asks a server to stop; the same again ends the program as usual.
  private struct StopSignals {
    let signals: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    init() {
      let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
      signals = stream
      sources = [SIGINT, SIGTERM, SIGHUP].compactMap { number in
        var current = sigaction()
        sigaction(number, nil, &current)
        let isIgnored =
          unsafeBitCast(current.__sigaction_handler.sa_handler, to: Int.self)
          == unsafeBitCast(SIG_IGN, to: Int.self)
        if isIgnored { return nil }
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
          signal(number, SIG_DFL)
          note("stopping after the answers under way; once more ends at once")
          continuation.finish()
        }
        source.resume()
        return source
      }
    }
  }

  /// Runs a task to its end from a command, which is no task itself.
  private enum Blocking {
    static func wait(_ body: @escaping @Sendable () async throws -> Void) throws {
      let result = Mutex<(any Error)?>(nil)
      let done = DispatchSemaphore(value: 0)
      Task {
        do { try await body() } catch { result.withLock { $0 = error } }
        done.signal()
      }
      done.wait()
      if let error = result.withLock(\.self) { throw error }
    }
  }
#endif
