import ArgumentParser
import Files
import Foundation
import Images
import Model

/// Pictures with recipes: made, and made again.
extension Translate {
  var translationDevice: TranslationDevice {
    TranslationDevice(device: device, kernels: kernels, strips: strips, memoryLimit: memoryLimit)
  }

  func recipe(_ checkpoint: Checkpoint, _ path: String, _ code: [Float]?) throws -> Recipe {
    guard side == .whole else {
      throw ModelError.option("--recipe", "keeps whole pictures as inputs; cut the pairs of --side before")
    }
    return Recipe(
      model: path.absolutePath, fingerprint: try FileChecksum.text(path),
      direction: checkpoint.options.isUnpaired ? checkpoint.options.direction : nil,
      statistics: normStatistics ?? .batch,
      dropout: dropout ?? (checkpoint.options.drawsWithDropout ? "on" : "off"), sample: 0, index: 0,
      size: size ?? .trained, code: code, bitDepth: 8)
  }

  /// Makes a picture again by its recipe, of the inputs in it, or another of `--input`.
  func remake(_ like: String) throws {
    let (recipe, files) = try Recipe.read(like)
    let (checkpoint, path) = try RunDirectory.readCheckpoint(
      of: model ?? recipe.model, translating: recipe.direction)
    if try FileChecksum.text(path) != recipe.fingerprint {
      warn("\(path) is another model than the one that made \(like); the picture will be another")
    }
    let length = checkpoint.options.network.latent?.length
    if let code = recipe.code, code.count != length {
      throw ModelError.file(
        like,
        "was drawn with a code of \(code.count) numbers, and \(path) takes \(length.map { "\($0)" } ?? "none"); name the model that made it"
      )
    }
    guard !input.isEmpty || !files.isEmpty else {
      throw ModelError.file(like, "does not hold the input that it was made of; give it with --input")
    }
    try output.check([out], inputs: input + [like])
    let format = checkpoint.options.format
    let ending = ".\(format.target.fileExtension)"
    guard out.hasSuffix(ending) else {
      throw ModelError.option("--out", "\(out): --like makes one picture; name a \(ending) file")
    }
    let translator = try Translator(
      (checkpoint, path), statistics: recipe.statistics,
      dropout: try Translator.Dropout(argument: recipe.dropout), size: recipe.size
    ) { try translationDevice.executor(for: $0) }
    var stopwatch = Stopwatch()
    let inputs =
      try input.isEmpty
      ? files.map { Translator.Input(try Picture(decoding: $0, path: "the input in \(like)"), path: like) }
      : input.map { Translator.Input(try Picture(contentsOf: $0), path: $0) }
    let picture = try translator.translate(
      inputs, index: recipe.index, sample: recipe.sample, code: recipe.code, bitDepth: recipe.bitDepth)
    try makeFolder(OutputFile.folder(of: out))
    if self.recipe {
      let kept = try input.isEmpty ? files : input.map { try RegularFile.contents($0) }
      var own = recipe
      (own.model, own.fingerprint) = (path.absolutePath, try FileChecksum.text(path))
      let file = try own.file(of: picture, inputs: kept, path: out)
      try OutputFile.write(file, to: out, replacing: output.replacing, syncsFolder: false)
    } else {
      try picture.write(to: out, replacing: output.replacing)
    }
    Self.sayTranslated(input.isEmpty ? [like] : input, out, milliseconds: stopwatch.lap())
    Terminal.say(
      CommandEvent(
        "done",
        [
          ("pictures", .integer(1)), ("skipped", .integer(0)), ("out", .text(out)), ("like", .text(like)),
          ("checkpoint", .text(path)),
        ], text: "1 picture in \(out), made as \(like) was, from \(path)"))
  }
}

extension String {
  /// The path from the root, without links resolved.
  var absolutePath: String { URL(fileURLWithPath: self).standardizedFileURL.path }
}

extension Translator.Dropout {
  /// - Throws: `ValidationError` for a word that is neither on, off nor a seed
  init(argument: String) throws {
    switch argument {
    case "on": self = .on
    case "off": self = .off
    default:
      guard let seed = UInt64(argument) else {
        throw ValidationError("--dropout \(argument) is neither on, off nor a seed (a whole number).")
      }
      self = .seeded(seed)
    }
  }
}
