import COpenCL
import Foundation

/// Fresh pages of the process, all zero: the memory of a large buffer where the device is the CPU.
///
/// The system gives a page when it is first touched. So nothing has to be zeroed, unused pages take no memory,
/// and a buffer's pages come while kernels run on all cores.
struct HostPages {
  let address: UnsafeMutableRawPointer
  let byteCount: Int

  /// Bytes from which a buffer has pages of its own: of Linux's huge pages on most processors.
  static let least = 2 << 20

  /// nil if the process gets no more memory.
  init?(byteCount: Int) {
    let pages = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let pages, pages != MAP_FAILED else { return nil }
    address = pages
    self.byteCount = byteCount
    #if os(Linux)
      // 512 pages at a time; where the system has none, it gives ordinary ones.
      madvise(pages, byteCount, MADV_HUGEPAGE)
    #endif
  }

  /// Gives the pages back.
  func release() { munmap(address, byteCount) }

  /// Gives the pages back once neither the program nor a command uses the memory object any more.
  func release(with memory: cl_mem) throws(OpenCLError) {
    let owned = UnsafeMutablePointer<HostPages>.allocate(capacity: 1)
    owned.initialize(to: self)
    let status = watched("clSetMemObjectDestructorCallback") {
      clSetMemObjectDestructorCallback(
        memory,
        { _, owned in
          guard let owned = owned?.assumingMemoryBound(to: HostPages.self) else { return }
          owned.pointee.release()
          owned.deallocate()
        }, owned)
    }
    if status != CL_SUCCESS { owned.deallocate() }
    try check(status, "clSetMemObjectDestructorCallback")
  }
}
