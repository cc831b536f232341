#if Serve
  import Foundation
  import Hummingbird
  import Images
  import Model
  import Tape

  /// All routes, with what they answer.
  struct Routes: Sendable {
    let configuration: ServerConfiguration
    let room: ModelRoom
    let watcher: RunWatcher
    let bodies: RequestBodies

    static let pictureKinds = ["image/png", "image/jpeg", "application/octet-stream"]
    private static let png = "image/png"

    var all: [Route] { pages + models + translation + runs + [openAPI] }

    // MARK: Models

    private static let model = Route.Parameter(
      name: "model", place: .query, kind: .text, description: "The name of a model of /api/models.",
      isRequired: true)

    private var models: [Route] {
      [
        Route(
          method: .get, path: "/api/server", summary: "The program's version, and the device of the models.",
          answers: ["application/json"]
        ) { _, _ in
          struct Answer: Encodable {
            let version, device: String
            let isReference: Bool
          }
          return try .json(
            Answer(
              version: configuration.version, device: configuration.device,
              isReference: configuration.isReference))
        },
        Route(
          method: .get, path: "/api/models", summary: "The models, with what they take and draw.",
          answers: ["application/json"]
        ) { _, _ in try .json(try await describedModels()) },
        Route(
          method: .get, path: "/api/models/{model}/examples/{number}",
          summary: "A picture of a validation pair, as the networks see it: an input or the target.",
          parameters: [
            .init(name: "model", place: .path, kind: .text, description: "The model's name."),
            .init(name: "number", place: .path, kind: .integer(0...1000), description: "From 0."),
            .init(
              name: "input", place: .query, kind: .integer(0...1000),
              description: "The input's place, from 0; the target without it."),
          ], answers: [Self.png], errors: [400, 404]
        ) { query, _ in
          let entry = try await watcher.model(query["model"] ?? "")
          return .file(
            try await room.example(
              entry, number: query.integer("number") ?? 0, input: query.integer("input")),
            Self.png)
        },
      ]
    }

    private struct DescribedModels: Encodable {
      struct Unreadable: Encodable {
        let name, error: String
      }

      var models: [ModelDescription] = []
      var unreadable: [Unreadable] = []
    }

    private func describedModels() async throws -> DescribedModels {
      _ = await watcher.current()
      var answer = DescribedModels()
      for entry in await watcher.catalog.models {
        do {
          answer.models.append(try await room.description(entry))
        } catch {
          answer.unreadable.append(.init(name: entry.name, error: "\(error)"))
        }
      }
      return answer
    }

    // MARK: Translation

    private var translation: [Route] {
      [
        Route(
          method: .post, path: "/api/translate",
          summary: "Translates the picture in the body, as `pix2pix translate` does.",
          parameters: [
            Self.model,
            .init(
              name: "seed", place: .query, kind: .integer(0...Int.max),
              description: "Seed of noise and dropout; the training's without it."),
            .init(
              name: "sample", place: .query, kind: .integer(1...1000),
              description: "The number of the sample, from 1: other noise and dropout."),
            .init(
              name: "dropout", place: .query, kind: .oneOf(["on", "off"]),
              description: "On by default, as in the paper; off for a model of classes."),
            .init(
              name: "statistics", place: .query, kind: .oneOf(NormStatistics.allCases.map(\.rawValue)),
              description: "Of norms: the picture's own, or running averages of the training."),
            .init(
              name: "size", place: .query, kind: .oneOf(Translator.Size.allCases.map(\.rawValue)),
              description: "The size of the training, or the picture's own."),
            .init(
              name: "bit-depth", place: .query, kind: .oneOf(["8", "16"]),
              description: "Bits of a channel; the input's without it."),
            .init(
              name: "format", place: .query, kind: .oneOf(["png", "npy"]),
              description: "Of the answer; npy by default where the model draws channels without colours."),
            .init(
              name: "recipe", place: .query, kind: .flag,
              description: "Whether a PNG holds how it was made, for `pix2pix translate --like`."),
            .init(
              name: "lengths", place: .query, kind: .text,
              description:
                "For models of several inputs, whose files follow each other in the body: the bytes of each, with commas."
            ),
          ], bodies: Self.pictureKinds, answers: [Self.png, "application/octet-stream"],
          errors: [400, 404, 408, 413, 503]
        ) { query, request in
          let entry = try await watcher.model(query["model"] ?? "")
          let answer = try await bodies.with(request) { try await room.translate(job(entry, query, $0)) }
          var response = Response.file(
            answer.file, answer.format == .png ? Self.png : "application/octet-stream")
          response.headers[.init("Server-Timing")!] =
            "translate;dur=\(String(format: "%.1f", answer.milliseconds))"
          return response
        },
        Route(
          method: .post, path: "/api/input",
          summary: "The picture in the body as the model sees it, at the size of the training.",
          parameters: [
            Self.model,
            .init(
              name: "place", place: .query, kind: .integer(0...1000),
              description: "Of the input among those that the model takes, from 0."),
            .init(
              name: "photograph", place: .query, kind: .flag,
              description: "For models of a task: make the input of the photograph, as the training does."),
          ], bodies: Self.pictureKinds, answers: [Self.png], errors: [400, 404, 408, 413, 503]
        ) { query, request in
          let entry = try await watcher.model(query["model"] ?? "")
          let picture = try await bodies.with(request) {
            try await room.input(
              entry, $0, place: query.integer("place") ?? 0, isPhotograph: query.flag("photograph"))
          }
          return .file(picture, Self.png)
        },
      ]
    }

    private func job(_ entry: Catalog.ModelEntry, _ query: Query, _ file: [UInt8]) throws -> ModelRoom.Job {
      var job = ModelRoom.Job(model: entry, inputs: try parts(of: file, lengths: query["lengths"]))
      let seed = query.integer("seed").map(UInt64.init)
      switch (query["dropout"], seed) {
      case ("off", nil): job.dropout = .off
      case ("off", _?): throw RequestError(.badRequest, "a seed decides nothing where dropout is off")
      case (_, let seed?): job.dropout = .seeded(seed)
      case ("on", nil): job.dropout = .on
      default: break
      }
      job.statistics = query["statistics"].flatMap(NormStatistics.init) ?? .batch
      job.size = query["size"].flatMap(Translator.Size.init) ?? .trained
      job.sample = (query.integer("sample") ?? 1) - 1
      job.bitDepth = query.integer("bit-depth")
      job.format = query["format"].flatMap(PictureHeader.Format.init)
      job.withRecipe = query.flag("recipe")
      return job
    }

    /// The files that follow each other in a body.
    private func parts(of file: [UInt8], lengths: String?) throws -> [[UInt8]] {
      guard let lengths else { return [file] }
      let counts = lengths.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
      guard counts.allSatisfy({ (0...file.count).contains($0) }), counts.reduce(0, +) == file.count else {
        throw RequestError(
          .badRequest, "lengths are whole numbers whose sum is the body's \(file.count) bytes")
      }
      var start = 0
      return counts.map { count in
        defer { start += count }
        return Array(file[start..<start + count])
      }
    }

    // MARK: Runs

    private static let run = Route.Parameter(
      name: "run", place: .path, kind: .text, description: "The name of a run of /api/runs.")

    private var runs: [Route] {
      [
        Route(
          method: .get, path: "/api/runs", summary: "All runs: states, figures, options, strips.",
          answers: ["application/json"]
        ) { _, _ in try .json(await watcher.current()) },
        Route(
          method: .get, path: "/api/runs/{run}", summary: "One run.", parameters: [Self.run],
          answers: ["application/json"], errors: [404]
        ) { query, _ in try .json(try await watcher.summary(query["run"] ?? "")) },
        Route(
          method: .get, path: "/api/runs/{run}/page", summary: "A run's curves, strips and tables, as HTML.",
          parameters: [Self.run], answers: ["text/html"], errors: [404]
        ) { query, _ in
          let page = try await watcher.page(query["run"] ?? "", sampleURL: Self.sampleURL)
          return .file(Array(page.html.utf8), "text/html; charset=utf-8")
        },
        Route(
          method: .get, path: "/api/runs/{run}/samples/{step}", summary: "The sample strip of a step.",
          parameters: [
            Self.run,
            .init(name: "step", place: .path, kind: .integer(0...Int.max), description: "The strip's step."),
          ], answers: [Self.png], errors: [400, 404]
        ) { query, _ in
          var response = Response.file(
            try await watcher.sample(query["run"] ?? "", step: query.integer("step") ?? 0), Self.png)
          // A run that is begun anew may write another.
          response.headers[.cacheControl] = "private, max-age=60"
          return response
        },
        Route(
          method: .get, path: "/api/compare", summary: "Runs beside each other, as HTML.",
          parameters: [
            .init(
              name: "run", place: .query, kind: .texts, description: "The names of two to eight runs.",
              isRequired: true)
          ], answers: ["text/html"], errors: [400, 404]
        ) { query, _ in
          let names = query.texts("run")
          guard (2...8).contains(names.count), Set(names).count == names.count else {
            throw RequestError(.badRequest, "give run two to eight times, with other names")
          }
          return .file(Array(try await watcher.comparison(names).utf8), "text/html; charset=utf-8")
        },
        Route(
          method: .get, path: "/api/events",
          summary: "Events named runs, with what /api/runs answers: now, and when something changes.",
          answers: ["text/event-stream"]
        ) { _, _ in await events() },
      ]
    }

    private static func sampleURL(_ run: String, _ step: Int) -> String {
      let name = run.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
      return "/api/runs/\(name)/samples/\(step)"
    }

    private func events() async -> Response {
      let changes = await watcher.changes()
      return Response(
        status: .ok, headers: [.contentType: "text/event-stream"],
        body: ResponseBody { writer in
          let encoder = JSONEncoder()
          encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
          for await summaries in changes {
            let text = String(decoding: try encoder.encode(summaries), as: UTF8.self)
            try await writer.write(ByteBuffer(string: "event: runs\ndata: \(text)\n\n"))
          }
          try await writer.finish(nil)
        })
    }

    private var openAPI: Route {
      Route(
        method: .get, path: "/openapi.json", summary: "This description.", answers: ["application/json"]
      ) { _, _ in
        let description = OpenAPI.description(all, version: configuration.version)
        return .file(
          try JSONSerialization.data(
            withJSONObject: description, options: [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]),
          "application/json")
      }
    }
  }
#endif
