import Server
import Tape
import Testing

/// Who may ask a server for what.
@Suite struct AccessTests {
  private func access(
    _ host: String = "127.0.0.1", token: String? = nil, otherNames: [String] = [], addresses: [String] = []
  ) -> Access {
    var configuration = ServerConfiguration(places: []) { ReferenceExecutor($0.recording) }
    (configuration.host, configuration.token, configuration.otherNames) = (host, token, otherNames)
    return Access(configuration, port: 8000, addresses: addresses)
  }

  private func isAllowed(_ access: Access, _ request: Access.Request) -> Bool {
    access.verdict(on: request) == .allowed
  }

  @Test(
    arguments: [
      ("localhost:8000", true), ("127.0.0.1:8000", true), ("[::1]:8000", true), ("LocalHost:8000", true),
      ("localhost", false), ("localhost:80", false), ("localhost:08000", false), ("localhost:8000.", false),
      ("127.0.0.1:8001", false), ("127.0.0.1.nip.io:8000", false), ("evil.example:8000", false),
      ("localhost.:8000", false), ("0.0.0.0:8000", false), ("user@localhost:8000", false), ("", false),
    ]) func names(_ host: String, _ expected: Bool)
  {
    #expect(isAllowed(access(), .init(method: "GET", path: "/", host: host)) == expected)
  }

  @Test func noHostIsRefused() {
    #expect(!isAllowed(access(), .init(method: "GET", path: "/", host: nil)))
  }

  @Test func port80NeedsNoNumber() {
    let configuration = ServerConfiguration(places: []) { ReferenceExecutor($0.recording) }
    let access = Access(configuration, port: 80, addresses: [])
    for host in ["localhost", "localhost:80", "[::1]"] {
      #expect(isAllowed(access, .init(method: "GET", path: "/", host: host)), "\(host)")
    }
  }

  @Test(
    arguments: [
      ("http://localhost:8000", true), ("http://LOCALHOST:8000", true), ("https://localhost:8000", true),
      ("http://127.0.0.1:8000", false), ("http://localhost:8001", false), ("http://localhost", false),
      ("null", false), ("http://evil.example", false), ("http://localhost:8000.evil.example", false),
    ]) func origins(_ origin: String, _ expected: Bool)
  {
    let request = Access.Request(
      method: "POST", path: "/api/translate", host: "localhost:8000", origin: origin)
    #expect(isAllowed(access(), request) == expected)
  }

  @Test func sites() {
    func allowed(_ site: String, _ method: String, _ path: String) -> Bool {
      isAllowed(access(), .init(method: method, path: path, host: "localhost:8000", fetchSite: site))
    }
    for site in ["same-origin", "none"] { #expect(allowed(site, "POST", "/api/translate")) }
    for site in ["cross-site", "same-site"] {
      #expect(!allowed(site, "GET", "/api/models"))
      #expect(!allowed(site, "POST", "/"))
      // A link leads to a page, which shows nothing without the API.
      #expect(allowed(site, "GET", "/train"))
    }
  }

  @Test func tokens() {
    let access = access(token: "0123456789abcdef")
    func allowed(_ token: String?) -> Bool {
      isAllowed(access, .init(method: "GET", path: "/", host: "localhost:8000", token: token))
    }
    #expect(allowed("0123456789abcdef"))
    for wrong in [
      nil, "", "0", "0123456789abcde", "0123456789abcdefg", "1123456789abcdef", "0123456789abcdeF",
    ] {
      #expect(!allowed(wrong), "\(wrong ?? "none")")
    }
    // A wrong name is said before the token is looked at.
    let other = Access.Request(method: "GET", path: "/", host: "evil:8000", token: "0123456789abcdef")
    #expect(!isAllowed(access, other))
  }

  @Test func otherHosts() {
    func allowed(_ access: Access, _ host: String) -> Bool {
      isAllowed(access, .init(method: "GET", path: "/", host: host))
    }
    let everywhere = access("0.0.0.0", addresses: ["192.168.1.7", "fe80::1", "gpu"])
    for host in ["192.168.1.7:8000", "[fe80::1]:8000", "gpu:8000", "localhost:8000"] {
      #expect(allowed(everywhere, host), "\(host)")
    }
    #expect(!allowed(everywhere, "0.0.0.0:8000"))
    #expect(allowed(access("192.168.1.7"), "192.168.1.7:8000"))
    #expect(!allowed(access("192.168.1.7"), "192.168.1.8:8000"))
    let named = access(otherNames: ["draw.example", "localhost:9000"])
    #expect(allowed(named, "draw.example:8000") && allowed(named, "localhost:9000"))
    #expect(!allowed(named, "draw.example:9000"))
  }

  @Test func newTokensDiffer() {
    let tokens = (0..<100).map { _ in ServerConfiguration.newToken() }
    #expect(Set(tokens).count == 100)
    #expect(tokens.allSatisfy { $0.count == 32 && $0.allSatisfy(\.isHexDigit) })
  }

  @Test(arguments: ["127.0.0.1", "127.1.2.3", "localhost", "::1"]) func loopback(_ host: String) {
    #expect(ServerConfiguration.isLoopback(host))
  }

  @Test(arguments: ["0.0.0.0", "::", "192.168.1.1", "127.0.0.1.evil.example", "127.evil", "localhost.evil"])
  func notLoopback(_ host: String) {
    #expect(!ServerConfiguration.isLoopback(host))
  }
}
