#if Serve
  import Foundation

  /// The description of the API in the form of OpenAPI 3.1 (spec.openapis.org/oas/v3.1.0), made of the routes.
  enum OpenAPI {
    static func description(_ routes: [Route], version: String) -> [String: any Sendable] {
      var paths: [String: [String: any Sendable]] = [:]
      for route in routes where !route.isPage {
        paths[route.path, default: [:]][route.method.rawValue.lowercased()] = operation(route)
      }
      let info: [String: any Sendable] = [
        "title": "pix2pix serve", "version": version,
        "description": "Translates pictures with trained models, and tells of trainings.",
        "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
      ]
      let error: [String: any Sendable] = [
        "type": "object", "required": ["error"], "properties": ["error": ["type": "string"]],
      ]
      let components: [String: any Sendable] = [
        "schemas": ["Error": error], "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
      ]
      return ["openapi": "3.1.0", "info": info, "paths": paths, "components": components]
    }

    private static func operation(_ route: Route) -> [String: any Sendable] {
      // A server on loopback wants no token.
      let security: [[String: [String]]] = [["token": []], [:]]
      var operation: [String: any Sendable] = ["summary": route.summary, "security": security]
      operation["operationId"] =
        route.method.rawValue.lowercased()
        + route.path.split(whereSeparator: { !$0.isLetter }).map(\.capitalized).joined()
      if !route.parameters.isEmpty { operation["parameters"] = route.parameters.map(parameter) }
      if !route.bodies.isEmpty {
        operation["requestBody"] =
          ["required": true, "content": content(route.bodies)] as [String: any Sendable]
      }
      var answers = ["200": answer("The answer.", content(route.answers))]
      let error = ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]]
      for code in route.errors { answers["\(code)"] = answer("An error, in one line.", error) }
      operation["responses"] = answers
      return operation
    }

    private static func answer(_ description: String, _ content: [String: any Sendable])
      -> [String: any Sendable]
    {
      ["description": description, "content": content]
    }

    private static func content(_ kinds: [String]) -> [String: any Sendable] {
      Dictionary(
        uniqueKeysWithValues: kinds.map { kind in
          let isText = kind.hasPrefix("text/")
          let schema: [String: any Sendable] =
            kind == "application/json"
            ? [:] : isText ? ["type": "string"] : ["type": "string", "format": "binary"]
          return (kind, ["schema": schema])
        })
    }

    private static func parameter(_ parameter: Route.Parameter) -> [String: any Sendable] {
      let schema: [String: any Sendable] =
        switch parameter.kind {
        case .text: ["type": "string"]
        case .texts: ["type": "array", "items": ["type": "string"]]
        case .integer(let range):
          ["type": "integer", "minimum": range.lowerBound, "maximum": range.upperBound]
        case .oneOf(let words): ["type": "string", "enum": words]
        case .flag: ["type": "boolean"]
        }
      return [
        "name": parameter.name, "in": parameter.place.rawValue, "description": parameter.description,
        "required": parameter.isRequired || parameter.place == .path, "schema": schema,
      ]
    }
  }
#endif
