import Files
import Foundation
import ImageMetrics
import Images

/// What a classifier sees of a picture.
public enum DomainFeatures {
  /// The picture reduced to 32 x 32, by principal components.
  case thumbnails
  case network(FeatureNetwork, path: String)
  case scorer(Scorer, path: String)

  /// Principal components of thumbnails.
  private static let thumbnailComponents = 64

  /// Principal components to reduce vectors to, at most.
  var components: Int? { if case .thumbnails = self { Self.thumbnailComponents } else { nil } }

  /// What they are, in words.
  public var words: String {
    let side = Memorization.Thumbnail.side
    return switch self {
    case .thumbnails:
      "thumbnails of \(side)x\(side) pixels, at most \(Self.thumbnailComponents) principal components"
    case .network(_, let path): "means of the last maps of \(path)"
    case .scorer(_, let path): "means of the maps that the last layer of \(path) reads"
    }
  }

  /// A vector of finite numbers.
  fileprivate func vector(of picture: Picture, file: String) throws -> [Double] {
    switch self {
    case .thumbnails: return Memorization.Thumbnail(picture).values
    case .network(let network, _): return try network.features(of: picture, name: file)
    case .scorer(let scorer, let path):
      let features = try scorer.read(picture, path: file).features
      guard features.allSatisfy(\.isFinite) else {
        throw ModelError.file(path, "makes NaN or infinite features of \(file); is it a trained scorer?")
      }
      return features
    }
  }
}

/// The gap between generated and real pictures: what a classifier tells apart, and what scorers read wrongly.
public struct DomainGap: Sendable {
  public let generated: DomainPictures
  public let real: DomainPictures
  public let preparation: DomainPreparation
  /// Seed of halvings and bootstraps.
  private let seed: UInt64
  /// The halves that scorers are trained on and tested with.
  private let halves: DomainHalves

  /// - Parameters:
  ///   - generated, real: `DomainPictures.fewest` pictures each, or more
  public init(generated: DomainPictures, real: DomainPictures, seed: UInt64) {
    (self.generated, self.real, self.seed) = (generated, real, seed)
    preparation = DomainPreparation(generated, real)
    halves = DomainHalves(
      countA: generated.count, countB: real.count, twins: generated.twins(real), number: 0, seed: seed)
  }

  /// Pictures of both sides.
  public var count: Int { generated.count + real.count }

  // MARK: Discrepancy

  /// err and d.
  ///
  /// - Parameter onProgress: is told the number of pictures that were looked at
  public func discrepancy(by features: DomainFeatures, onProgress: (Int) -> Void = { _ in }) throws
    -> [Figure]
  {
    var done = 0
    func vectors(_ domain: DomainPictures) throws -> Features {
      Features(
        try domain.entries.map { entry in
          defer {
            done += 1
            onProgress(done)
          }
          return try features.vector(of: preparation.picture(entry.file), file: entry.file)
        })
    }
    let found = DomainDiscrepancy(
      try vectors(generated), try vectors(real), components: features.components,
      twins: generated.twins(real), seed: seed)
    return [
      Figure(.domainError, value: found.error, count: count),
      Figure(.domainDiscrepancy, value: found.value, count: count),
    ]
  }

  // MARK: Scorers

  /// What a scorer is trained on: one half of the generated pictures, or of both sides. The others are held out.
  public enum Training: String, Sendable, CaseIterable {
    case generated, both
  }

  /// Pictures of both sides that scorers are not trained on.
  public var heldOutCount: Int { halves.a.second.count + halves.b.second.count }

