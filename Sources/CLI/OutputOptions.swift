import ArgumentParser
import Files
import Model

/// `--overwrite`, shared by every subcommand that writes files.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Replace files that this program did not write, too. (default: refuse)")
  var overwrite = false

  var replacing: OutputFile.Replacing { overwrite ? .any : .own }

  /// Looks at all that a command will write, before anything has taken time.
  ///
  /// - Parameters:
  ///   - inputs: the files that it reads
  ///   - option: the option that names them
  /// - Throws: `FileError` for a file that may not be replaced
  func check(_ outputs: [String], inputs: [String] = [], of option: String = "--input") throws(FileError) {
    let inputs = Set(inputs.compactMap(FileIdentity.init))
    for output in outputs { try OutputFile.check(output, replacing: replacing, inputs: inputs, of: option) }
  }
}

/// Pictures that a command could not take, named one by one; the others are done.
struct SkippedPictures {
  private var count = 0

  mutating func skip(_ error: any Error) {
    count += 1
    note("skipped: \(error)")
  }

  /// - Parameter total: pictures in all
  /// - Throws: `ModelError.training` when there were any, so that the exit code says so
  func end(of total: Int) throws {
    guard count > 0 else { return }
    throw ModelError.training("\(count) of \(total) pictures could not be taken; they are named above")
  }
}
