import Files
import Foundation
import FuzzInput
import PyTorchFiles

/// Files of PyTorch's `torch.save`, in both formats.
private let formats = [Format("pth", seeds: seeds, test: read)]

@_cdecl("pytorch_main")
public func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  fuzz(formats, count, arguments)
}

private let file = MemoryFile()

/// A small archive. Files of the older format, which has no checksums that stop a mutation, come from the tests.
@Sendable private func seeds() throws -> [Data] {
  let path = "/dev/shm/pix2pix-fuzz-\(ProcessInfo.processInfo.processIdentifier).pth"
  defer { unlink(path) }
  try TensorFile.write(
    [.init("a", [2, 3], float32: { [1, 2, 3, 4, 5, 6] }), .init("b.num_batches_tracked", scalar: 7)], to: path
  )
  return [try Data(contentsOf: URL(fileURLWithPath: path))]
}

/// Every tensor that a file names is read, or said not to be there.
@Sendable private func read(_ bytes: UnsafeRawBufferPointer) {
  file.fill(bytes)
  do throws(FileError) {
    let tensors = try TensorFile(file.path)
    for (name, entry) in tensors.entries {
      let values = try tensors.floats(name)
      guard values.count == entry.shape.reduce(1, *) else { fatalError("\(name) has \(values.count) values") }
    }
  } catch {
    requireLine(error.description)
  }
}
