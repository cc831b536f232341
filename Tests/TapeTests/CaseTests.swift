import OperationCases
import Tape
import Testing

/// The table of cases itself, and the comparison that all tests use.
struct CaseTests {
  @Test func namesAreUnique() {
    #expect(Set(operationCases.map(\.name)).count == operationCases.count)
  }

  @Test func everyOperationIsThere() throws {
    let names = try Set(operationCases.flatMap { try $0.record().recording.steps.map(\.name) })
    let expected: Set = [
      Convolution.name, TransposedConvolution.name, WeightGradient.name, ChannelSum.name, Norm.name,
      NormGradient.name, Normalize.name, RunningStatistics.name, ActivationGradient.name,
      DropoutMask.name, Multiply.name, Concatenation.name,
      BatchConcatenation.name, BatchSplit.name, Slice.name, LogitLoss.name,
      LogitLossGradient.name, PixelLoss.name, PixelLossGradient.name, Combination.name, Adam.name,
      Blur.name, StructuralSimilarity.name, StructuralSimilarityGradient.name,
      EdgeLoss.name, EdgeLossGradient.name, SoftmaxCrossEntropy.name, SoftmaxCrossEntropyGradient.name,
      ImagePool.name, WeightedPixelLoss.name, WeightedPixelLossGradient.name,
      GradientPenalty.name, GradientPenaltyGradient.name, Mix.name, MixGradient.name, GaussianNoise.name,
      SliceGradient.name, NormSecondGradient.name, ReflectionPad.name, ReflectionPadGradient.name,
      Upsample.name, Downsample.name, MaxPool.name, MaxPoolGradient.name,
      SpectralNorm.name, SpectralNormGradient.name,
    ]
    #expect(names == expected.union(ElementwiseFunction.all.flatMap { [$0.name, "\($0.name) gradient"] }))
  }

  /// The results must be numbers worth comparing.
  @Test func resultsAreFinite() throws {
    for testCase in operationCases {
      let recorded = try testCase.record()
      for output in try recorded.run(on: ReferenceExecutor(recorded.recording)) {
        #expect(!output.contains { !$0.isFinite }, "\(testCase)")
        #expect(output.count == 1 || output.contains { $0 != 0 }, "\(testCase)")
      }
    }
  }

  @Test func comparisonOfEqualValues() {
    let comparison = Comparison([1, 2, 3] as [Float], expected: [1, 2, 3] as [Double])
    #expect(comparison.relativeL2 == 0)
    #expect(comparison.largestError == 0)
    #expect(comparison.isWithin(0))
    #expect(Comparison([Float](), expected: [Float]()).isWithin(0))
  }

  @Test func comparisonFindsTheWorst() {
    let comparison = Comparison([3, 4.5, 0] as [Float], expected: [3, 4, 0.25] as [Float])
    #expect(comparison.worstIndex == 1)
    #expect(comparison.largestError == 0.5)
    #expect(abs(comparison.relativeL2 - (0.3125 / 25.0625).squareRoot()) < 1e-15)
    #expect(!comparison.isWithin(0.1))
    #expect(comparison.isWithin(0.12))
    #expect(comparison.description.contains("at index 1 of 3: 4.5, expected 4.0"))
  }

  @Test(
    arguments: [
      ([1, .nan, 3], [1, 2, 3]), ([1, 2, 3], [1, .nan, 3]), ([1, .nan, 9], [1, .nan, 3]),
      ([1, .infinity, 3], [1, 2, 3]), ([1, .infinity, 3], [1, .infinity, 3]), ([1, 2], [1, 2, 3]),
      ([], [1]), ([1e-30, 0], [0, 0]),
    ] as [([Float], [Float])])
  func comparisonRefuses(_ actual: [Float], _ expected: [Float]) {
    let comparison = Comparison(actual, expected: expected)
    #expect(!comparison.isWithin(1e-3), "\(comparison)")
  }

  @Test func comparisonHasAFloor() {
    let comparison = Comparison([1e-9, 0] as [Float], expected: [0, 0] as [Float], floor: 1)
    #expect(comparison.isWithin(1.1e-9))
    #expect(!comparison.isWithin(0.9e-9))
    #expect(!Comparison([Float.nan], expected: [Float.nan], floor: 1).isWithin(1))
  }

  @Test func comparisonPointsAtNaN() {
    let comparison = Comparison([5, .nan, 3] as [Float], expected: [0, 2, 9] as [Float])
    #expect(comparison.worstIndex == 1)
  }
}
