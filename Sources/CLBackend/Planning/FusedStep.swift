import Tape

/// Steps of a recording that are launched together, by their numbers.
package enum FusedStep: Hashable, Sendable {
  /// A step by itself.
  case single(Int)

  /// A convolution with a split depth whose partial sums a later step adds up, see `PartialSumsSource`.
  case convolutionWithoutSum(Int)

  /// A convolution with a split depth and the combination behind it, which adds the gradient of a skip to the result: one
  /// launch adds up the partial sums and the skip's gradient.
  case convolutionWithAddend(Int, combination: Int)

  /// A norm, the move of its running statistics, and the product with a dropout mask, drawn in the same launch or given.
  case norm(
    Int, partialSums: PartialSumsSource? = nil, runningStatistics: Int? = nil, mask: Int? = nil,
    product: Int? = nil)

  /// The gradient of a norm or tanh. Its kernel computes the gradient that it reads where that is the `sum` of two others
  /// (a skip) or the `product` with a dropout mask.
  case gradient(Int, sum: Int? = nil, product: Int? = nil, partialSums: PartialSumsSource? = nil)

  /// A loss of logits with its gradient, and a second loss of a map of that shape with its own.
  case logitLoss(
    Int, gradient: Int? = nil, second: Int? = nil, secondGradient: Int? = nil,
    partialSums: PartialSumsSource? = nil)

  /// A loss of pictures with its gradient.
  case pixelLoss(Int, gradient: Int)

  /// Neighbouring flat steps with equal settings: Adam, or sums of weights' gradients.
  case flatRun([Int])

  /// A weight gradient that is used for its Adam step and not stored. It comes behind the last step that reads the weight.
  case weightUpdate(gradient: Int, adam: Int)

  /// All its steps. The first gives the launches their name.
  package var steps: [Int] {
    switch self {
    case .single(let step), .convolutionWithoutSum(let step): [step]
    case .convolutionWithAddend(let step, let combination): [step, combination]
    case .norm(let step, _, let statistics, let mask, let product):
      [step] + [statistics, mask, product].compactMap { $0 }
    case .gradient(let step, let sum, let product, _): [step] + [sum, product].compactMap { $0 }
    case .logitLoss(let step, let gradient, let second, let secondGradient, _):
      [step] + [gradient, second, secondGradient].compactMap { $0 }
    case .pixelLoss(let step, let gradient): [step, gradient]
    case .flatRun(let steps): steps
    case .weightUpdate(let gradient, let adam): [adam, gradient]
    }
  }
}

/// The convolution whose partial sums a step adds up where it reads their sum.
package struct PartialSumsSource: Hashable, Sendable {
  /// The convolution's step.
  package let convolution: Int
  /// The slice or batch split through which the sum is read; nil where it is read itself.
  package let view: Int?

  package init(convolution: Int, view: Int? = nil) {
    self.convolution = convolution
    self.view = view
  }
}
