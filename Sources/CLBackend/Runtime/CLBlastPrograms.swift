import CCLBlast
import COpenCL

/// The programs that CLBlast has compiled.
enum CLBlastPrograms {
  /// Releases them.
  ///
  /// CLBlast keeps them for the life of the process, and they keep their context alive. It would release them after
  /// `exit` has ended the driver, some of which do not survive that. Programs of other contexts go too, safely while they
  /// run, and are compiled again.
  static func release() {
    let status = CLBlastClearCache()
    checkRelease(cl_int(status.rawValue), "CLBlastClearCache")
  }
}
