import CLBackend
import Foundation
import Tape
import Testing

/// Kernel variants: their names, their choice, and the tuner that makes it.
struct TuningTests {
  /// The three passes of a layer with all that a pass may have: activations, a bias and gates.
  static func recording(
    inputs: Int, outputs: Int, size: Int, stride: Int = 2, images: Int = 1, bordered: Bool = false
  ) throws -> Recording {
    let tape = Tape()
    let geometry = ConvolutionGeometry(stride: stride, padding: 1)
    let x = tape.input("x", [images, inputs, size, size])
    let w = tape.parameter("w", [outputs, inputs, 4, 4])
    let bias = tape.parameter("b", [outputs])
    let y = try tape.convolution(x, weight: w, geometry, bias: bias, inputActivation: .leakyReLU)
    let g = tape.input("g", y.shape)
    let dx = try tape.transposedConvolution(
      g, weight: w, geometry, gate: Gate(tensor: x, activation: .leakyReLU), outputSize: (size, size))
    let dw = try tape.weightGradient(
      image: x, gradient: g, like: w, geometry, imageActivation: .leakyReLU)
    try tape.adam(
      w, gradient: dw, firstMoment: tape.state("m", w.shape), secondMoment: tape.state("v", w.shape),
      schedule: tape.schedule())
    // Readers, which make room for a border around what the passes write.
    for result in bordered ? [y, dx] : [] {
      let weight = tape.parameter("reader \(result.id)", [1, result.shape.c, 3, 3])
      _ = try tape.convolution(result, weight: weight, ConvolutionGeometry(stride: 1, padding: 1))
    }
    return tape.freeze()
  }

  /// Layers by their class of device, channels, size and stride.
  static let layers: [(DeviceClass, Int, Int, Int, Int)] = [
    (.cpu, 32, 32, 8, 2), (.cpu, 3, 20, 9, 2), (.cpu, 48, 2, 7, 1), (.gpu, 20, 48, 6, 2),
  ]

  /// Of the variants that are listed for a pass, those that are tried: each is a program that has to be compiled.
  static func tried<Variant>(_ listed: [Variant]) -> [Variant] {
    listed.enumerated().filter { $0.offset.isMultiple(of: 3) || $0.offset == listed.count - 1 }.map(\.element)
  }