  /// The classes of all label maps.
  ///
  /// - Parameters:
  ///   - format: palette or index
  ///   - unlabelled: the colour of pixels that nobody labelled
  ///   - scorer: what must know all of them, and its path; its classes are taken then
  /// - Throws: `ImageError` for a picture that is no label map, `ModelError.option` for too many classes, a colour that is none, and
  ///   a scorer of others
  public func classes(
    _ format: PictureKinds.Labels, unlabelled: Colour?, of scorer: (Scorer, path: String)?
  ) throws -> Palette {
    let maps = generated.labelMaps + real.labelMaps
    let found = try format == .index ? Palette(indicesOf: maps) : Palette(coloursOf: maps)
    func list(_ colours: [Colour]) -> String { colours.map(\.description).joined(separator: " ") }
    if let (scorer, path) = scorer {
      let known = scorer.palette.colours + [scorer.palette.unlabelled].compactMap(\.self)
      let others = found.colours.filter { !known.contains($0) }
      guard others.isEmpty else {
        throw ModelError.option(
          "--scorer",
          "\(path) has other classes than the label maps, which show \(list(others)) beside \(list(known)); train one on such label maps"
        )
      }
      guard unlabelled == nil || unlabelled == scorer.palette.unlabelled else {
        let own = scorer.palette.unlabelled?.description ?? "no colour"
        throw ModelError.option("--unlabelled", "\(path) was trained with \(own) for unlabelled pixels")
      }
      return scorer.palette
    }
    var palette = found
    if let unlabelled {
      guard let rest = found.without(unlabelled) else {
        throw ModelError.option(
          "--unlabelled", "\(unlabelled) is not one of the label maps' colours: \(list(found.colours))")
      }
      palette = rest
    }
    guard palette.count <= NetworkConfiguration.mostChannels else {
      throw ModelError.option(
        "--labels",
        "the label maps have \(palette.count) colours, and at most \(NetworkConfiguration.mostChannels) can be classes; are these label maps?"
      )
    }
    return palette
  }

  /// Writes the pictures and label maps that a scorer is trained on into two folders, as they are compared.
  ///
  /// - Returns: the folders
  /// - Throws: `ModelError.file` where other pictures lie there, `ImageError` or `FileError` for a file that cannot be read or written
  public func writeTrainingPairs(
    of training: Training, to folder: String
  ) throws -> (pictures: String, labels: String) {
    let domains = [(generated, halves.a)] + (training == .generated ? [] : [(real, halves.b)])
    let (pictures, labels) = ("\(folder)/pictures", "\(folder)/labels")
    // Places in the order of names: names themselves may be as long as names can be.
    let entries = domains.flatMap { domain, halves in
      halves.first.map {
        (name: "\(domain.name)-\(Self.digits($0))", entry: domain.entries[$0])
      }
    }
    try KeptFolder(pictures, names: entries.map { "\($0.name).png" }).write { index in
      let file = entries[index].entry.file
      return try preparation.picture(file).file(.png, path: file)
    }
    let maps = entries.map { (name: $0.name, file: $0.entry.labels ?? "") }
    let mapNames = maps.map { "\($0.name).\(($0.file as NSString).pathExtension.lowercased())" }
    try KeptFolder(labels, names: mapNames).write { try RegularFile.contents(maps[$0].file) }
    return (pictures, labels)
  }

  /// Numbers in file names sort as numbers do.
  private static func digits(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 6 - text.count)) + text
  }

  /// The shares of held-out pixels that a scorer reads wrongly, on generated and on real pictures.
  ///
  /// - Parameters:
  ///   - kinds: of the two figures
  ///   - onProgress: is told the number of pictures that were read
  public func errors(
    of scorer: Scorer, _ kinds: (generated: FigureKind, real: FigureKind),
    onProgress: (Int) -> Void = { _ in }
  ) throws -> (generated: Figure, real: Figure) {
    var done = 0
    func error(_ domain: DomainPictures, _ heldOut: [Int], _ kind: FigureKind) throws -> Figure {
      let confusions = try heldOut.map { place in
        let entry = domain.entries[place]
        defer {
          done += 1
          onProgress(done)
        }
        let path = entry.labels ?? ""
        return ConfusionMatrix(
          outputs: try scorer.read(preparation.picture(entry.file), path: entry.file).classes,
          targets: try scorer.labels(of: try Picture(contentsOf: path), path: path),
          classes: scorer.palette.count, ignoring: scorer.palette.count)
      }
      let accuracy = segmentationFigures(confusions, FigureKind.segmentation(), Bootstrap(seed: seed))[0]
      return Figure(
        kind, value: 1 - accuracy.value,
        interval: accuracy.interval.map { Interval(lower: 1 - $0.upper, upper: 1 - $0.lower) },
        count: confusions.count)
    }
    return (
      try error(generated, halves.a.second, kinds.generated), try error(real, halves.b.second, kinds.real)
    )
  }
}
