import CLBackend
import Tape
import Testing

/// What passes take together, with made-up times.
struct StepCostTests {
  private static let geometry = ConvolutionGeometry(stride: 2, padding: 1)
  private static let forward = "convolution 32>32 4x4 s2 p1 8x8>4x4 n1 lanes output"
  private static let gradient = "weight gradient 32>32 4x4 s2 p1 8x8>4x4 n1 lanes output"

  /// A layer's forward pass and weight gradient.
  ///
  /// - Parameters:
  ///   - isShared: both read the same image
  ///   - isNormed: that image is what a norm writes
  ///   - adam: an Adam step takes the gradient
  ///   - isAgain: another forward pass with the weight at the end
  private static func cost(
    isShared: Bool = true, isNormed: Bool = false, adam: Bool = false, isAgain: Bool = false
  ) throws -> StepCost {
    let tape = Tape()
    var x = tape.input("x", [1, 32, 8, 8])
    if isNormed { x = try tape.norm(x).output }
    let w = tape.parameter("w", [32, 32, 4, 4])
    let y = try tape.convolution(x, weight: w, geometry)
    let dw = try tape.weightGradient(
      image: isShared ? x : tape.input("other", x.shape), gradient: tape.input("g", y.shape), like: w,
      geometry)
    if adam {
      try tape.adam(
        w, gradient: dw, firstMoment: tape.state("m", w.shape), secondMoment: tape.state("v", w.shape),
        schedule: tape.schedule())
    }
    if isAgain { _ = try tape.convolution(x, weight: w, geometry) }
    let recording = tape.freeze()
    return StepCost(recording, sections: [(0..<recording.steps.count, 1)])
  }

  private static func names(
    _ cost: StepCost, _ times: [String: PassTimes], gain: Double = 1
  ) throws -> [String: String] {
    var byKey: [PassKey: PassTimes] = [:]
    for (text, times) in times { byKey[try #require(PassKey(text))] = times }
    let chosen = cost.best(byKey, defaults: byKey.mapValues { $0.variants[0].name }, gain: gain)
    return Dictionary(
      uniqueKeysWithValues: chosen.map { ($0.description, byKey[$0]!.variants[$1].name) })
  }

  private static let v = OperandDerivation(operand: 0, form: "transformed image")
  private static let u = OperandDerivation(operand: 1, form: "transformed weight")

  /// Transforming for one pass does not pay: 12 beside 10, 11 beside 10. For both it does: 18 beside 20.
  private static let transforms = [
    forward: PassTimes([
      VariantTimes("direct", own: 10), VariantTimes("winograd", own: 4, derivations: [(v, 5), (u, 3)]),
    ]),
    gradient: PassTimes([
      VariantTimes("direct", own: 10), VariantTimes("winograd", own: 6, derivations: [(v, 5)]),
    ]),
  ]

  @Test func transformsAreSharedByTheStepsThatReadTheSame() throws {
    let shared = try Self.names(Self.cost(), Self.transforms)
    #expect(shared == [Self.forward: "winograd", Self.gradient: "winograd"])
    let apart = try Self.names(Self.cost(isShared: false), Self.transforms)
    #expect(apart == [Self.forward: "direct", Self.gradient: "direct"])
  }

  @Test func whatWasMadeServesUntilItsTensorIsWritten() throws {
    let forward = try #require(PassKey(Self.forward))
    let times = [
      forward: PassTimes([VariantTimes("winograd", own: 4, derivations: [(Self.v, 5), (Self.u, 3)])])
    ]
    // Own work twice, both transforms once; the weight's once more behind the Adam step.
    #expect(try Self.cost(isAgain: true).seconds(times, [forward: 0]) == 16)
    #expect(try Self.cost(adam: true, isAgain: true).seconds(times, [forward: 0]) == 19)
  }

  /// The weight is larger than the maps, so that its gradient need not be stored.
  @Test func aGradientThatIsUsedAtOnceSavesTheAdamStep() throws {
    let times = [
      Self.gradient: PassTimes(
        [VariantTimes("winograd", own: 3), VariantTimes("sum", own: 5, update: 6)], adam: 4)
    ]
    #expect(try Self.names(Self.cost(), times) == [Self.gradient: "winograd"])
    #expect(try Self.names(Self.cost(adam: true), times) == [Self.gradient: "sum"])
  }

  @Test func aNormWritesActivatedCopies() throws {
    let copy = OperandDerivation(operand: 0, form: "activated", isCopy: true)
    let times = [
      Self.forward: PassTimes([
        VariantTimes("direct", own: 10, derivations: [(copy, 5)]), VariantTimes("winograd", own: 12),
      ])
    ]
    #expect(try Self.names(Self.cost(), times) == [Self.forward: "winograd"])
    #expect(try Self.names(Self.cost(isNormed: true), times) == [Self.forward: "direct"])
  }

  @Test func aDefaultStaysUnlessTheGainIsMoreThanNoise() throws {
    func times(_ other: Double) -> [String: PassTimes] {
      [Self.forward: PassTimes([VariantTimes("default", own: 10), VariantTimes("other", own: other)])]
    }
    #expect(try Self.names(Self.cost(), times(9.8), gain: 0.97) == [Self.forward: "default"])
    #expect(try Self.names(Self.cost(), times(9.6), gain: 0.97) == [Self.forward: "other"])
  }

  /// A pass without times is left out.
  @Test func onlyWhatWasTimedIsChosen() throws {
    let chosen = try Self.names(Self.cost(), [Self.forward: PassTimes([VariantTimes("direct", own: 1)])])
    #expect(chosen == [Self.forward: "direct"])
  }
}
