import Foundation
import Testing

/// The subcommands that look at devices.
@Suite struct ToolTests {
  private func json(_ arguments: [String]) throws -> Any {
    let outcome = try Program.run(arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
  }

  @Test func devices() throws {
    let outcome = try Program.run(["devices"])
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    #expect(outcome.output.contains("--device auto takes "))
    let listed = try #require(try json(["devices", "--json"]) as? [[String: Any]])
    #expect(!listed.isEmpty)
    for device in listed {
      let name = try #require(device["name"] as? String)
      #expect(outcome.output.contains(name))
    }
  }

  @Test func verifyAgrees() throws {
    let outcome = try Program.run(["verify"] + tiny)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("agree within their bounds") && !outcome.output.contains("FAILED"))
  }

  @Test func verifyOfWeightedPixels() throws {
    for distance in ["cgan+l1", "l2"] {
      let outcome = try Program.run(["verify", "--weights", "--objective", distance] + tiny)
      #expect(
        outcome.status == 0 && outcome.output.contains("weighted"), "\(outcome.output)\(outcome.errors)")
    }
    expectFailure(
      try Program.run(["verify", "--weights", "--objective", "cgan"] + tiny), "--weights", "no pixel loss")
  }

  /// No arithmetic in Float is exact, so a bound of nothing must fail.
  @Test func verifyFails() throws {
    let outcome = try Program.run(["verify", "--bound", "1e-30"] + tiny)
    expectFailure(outcome, "exceed their bounds")
    #expect(outcome.output.contains("FAILED"))
  }

  @Test func verifyList() throws {
    let outcome = try Program.run(["verify", "--list"] + tiny)
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count > 50 && lines.allSatisfy { $0.contains(" -> ") })
    for operation in [
      "convolution", "transposed convolution", "weight gradient", "norm", "Adam", "pixel loss",
    ] {
      #expect(lines.contains { $0.contains(" \(operation) ") }, "no \(operation)")
    }
  }

  @Test func verifyAgainstNothing() throws {
    expectFailure(try Program.run(["verify", "--against", "/none/golden.safetensors"]), "/none/golden.json")
  }

  private func positive(_ object: [String: Any], _ keys: [String]) throws {
    for key in keys {
      let value = try #require(object[key] as? Double, "no \(key)")
      #expect(value > 0 && value.isFinite, "\(key) is \(value)")
    }
  }

  @Test func benchmarkLayer() throws {
    let result = try #require(
      try json(["benchmark", "--layer", "conv8", "--repeats", "3", "--json"]) as? [String: Any])
    #expect((result["device"] as? String)?.isEmpty == false)
    let layers = try #require(result["layers"] as? [[String: Any]])
    #expect(layers.map { $0["name"] as? String } == ["conv8"])
    try positive(layers[0], ["forward_ms", "input_gradient_ms", "weight_gradient_ms"])
  }

  @Test func benchmarkStep() throws {
    let result = try #require(
      try json(["benchmark", "--step", "--repeats", "3", "--json"] + tiny) as? [String: Any])
    #expect((result["device"] as? String)?.isEmpty == false)
    try positive(result, ["step_ms", "forward_ms"])
  }

  @Test func benchmarkReference() throws {
    expectFailure(
      try Program.run(["benchmark", "--layer", "conv8", "--device", "reference"]), "--device: the reference")
  }

  @Test func help() throws {
    let outcome = try Program.run(["--help"])
    #expect(outcome.status == 0)
    for name in [
      "check", "train", "translate", "evaluate", "export", "import", "train-scorer", "domain-gap",
      "experiment",
      "verify",
      "benchmark", "tune", "devices", "programs", "sample-pairs",
    ] {
      #expect(outcome.output.components(separatedBy: "\n  \(name) ").count == 2, "\(name) once")
      #expect(try Program.run([name, "--help"]).status == 0)
    }
  }
}
