import Foundation

/// Looks at every picture of a data set before a training does, and says what is wrong or odd.
public struct DataSetCheck: Sendable {
  /// Where the pairs are.
  public enum Place: Sendable, Equatable {
    /// A folder in one of `PairSource.layouts`.
    case folder(String, Direction)
    /// A folder of inputs and one of targets.
    case twoFolders(inputs: String, targets: String)
    /// A folder of photographs, of which inputs are made.
    case photographs(String)
  }

  public struct Finding: Sendable, Equatable {
    public enum Severity: Int, Sendable, Comparable {
      /// Training would stop, or its figures would mean nothing.
      case wrong
      /// Training goes on, and its pictures will be worse, or of something else than was meant.
      case odd
      /// Worth a thought.
      case hint

      public static func < (a: Severity, b: Severity) -> Bool { a.rawValue < b.rawValue }
    }

    public let severity: Severity
    /// One line that names files or folders and says what to do.
    public let text: String
  }

  /// Worst first.
  public let findings: [Finding]
  /// The pairs that can be read, in order.
  public let pairs: [(split: Split, files: PairFiles)]

  /// How many pairs of a split can be read.
  public func count(_ split: Split) -> Int { pairs.lazy.filter { $0.split == split }.count }

  /// Fewer pairs than this are too few to learn from.
  private static let fewPairs = 50

  /// Reads everything, on all cores. What cannot be found or read is among the findings.
  ///
  /// - Parameters:
  ///   - moreInputs: folders of further inputs
  ///   - weights: the folder of pictures that say how much each pixel of a target counts
  public init(_ place: Place, moreInputs: [String] = [], weights: String? = nil) {
    var findings: [Finding] = []
    var all: [(split: Split, files: PairFiles)] = []
    for split in Split.allCases {
      do throws(ImageError) {
        guard let found = try Self.find(place, split) else { continue }
        if let unmatched = found.unmatched {
          findings.append(Finding(severity: .wrong, text: unmatched.description))
        }
        var source = found.source
        // Without what belongs to them, pairs can be judged all the same.
        defer { all += source.pairs.map { (split, $0) } }
        for folder in moreInputs { source = try source.adding(inputs: folder, split: split) }
        if let weights { source = try source.adding(weights: weights, split: split) }
      } catch {
        let finding = Finding(severity: .wrong, text: error.description)
        // A folder that is missing is missing for every split.
        if !findings.contains(finding) { findings.append(finding) }
      }
    }

    var looks: [Look] = []
    var pairs: [(split: Split, files: PairFiles)] = []
    for (pair, result) in zip(all, Self.looks(all.map(\.files))) {
      switch result {
      case .success(let (inputs, target, weights)):
        pairs.append(pair)
        looks.append(
          Look(split: pair.split, files: pair.files, inputs: inputs, target: target, weights: weights))
      case .failure(let error):
        findings.append(Finding(severity: .wrong, text: error.description))
      }
    }
    self.pairs = pairs
    findings += Self.judge(looks, place, moreInputs)
    // Where nothing could be read, the findings say why already.
    if findings.isEmpty, !looks.contains(where: { $0.split == .train }) {
      findings.append(Finding(severity: .wrong, text: "\(place.name): holds no pairs to train on"))
    }
    // Findings of one severity stay in the order in which they were found.
    self.findings = findings.enumerated()
      .sorted { ($0.element.severity, $0.offset) < ($1.element.severity, $1.offset) }
      .map(\.element)
  }

  private static func find(_ place: Place, _ split: Split) throws(ImageError) -> PairSource.Found? {
    switch place {
    case .folder(let folder, let direction):
      try PairSource.find(folder: folder, split: split, direction: direction)
    case .twoFolders(let inputs, let targets):
      try PairSource.find(inputs: inputs, targets: targets, split: split)
    case .photographs(let folder):
      try PairSource.find(photographs: folder, split: split).map { PairSource.Found(source: $0) }
    }
  }

  private typealias Looks = (inputs: [PictureLook], target: PictureLook, weights: PictureLook?)

  /// All pictures of every pair, or why they cannot be read. A photograph is no input, but what one is made of.
  private static func looks(_ pairs: [PairFiles]) -> [Result<Looks, ImageError>] {
    let results = Monitor([Int: Result<Looks, ImageError>]())
    DispatchQueue.concurrentPerform(iterations: pairs.count) { index in
      let result = Result { () throws(ImageError) -> Looks in
        let pictures = try pairs[index].pictures()
        let inputs = pairs[index].isPhotograph ? [] : pictures.inputs.map { PictureLook($0.picture) }
        return (
          inputs, PictureLook(pictures.target.picture), pictures.weights.map { PictureLook($0.picture) }
        )
      }
      results.withLock { $0[index] = result }
    }
    let finished = results.withLock { $0 }
    return pairs.indices.map { finished[$0]! }
  }

