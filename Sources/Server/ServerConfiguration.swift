import Images
import Model
import Tape

/// What a server shows, where it listens, and what it bears.
public struct ServerConfiguration: Sendable {
  /// Bounds that keep a request from costing more than it may.
  public struct Limits: Sendable {
    /// Bytes of a request's body.
    public var bodyBytes = 64 << 20
    /// Bytes of all bodies that are in memory.
    public var allBodyBytes = 256 << 20
    /// Pixels of a picture.
    public var pixels = 1 << 24
    /// Pixels of a picture that is translated at its own size.
    public var translatedPixels = 1 << 22
    /// Seconds in which a body has to come.
    public var bodySeconds = 60
    /// Seconds without a request, a part of one, or a read part of an answer, after which a connection is closed.
    public var idleSeconds = 60
    /// Connections at a time; others wait.
    public var connections = 128
    /// Pictures that wait for the device or are being translated; others are told to come again.
    public var waitingPictures = 8
    /// Generators that stay loaded.
    public var loadedGenerators = 4
    /// Seconds that a stop waits for answers under way.
    public var stopSeconds = 60

    public init() {}
  }

  /// Folders of runs, folders of folders of runs, or checkpoints.
  public var places: [String]
  public var host = "127.0.0.1"
  /// 0 for a free one.
  public var port = 8000
  /// What a visitor has to know; nil where everyone who reaches the server may use it.
  public var token: String?
  /// Names beside the host's own that browsers may know the server by, with or without a port.
  public var otherNames: [String] = []
  /// Names of classes by their colours.
  public var labelNames: [Colour: String] = [:]
  /// Of the program.
  public var version = ""
  /// The device that models run on, in words.
  public var device = ""
  /// The device is the slow CPU reference.
  public var isReference = false
  public var limits = Limits()
  /// Allocates the tensors of a generator.
  public var makeExecutor: @Sendable (any TrainingStep) throws -> any Executor

  public init(places: [String], makeExecutor: @escaping @Sendable (any TrainingStep) throws -> any Executor) {
    self.places = places
    self.makeExecutor = makeExecutor
  }

  /// Whether only this machine reaches the host.
  public static func isLoopback(_ host: String) -> Bool {
    host == "localhost" || host == "::1" || host.hasPrefix("127.") && host.split(separator: ".").count == 4
  }

  /// A token that nobody guesses: 128 bits of the system's random numbers.
  public static func newToken() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<4).map { _ in
      let digits = String(UInt32.random(in: 0...UInt32.max, using: &generator), radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  /// The host as it stands in a URL.
  public static func inURL(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}

/// What a request did wrong, or why it cannot be answered, in one line.
struct RequestError: Error, CustomStringConvertible {
  enum Kind: Sendable {
    case badRequest, notFound, tooLarge, tooSlow, busy, failed
  }

  let kind: Kind
  let description: String

  init(_ kind: Kind, _ description: String) { (self.kind, self.description) = (kind, description) }
}
