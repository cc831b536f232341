/// The table that tests and benchmarks read: every operation of `Sources/Tape/Ops` over kernels, channels, batch
/// sizes, map sizes, activations and settings, small enough that the CPU reference runs it all in seconds.
public let operationCases: [OperationCase] =
  convolutionCases + transposedConvolutionCases + weightGradientCases + channelSumCases + normCases
  + normGradientCases + normalizeCases + runningStatisticsCases + activationGradientCases + elementwiseCases
  + dropoutMaskCases + multiplyCases + concatenationCases + nestedConcatenationCases + batchCases + sliceCases
  + logitLossCases + pixelLossCases + combinationCases + adamCases
  + blurCases + highPassCases + structuralSimilarityCases + edgeLossCases + crossEntropyCases + imagePoolCases
  + weightedPixelLossCases + gradientPenaltyCases + mixCases + noiseCases
  + sliceGradientCases + normSecondGradientCases + reflectionPadCases + resamplingCases
  + spectralNormCases + maxPoolCases + broadcastCases + gaussianKLCases
  + overlappingMaxPoolCases
