import Foundation
import Images
import Model

/// A model, for a page that draws its inputs.
struct ModelDescription: Sendable, Codable, Equatable {
  /// A picture that the model takes, or the one that it draws.
  struct Side: Sendable, Codable, Equatable {
    /// A class of a label map.
    struct Class: Sendable, Codable, Equatable {
      /// #rrggbb
      let colour: String
      let name: String?
    }

    /// labels, gray, rgb, rgba, lightness, chroma or channels.
    let kind: String
    let channels: Int
    /// Of labels only.
    let classes: [Class]?
  }

  let name: String
  /// The name of its run; nil for a checkpoint alone.
  let run: String?
  /// Steps that it was trained.
  let step: Int
  let width: Int
  let height: Int
  let inputs: [Side]
  let output: Side
  /// The task that makes inputs of photographs, as `--task` has it.
  let task: String?
  /// Noise or dropout make other pictures of the same input.
  let isRandom: Bool
  /// The seed of noise and dropout where none is asked for.
  let seed: UInt64
  /// Norms have running averages, too.
  let hasRunningStatistics: Bool
  /// "png" or "npy".
  let fileExtension: String
  /// Pairs to try the model with.
  let examples: Int

  init(
    _ model: Catalog.ModelEntry, _ checkpoint: Checkpoint, path: String, labelNames: [Colour: String],
    examples: Int, isRandom: Bool
  ) {
    let options = checkpoint.options
    (name, run, step) = (model.name, model.run, checkpoint.progress.step)
    (width, height) = (options.network.size.width, options.network.size.height)
    switch options.format {
    case .pictures(let formats, _):
      inputs = formats.map { Side($0, labelNames) }
      task = nil
    case .photographs(let photographs):
      inputs = [Side(photographs.drawn, labelNames)]
      task = "\(photographs)"
    }
    output = Side(options.format.target, labelNames)
    self.isRandom = isRandom
    seed = options.seed
    hasRunningStatistics = options.network.norm == .batch
    fileExtension = options.format.target.fileExtension
    self.examples = examples
  }
}

extension ModelDescription.Side {
  fileprivate init(_ format: PlaneFormat, _ names: [Colour: String]) {
    channels = format.channels
    switch format {
    case .gray: (kind, classes) = ("gray", nil)
    case .rgb: (kind, classes) = ("rgb", nil)
    case .rgba: (kind, classes) = ("rgba", nil)
    case .lightness: (kind, classes) = ("lightness", nil)
    case .chroma: (kind, classes) = ("chroma", nil)
    case .channels: (kind, classes) = ("channels", nil)
    case .labels(let palette):
      let colours = palette.colours + (palette.unlabelled.map { [$0] } ?? [])
      kind = "labels"
      classes = colours.map { .init(colour: $0.description, name: names[$0]) }
    }
  }
}

extension PhotographTask {
  /// The kind of pictures that people draw as inputs.
  fileprivate var drawn: PlaneFormat {
    switch self {
    case .colorize: .lightness
    case .edges: .gray
    case .inpaint: .rgba
    case .superResolve, .denoise: .rgb
    }
  }
}