  private static func key(_ text: String) throws -> PassKey { try #require(PassKey(text)) }

  // MARK: Names

  @Test func keysReadTheirDescriptions() throws {
    let recording = try Self.recording(inputs: 6, outputs: 40, size: 9)
    let executor = try OpenCLExecutor(recording, on: Device.select("auto").device)
    let keys = try executor.variants(0..<recording.steps.count).map(\.key)
    #expect(
      keys.map(\.description) == [
        "convolution 6>40 4x4 s2 p1 9x9>4x4 n1 lanes output",
        "transposed 40>6 4x4 s2 p1 4x4>9x9 n1 lanes output",
        "weight gradient 6>40 4x4 s2 p1 9x9>4x4 n1 lanes output",
      ])
    for key in keys { #expect(PassKey(key.description) == key) }
    for text in [
      "", "convolution", "convolution 6>40 4x4 s2 p1 9x9>4x4 n1 lanes sideways",
      "convolution 6>40 4x4 s2 p1 9x9>4x4 n1", "pooling 6>40 4x4 s2 p1 9x9>4x4 n1 lanes output",
      "convolution 6>40 4x4 s2 p1 9x9>4x4 n1 lanes output ",
    ] { #expect(PassKey(text) == nil, "\(text)") }
  }

  @Test func choicesSurviveJSON() throws {
    var choices = KernelChoices()
    choices[try Self.key("convolution 6>40 4x4 s2 p1 9x9>4x4 n1 lanes output")] = "stream 1x4x32"
    let data = try JSONEncoder().encode(choices)
    #expect(try JSONDecoder().decode(KernelChoices.self, from: data) == KernelChoices(choices.names))
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(KernelChoices.self, from: Data(#"{"convolution": "stream"}"#.utf8))
    }
  }

  /// The variants are those of registers of 16 floats, whatever this machine has.
  @Test func chosenVariantsAreTaken() throws {
    let recording = try Self.recording(inputs: 6, outputs: 40, size: 9)
    let device = try Device.select("auto").device
    let key = try Self.key("transposed 40>6 4x4 s2 p1 4x4>9x9 n1 lanes output")
    var choices = KernelChoices(source: "pinned.json")
    choices[key] = "stream 1x8x16"
    func executor(_ choices: KernelChoices) throws -> OpenCLExecutor {
      try OpenCLExecutor(recording, on: device, .init(deviceClass: .cpu, choices: choices, vectorWidth: 16))
    }
    let taken = try executor(choices).allChoices()
    #expect(taken[key] == "stream 1x8x16" && taken.names.count == 3)
    #expect(try executor(KernelChoices()).allChoices()[key] != "stream 1x8x16")

    choices[key] = "stream 3x5x7"
    let wrong = try executor(choices)
    let error = try openCLError { try wrong.prepare(0..<recording.steps.count) }
    for part in ["pinned.json", key.description, "\"stream 3x5x7\"", "stream 1x8x16"] {
      #expect(error.description.contains(part), "\(error)")
    }
  }

  // MARK: Tuning

  /// Variants of several shapes: one that is wrong is among the rejected, and none may be.
  @Test(arguments: layers)
  func everyVariantIsRight(
    _ deviceClass: DeviceClass, _ inputs: Int, _ outputs: Int, _ size: Int, _ stride: Int
  )
    throws
  {
    let recording = try Self.recording(
      inputs: inputs, outputs: outputs, size: size, stride: stride, images: 2)
    let device = try Device.select("auto").device
    var names: [[String]] = []
    var worst = 0.0
    // An output is right within 2e-6; the largest error measured is 6e-7.
    let tuner = try Tuner(
      device, .init(deviceClass: deviceClass),
      candidates: { _, listed in
        names.append(listed.map(\.name))
        return Self.tried(listed)
      },
      isRight: { comparison in
        worst = max(worst, comparison.relativeL2)
        return comparison.isWithin(2e-6)
      })
    let tuned = try tuner.tune(recording, seconds: 600)
    #expect(tuned.count == 3)
    for (key, pass) in tuned {
      #expect(pass.rejected.isEmpty && pass.tried == pass.listed, "\(key): \(pass)")
      #expect(pass.milliseconds > 0)
    }
    for list in names { #expect(list.count > 1 && Set(list).count == list.count, "\(list)") }
    print("variants, class \(deviceClass), the largest error: \(worst)")
  }

  /// A variant that does nothing is the fastest there can be.
  @Test func aWrongCandidateNeverWins() throws {
    let recording = try Self.recording(inputs: 6, outputs: 20, size: 9)
    let device = try Device.select("auto").device
    let tuner = try Tuner(
      device,
      candidates: { _, listed in
        [KernelVariant(idle: "nothing"), listed[0], KernelVariant(idle: "idle")]
      },
      isRight: { $0.isWithin(Precision.fp32.convolutionBound) })
    var reported: [PassKey: TunedPass] = [:]
    let tuned = try tuner.tune(recording, seconds: 600) { reported[$0] = $1 }
    #expect(tuned.count == 3 && reported == tuned)
    for (key, pass) in tuned {
      #expect(pass.rejected == ["nothing", "idle"], "\(key): \(pass)")
      #expect(pass.variant != "nothing" && pass.variant != "idle")
      #expect(pass.standardMilliseconds == nil)
    }
    // Where nothing is right there is no winner, so that the default stays.
    let strict = try Tuner(device, candidates: { [$1[0]] }, isRight: { _ in false })
    #expect(try strict.tune(recording, seconds: 600).isEmpty)
  }

  /// However small the budget, every pass keeps its default at least; known passes are left alone.
  @Test func theBudgetEnds() throws {
    let recording = try Self.recording(inputs: 6, outputs: 20, size: 9)
    let tuner = try Tuner(Device.select("auto").device)
    let tuned = try tuner.tune(recording, seconds: 1e-9)
    #expect(tuned.count == 3)
    for pass in tuned.values { #expect(pass.tried == 1 && pass.variant == pass.standard, "\(pass)") }
    #expect(try tuner.tune(recording, seconds: 1e-9, known: Set(tuned.keys)).isEmpty)
  }

  @Test func recordsAreKept() throws {
    let device = try Device.select("auto").device.description
    let key = try Self.key("convolution 6>40 4x4 s2 p1 9x9>4x4 n1 lanes output")
    let pass = TunedPass(
      variant: "a", milliseconds: 1, standard: "b", standardMilliseconds: nil, tried: 2, listed: 3,
      rejected: ["b"])
    try withTemporaryFolder { folder in
      let store = TuningStore(cache: folder)
      #expect(store.record(device, .cpu, .fp32) == nil)
      var record = TuningRecord(device, .cpu, .fp32)
      record[key] = pass
      try store.save(record, of: device)
      #expect(store.record(device, .cpu, .fp32)?[key] == pass)
      #expect(store.record(device, .cpu, .fp32)?.choices(source: "s")[key] == "a")
      #expect(store.record(device, .gpu, .fp32) == nil)
      #expect(store.record(device, .cpu, .bf16) == nil)
      var updated = device
      updated.driverVersion += ".1"
      #expect(store.record(updated, .cpu, .fp32) == nil)
      #expect(store.delete(updated, .cpu) == 0 && store.delete(device, .gpu) == 0)

      let path = try #require(store.path(device, .cpu, .fp32))
      try Data("{".utf8).write(to: URL(fileURLWithPath: path))
      #expect(store.record(device, .cpu, .fp32) == nil)
      // Whatever is wrong with a file, it is as if there were none, and it is replaced.
      try store.save(record, of: device)
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      for damaged in [Data(), whole.prefix(whole.count / 2), Data("[]".utf8), Data(count: whole.count)] {
        try damaged.write(to: URL(fileURLWithPath: path))
        #expect(store.record(device, .cpu, .fp32) == nil)
        try store.save(record, of: device)
        #expect(store.record(device, .cpu, .fp32) != nil)
      }
      #expect(store.delete(device, .cpu) == 1 && store.record(device, .cpu, .fp32) == nil)
    }
    #expect(throws: OpenCLError.self) {
      try TuningStore(cache: "/dev/null").save(TuningRecord(device, .cpu, .fp32), of: device)
    }
  }

  /// Variants of a record that there are not, as a damaged file may name them, are passed over; those of a file that the
  /// user named are refused.
  @Test func unknownVariantsOfARecordArePassedOver() throws {
    let tape = Tape()
    let x = tape.input("x", [1, 3, 8, 8], kind: .activation)
    _ = try tape.convolution(
      x, weight: tape.parameter("w", [8, 3, 4, 4]), ConvolutionGeometry(stride: 2, padding: 1))
    let recording = tape.freeze()
    let device = try Device.select("auto").device
    func variants(_ choices: KernelChoices) throws -> [String] {
      try OpenCLExecutor(recording, on: device, .init(choices: choices)).variants(0..<1).map(\.name)
    }
    let standard = try variants(KernelChoices())
    let key = try #require(try OpenCLExecutor(recording, on: device).variants(0..<1).first).key
    var record = TuningRecord(device.description, device.description.deviceClass, .fp32)
    record[key] = TunedPass(
      variant: "none", milliseconds: 1, standard: "none", standardMilliseconds: 1, tried: 1, listed: 1,
      rejected: [])
    #expect(try variants(record.choices(source: "tuning")) == standard)
    let error = try openCLError { _ = try variants(KernelChoices([key: "none"], source: "file.json")) }
    #expect(error.description.contains("file.json"))
  }
}
