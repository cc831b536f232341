import ArgumentParser
import Files
import Foundation
import Images
import Interchange
import Model

struct Export: TalkingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a trained model for other programs.",
    discussion: """
      onnx: a model for ONNX Runtime and others (operators of version 17), which takes pictures of any height and width \
      that the network allows, in batches of any number. A picture has norms' statistics of its own, as in translate: \
      batch normalisation becomes instance normalisation, unless --norm-statistics says running. Dropout is off. Its \
      metadata say what it takes and gives, and hold the training's options.

      Without --pixels it takes and gives float planes [batch, planes, height, width] from -1 to 1, as the network does, \
      and takes noise as a further input. A model with latent codes takes these as an input, too. With --pixels it takes and gives bytes [batch, height, width, channels] of any \
      size, label maps in their colours, and draws noise itself. docs/ELSEWHERE.md shows how to use either.

      pth: a state_dict that torch.load(weights_only=True) reads and the networks of the PyTorch version load strictly; \
      with --network D the discriminator's.

      Examples:
        pix2pix export --model run --format onnx --out model.onnx
        pix2pix export --model run/best.safetensors --format onnx --pixels --out model.onnx
        pix2pix export --model run --format onnx --norm-statistics running --out model.onnx
        pix2pix export --model run --format pth --out latest_net_G.pth
        pix2pix export --model run --format pth --network D --out latest_net_D.pth
        pix2pix export --model run --format pth --network G_B --out latest_net_G_B.pth
      """)

  /// The formats of other programs.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case onnx
    case pth
  }

  /// The networks of a model: of pairs, or of both directions where there are none.
  enum NetworkName: String, ExpressibleByArgument, CaseIterable {
    case g = "G"
    case d = "D"
    case gA = "G_A"
    case gB = "G_B"
    case dA = "D_A"
    case dB = "D_B"
  }

  @Option(help: ArgumentHelp("A run's folder or a checkpoint.", valueName: "run|file"), completion: .file())
  var model: String
  @Option(help: "The other programs' format.")
  var format: Format
  @Option(help: ArgumentHelp("The file to write.", valueName: "file"), completion: .file())
  var out: String
  @Option(
    help: "onnx: statistics of norms: batch (each picture's own) or running (averages from training).")
  var normStatistics = NormStatistics.batch
  @Flag(help: "onnx: take and give bytes [batch, height, width, channels] of any size.")
  var pixels = false
  @Option(
    help:
      "pth: the network, G (the generator) or D (the discriminator); G_A (A to B), G_B, D_A (of A's pictures) or D_B of a model without pairs. (default: G, G_A)"
  )
  var network: NetworkName?
  @Option(help: "onnx: AtoB or BtoA, of a model that was trained without pairs. (default: AtoB)")
  var direction: Direction?
  @OptionGroup var output: OutputOptions
  @OptionGroup var terminal: TerminalOptions

  func validate() throws {
    guard (out as NSString).pathExtension.lowercased() == format.rawValue else {
      throw ValidationError("--out \(out) does not end in .\(format.rawValue).")
    }
    guard format == .onnx || (normStatistics == .batch && !pixels) else {
      throw ValidationError("--norm-statistics and --pixels go with --format onnx.")
    }
    guard format == .pth || network == nil else {
      throw ValidationError("--network goes with --format pth.")
    }
    guard format == .onnx || direction == nil else {
      throw ValidationError("--direction goes with --format onnx; --network names a direction's generator.")
    }
  }

  func run() throws {
    switch format {
    case .onnx: try exportONNX()
    case .pth: try exportPyTorch()
    }
  }

  private func exportPyTorch() throws {
    let checkpoint = try RunDirectory.readCheckpoint(of: model)
    try output.check([out], inputs: [checkpoint.path], of: "--model")
    try makeFolder(OutputFile.folder(of: out))
    let network = network ?? (checkpoint.0.options.isUnpaired ? .gA : .g)
    try ExportPyTorch.write(network.rawValue, of: checkpoint, to: out, replacing: output.replacing)
    sayDone(from: checkpoint.path)
  }

  private func sayDone(from checkpoint: String) {
    Terminal.say(
      CommandEvent(
        "done", [("file", .text(out)), ("checkpoint", .text(checkpoint))], text: "\(out), from \(checkpoint)")
    )
  }

  private func exportONNX() throws {
    try BuildTrait.protobuf.require(for: "--format onnx")
    #if Protobuf
      let (checkpoint, path) = try RunDirectory.readCheckpoint(of: model, translating: direction)
      try output.check([out], inputs: [path], of: "--model")
      let export = try ONNXExport(
        (checkpoint, path), statistics: normStatistics, pixels: pixels,
        version: CommandLineTool.configuration.version)
      try makeFolder(OutputFile.folder(of: out))
      try export.write(to: out, replacing: output.replacing)
      for remark in export.remarks {
        Terminal.say(CommandEvent("note", [("text", .text(remark))], text: remark))
      }
      sayDone(from: path)
    #endif
  }
}
