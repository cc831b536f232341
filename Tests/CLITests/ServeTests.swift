import Foundation
import Images
import Testing

/// The server as a process. The pages themselves are tested in a browser by scripts/test-browser.
@Suite struct ServeTests {
  private let small: SmallModel
  private var folder: TemporaryFolder { small.folder }
  private var model: String { small.path }
  private var input: String { small.input }

  init() throws { small = try SmallModel() }

  /// A server, its port, and its process; stopped by SIGTERM in the end, with exit code 0.
  private func withServer(_ arguments: [String] = [], _ body: (Int) throws -> Void) throws {
    let server = try Program.start(["serve", model, "--port", "0"] + arguments + onReference)
    var port: Int?
    while port == nil, server.isRunning {
      port = server.output.split(separator: "\n").first { $0.hasPrefix("open:") }.flatMap { line in
        line.split(separator: ":").last.flatMap { Int($0.prefix { $0.isNumber }) }
      }
      usleep(20_000)
    }
    do {
      try body(try #require(port))
    } catch {
      server.signal(SIGKILL)
      throw error
    }
    // A shell starts jobs in the background with SIGINT ignored, and the program keeps to that.
    server.signal(SIGTERM)
    let outcome = try server.wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  /// Status and body of a request.
  private func ask(_ port: Int, _ request: String, body: [UInt8] = []) throws -> (status: Int, body: [UInt8])
  {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let isOpen = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    try #require(isOpen)
    let head =
      "\(request) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\nContent-Length: \(body.count)\r\n\r\n"
    var rest = Array(head.utf8) + body
    while !rest.isEmpty {
      let count = send(descriptor, rest, rest.count, Int32(MSG_NOSIGNAL))
      try #require(count > 0)
      rest.removeFirst(count)
    }
    var (answer, buffer): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 65536))
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count <= 0 { break }
      answer += buffer[..<count]
    }
    let mark = Array("\r\n\r\n".utf8)
    let end = try #require((0..<max(0, answer.count - 3)).first { Array(answer[$0..<$0 + 4]) == mark })
    let line = String(decoding: answer[..<end], as: UTF8.self).split(separator: " ")
    return (Int(line[1]) ?? 0, Array(answer[(end + 4)...]))
  }

  @Test func equalsTranslate() throws {
    let picture = Array(try Data(contentsOf: URL(fileURLWithPath: input)))
    let cases: [(query: String, options: [String])] = [
      ("", []), ("&seed=7", ["--dropout", "7"]), ("&dropout=off", ["--dropout", "off"]),
      ("&statistics=running", ["--norm-statistics", "running"]), ("&size=own", ["--size", "own"]),
      ("&bit-depth=16", ["--bit-depth", "16"]),
    ]
    try withServer { port in
      for (number, item) in cases.enumerated() {
        let out = "\(folder.path)/\(number).png"
        let outcome = try Program.run(
          ["translate", "--model", model, "--input", input, "--out", out] + item.options + onReference)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let answer = try ask(port, "POST /api/translate?model=model\(item.query)", body: picture)
        #expect(answer.status == 200, "\(String(decoding: answer.body.prefix(200), as: UTF8.self))")
        #expect(try answer.body == Array(Data(contentsOf: URL(fileURLWithPath: out))), "\(item.query)")
      }
      // The same picture twice, and between two others: nothing of one translation reaches another.
      let once = try ask(port, "POST /api/translate?model=model", body: picture).body
      _ = try ask(port, "POST /api/translate?model=model&seed=9&size=own", body: picture)
      #expect(try ask(port, "POST /api/translate?model=model", body: picture).body == once)
    }
  }

  /// A model without pairs has a name for each direction, with examples of its own side.
  @Test func bothDirections() throws {
    for number in 0..<2 {
      try folder.write("sides/trainA/\(number).png", pattern(32, 32, number))
      try folder.write("sides/trainB/\(number).png", pattern(32, 32, number + 5))
    }
    let cycle = "\(folder.path)/cycle"
    let trained = try Program.run(
      ["train", "--unpaired", "--data", "\(folder.path)/sides", "--out", cycle, "--steps", "2"] + tiny
        + onReference)
    #expect(trained.status == 0, "\(trained.errors)")
    let picture = Array(try Data(contentsOf: URL(fileURLWithPath: input)))
    try withServer([cycle]) { port in
      let models = String(decoding: try ask(port, "GET /api/models").body, as: UTF8.self)
      for name in ["model", "cycle/AtoB", "cycle/BtoA"] {
        #expect(models.contains("\"name\":\"\(name)\""), "\(models)")
      }
      for direction in ["AtoB", "BtoA"] {
        let out = "\(folder.path)/\(direction).png"
        let outcome = try Program.run(
          ["translate", "--model", cycle, "--direction", direction, "--input", input, "--out", out]
            + onReference)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let answer = try ask(port, "POST /api/translate?model=cycle/\(direction)", body: picture)
        #expect(try answer.body == Array(Data(contentsOf: URL(fileURLWithPath: out))), "\(direction)")
        let side = direction == "AtoB" ? "A" : "B"
        let example = try ask(port, "GET /api/models/cycle%2F\(direction)/examples/1?input=0").body
        let own = try Picture(contentsOf: "\(folder.path)/sides/train\(side)/1.png")
        #expect(try Picture(decoding: example, path: "example") == own, "\(direction)")
      }
      #expect(try ask(port, "POST /api/translate?model=cycle", body: picture).status == 404)
    }
  }

  @Test func wrongPicturesGetALine() throws {
    try withServer { port in
      for body in [[], [1, 2, 3], Array(repeating: UInt8(0x89), count: 1 << 20)] as [[UInt8]] {
        let answer = try ask(port, "POST /api/translate?model=model", body: body)
        let text = String(decoding: answer.body, as: UTF8.self)
        #expect(answer.status == 400 && text.hasPrefix("{\"error\":\"") && !text.contains("\n"), "\(text)")
      }
      #expect(try ask(port, "GET /api/runs").status == 200)
    }
  }

  @Test func wrongUse() throws {
    let nothing = try Program.run(["serve", "\(folder.path)/nothing"] + onReference)
    #expect(nothing.status == 1 && nothing.errorLines.count == 1, "\(nothing.errors)")
    #expect(try Program.run(["serve"]).status == 64)
    #expect(try Program.run(["serve", model, "--token", "short"]).status == 64)
    #expect(try Program.run(["serve", model, "--port", "65536"]).status == 64)
    try withServer { port in
      // The port is taken.
      let second = try Program.run(["serve", model, "--port", "\(port)"] + onReference)
      #expect(second.status == 1 && second.errorLines.count == 1, "\(second.errors)")
      #expect(second.errors.contains("--port"), "\(second.errors)")
    }
  }
}
