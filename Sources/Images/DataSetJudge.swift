import Foundation

/// The judgement of a data set's readable pairs.
struct DataSetJudge {
  /// A pair that can be read.
  struct Look {
    let split: Split
    let files: PairFiles
    /// Empty for a photograph, which is the target.
    let inputs: [PictureLook]
    let target: PictureLook
    let weights: PictureLook?

    /// Split and name.
    var name: String { "\(split.rawValue)/\(files.name)" }

    /// Hashes that tell inputs apart; nil for inputs of one colour, which are alike by nature.
    var input: [UInt64]? { inputs.allSatisfy { $0.kind == .flat } ? nil : inputs.map(\.hash) }
  }

  /// Pictures of one kind, one of each pair.
  private struct Side {
    let name: String
    let look: (Look) -> PictureLook
    let path: (PairFiles) -> String
  }

  let looks: [Look]
  let place: PairSource.Place
  /// Folders of further inputs.
  let moreInputs: [String]
  /// What is learnt from: pairs, or the pictures of a side without pairs.
  var noun = "pair"

  /// Fewer pairs than this are too few to learn from.
  private static let fewPairs = 50

  /// Inputs, further inputs, targets.
  private var sides: [Side] {
    let count = looks.map(\.inputs.count).min() ?? 0
    let first = Side(name: "inputs", look: { $0.inputs[0] }, path: \.inputFile)
    let others = moreInputs.indices.map { index in
      Side(
        name: "pictures in \(moreInputs[index])", look: { $0.inputs[index + 1] },
        path: { $0.moreInputs[index] })
    }
    let inputs = Array(([first] + others).prefix(count))
    var name = "targets"
    if case .photographs = place { name = noun == "pair" ? "photographs" : "pictures" }
    return inputs + [Side(name: name, look: \.target, path: \.targetFile)]
  }

  /// All findings on the pairs, in the order of the checks.
  func findings() -> [DataSetFinding] {
    let sides = sides
    var findings: [DataSetFinding] = []
    func add(_ severity: DataSetFinding.Severity, _ text: String?) {
      if let text { findings.append(.init(severity: severity, text: text)) }
    }
    for side in sides { add(.wrong, sharedBetweenSplits(side)) }
    for side in sides { add(.odd, blurredLabelMaps(side)) }
    add(.odd, halvesOfOnePicture())
    add(.odd, proportions("input") { $0.inputs.first })
    for (index, folder) in moreInputs.enumerated() {
      add(.odd, proportions("the picture in \(folder)") { $0.inputs.dropFirst(index + 1).first })
    }
    add(.odd, proportions("weights") { $0.weights })
    add(.odd, noWeights())
    add(.odd, repeated())
    add(.odd, contradictions())
    add(.odd, sharedTargets())
    for side in sides { add(.odd, various(side, "modes") { $0.mode }) }
    for side in sides { add(.odd, various(side, "sizes") { $0.size.description }) }
    for side in sides { add(.odd, flat(side)) }
    for side in sides { add(.odd, transparent(side)) }
    add(.odd, fewPairs())
    add(.hint, noValidation())
    add(.hint, direction())
    return findings
  }

