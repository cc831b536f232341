import Tape

/// The name of a network in a training step.
public struct NetworkLabel: Sendable, Hashable {
  /// Heads the labels of the network's steps ("G.conv1") and the names of its moments ("adam.m.G.").
  public let name: String
  /// Heads the names of its parameters, in checkpoints too. Two networks of a kind need two prefixes.
  public let prefix: String
  /// Whether nothing trains it: its parameters are states of the tape.
  public let isFrozen: Bool

  /// - Parameter prefix: by default the name and a dot
  public init(_ name: String, prefix: String? = nil, isFrozen: Bool = false) {
    self.name = name
    self.prefix = prefix ?? "\(name)."
    self.isFrozen = isFrozen
  }
}

/// A network whose tensors are declared on a tape.
public protocol DeclaredNetwork: Sendable {
  var label: NetworkLabel { get }
  var parameters: [NamedTensor] { get }
  /// Running means and variances of its batch norms.
  var runningStatistics: [NamedTensor] { get }
  /// State that training keeps beside the parameters: the vectors of spectral norms.
  var states: [NamedTensor] { get }
}

extension DeclaredNetwork {
  public var states: [NamedTensor] { [] }
}

/// Adam's moments of one parameter.
public struct Moments: Sendable {
  public let first: NamedTensor
  public let second: NamedTensor
}

/// A network of a training step, with everything that training adds to it.
public struct Network: Sendable {
  public let label: NetworkLabel
  public let parameters: [NamedTensor]
  public let runningStatistics: [NamedTensor]
  public let states: [NamedTensor]
  /// Adam's moments, one to a parameter in their order; none where the network is not trained.
  public internal(set) var moments: [Moments] = []
  /// The gradients of the network's objective, one to a parameter in their order; none where it is not trained.
  public internal(set) var gradients: [Tensor] = []
  /// Forward passes of a step that move the running statistics: PyTorch's batch norm counts them.
  public internal(set) var passesPerStep = 0
  /// The outputs of its modules, pass by pass.
  public internal(set) var modules: [ModuleOutput] = []
  /// The random streams that its passes draw from.
  public internal(set) var randomStreams: [RandomStreams] = []

  init(_ network: any DeclaredNetwork) {
    label = network.label
    parameters = network.parameters
    runningStatistics = network.runningStatistics
    states = network.states
  }

  /// The tensors that decide what the network computes.
  public var ownTensors: [NamedTensor] { parameters + runningStatistics + states }

  /// Every tensor of the network that a checkpoint holds.
  public var tensors: [NamedTensor] { ownTensors + moments.flatMap { [$0.first, $0.second] } }

  /// A tensor's name in a state_dict of the network alone.
  public func ownName(_ tensor: NamedTensor) -> String { String(tensor.name.dropFirst(label.prefix.count)) }
}

/// The random streams of one pass of a generator: a block of numbers that no other pass of a recording has, whatever else
/// is recorded. Training takes the even blocks, translation the odd ones.
public struct RandomStreams: Sendable, Hashable {
  private static let size: UInt32 = 1000
  private let first: UInt32

  /// - Parameter pass: the number of the pass in the training step
  static func training(pass: Int) -> RandomStreams { RandomStreams(first: UInt32(2 * pass) * size) }

  /// - Parameter number: of the translation in the recording
  static func translation(_ number: Int) -> RandomStreams {
    RandomStreams(first: UInt32(2 * number + 1) * size)
  }

  /// All numbers of the block.
  public var numbers: Range<UInt32> { first..<first + Self.size }

  /// The stream of dropout masks with the number 0; the others follow it.
  var firstMask: UInt32 { first }
  /// The stream of noise maps, behind the masks'.
  var noise: UInt32 { first + 900 }
  /// The stream of the points at which a gradient penalty is taken.
  var mix: UInt32 { first + 901 }
  /// The stream of latent codes.
  var code: UInt32 { first + 902 }
}
