import Tape

/// An operation whose kernels can compute the gradient they read from its terms.
protocol GradientTermsReader: OpenCLOperation {
  var gradient: Tensor { get }

  /// - Parameter partialSums: a convolution's, which the first launch adds up
  func plan(
    _ planner: LaunchPlanner, reading gradient: GradientTerms, partialSums: PartialSums?
  ) throws(OpenCLError)
}

/// A gradient as kernels read it.
enum GradientTerms {
  case stored(Tensor)
  case sum(Tensor, Tensor)
  case masked(Tensor, mask: Tensor)

  /// The kernels' macros.
  var macros: [(String, String)] {
    switch self {
    case .stored: []
    case .sum: [("ADDEND", "1")]
    case .masked: [("MASK", "1")]
    }
  }

  func arguments(_ planner: LaunchPlanner) -> [KernelArgument] {
    switch self {
    case .stored(let gradient): planner.activation(gradient).arguments
    case .sum(let a, let b), .masked(let a, mask: let b):
      planner.activation(a).arguments + planner.activation(b).arguments
    }
  }
}

extension GradientTermsReader {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    try plan(planner, reading: .stored(gradient), partialSums: nil)
  }
}
