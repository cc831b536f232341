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
    // What killed processes left beside them.
    for folder in Set(outputs.map(OutputFile.folder)) { OutputFile.removeLeftovers(in: folder) }
    let inputs = Set(inputs.compactMap(FileIdentity.init))
    for output in outputs { try OutputFile.check(output, replacing: replacing, inputs: inputs, of: option) }
  }
}

/// Pictures that a command could not take, named one by one; the others are done.
struct SkippedPictures {
  /// What was said, once each: a picture may be read more than once.
  private var errors = Set<String>()
  /// Errors so far.
  var count: Int { errors.count }

  mutating func skip(_ error: any Error) {
    guard errors.insert("\(error)").inserted else { return }
    Terminal.say(
      CommandEvent("skipped", [("text", .text("\(error)"))], text: "skipped: \(error)", tone: .fault))
  }

  /// - Parameter total: pictures in all
  /// - Throws: `ModelError.training` when there were any, so that the exit code says so
  func end(of total: Int) throws {
    guard !errors.isEmpty else { return }
    throw ModelError.training(
      "\(errors.count) of \(total) \(total == 1 ? "picture" : "pictures") could not be taken; see above")
  }
}
