import Tape

/// A tensor in another form that kernels want.
struct Derivation: Hashable, Sendable {
  enum Form: Hashable, Sendable {
    case activated(Activation)
    case repacked(WeightLanes)
    /// Transformed tiles of an activated map, and of an activated gradient; a transformed weight.
    case winogradInput(WinogradTiling, Activation)
    case winogradGradient(WinogradTiling, Activation)
    case winogradWeight(transposed: Bool)
  }
  let tensor: Tensor
  let form: Form
}
