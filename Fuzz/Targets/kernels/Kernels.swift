import Foundation
import FuzzInput

@testable import CLBackend

/// Files of kernel variants, tuning and compiled programs.
private let formats = [
  Format("kernels", seeds: kernelsSeeds, test: kernels),
  Format("tuning", seeds: tuningSeeds, test: tuning),
  Format(
    "program", seeds: { [Data(ProgramFiles.header(key, [1, 2, 3]) + [1, 2, 3])] }, repair: sign, test: program
  ),
]

@_cdecl("kernels_main")
public func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  fuzz(formats, count, arguments)
}

private let file = MemoryFile()

private let passes = [
  "convolution 64>128 4x4 s2 p1 128x128>64x64 n1 lanes output",
  "weight gradient 3>64 4x4 s2 p1 256x256>128x128 n1 lanes input",
]

@Sendable private func kernelsSeeds() -> [Data] {
  let variants = passes.map { "\"\($0)\":\"stream 8\"" }.joined(separator: ",")
  return [Data(#"{"device":"pocl 5.0","deviceClass":"cpu","variants":{\#(variants)}}"#.utf8)]
}

/// A run's kernels.json, and variants pinned by hand. What is read is written and read again as the same.
@Sendable private func kernels(_ bytes: UnsafeRawBufferPointer) {
  file.fill(bytes)
  do throws(OpenCLError) {
    let read = try KernelChoicesFile(path: file.path)
    let choices = read.choices(source: "fuzz")
    guard let json = try? JSONEncoder().encode(read),
      let again = try? JSONDecoder().decode(KernelChoicesFile.self, from: json),
      again.choices(source: "fuzz") == choices
    else { fatalError("other choices after writing") }
  } catch {
    requireLine("\(error)")
  }
}

@Sendable private func tuningSeeds() -> [Data] {
  let tuned =
    #"{"variant":"stream 8","milliseconds":0.25,"standard":"dot","standardMilliseconds":0.5,"tried":2,"listed":3,"rejected":["clblast"]}"#
  let all = passes.map { "\"\($0)\":\(tuned)" }.joined(separator: ",")
  return [
    Data(
      #"{"device":"pocl 5.0","deviceClass":"gpu","precision":"fp32","kernels":"00ff","passes":{\#(all)}}"#
        .utf8)
  ]
}

/// What is read can be chosen from.
@Sendable private func tuning(_ bytes: UnsafeRawBufferPointer) {
  guard let record = try? JSONDecoder().decode(TuningRecord.self, from: Data(bytes)) else { return }
  let choices = record.choices(source: "fuzz")
  guard choices.names.count == record.all.count else { fatalError("a pass was lost") }
  for (key, tuned) in record.all {
    guard record[key] == tuned, PassKey(key.description) == key else { fatalError("\(key) is not found") }
  }
}

// MARK: - Compiled programs

private let key = [UInt8](repeating: 7, count: 32)

@Sendable private func program(_ bytes: UnsafeRawBufferPointer) {
  let bytes = [UInt8](bytes)
  guard let binary = ProgramFiles.binary(in: bytes, key: key) else { return }
  guard bytes == ProgramFiles.header(key, binary) + binary else { fatalError("another program") }
}

/// The digest mostly fits, or no mutated file would be whole.
@Sendable private func sign(_ bytes: inout [UInt8], _ seed: UInt32) {
  let header = ProgramFiles.header(key, []).count
  guard seed % 4 > 0, bytes.count > header else { return }
  let signed = ProgramFiles.header(key, Array(bytes[header...]))
  // Magic, key, length and digest, or only the last of them.
  let first = [0, 16, 48, 56][Int(seed / 4 % 4)]
  bytes.replaceSubrange(first..<header, with: signed[first...])
}