  // MARK: - Judging

  /// A pair that can be read.
  private struct Look {
    let split: Split
    let files: PairFiles
    /// None of a photograph.
    let inputs: [PictureLook]
    let target: PictureLook
    let weights: PictureLook?

    /// Split and name.
    var name: String { "\(split.rawValue)/\(files.name)" }

    /// What tells inputs apart; nil where they are of one colour, and so alike by nature.
    var input: [UInt64]? { inputs.allSatisfy { $0.kind == .flat } ? nil : inputs.map(\.hash) }
  }

  /// Pictures of one kind, one of each pair.
  private struct Side {
    let name: String
    let look: (Look) -> PictureLook
    let path: (PairFiles) -> String
  }

  /// Inputs, further inputs, targets.
  private static func sides(_ looks: [Look], _ place: Place, _ moreInputs: [String]) -> [Side] {
    let count = looks.map(\.inputs.count).min() ?? 0
    let first = Side(name: "inputs", look: { $0.inputs[0] }, path: { $0.path(ofInput: true) })
    let others = moreInputs.indices.map { index in
      Side(
        name: "pictures in \(moreInputs[index])", look: { $0.inputs[index + 1] },
        path: { $0.moreInputs[index] })
    }
    let inputs = Array(([first] + others).prefix(count))
    var name = "targets"
    if case .photographs = place { name = "photographs" }
    return inputs + [Side(name: name, look: \.target) { $0.path(ofInput: false) }]
  }

  private static func judge(_ looks: [Look], _ place: Place, _ moreInputs: [String]) -> [Finding] {
    let sides = sides(looks, place, moreInputs)
    var findings: [Finding] = []
    func add(_ severity: Finding.Severity, _ text: String?) {
      if let text { findings.append(Finding(severity: severity, text: text)) }
    }
    for side in sides { add(.wrong, sharedBetweenSplits(looks, side)) }
    for side in sides { add(.odd, blurredLabelMaps(looks, side)) }
    add(.odd, halvesOfOnePicture(looks))
    add(.odd, proportions(looks, "input") { $0.inputs.first })
    for (index, folder) in moreInputs.enumerated() {
      add(.odd, proportions(looks, "the picture in \(folder)") { $0.inputs.dropFirst(index + 1).first })
    }
    add(.odd, proportions(looks, "weights", { $0.weights }))
    add(.odd, noWeights(looks))
    add(.odd, repeated(looks))
    add(.odd, contradictions(looks))
    add(.odd, sharedTargets(looks))
    for side in sides { add(.odd, various(looks, side, "modes") { $0.mode }) }
    for side in sides { add(.odd, various(looks, side, "sizes") { $0.size.description }) }
    for side in sides { add(.odd, flat(looks, side)) }
    add(.odd, fewPairs(looks))
    add(.hint, noValidation(looks))
    add(.hint, direction(looks, place))
    return findings
  }

  private static func sharedBetweenSplits(_ looks: [Look], _ side: Side) -> String? {
    let shared = groups(looks) { look in
      side.look(look).kind == .flat ? nil : [side.look(look).hash]
    }.filter { group in
      group.contains { $0.split == .train } && group.contains { $0.split != .train }
    }
    guard !shared.isEmpty else { return nil }
    let names = shared.map { group in group.prefix(3).map(\.name).joined(separator: " = ") }
    return
      "\(counted(shared.count, "picture")) of the \(side.name) \(shared.count == 1 ? "is" : "are") in "
      + "train and in val or test alike, which says nothing then of new pictures: \(list(names)); remove one of each"
  }

  private static func blurredLabelMaps(_ looks: [Look], _ side: Side) -> String? {
    let blurred = looks.filter { side.look($0).kind == .blurredLabelMap }
    guard !blurred.isEmpty, 2 * blurred.count >= looks.count else { return nil }
    let isJPEG = blurred.contains { look in
      ["jpg", "jpeg"].contains(
        (side.path(look.files) as NSString).pathExtension.lowercased())
    }
    let cause = isJPEG ? "saved as JPEG" : "once saved as JPEG or resized with blending"
    return
      "the \(side.name) look like label maps that were \(cause), so that classes have seams of colours "
      + "that name none: \(list(blurred.map(\.name))); make them again as PNG, resized by nearest neighbour"
  }

  private static func halvesOfOnePicture(_ looks: [Look]) -> String? {
    let halves = looks.filter { look in
      guard case .sideBySide = look.files.location, let input = look.inputs.first else { return false }
      return input.size.height == 2 * input.size.width
    }
    guard !halves.isEmpty else { return nil }
    return
      "\(counted(halves.count, "picture")) taken for side by side \(halves.count == 1 ? "is" : "are") square, so "
      + "that halves are twice as high as wide: \(list(halves.map(\.name))); are these pairs at all, or is --targets "
      + "missing?"
  }

