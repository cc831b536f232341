import Foundation
import Images
import Testing

/// Pictures that say how they were made, and are made again.
@Suite struct RecipeTests {
  private let small: SmallModel
  private var folder: TemporaryFolder { small.folder }
  private var model: String { small.path }
  private var input: String { small.input }

  init() throws { small = try SmallModel(["--noise", "gaussian"]) }

  private func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(name)")))
  }

  @Test(arguments: [[], ["--dropout", "7"], ["--dropout", "off", "--bit-depth", "16"], ["--size", "own"]])
  func madeAgain(_ options: [String]) throws {
    let base = ["translate", "--model", model, "--input", input] + options + onReference
    #expect(try Program.run(base + ["--out", "\(folder.path)/plain.png"]).status == 0)
    #expect(try Program.run(base + ["--recipe", "--out", "\(folder.path)/told.png"]).status == 0)
    // The recipe holds the input, so that nothing else is needed.
    try FileManager.default.removeItem(atPath: input)
    let like = ["translate", "--like", "\(folder.path)/told.png"] + onReference
    let outcome = try Program.run(like + ["--out", "\(folder.path)/again.png"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try bytes("again.png") == bytes("plain.png"))
    #expect(try Program.run(like + ["--recipe", "--out", "\(folder.path)/told-again.png"]).status == 0)
    #expect(try bytes("told-again.png") == bytes("told.png"))
  }

  @Test func samplesAreTold() throws {
    let base = ["translate", "--model", model, "--input", input, "--samples", "3"] + onReference
    #expect(try Program.run(base + ["--recipe", "--out", "\(folder.path)/told"]).status == 0)
    #expect(try Program.run(base + ["--out", "\(folder.path)/plain"]).status == 0)
    for sample in 1...3 {
      let arguments = ["translate", "--like", "\(folder.path)/told/input-\(sample).png"] + onReference
      #expect(try Program.run(arguments + ["--out", "\(folder.path)/again-\(sample).png"]).status == 0)
      #expect(try bytes("again-\(sample).png") == bytes("plain/input-\(sample).png"))
    }
    #expect(try bytes("again-1.png") != bytes("again-2.png"))
  }

  @Test func anotherModelIsSaid() throws {
    let told = "\(folder.path)/told.png"
    #expect(
      try Program.run(
        ["translate", "--model", model, "--input", input, "--recipe", "--out", told] + onReference
      ).status == 0)
    let more = try Program.run(
      ["train", "--resume", "--out", model, "--steps", "4", "--keep", "1"] + onReference)
    #expect(more.status == 0, "\(more.errors)")
    let like = ["translate", "--like", told, "--out", "\(folder.path)/again.png"] + onReference
    // The checkpoint of the recipe is gone; --model names another.
    let gone = try Program.run(like)
    #expect(gone.status == 1 && gone.errorLines.count == 1, "\(gone.errors)")
    let other = try Program.run(like + ["--model", model])
    #expect(other.status == 0 && other.errors.contains("another model"), "\(other.errors)")
  }

  @Test func wrongUse() throws {
    let like = ["translate", "--like", input, "--out", "\(folder.path)/again.png"] + onReference
    let none = try Program.run(like)
    #expect(none.status == 1 && none.errors.contains("holds no recipe"), "\(none.errors)")
    for (option, value) in [("--dropout", "off"), ("--size", "own"), ("--samples", "2"), ("--side", "A")] {
      let outcome = try Program.run(like + [option, value])
      #expect(outcome.status == 64 && outcome.errors.contains(option), "\(outcome.errors)")
    }
    for missing in [["--model", model], ["--input", input]] {
      #expect(try Program.run(["translate", "--out", "x.png"] + missing).status == 64)
    }
  }
}
