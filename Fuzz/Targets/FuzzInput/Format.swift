import Foundation

/// A kind of input that a reader is tried with.
public struct Format: Sendable {
  let name: String
  let seeds: @Sendable () throws -> [Data]
  let repair: (@Sendable (inout [UInt8], _ random: UInt32) -> Void)?
  let test: @Sendable (UnsafeRawBufferPointer) -> Void

  /// - Parameters:
  ///   - seeds: inputs to begin with
  ///   - repair: makes a changed input plausible again, such as its checksums; it is given a random number
  ///   - test: tries an input; a finding ends the program
  public init(
    _ name: String, seeds: @escaping @Sendable () throws -> [Data] = { [] },
    repair: (@Sendable (inout [UInt8], _ random: UInt32) -> Void)? = nil,
    test: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
  ) {
    (self.name, self.seeds, self.repair, self.test) = (name, seeds, repair, test)
  }
}

/// A program's main function: `PROGRAM FORMAT` and libFuzzer's options, or `PROGRAM FORMAT --seeds FOLDER`.
public func fuzz(
  _ formats: [Format], _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> CInt {
  let words = CommandLine.arguments
  guard words.count > 1, let format = formats.first(where: { $0.name == words[1] }) else {
    print("the formats are \(formats.map(\.name).joined(separator: ", "))")
    return 64
  }
  if words.count == 4, words[2] == "--seeds" {
    do {
      for (number, seed) in try format.seeds().enumerated() {
        try seed.write(to: URL(fileURLWithPath: "\(words[3])/own-\(number)"))
      }
      return 0
    } catch {
      print(error)
      return 1
    }
  }
  chosen = format
  // The format's name is not libFuzzer's.
  var count = count - 1
  arguments[1] = arguments[0]
  var rest: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments + 1
  return runLibFuzzer(&count, &rest) { bytes, count in
    chosen?.test(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
  }
}

/// Set once, before libFuzzer begins.
nonisolated(unsafe) private var chosen: Format?

/// libFuzzer finds it by its name.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ most: Int, _ random: UInt32) -> Int {
  let count = mutateBytes(bytes, count, most)
  guard let repair = chosen?.repair else { return count }
  var changed = Array(UnsafeBufferPointer(start: bytes, count: count))
  repair(&changed, random)
  let kept = Array(changed.prefix(most))
  bytes.update(from: kept, count: kept.count)
  return kept.count
}

@_silgen_name("LLVMFuzzerMutate")
private func mutateBytes(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ most: Int) -> Int

@_silgen_name("LLVMFuzzerRunDriver")
private func runLibFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Ends the program unless an error is one line that a terminal shows as it is.
public func requireLine(_ error: String) {
  let isLine = error.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
  guard isLine, error.utf8.count < 10_000 else {
    fatalError("no line for people: \(error.debugDescription.prefix(1000))")
  }
}
