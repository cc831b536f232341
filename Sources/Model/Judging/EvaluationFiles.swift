import Files
import Foundation
import ImageMetrics
import Images

extension EvaluationReport {
  /// The names of the files that `write(to:)` may write.
  public static let files = ["figures.json", "per-picture.csv"]

  /// Writes figures.json and, where there are pictures, per-picture.csv.
  ///
  /// - Throws: `ModelError.file` for a folder, `FileError` for a file that cannot be written.
  public func write(to folder: String, replacing: OutputFile.Replacing = .own) throws {
    try makeFolder(folder)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Equal pictures have an infinite PSNR, for which JSON has no number.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let paths = Self.files.map { "\(folder)/\($0)" }
    try OutputFile.write(try encoder.encode(file), to: paths[0], replacing: replacing)
    if !pictures.isEmpty { try OutputFile.write(csv.utf8, to: paths[1], replacing: replacing) }
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
    /// The mark of this program's files; see `OwnMark`.
    var generator = OwnMark.name
    var confidence = Bootstrap.confidence
    var resamples = Bootstrap.resamples
    /// Outputs of each input; nil for one.
    var samples: Int?
    var figures: [String: Value]
    var segmentation: Segmentation?
    /// A scorer's readings of outputs.
    var scorerSegmentation: Segmentation?
    var nearerToTraining: [Repetition]?
  }

  private static func segmentation(
    _ confusions: [ConfusionMatrix], _ palette: Palette?
  ) -> File.Segmentation? {
    guard let colours = palette?.colours, !confusions.isEmpty else { return nil }
    var confusion = ConfusionMatrix(classes: colours.count)
    for one in confusions { confusion += one }
    let totals = confusion.totals
    let (accuracies, ious) = (totals.accuracies, totals.intersectionsOverUnions)
    return File.Segmentation(
      classes: colours.indices.map {
        .init(colour: colours[$0].description, accuracy: accuracies[$0], iou: ious[$0])
      },
      confusion: colours.indices.map {
        Array(confusion.counts[$0 * colours.count..<($0 + 1) * colours.count])
      })
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
    file.samples = pictures.first?.samples.first?.count
    file.segmentation = Self.segmentation(
      pictures.compactMap(\.confusion), palette)
    file.scorerSegmentation = Self.segmentation(scores.map(\.output), scorerPalette)
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
    typealias Column = (String, (PictureFigures, ScorerScore?) -> String?)
    let known: [Column] = [
      ("name", { figures, _ in CSVField.quoted(figures.name) }), ("l1", { figures, _ in "\(figures.l1)" }),
      ("mse", { figures, _ in "\(figures.mse)" }), ("psnr", { figures, _ in "\(figures.psnr)" }),
      ("ssim", { figures, _ in figures.ssim.map { "\($0)" } }),
      ("ms_ssim", { figures, _ in figures.msSSIM.map { "\($0)" } }),
      ("pixel_accuracy", { figures, _ in figures.confusion.map { "\($0.totals.pixelAccuracy)" } }),
      ("class_accuracy", { figures, _ in figures.confusion.map { "\($0.totals.classAccuracy)" } }),
      ("class_iou", { figures, _ in figures.confusion.map { "\($0.totals.classIOU)" } }),
      ("scorer_pixel_accuracy", { _, score in score.map { "\($0.output.totals.pixelAccuracy)" } }),
      ("scorer_class_accuracy", { _, score in score.map { "\($0.output.totals.classAccuracy)" } }),
      ("scorer_class_iou", { _, score in score.map { "\($0.output.totals.classIOU)" } }),
      ("l1_encoded", { figures, _ in figures.codes.map { "\($0.encoded)" } }),
      ("code_recovery", { figures, _ in figures.codes.map { "\($0.recovery)" } }),
      ("own_distance", { figures, _ in figures.memorization.map { "\($0.ownDistance)" } }),
      ("nearest_training_distance", { figures, _ in figures.memorization.map { "\($0.nearestDistance)" } }),
      (
        "nearest_training_target",
        { figures, _ in figures.memorization.map { CSVField.quoted($0.nearestName) } }
      ),
    ]
    let perceptual: [Column] =
      (pictures.first?.perceptual).map { first in
        [(first.kind.key, { figures, _ in figures.perceptual.map { "\($0.value)" } })]
      } ?? []
    let samples: [Column] = (pictures.first?.samples ?? []).enumerated().flatMap { place, first in
      [
        (first.distance.ofDiversity.key, { figures, _ in "\(figures.samples[place].diversity)" }),
        (first.distance.ofBest(first.count).key, { figures, _ in "\(figures.samples[place].best)" }),
        (
          first.distance.ofTargetDiversity.key,
          { figures, _ in figures.samples[place].targetDiversity.map { "\($0)" } }
        ),
      ]
    }
    let columns = known + perceptual + samples
    let fields = pictures.enumerated().map { index, figures in
      columns.map { $0.1(figures, scores.isEmpty ? nil : scores[index]) }
    }
    let present = columns.indices.filter { column in fields.contains { $0[column] != nil } }
    let rows =
      [present.map { columns[$0].0 }] + fields.map { row in present.map { row[$0] ?? "" } }
    return rows.map { $0.joined(separator: ",") }.joined(separator: "\n") + "\n"
  }
}
