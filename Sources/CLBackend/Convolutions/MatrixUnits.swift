import Kernels
import Synchronization

/// The format of matrix units' operands, PRECISION in Kernels/matrix_units.clh.
enum MatrixFormat: String {
  case tf32 = "TF32"
  /// Three products of split operands, as exact as fp32.
  case tf32x3 = "TF32X3"
  case bf16 = "BF16"
}

/// The matrix units (tensor cores) that a device has proven to have. A driver that takes the code may still compute
/// something else, so support means: compiled, ran one tile, and the tile was right.
public struct MatrixUnits: Sendable, Equatable {
  public enum Operands: String, CaseIterable, Sendable {
    case tf32, bf16

    /// Values of the depth in one tile.
    fileprivate var depth: Int { self == .bf16 ? 16 : 8 }
    fileprivate var format: MatrixFormat { self == .bf16 ? .bf16 : .tf32 }
  }

  public let operands: Set<Operands>
  let isEmulated: Bool

  public static let none = MatrixUnits(operands: [], isEmulated: false)

  /// All operands on any device, slowly: NVIDIA's units emulated, for tests of the programs around them.
  public static let emulated = MatrixUnits(operands: Set(Operands.allCases), isEmulated: true)

  private init(operands: Set<Operands>, isEmulated: Bool) {
    self.operands = operands
    self.isEmulated = isEmulated
  }

  /// Runs a tile with each kind of operands on an NVIDIA GPU; other devices have none that could be reached. Done once
  /// for each device.
  public init(provenOn device: Device) {
    self = Self.proven.withLock { proven in
      let key = device.description.label
      if let known = proven[key] { return known }
      let operands = device.description.isNVIDIA ? Operands.allCases : []
      let units = MatrixUnits(
        operands: Set(operands.filter { Self.multiplies($0, emulated: false, on: device) }), isEmulated: false
      )
      proven[key] = units
      return units
    }
  }

  private static let proven = Mutex<[String: MatrixUnits]>([:])

  /// Whether a tile of small integers, whose sums are exact, comes out right. Any failure means no. A context of its own
  /// keeps a failure from everything else.
  public static func multiplies(_ operands: Operands, emulated: Bool, on device: Device) -> Bool {
    let depth = operands.depth
    // -7 to 7, no two rows or columns alike.
    let a: [Float] = (0..<16 * depth).map { i in
      let (row, k) = (i / depth, i % depth)
      return Float((row * 5 + k * 3 + i / 7) % 15 - 7)
    }
    let b: [Float] = (0..<depth * 8).map { i in
      let (k, column) = (i / 8, i % 8)
      return Float((k * 7 + column * 4 + i / 5) % 15 - 7)
    }
    do throws(OpenCLError) {
      let queue = try Queue(try Context(device))
      let program = try ProgramCache(queue.context).program(
        .matrixProbe,
        macros: [("PRECISION", operands.format.rawValue), ("MMA_EMULATED", emulated ? "1" : "0")])
      let left = try Buffer(queue, floats: a.count, label: "left side of the matrix probe")
      let right = try Buffer(queue, floats: b.count, label: "right side of the matrix probe")
      let result = try Buffer(queue, floats: 16 * 8, label: "result of the matrix probe")
      try queue.write(a, to: left)
      try queue.write(b, to: right)
      let kernel = try Kernel(program, "matrix_probe", [.buffer(left), .buffer(right), .buffer(result)])
      try queue.enqueue(Launch(kernel, global: [32], local: [32], label: "matrix probe"))
      let c = try queue.read(result, as: Float.self)
      for row in 0..<16 {
        for column in 0..<8 {
          var sum: Float = 0
          for k in 0..<depth { sum += a[row * depth + k] * b[k * 8 + column] }
          if c[row * 8 + column] != sum { return false }
        }
      }
      return true
    } catch {
      return false
    }
  }
}
