/// Shows the discriminator earlier fakes among the new ones (Shrivastava et al. 2017, as CycleGAN does it): each image of
/// a batch x passes, passes and is stored in a slot of the pool, or takes the place of a slot's image, which is given out
/// instead. Image after image: a later one of the same batch meets what an earlier one has stored.
///
///     x, y [N, C, H, W]    pool [S, C, H, W], updated in place    choices [2 N], see `ImagePoolChoice`
///
/// Nothing can be differentiated through it: the discriminator's gradients do not ask for the way to the generator.
public struct ImagePool: Operation {
  public static let name = "image pool"
  public private(set) var input: Tensor
  public private(set) var pool: Tensor
  public private(set) var choices: Tensor
  public private(set) var output: Tensor

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.writes(&output)
    visitor.reads(&input)
    visitor.updates(&pool)
    visitor.reads(&choices)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "\(pool.shape.n) slots" }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, pool, y) = (memory[input], memory[pool], memory[output])
    let size = input.shape.count / input.shape.n
    for (n, choice) in ImagePoolChoice.list(of: memory[choices].map { Float($0) }).enumerated() {
      let (image, slot) = (n * size, choice.slot * size)
      for i in 0..<size {
        y[image + i] = choice.use == .swap ? pool[slot + i] : x[image + i]
        if choice.use != .pass { pool[slot + i] = x[image + i] }
      }
    }
  }
}

/// What becomes of one image at a pool.
public struct ImagePoolChoice: Hashable, Sendable {
  public enum Use: Int, Sendable {
    /// It passes.
    case pass
    /// It passes, and is stored in the slot.
    case store
    /// The slot's image is given out, and this one is stored in its place.
    case swap
  }

  public var use: Use
  /// From 0, below the pool's size; not looked at where an image only passes.
  public var slot: Int

  public init(_ use: Use, slot: Int = 0) {
    self.use = use
    self.slot = slot
  }

  /// The values of the tensor `choices`: slot and use of each image in turn.
  public static func values(of choices: [Self]) -> [Float] {
    choices.flatMap { [Float($0.slot), Float($0.use.rawValue)] }
  }

  /// Takes the tensor's values apart again.
  static func list(of values: [Float]) -> [Self] {
    stride(from: 0, to: values.count, by: 2).map { i in
      guard let use = Use(rawValue: Int(values[i + 1])) else {
        preconditionFailure("an image pool's choices hold the use \(values[i + 1]), which is none")
      }
      return Self(use, slot: Int(values[i]))
    }
  }
}

extension Tape {
  /// Records the exchange of a batch's images with those of a pool.
  ///
  /// - Parameters:
  ///   - input: [N, C, H, W]
  ///   - pool: a state [S, C, H, W] of the kind `.activation`
  ///   - choices: an input [2 N] that is written before every replay: the values of N `ImagePoolChoice`s
  /// - Returns: the images that come out, [N, C, H, W]
  public func imagePool(_ input: Tensor, pool: Tensor, choices: Tensor) throws(TapeError) -> Tensor {
    let (x, slots) = (input.shape, pool.shape)
    guard x.rank == 4, slots.rank == 4, x.dimensions[1...] == slots.dimensions[1...] else {
      throw .shape(operation: ImagePool.name, reason: "a pool \(slots) holds no images of \(x)")
    }
    guard description(of: pool).kind == .activation, description(of: pool).role == .state else {
      throw .shape(
        operation: ImagePool.name, reason: "\(description(of: pool).name) is no state of the kind activation")
    }
    guard choices.shape == [2 * x.n] else {
      throw .shape(
        operation: ImagePool.name, reason: "\(choices.shape) are no choices for \(x), which are [\(2 * x.n)]")
    }
    let output = intermediate("pool", x, kind: .activation)
    record(ImagePool(input: input, pool: pool, choices: choices, output: output))
    return output
  }
}
