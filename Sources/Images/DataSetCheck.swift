import Foundation

/// A look at every picture of a data set before a training, with all that is wrong or odd as findings.
public struct DataSetCheck: Sendable {
  /// Worst first.
  public let findings: [DataSetFinding]
  /// What tells the targets apart, with their names; pictures of one colour are alike by nature.
  private let hashes: [(hash: UInt64, name: String)]
  /// The pairs that can be read, in order; the pictures of A and then of B where there are no pairs.
  public let pairs: [(split: Split, files: PairFiles)]

  /// The number of a split's pairs that can be read.
  public func count(_ split: Split) -> Int { pairs.lazy.filter { $0.split == split }.count }

  /// Reads everything, on all cores. Missing and unreadable files are among the findings.
  ///
  /// - Parameters:
  ///   - moreInputs: folders of further inputs
  ///   - weights: the folder of pictures of pixels' weights
  public init(_ place: PairSource.Place, moreInputs: [String] = [], weights: String? = nil) {
    self.init(place, moreInputs: moreInputs, weights: weights, noun: "pair") { split throws(ImageError) in
      try PairSource.find(place, split)
    }
  }

  /// The pictures of both sides without pairs, each by itself, and those that both have.
  ///
  /// - Parameter place: a folder of both sides, or a folder of each
  public init(unpaired place: PairSource.Place) {
    let sides = Direction.Side.allCases.map { side in
      DataSetCheck(.photographs(place.name), moreInputs: [], weights: nil, noun: "picture") {
        split throws(ImageError) in
        try UnpairedSource.pictures(of: split, in: place).map { PairSource.Found(source: $0[side]) }
      }
    }
    // What is said of the folder is said by both sides alike.
    let common = sides[0].findings.filter(sides[1].findings.contains)
    var findings = common
    for (side, check) in zip(["A", "B"], sides) {
      findings += check.findings.filter { !common.contains($0) }
        .map { DataSetFinding(severity: $0.severity, text: "\(side): \($0.text)") }
    }
    let names = sides.map { Dictionary($0.hashes.map { ($0.hash, $0.name) }) { first, _ in first } }
    let shared = names[0].compactMap { hash, name in names[1][hash].map { "\(name) = \($0)" } }.sorted()
    if !shared.isEmpty {
      let shown = shared.prefix(5).joined(separator: ", ") + (shared.count > 5 ? ", ..." : "")
      findings.append(
        DataSetFinding(
          severity: .odd,
          text:
            "\(shared.count) \(shared.count == 1 ? "picture is" : "pictures are") in A and in B alike: \(shown); is this one domain?"
        ))
    }
    pairs = sides.flatMap(\.pairs)
    hashes = sides.flatMap(\.hashes)
    self.findings = Self.sorted(findings)
  }

  private init(
    _ place: PairSource.Place, moreInputs: [String], weights: String?, noun: String,
    find: (Split) throws(ImageError) -> PairSource.Found?
  ) {
    var findings: [DataSetFinding] = []
    var all: [(split: Split, files: PairFiles)] = []
    for split in Split.allCases {
      do throws(ImageError) {
        guard let found = try find(split) else { continue }
        if let unmatched = found.unmatched {
          findings.append(DataSetFinding(severity: .wrong, text: unmatched.description))
        }
        var source = found.source
        findings += source.unreadable.map { DataSetFinding(severity: .wrong, text: $0.description) }
        defer {
          for remark in source.remarks where !findings.contains(where: { $0.text == remark }) {
            findings.append(DataSetFinding(severity: .odd, text: remark))
          }
        }
        // Pairs can be judged without their further inputs and weights.
        defer { all += source.pairs.map { (split, $0) } }
        for folder in moreInputs { source = try source.adding(inputs: folder, split: split) }
        if let weights { source = try source.adding(weights: weights, split: split) }
      } catch {
        let finding = DataSetFinding(severity: Self.severity(of: error, split), text: error.description)
        // A folder that is missing is missing for every split.
        if !findings.contains(finding) { findings.append(finding) }
      }
    }

    var looks: [DataSetJudge.Look] = []
    for result in Self.looks(all) {
      switch result {
      case .success(let look): looks.append(look)
      case .failure(let error): findings.append(DataSetFinding(severity: .wrong, text: error.description))
      }
    }
    pairs = looks.map { ($0.split, $0.files) }
    hashes = looks.filter { $0.target.kind != .flat }.map { ($0.target.hash, $0.name) }
    findings += DataSetJudge(looks: looks, place: place, moreInputs: moreInputs, noun: noun).findings()
    // Where nothing could be read, the findings say why already.
    if findings.isEmpty, !looks.contains(where: { $0.split == .train }) {
      let reason = "holds no \(noun)s to train on"
      let error: ImageError? = noun == "pair" ? nil : .noSides(folder: place.name, reason: reason)
      findings.append(
        DataSetFinding(severity: .wrong, text: error?.description ?? "\(place.name): \(reason)"))
    }
    self.findings = Self.sorted(findings)
  }

  /// Findings of one severity stay in the order in which they were found.
  private static func sorted(_ findings: [DataSetFinding]) -> [DataSetFinding] {
    findings.enumerated()
      .sorted { ($0.element.severity, $0.offset) < ($1.element.severity, $1.offset) }
      .map(\.element)
  }

  /// A training goes on without validation where its split is empty or half there.
  private static func severity(of error: ImageError, _ split: Split) -> DataSetFinding.Severity {
    switch error {
    case .noPictures, .noOtherFolder, .noSides: split == .train ? .wrong : .odd
    default: .wrong
    }
  }

  /// Every pair's pictures, or the error of reading them, computed on all cores.
  private static func looks(
    _ pairs: [(split: Split, files: PairFiles)]
  ) -> [Result<DataSetJudge.Look, ImageError>] {
    let results = ConditionLock([Int: Result<DataSetJudge.Look, ImageError>]())
    DispatchQueue.concurrentPerform(iterations: pairs.count) { index in
      let (split, files) = pairs[index]
      let result = Result { () throws(ImageError) -> DataSetJudge.Look in
        let pictures = try files.pictures()
        return DataSetJudge.Look(
          split: split, files: files,
          inputs: files.isPhotograph ? [] : pictures.inputs.map { PictureLook($0.picture) },
          target: PictureLook(pictures.target.picture),
          weights: pictures.weights.map { PictureLook($0.picture) })
      }
      results.withLock { $0[index] = result }
    }
    let finished = results.withLock { $0 }
    return pairs.indices.map { finished[$0]! }
  }
}