  private func sharedBetweenSplits(_ side: Side) -> String? {
    let shared = groups { look in
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

  private func blurredLabelMaps(_ side: Side) -> String? {
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

  private func halvesOfOnePicture() -> String? {
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

  private func proportions(
    _ what: String, _ other: (Look) -> PictureLook?
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

  private func noWeights() -> String? {
    let black = looks.filter { $0.weights?.isBlack == true }
    guard !black.isEmpty else { return nil }
    return
      "the weights of \(counted(black.count, "pair")) are black throughout: \(list(black.map(\.name))); nothing is "
      + "learnt of what such targets show but what the discriminator says"
  }

  private func repeated() -> String? {
    // A photograph has a target only.
    let repeated = groups { $0.inputs.isEmpty ? [$0.target.hash] : $0.input }.flatMap { sameInput in
      Dictionary(grouping: sameInput) { "\($0.split) \($0.target.hash)" }.values.filter { $0.count > 1 }
    }
    guard !repeated.isEmpty else { return nil }
    let names = repeated.map { $0.prefix(3).map(\.name).joined(separator: " = ") }.sorted()
    return
      "\(counted(repeated.count, noun)) \(repeated.count == 1 ? "occurs" : "occur") more than once in a "
      + "split: \(list(names)); remove all but one"
  }

  private func contradictions() -> String? {
    let contradictory = groups(by: \.input).filter { Set($0.map(\.target.hash)).count > 1 }
    guard !contradictory.isEmpty else { return nil }
    let names = contradictory.map { $0.prefix(3).map(\.name).joined(separator: " = ") }
    return
      "\(counted(contradictory.count, "input")) \(contradictory.count == 1 ? "has" : "have") several different "
      + "targets: \(list(names)); nothing but their mean can be learnt of them"
  }

  private func sharedTargets() -> String? {
    let shared = groups { $0.target.kind == .flat ? nil : [$0.target.hash] }
      .filter { Set($0.map { $0.inputs.map(\.hash) }).count > 1 }
    guard !shared.isEmpty else { return nil }
    let names = shared.map { group in group.prefix(3).map(\.name).joined(separator: " = ") }
    return
      "\(counted(shared.count, "target")) \(shared.count == 1 ? "belongs" : "belong") to several different "
      + "inputs: \(list(names)); is one of them there under a wrong name?"
  }

  /// Pairs that share pictures, each group and all groups in the order of names.
  ///
  /// - Parameter key: hashes of the shared pictures; nil for pictures that are alike by nature
  private func groups(by key: (Look) -> [UInt64]?) -> [[Look]] {
    Dictionary(grouping: looks, by: key)
      .compactMap { $0.key != nil && $0.value.count > 1 ? $0.value : nil }
      .sorted { $0[0].name < $1[0].name }
  }

  /// The pictures of a side that differ from most of them in some value.
  private func various(
    _ side: Side, _ what: String, _ value: (PictureLook) -> String
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

  private func flat(_ side: Side) -> String? {
    let flat = looks.filter { side.look($0).kind == .flat }
    guard !flat.isEmpty else { return nil }
    return
      "\(counted(flat.count, "picture")) of the \(side.name) \(flat.count == 1 ? "has" : "have") one colour "
      + "only: \(list(flat.map(\.name)))"
  }

  private func transparent(_ side: Side) -> String? {
    let transparent = looks.filter { side.look($0).hasAlpha }
    guard !transparent.isEmpty else { return nil }
    let advice =
      switch (place, side.name) {
      case (.photographs, _): ""
      case (_, "targets"): "; --target-format rgba keeps it"
      default: "; --input-format rgba keeps it"
      }
    return
      "\(counted(transparent.count, "picture")) of the \(side.name) \(transparent.count == 1 ? "has" : "have") "
      + "alpha, and \(transparent.count == 1 ? "is" : "are") taken as on white: \(list(transparent.map(\.name)))"
      + advice
  }

  private func fewPairs() -> String? {
    let count = looks.lazy.filter { $0.split == .train }.count
    guard (1..<Self.fewPairs).contains(count) else { return nil }
    return
      "\(counted(count, noun)) to train on \(count == 1 ? "is" : "are") few: a network that has learnt them by "
      + "heart draws them well and nothing else; a few hundred are usual"
  }

  private func noValidation() -> String? {
    guard looks.contains(where: { $0.split == .train }), !looks.contains(where: { $0.split != .train }) else {
      return nil
    }
    return
      "there is no split val or test, so nothing will tell learning from learning by heart; move a tenth of the "
      + (noun == "pair" ? "pairs into folders named val" : "pictures of each side into a split val")
  }

  private func direction() -> String? {
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

  private func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }

  /// The first names, and the number of all where there are more.
  private func list(_ names: [String], _ most: Int = 5) -> String {
    let shown = names.prefix(most).joined(separator: ", ")
    return names.count > most ? "\(shown), ... (\(names.count) in all)" : shown
  }
}
