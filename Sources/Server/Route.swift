#if Serve
  import Foundation
  import Hummingbird

  /// A route of the server: what it takes and gives, and what answers. The router and the description at /openapi.json are
  /// both made of these rows.
  struct Route: Sendable {
    struct Parameter: Sendable {
      enum Place: String, Sendable { case path, query }

      enum Kind: Sendable {
        case text
        /// May be given several times.
        case texts
        case integer(ClosedRange<Int>)
        case oneOf([String])
        case flag
      }

      let name: String
      let place: Place
      let kind: Kind
      let description: String
      var isRequired = false
    }

    /// A page or a file of one, which is not part of the API.
    var isPage = false
    let method: HTTPRequest.Method
    /// As OpenAPI writes it: `/api/runs/{run}`.
    let path: String
    let summary: String
    var parameters: [Parameter] = []
    /// The kinds of the body that it takes.
    var bodies: [String] = []
    /// The kinds of the answer.
    let answers: [String]
    /// Errors by their status codes.
    var errors: [Int] = []
    let answer: @Sendable (Query, Request) async throws -> Response
  }

  /// The parameters of a request, checked by their row.
  struct Query: Sendable {
    private var values: [String: [String]] = [:]

    /// None.
    init() {}

    /// - Throws: `RequestError` naming a parameter that is unknown, missing, given twice, or out of range
    init(_ request: Request, _ context: BasicRequestContext, _ parameters: [Route.Parameter]) throws {
      for parameter in parameters where parameter.place == .path {
        guard let value = context.parameters.get(parameter.name)?.removingPercentEncoding else {
          throw RequestError(.badRequest, "the path has no \(parameter.name)")
        }
        values[parameter.name] = [value]
      }
      let taken = parameters.filter { $0.place == .query }
      for (name, value) in Self.pairs(in: request.uri.query ?? "") {
        if name == AccessMiddleware.tokenParameter { continue }
        guard taken.contains(where: { $0.name == name }) else {
          let names = taken.map(\.name).joined(separator: ", ")
          throw RequestError(
            .badRequest,
            taken.isEmpty ? "there are no parameters here" : "no such parameter; there are: \(names)")
        }
        values[name, default: []].append(value)
      }
      for parameter in parameters { try parameter.check(values[parameter.name] ?? []) }
    }

    /// Names and values as forms send them, a plus for a space (HTML specification, "application/x-www-form-urlencoded").
    private static func pairs(in query: String) -> [(String, String)] {
      func decoded(_ text: some StringProtocol) -> String {
        let spaced = text.replacingOccurrences(of: "+", with: " ")
        return spaced.removingPercentEncoding ?? spaced
      }
      return query.split(separator: "&").map { part in
        let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (decoded(sides[0]), sides.count > 1 ? decoded(sides[1]) : "")
      }
    }

    func texts(_ name: String) -> [String] { values[name] ?? [] }
    subscript(name: String) -> String? { values[name]?.first }
    func integer(_ name: String) -> Int? { self[name].flatMap { Int($0) } }
    func flag(_ name: String) -> Bool { self[name] == "true" }
  }

  extension Route.Parameter {
    fileprivate func check(_ values: [String]) throws {
      guard let value = values.first else {
        guard !isRequired else { throw RequestError(.badRequest, "\(name) is missing") }
        return
      }
      if case .texts = kind { return }
      guard values.count == 1 else { throw RequestError(.badRequest, "\(name) is given twice") }
      switch kind {
      case .text, .texts: break
      case .integer(let range):
        guard let number = Int(value), range.contains(number) else {
          throw RequestError(
            .badRequest, "\(name) is a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
      case .oneOf(let words):
        guard words.contains(value) else {
          throw RequestError(.badRequest, "\(name) is one of: \(words.joined(separator: ", "))")
        }
      case .flag:
        guard ["true", "false"].contains(value) else {
          throw RequestError(.badRequest, "\(name) is true or false")
        }
      }
    }
  }

  extension Response {
    /// A file of a kind.
    static func file(_ bytes: some Collection<UInt8>, _ kind: String) -> Response {
      Response(
        status: .ok, headers: [.contentType: kind], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// A value as JSON.
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      var response = Response.file(try encoder.encode(value), "application/json")
      response.status = status
      return response
    }

    /// An error, in one line.
    static func error(_ status: HTTPResponse.Status, _ line: String) -> Response {
      let text = line.replacingOccurrences(of: "\n", with: " ")
      // A dictionary of texts is always encoded.
      return (try? json(["error": text], status: status)) ?? Response(status: status)
    }
  }
#endif