  private static func proportions(
    _ looks: [Look], _ what: String, _ other: (Look) -> PictureLook?
  ) -> String? {
    let names = looks.compactMap { look -> String? in
      guard let a = other(look)?.size else { return nil }
      let b = look.target.size
      // One pixel more or less is rounding.
      let isAlike = abs(a.width * b.height - b.width * a.height) <= max(a.width, a.height, b.width, b.height)
      return isAlike ? nil : "\(look.name) (\(a) and \(b))"
    }
    guard !names.isEmpty else { return nil }
    return
      "\(what) and target of \(counted(names.count, "pair")) have different proportions, so that they do not "
      + "lie on each other: \(list(names)); cut them alike"
  }

  private static func noWeights(_ looks: [Look]) -> String? {
    let black = looks.filter { $0.weights?.isBlack == true }
    guard !black.isEmpty else { return nil }
    return
      "the weights of \(counted(black.count, "pair")) are black throughout: \(list(black.map(\.name))); nothing is "
      + "learnt of what such targets show but what the discriminator says"
  }

  private static func repeated(_ looks: [Look]) -> String? {
    // Of photographs, the target is all there is.
    let repeated = groups(looks) { $0.inputs.isEmpty ? [$0.target.hash] : $0.input }.flatMap { sameInput in
      Dictionary(grouping: sameInput) { "\($0.split) \($0.target.hash)" }.values.filter { $0.count > 1 }
    }
    guard !repeated.isEmpty else { return nil }
    let names = repeated.map { $0.prefix(3).map(\.name).joined(separator: " = ") }.sorted()
    return
      "\(counted(repeated.count, "pair")) \(repeated.count == 1 ? "occurs" : "occur") more than once in a "
      + "split: \(list(names)); remove all but one"
  }

  private static func contradictions(_ looks: [Look]) -> String? {
    let contradictory = groups(looks, by: \.input).filter { Set($0.map(\.target.hash)).count > 1 }
    guard !contradictory.isEmpty else { return nil }
    let names = contradictory.map { $0.prefix(3).map(\.name).joined(separator: " = ") }
    return
      "\(counted(contradictory.count, "input")) \(contradictory.count == 1 ? "has" : "have") several different "
      + "targets: \(list(names)); nothing but their mean can be learnt of them"
  }

  private static func sharedTargets(_ looks: [Look]) -> String? {
    let shared = groups(looks) { $0.target.kind == .flat ? nil : [$0.target.hash] }
      .filter { Set($0.map { $0.inputs.map(\.hash) }).count > 1 }
    guard !shared.isEmpty else { return nil }
    let names = shared.map { group in group.prefix(3).map(\.name).joined(separator: " = ") }
    return
      "\(counted(shared.count, "target")) \(shared.count == 1 ? "belongs" : "belong") to several different "
      + "inputs: \(list(names)); is one of them there under a wrong name?"
  }

  /// Pairs that share pictures, each group and all groups in the order of names.
  ///
  /// - Parameter key: what is shared; nil for what is alike by nature
  private static func groups(_ looks: [Look], by key: (Look) -> [UInt64]?) -> [[Look]] {
    Dictionary(grouping: looks, by: key)
      .compactMap { $0.key != nil && $0.value.count > 1 ? $0.value : nil }
      .sorted { $0[0].name < $1[0].name }
  }

  /// Where most pictures of a side agree in something, those that do not.
  private static func various(
    _ looks: [Look], _ side: Side, _ what: String, _ value: (PictureLook) -> String
  ) -> String? {
    let kinds = Dictionary(grouping: looks) { value(side.look($0)) }
      .sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
    guard kinds.count > 1 else { return nil }
    let rest = kinds.dropFirst()
    let parts = rest.prefix(3).map { "\($0.value.count) \($0.key) (\(list($0.value.map(\.name), 3)))" }
    let others = rest.count > 3 ? ", and \(rest.count - 3) more" : ""
    return
      "the \(side.name) have \(kinds.count) different \(what): \(kinds[0].value.count) \(kinds[0].key), "
      + parts.joined(separator: ", ") + others
  }

  private static func flat(_ looks: [Look], _ side: Side) -> String? {
    let flat = looks.filter { side.look($0).kind == .flat }
    guard !flat.isEmpty else { return nil }
    return
      "\(counted(flat.count, "picture")) of the \(side.name) \(flat.count == 1 ? "has" : "have") one colour "
      + "only: \(list(flat.map(\.name)))"
  }

  private static func fewPairs(_ looks: [Look]) -> String? {
    let count = looks.lazy.filter { $0.split == .train }.count
    guard (1..<fewPairs).contains(count) else { return nil }
    return
      "\(counted(count, "pair")) to train on \(count == 1 ? "is" : "are") few: a network that has learnt them by "
      + "heart draws them well and nothing else; a few hundred are usual"
  }

