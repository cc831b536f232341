import Images
import Model
import Tape

/// What an exported generator takes, gives and does, in words for people and for programs.
package struct ONNXDescription {
  package let options: TrainingOptions
  /// Training steps behind it.
  package let step: Int
  package let statistics: NormStatistics
  /// Bytes [batch, height, width, C] in place of planes.
  package let pixels: Bool

  package init(options: TrainingOptions, step: Int, statistics: NormStatistics, pixels: Bool) {
    (self.options, self.step, self.statistics, self.pixels) = (options, step, statistics, pixels)
  }

  /// The sides of the network's maps are multiples of it.
  package var multiple: Int { options.network.alignment }

  /// The least side of the network's maps, as in the program.
  package var leastSide: Int {
    let least = NetworkConfiguration.sides.lowerBound
    return (least + multiple - 1) / multiple * multiple
  }

  private var norms: String {
    switch (options.network.norm, statistics) {
    case (.none, _): "none"
    case (.batch, .running): "batch normalisation by the running averages of the training"
    case (.batch, .batch):
      "batch normalisation by the statistics of each picture itself, which is instance normalisation"
    case (.instance, _): "instance normalisation"
    }
  }

  private var inputs: [String] {
    switch options.format {
    case .pictures(let inputs, _): inputs.map { $0.words(pixels: pixels) }
    case .photographs(let task): [task.words(pixels: pixels)]
    }
  }

  private var output: String {
    let format = options.format.target
    if case .labels = format, !pixels {
      return format.words(pixels: false)
        + (options.objective.output == .logits ? ", as logits" : ", the largest one counts")
    }
    return format.words(pixels: pixels)
  }

  private var sides: String {
    pixels
      ? "sides of any size (the network's, multiples of \(multiple), are made by mirrored edges and cut off again)"
      : "sides that are multiples of \(multiple), from \(leastSide) on"
  }

  /// A line each.
  package var remarks: [String] {
    let noise = options.network.noiseChannels
    let layout = pixels ? "uint8 [batch, height, width, channels]" : "float32 [batch, planes, height, width]"
    return [
      "the generator of step \(step), trained at \(options.network.size)",
      "takes \(layout), \(sides): \(inputs.joined(separator: "; then "))",
      "gives \(layout): \(output)",
      "norms: \(norms); dropout off",
    ]
      + (noise == 0
        ? []
        : [
          pixels
            ? "noise is drawn anew at every run"
            : "the input noise takes \(noise) \(noise == 1 ? "map" : "maps") of standard normal numbers, or zeros"
        ])
      + (options.network.latent.map {
        [
          "the input code takes float32 [batch, \($0.length)]: standard normal numbers, others for another picture"
        ]
      } ?? [])
  }

  /// The pictures that it takes, by the names of their inputs with pixels, and the one that it gives.
  private var pictures: [(name: String, format: PlaneFormat)] {
    var pictures = [("output", options.format.target)]
    if case .pictures(let inputs, _) = options.format {
      pictures += inputs.enumerated().map { ($0 == 0 ? "input" : "input\($0 + 1)", $1) }
    }
    return pictures
  }

  /// What a program may want to know, besides the training's options.
  package var metadata: [String: String] {
    var metadata = [
      "step": "\(step)", "norm_statistics": statistics.rawValue, "norms": norms, "dropout": "off",
      "layout": pixels ? "NHWC" : "NCHW", "input": inputs.joined(separator: "; then "), "output": output,
      "trained_height": "\(options.network.size.height)", "trained_width": "\(options.network.size.width)",
      "noise_maps": "\(options.network.noiseChannels)",
      "code_length": "\(options.network.latent?.length ?? 0)",
    ]
    for (name, format) in pictures {
      if case .labels(let palette) = format {
        metadata["\(name)_classes"] = palette.colours.map(\.description).joined(separator: " ")
      }
    }
    metadata["range"] = pixels ? "0 to 255" : "-1 to 1"
    metadata["size_multiple"] = pixels ? "1" : "\(multiple)"
    metadata["least_size"] = pixels ? "1" : "\(leastSide)"
    return metadata
  }
}

extension PlaneFormat {
  fileprivate func words(pixels: Bool) -> String {
    switch self {
    case .gray: pixels ? "gray, 0 to 255" : "gray, -1 (black) to 1 (white)"
    case .rgb: pixels ? "R, G, B, 0 to 255" : "R, G, B, -1 to 1"
    case .rgba: pixels ? "R, G, B, alpha, 0 to 255" : "R, G, B, alpha, -1 to 1"
    case .channels(let count): "\(count) channels, " + (pixels ? "0 to 255" : "-1 to 1")
    case .lightness: "CIE L / 50 - 1"
    case .chroma: "CIE a / 110, b / 110"
    case .labels(let palette):
      (pixels ? "a label map in the colours " : "a plane to each class, 1 in the class and 0 elsewhere: ")
        + palette.colours.map(\.description).joined(separator: " ")
    }
  }
}

extension PhotographTask {
  fileprivate func words(pixels: Bool) -> String {
    switch self {
    case .colorize: PlaneFormat.lightness.words(pixels: pixels)
    case .edges: PlaneFormat.gray.words(pixels: pixels) + ": edges black on white"
    case .superResolve:
      PlaneFormat.rgb.words(pixels: pixels) + ": a small picture made as large as the result, bicubic"
    case .denoise: PlaneFormat.rgb.words(pixels: pixels) + ": a noisy photograph"
    case .inpaint:
      pixels
        ? "R, G, B, alpha, 0 to 255: holes are where alpha is below 128"
        : "R, G, B, -1 to 1, 0 in holes; then 1 in holes and 0 elsewhere"
    }
  }
}
