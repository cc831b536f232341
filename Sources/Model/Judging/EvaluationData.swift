import Files
import Foundation
import ImageMetrics
import Images
import Tape

extension TrainingOptions {
  /// The pairs to judge a trained model by: the given split, else val, else test.
  ///
  /// - Parameters:
  ///   - data: a folder of pairs, or of inputs where `targets` is given, in place of the training's
  /// - Throws: `ModelError.option` for a data set without such a split.
  public func heldOutPairs(
    data: String? = nil, targets: String? = nil, split: Split? = nil
  ) throws -> PairSource {
    var options = self
    if let data {
      // Pairs, whatever the training had.
      (options.data, options.targets, options.validationData, options.unpaired) = (data, targets, nil, nil)
    } else {
      // The pairs of the training, wherever it was begun.
      try options.requirePlaces()
    }
    if let split {
      options.validationData = nil
      guard let source = try options.pairs(of: split) else {
        throw ModelError.option("--split", "\(options.data) has no split \(split.rawValue)")
      }
      return source
    }
    var reasons: [String] = []
    guard let source = try options.validationPairs({ reasons.append($0) }) else {
      guard !options.isUnpaired else {
        throw ModelError.option(
          "--data", "the model was trained without pairs; give pairs to judge it by with --data")
      }
      let reason =
        reasons.isEmpty ? "\(options.data) has neither val nor test" : reasons.joined(separator: "; ")
      throw ModelError.option("--split", "\(reason); give --split train, or other pairs with --data")
    }
    return source
  }
}

extension LabelClasses {
  /// The classes to judge targets by; nil where they are no label maps.
  ///
  /// - Parameters:
  ///   - format: a model's; classes that it was not taught are not asked for
  ///   - palette: a palette PNG, another picture or a folder of pictures whose colours are the classes, in place of the
  ///     targets' own
  ///   - unlabelled: the colour of pixels to leave out
  /// - Throws: `ModelError` for a palette without pictures and for a colour that is not in it.
  public static func judging(
    _ targets: TargetSurvey, format: PairFormat? = nil, palette: String? = nil, unlabelled: Colour? = nil
  ) throws -> LabelClasses? {
    let drawn = format?.labelClasses
    let labels =
      if let palette {
        try LabelClasses(colours(of: palette), ignoring: drawn?.ignoredColour)
      } else {
        drawn ?? targets.labelClasses
      }
    guard let unlabelled else { return labels }
    guard var labels else {
      throw ModelError.option(
        "--unlabelled", "the targets are no label maps; give their colours with --palette")
    }
    guard let index = labels.palette.colours.firstIndex(of: unlabelled) else {
      let known = labels.palette.colours.map(\.description).joined(separator: " ")
      throw ModelError.option("--unlabelled", "\(unlabelled) is none of the palette's colours: \(known)")
    }
    labels.ignored = index
    return labels
  }

  private static func colours(of path: String) throws -> Palette {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw ModelError(FileError(path, missing: .either))
    }
    if isFolder.boolValue { return try Palette(coloursOf: PictureFolder.some(in: path).all()) }
    return try Picture(contentsOf: path).palette.map(Palette.init) ?? Palette(coloursOf: [path])
  }
}

extension Memorization {
  /// The pictures of a folder, reduced, and the errors of those that cannot be read.
  ///
  /// - Throws: `ModelError.file` for a folder without pictures
  public static func trainingTargets(
    in folder: String
  ) throws -> (targets: [TrainingTarget], unreadable: [ImageError]) {
    let found = try PictureFolder.some(in: folder)
    let (targets, errors) = readable(found.pictures.count) { index throws(ImageError) in
      (PictureFolder.stem(found.pictures[index]), Thumbnail(try Picture(contentsOf: found.pictures[index])))
    }
    return (targets, errors + found.unnameableErrors)
  }

  /// The targets of pairs, reduced, and the errors of those that cannot be read.
  public static func trainingTargets(
    of source: PairSource
  ) -> (targets: [TrainingTarget], unreadable: [ImageError]) {
    let (targets, errors) = readable(source.count) { index throws(ImageError) in
      (source.pairs[index].name, Thumbnail(try source.pairs[index].load().target))
    }
    return (targets, errors + source.unreadable)
  }

  private static func readable(
    _ count: Int, _ read: (Int) throws(ImageError) -> TrainingTarget
  ) -> (targets: [TrainingTarget], unreadable: [ImageError]) {
    let results =
      (try? mapInParallel(over: 0..<count) { index in
        Result { () throws(ImageError) in try read(index) }
      }) ?? []
    return (
      results.compactMap { try? $0.get() },
      results.compactMap { if case .failure(let error) = $0 { error } else { nil } }
    )
  }
}

extension PictureFolder {
  /// The pictures of a folder that is read by itself, not as a data set.
  ///
  /// - Throws: `ModelError.file` when there are none, the errors of `PictureFolder`
  package static func some(in path: String) throws -> PictureFolder {
    let folder = try PictureFolder(path)
    guard !folder.pictures.isEmpty || !folder.unnameable.isEmpty else {
      throw ModelError.file(path, "holds no pictures (\(extensionList))")
    }
    return folder
  }

  /// The pictures, all of which are needed.
  ///
  /// - Throws: `ImageError.unnameable`
  package func all() throws(ImageError) -> [String] {
    guard unnameable.isEmpty else { throw .unnameable(folder: path, names: unnameable) }
    return pictures
  }
}
