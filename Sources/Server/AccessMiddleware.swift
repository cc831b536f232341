#if Serve
  import Foundation
  import HTTPTypes
  import Hummingbird
  import Images
  import Model
  import Synchronization

  /// Lets requests in or refuses them, answers errors in one line, and gives every answer the headers that keep browsers from
  /// more than is meant.
  struct AccessMiddleware: RouterMiddleware {
    /// Set once the port is known, before the first request is read.
    let access: AccessHolder

    static let cookie = "pix2pix_token"
    /// In the address that the server prints.
    static let tokenParameter = "token"

    func handle(
      _ request: Request, context: BasicRequestContext,
      next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
      var response: Response
      switch access.value.verdict(on: described(request)) {
      case .refused(let code, let line):
        response = .error(HTTPResponse.Status(code: code), line)
      case .allowed:
        if let visit = firstVisit(request) {
          response = visit
        } else {
          do {
            response = try await next(request, context)
          } catch {
            response = Self.response(to: error)
          }
        }
      }
      harden(&response)
      return response
    }

    private func described(_ request: Request) -> Access.Request {
      let bearer = request.headers[.authorization].flatMap { value in
        value.lowercased().hasPrefix("bearer ") ? String(value.dropFirst(7)) : nil
      }
      return Access.Request(
        method: request.method == .head ? "GET" : request.method.rawValue, path: request.uri.path,
        host: request.head.authority,
        origin: request.headers[.origin], fetchSite: request.headers[HTTPField.Name("Sec-Fetch-Site")!],
        token: bearer ?? request.cookies[Self.cookie]?.value ?? queryToken(request))
    }

    private func queryToken(_ request: Request) -> String? {
      request.uri.queryParameters[Self.tokenParameter[...]].map(String.init)
    }

    /// The answer to an address with the token in it: a cookie, and the address without.
    private func firstVisit(_ request: Request) -> Response? {
      guard let token = access.value.token, queryToken(request) != nil, request.method == .get,
        !request.uri.path.hasPrefix("/api")
      else { return nil }
      return Response(
        status: .seeOther,
        headers: [
          .location: request.uri.path,
          .setCookie: "\(Self.cookie)=\(token); Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000",
        ])
    }

    private func harden(_ response: inout Response) {
      let headers = [
        "Content-Security-Policy":
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
          + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
      ]
      for (name, value) in headers { response.headers[HTTPField.Name(name)!] = value }
      if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    }

    /// One line for an error, with the status that fits.
    static func response(to error: any Error) -> Response {
      switch error {
      case let error as RequestError:
        switch error.kind {
        case .badRequest: return .error(.badRequest, error.description)
        case .notFound: return .error(.notFound, error.description)
        case .tooLarge: return .error(.contentTooLarge, error.description)
        case .tooSlow: return .error(.requestTimeout, error.description)
        case .failed: return .error(.internalServerError, error.description)
        case .busy:
          var response = Response.error(.serviceUnavailable, error.description)
          response.headers[.retryAfter] = "1"
          return response
        }
      case let error as ImageError: return .error(.badRequest, "\(error)")
      case ModelError.option(let name, let reason): return .error(.badRequest, "\(name): \(reason)")
      case let error as HTTPError:
        return .error(
          error.status,
          error.body ?? (error.status == .notFound ? "there is nothing here" : error.status.reasonPhrase))
      default: return .error(.internalServerError, "\(error)")
      }
    }
  }

  /// What the middleware asks, which needs the port that the system gave.
  final class AccessHolder: Sendable {
    private let held: Mutex<Access>
    init(_ access: Access) { held = Mutex(access) }
    var value: Access { held.withLock { $0 } }
    func replace(_ access: Access) { held.withLock { $0 = access } }
  }
#endif
