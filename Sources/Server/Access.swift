import Foundation

/// Who may ask a server for what. Pure functions of a request's headers.
package struct Access: Sendable {
  /// What a request says of where it comes from and goes to.
  package struct Request: Sendable {
    package var method: String
    package var path: String
    /// The header Host.
    package var host: String?
    /// The header Origin, which browsers send with what pages ask for.
    package var origin: String?
    /// The header Sec-Fetch-Site.
    package var fetchSite: String?
    /// The token of the header Authorization, of the cookie, or of the query.
    package var token: String?

    package init(
      method: String, path: String, host: String?, origin: String? = nil, fetchSite: String? = nil,
      token: String? = nil
    ) {
      (self.method, self.path, self.host) = (method, path, host)
      (self.origin, self.fetchSite, self.token) = (origin, fetchSite, token)
    }
  }

  package enum Verdict: Sendable, Equatable {
    case allowed
    /// A status code and a line that says why.
    case refused(Int, String)
  }

  /// Names with ports, in lower case: `localhost:8000`.
  let names: Set<String>
  let token: String?

  /// - Parameters:
  ///   - configuration: with the port that the server has
  ///   - addresses: of this machine, for a host that means all of them
  package init(_ configuration: ServerConfiguration, port: Int, addresses: [String]) {
    let own: [String]
    if ServerConfiguration.isLoopback(configuration.host) {
      own = ["localhost", "127.0.0.1", "[::1]", ServerConfiguration.inURL(configuration.host)]
    } else if ["0.0.0.0", "::"].contains(configuration.host) {
      own = ["localhost"] + addresses.map(ServerConfiguration.inURL)
    } else {
      own = [ServerConfiguration.inURL(configuration.host)]
    }
    names = Set(
      own.map { "\($0.lowercased()):\(port)" }
        + configuration.otherNames.map { Self.withPort($0.lowercased(), port: port) })
    token = configuration.token
  }

  package func verdict(on request: Request) -> Verdict {
    guard let host = request.host?.lowercased(), !host.isEmpty else {
      return .refused(400, "the request has no header Host")
    }
    // A page of elsewhere whose name was made to mean this machine (DNS rebinding) sends its own name.
    guard names.contains(Self.withPort(host, port: 80)) else {
      return .refused(
        421, "this server does not answer to that name; start it with --allow-host for the name you use")
    }
    if let origin = request.origin?.lowercased(), origin != "http://\(host)", origin != "https://\(host)" {
      return .refused(403, "pages of other origins may not use this server")
    }
    if let site = request.fetchSite, site != "same-origin", site != "none",
      request.method != "GET" || request.path.hasPrefix("/api")
    {
      return .refused(403, "pages of other sites may not use this server")
    }
    if let token {
      guard let given = request.token, Self.areEqual(given, token) else {
        return .refused(401, "this server wants its token: open the address that it printed")
      }
    }
    return .allowed
  }

  /// A name with its port; one without has the usual one.
  private static func withPort(_ name: String, port: Int) -> String {
    let last = name.split(separator: ":", omittingEmptySubsequences: false).last ?? ""
    let isAddress = name.hasPrefix("[") && name.hasSuffix("]")
    let hasPort = !isAddress && name.contains(":") && !last.isEmpty && last.allSatisfy(\.isNumber)
    return hasPort ? name : "\(name):\(port)"
  }

  /// Compares in a time that does not depend on where texts differ.
  package static func areEqual(_ a: String, _ b: String) -> Bool {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    var difference = a.count ^ b.count
    for index in b.indices { difference |= Int(b[index] ^ (index < a.count ? a[index] : 0)) }
    return difference == 0
  }

  /// The addresses of this machine's network interfaces, and its name.
  static func addressesOfThisMachine() -> [String] {
    var found: [String] = [ProcessInfo.processInfo.hostName]
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return found }
    defer { freeifaddrs(list) }
    var next = list
    while let current = next {
      next = current.pointee.ifa_next
      guard let address = current.pointee.ifa_addr,
        [sa_family_t(AF_INET), sa_family_t(AF_INET6)].contains(address.pointee.sa_family)
      else { continue }
      let isShort = address.pointee.sa_family == sa_family_t(AF_INET)
      let length = isShort ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      if getnameinfo(
        address, socklen_t(length), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
      {
        let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Without the interface of a link-local address.
        found.append(String(name.prefix { $0 != "%" }))
      }
    }
    return found
  }
}
