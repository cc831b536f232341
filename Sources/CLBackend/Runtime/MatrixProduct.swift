import CCLBlast
import COpenCL

/// C = A B in fp32 by CLBlast, on matrices of rows that lie one after the other.
struct MatrixProduct {
  let rows: Int
  let columns: Int
  let depth: Int
  /// [rows][depth], or [depth][rows] when transposed.
  let a: Buffer
  /// [depth][columns]
  let b: Buffer
  /// [rows][columns]
  let c: Buffer
  var isATransposed = false

  var description: String { "SGEMM \(rows) x \(columns) x \(depth)" }

  var buffers: [Buffer] { [a, b, c] }

  /// The bare call, to be made after the buffers have their memory. CLBlast compiles its kernels for a device when it first needs them.
  func enqueue(on queue: cl_command_queue, event: UnsafeMutablePointer<cl_event?>?) -> cl_int {
    var queue: cl_command_queue? = queue
    let status = CLBlastSgemm(
      CLBlastLayoutRowMajor, isATransposed ? CLBlastTransposeYes : CLBlastTransposeNo, CLBlastTransposeNo,
      rows, columns, depth, 1, a.allocation, 0, isATransposed ? rows : depth, b.allocation, 0, columns, 0,
      c.allocation,
      0,
      columns, &queue, event)
    // CLBlast passes OpenCL's errors on under their numbers; its own lie below them.
    return cl_int(status.rawValue)
  }
}