  private static func noValidation(_ looks: [Look]) -> String? {
    guard looks.contains(where: { $0.split == .train }), !looks.contains(where: { $0.split != .train }) else {
      return nil
    }
    return
      "there is no split val or test, so nothing will tell learning from learning by heart; move a tenth of the "
      + "pairs into folders named val"
  }

  private static func direction(_ looks: [Look], _ place: Place) -> String? {
    func most(_ look: (Look) -> PictureLook?, _ kinds: [PictureLook.Kind]) -> Bool {
      2 * looks.filter { look($0).map { kinds.contains($0.kind) } ?? false }.count > looks.count
    }
    guard most(\.inputs.first, [.photograph]), most(\.target, [.labelMap, .blurredLabelMap]) else {
      return nil
    }
    let other =
      switch place {
      case .folder(_, .bToA): "--direction AtoB"
      case .folder(_, .aToB): "--direction BtoA"
      case .twoFolders, .photographs: "the other --direction"
      }
    return
      "the inputs look like photographs and the targets like label maps; if photographs shall be drawn, give "
      + other
  }

  // MARK: - Words

  private static func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }

  /// The first names, and how many there are when that is not all.
  private static func list(_ names: [String], _ most: Int = 5) -> String {
    let shown = names.prefix(most).joined(separator: ", ")
    return names.count > most ? "\(shown), ... (\(names.count) in all)" : shown
  }
}

extension DataSetCheck.Place {
  fileprivate var name: String {
    switch self {
    case .folder(let folder, _), .photographs(let folder): folder
    case .twoFolders(let inputs, let targets): "\(inputs) and \(targets)"
    }
  }
}

extension PairFiles {
  fileprivate var isPhotograph: Bool {
    if case .photograph = location { true } else { false }
  }

  /// The file that holds the first input, or the target.
  fileprivate func path(ofInput isInput: Bool) -> String {
    switch location {
    case .sideBySide(let path, _), .photograph(let path): path
    case .twoFiles(let input, let target): isInput ? input : target
    }
  }
}

// MARK: - Contact sheet

extension DataSetCheck {
  /// Pictures of up to 16 pairs, evenly spread over all that can be read: inputs, target and weights side by side, four
  /// pairs in a row. Each picture keeps its proportions and is made to fit 192 x 192 pixels.
  /// - Throws: what `PairFiles.pictures()` throws, should a file have changed.
  public func contactSheet() throws(ImageError) -> Picture {
    precondition(!pairs.isEmpty, "a sheet needs pairs")
    let count = min(16, pairs.count)
    var cells: [[Picture]] = []
    for place in 0..<count {
      let pictures = try pairs[place * pairs.count / count].files.pictures()
      // Of a photograph the input is the same picture again.
      let isPhotograph = pairs[place * pairs.count / count].files.isPhotograph
      let shown =
        (isPhotograph ? [] : pictures.inputs) + [pictures.target] + (pictures.weights.map { [$0] } ?? [])
      cells.append(shown.map(\.picture))
    }
    let columns = min(4, count)
    let (side, gap, margin) = (192, 4, 16)
    let pictures = cells[0].count
    let pairWidth = pictures * (side + gap) - gap
    let width = columns * (pairWidth + margin) + margin
    let rows = (count + columns - 1) / columns
    let height = rows * (side + margin) + margin
    var sheet = [UInt8](repeating: 255, count: 3 * width * height)
    for (place, cell) in cells.enumerated() {
      for (column, picture) in cell.enumerated() {
        let x = margin + place % columns * (pairWidth + margin) + column * (side + gap)
        let y = margin + place / columns * (side + margin)
        let fitted = picture.rgb().eightBit().inside(side)
        guard case .eight(let samples) = fitted.samples else { preconditionFailure("eightBit() has 8 bits") }
        let (left, top) = (x + (side - fitted.width) / 2, y + (side - fitted.height) / 2)
        for row in 0..<fitted.height {
          let to = 3 * ((top + row) * width + left)
          let from = 3 * row * fitted.width
          sheet.replaceSubrange(to..<to + 3 * fitted.width, with: samples[from..<from + 3 * fitted.width])
        }
      }
    }
    return Picture(width: width, height: height, channels: 3, samples: .eight(sheet))
  }
}

extension Picture {
  /// As large as a square lets it be, with its proportions.
  fileprivate func inside(_ side: Int) -> Picture {
    let longer = max(width, height)
    func scaled(_ length: Int) -> Int { max(1, (length * side + longer / 2) / longer) }
    return fitted(to: PictureSize(width: scaled(width), height: scaled(height)))
  }
}
