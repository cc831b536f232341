import Foundation
import Images
import Metrics
import Model

/// What an evaluation found, for people and for files.
struct EvaluationReport {
  var figures: [Figure] = []
  var pictures: [PictureFigures] = []
  var labels: LabelColours?

  /// How many outputs that repeat the training set are named.
  private static let worstCount = 10

  /// A row per figure.
  var table: String {
    Table(
      ["figure", "value", "95 % interval", "pictures"],
      figures.map { figure in
        [
          figure.kind.title, Self.text(figure.value),
          figure.interval.map { "\(Self.text($0.lower)) to \(Self.text($0.upper))" } ?? "-",
          String(figure.count),
        ]
      }
    ).description
  }

  /// A line per figure that some picture is too small for.
  var undefined: [String] {
    let needed = [
      ("SSIM", StructuralSimilarity.windowSide, pictures.first { $0.ssim == nil }),
      ("MS-SSIM", StructuralSimilarity.minimumMultiScaleSide, pictures.first { $0.msSSIM == nil }),
    ]
    return needed.compactMap { title, side, picture in
      picture.map { "\(title) is not defined below \(side) pixels on a side, which \($0.name) has" }
    }
  }

  /// A line per output that is nearer to a training target than to its own, worst first.
  var memorized: [String] {
    Memorization.worst(pictures.compactMap(\.memorization), count: Self.worstCount).map {
      "\($0.name) is nearer to the training target \($0.nearestName) (\(Self.text($0.nearestDistance))) than to its own (\(Self.text($0.ownDistance)))"
    }
  }

  /// Four digits are what 95 % intervals of some hundred pictures leave standing.
  private static func text(_ value: Double) -> String { String(format: "%.4g", value) }

  // MARK: Files

  /// Writes figures.json and, where there are pictures, per-picture.csv.
  func write(to folder: String) throws {
    try Evaluate.makeFolder(folder)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Equal pictures have an infinite PSNR, for which JSON has no number.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    try Self.write(try encoder.encode(file), to: "\(folder)/figures.json")
    if !pictures.isEmpty { try Self.write(Data(csv.utf8), to: "\(folder)/per-picture.csv") }
  }

  private static func write(_ data: Data, to path: String) throws {
    do {
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ModelError.file(path, "cannot be written: \(error.localizedDescription)")
    }
  }

  private struct File: Encodable {
    struct Value: Encodable {
      var value: Double
      var lower: Double?
      var upper: Double?
      var pictures: Int
    }
    struct Class: Encodable {
      var colour: String
      var accuracy: Double?
      var iou: Double?
    }
    struct Segmentation: Encodable {
      var classes: [Class]
      /// A row per class of the targets, a column per class of the outputs, in pixels.
      var confusion: [[Int]]
    }
    struct Repetition: Encodable {
      var name: String
      var ownDistance: Double
      var nearestDistance: Double
      var nearest: String
    }
    var confidence = Bootstrap.confidence
    var resamples = Bootstrap.resamples
    var figures: [String: Value]
    var segmentation: Segmentation?
    var nearerToTraining: [Repetition]?
  }

  private var file: File {
    var file = File(
      figures: Dictionary(
        uniqueKeysWithValues: figures.map { figure in
          (
            figure.kind.key,
            .init(
              value: figure.value, lower: figure.interval?.lower, upper: figure.interval?.upper,
              pictures: figure.count)
          )
        }))
    if let labels {
      var confusion = ConfusionMatrix(classes: labels.count)
      for picture in pictures { picture.confusion.map { confusion += $0 } }
      let totals = confusion.totals
      let (accuracies, ious) = (totals.accuracies, totals.intersectionsOverUnions)
      file.segmentation = .init(
        classes: labels.colours.indices.map {
          .init(colour: LabelColours.name(labels.colours[$0]), accuracy: accuracies[$0], iou: ious[$0])
        },
        confusion: labels.colours.indices.map {
          Array(confusion.counts[$0 * labels.count..<($0 + 1) * labels.count])
        })
    }
    let examples = pictures.compactMap(\.memorization)
    if !examples.isEmpty {
      file.nearerToTraining = Memorization.worst(examples, count: examples.count).map {
        .init(
          name: $0.name, ownDistance: $0.ownDistance, nearestDistance: $0.nearestDistance,
          nearest: $0.nearestName)
      }
    }
    return file
  }

  /// A row per picture; columns of figures that no picture has are left out.
  private var csv: String {
    let columns: [(String, (PictureFigures) -> String?)] = [
      ("name", { Self.quoted($0.name) }), ("l1", { "\($0.l1)" }), ("mse", { "\($0.mse)" }),
      ("psnr", { "\($0.psnr)" }), ("ssim", { $0.ssim.map { "\($0)" } }),
      ("ms_ssim", { $0.msSSIM.map { "\($0)" } }),
      ("pixel_accuracy", { $0.confusion.map { "\($0.totals.pixelAccuracy)" } }),
      ("class_accuracy", { $0.confusion.map { "\($0.totals.classAccuracy)" } }),
      ("class_iou", { $0.confusion.map { "\($0.totals.classIOU)" } }),
      ("own_distance", { $0.memorization.map { "\($0.ownDistance)" } }),
      ("nearest_training_distance", { $0.memorization.map { "\($0.nearestDistance)" } }),
      ("nearest_training_target", { $0.memorization.map { Self.quoted($0.nearestName) } }),
    ]
    let present = columns.filter { column in pictures.contains { column.1($0) != nil } }
    let rows = pictures.map { picture in present.map { $0.1(picture) ?? "" }.joined(separator: ",") }
    return ([present.map(\.0).joined(separator: ",")] + rows).joined(separator: "\n") + "\n"
  }

  /// A field of a CSV file (RFC 4180).
  private static func quoted(_ text: String) -> String {
    guard text.contains(where: { "\",\n\r".contains($0) }) else { return text }
    return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }
}
