import Images

extension TrainingOptions {
  /// Sets the format, by the kinds asked for and all pictures themselves, and the networks' channels.
  ///
  /// - Returns: lines about pictures that are not of their side's kind
  @discardableResult
  public mutating func readFormat() throws -> [String] {
    var remarks: [String] = []
    if task == nil { format = try pictureFormat(&remarks) }
    network.inputChannels = format.inputChannels
    network.outputChannels = format.targetChannels
    return remarks
  }

  private func pictureFormat(_ remarks: inout [String]) throws -> PairFormat {
    let training = try trainingHeaders()
    // Classes that only validation shows have to be known, too.
    let validation = try validationHeaders()
    func side(_ name: String, _ option: String, _ files: (PictureHeaders) -> [PairHeaders.File])
      -> PictureSide
    {
      PictureSide(
        name: name, option: option, training: files(training), validation: validation.flatMap(files))
    }
    if let input = training.inputs[0].first, let target = training.targets.first, kinds.areOfLabels,
      input.path == target.path
    {
      throw ModelError.option(
        kinds.labelOption,
        "\(target.path) is a pair in one picture; classes are counted in label maps that have a folder of their own"
      )
    }
    let inputs = try training.inputs.indices.map { index in
      let labels = index == 0 ? kinds.labels.map(PictureKinds.Kind.init) : nil
      let kind = kinds.inputs.indices.contains(index) ? kinds.inputs[index] : labels
      let first = isUnpaired ? "pictures of A" : "inputs"
      let name = index == 0 ? first : "pictures in \(moreInputs[index - 1])"
      return try side(name, labels == nil ? "--input-format" : "--labels") { $0.inputs[index] }.format(
        kind, &remarks)
    }
    let target = try side(isUnpaired ? "pictures of B" : "targets", "--target-format", \.targets)
      .format(kinds.target, &remarks)
    return .pictures(inputs: inputs, target: try withoutUnlabelled(target))
  }

  private func trainingHeaders() throws -> PictureHeaders {
    switch try trainingPictures() {
    case .pairs(let source): PictureHeaders(try PairHeaders(source).pairs)
    case .unpaired(let source): try PictureHeaders(source)
    }
  }

  /// Of what can be read of the pictures to validate with.
  private func validationHeaders() throws -> [PictureHeaders] {
    var headers: [PictureHeaders] = []
    if let pairs = try validationPairs().flatMap({ try? PairHeaders($0).pairs }) {
      headers.append(PictureHeaders(pairs))
    }
    if let source = try unpairedValidation(), let unpaired = try? PictureHeaders(source) {
      headers.append(unpaired)
    }
    return headers
  }

  private func withoutUnlabelled(_ format: PlaneFormat) throws -> PlaneFormat {
    guard let unlabelled = kinds.unlabelled, case .labels(let palette) = format else { return format }
    guard let rest = palette.without(unlabelled) else {
      let known = palette.colours.map(\.description).joined(separator: " ")
      throw ModelError.option("--unlabelled", "\(unlabelled) is not one of the label maps' colours: \(known)")
    }
    return .labels(rest)
  }
}

extension PictureKinds {
  /// Whether a side's classes are counted in its files.
  fileprivate var areOfLabels: Bool {
    labels != nil || target?.isOfLabels == true || inputs.contains { $0.isOfLabels }
  }

  /// The option that says so.
  fileprivate var labelOption: String {
    if labels != nil { return "--labels" }
    return target?.isOfLabels == true ? "--target-format" : "--input-format"
  }
}

/// The headers of a set of pictures by what they are to the networks.
private struct PictureHeaders {
  /// Of each folder of inputs.
  let inputs: [[PairHeaders.File]]
  let targets: [PairHeaders.File]

  init(_ pairs: [PairHeaders.Pair]) {
    let count = pairs.first?.inputs.count ?? 0
    inputs = (0..<count).map { index in pairs.map { $0.inputs[index] } }
    targets = pairs.map(\.target)
  }

  init(_ source: UnpairedSource) throws(ImageError) {
    inputs = [try PairHeaders(source.a).pairs.map(\.target)]
    targets = try PairHeaders(source.b).pairs.map(\.target)
  }
}

/// The pictures of one side of the pairs, by their headers.
private struct PictureSide {
  let name: String
  /// The option that says their kind.
  let option: String
  let training: [PairHeaders.File]
  let validation: [PairHeaders.File]

  /// The planes that suit all pictures.
  ///
  /// - Parameter kind: nil for the pictures' own
  func format(_ kind: PictureKinds.Kind?, _ remarks: inout [String]) throws -> PlaneFormat {
    switch kind {
    case nil: ownFormat(&remarks)
    case .channels: .channels(training[0].header.channels)
    case .gray: .gray
    case .rgb: .rgb
    case .rgba: .rgba
    case .lightness: .lightness
    case .palette: .labels(try palette())
    case .index: .labels(try asClasses(Palette(indicesOf: paths), "gray levels"))
    }
  }

  private var paths: [String] { (training + validation).map(\.path) }

  /// Colour where any picture has it, so that no file decides for the others.
  private func ownFormat(_ remarks: inout [String]) -> PlaneFormat {
    if let array = training.first(where: { !$0.header.isColour }) { return .channels(array.header.channels) }
    let gray = training.filter { $0.header.channels < 3 && !$0.header.isPalette }
    guard gray.count < training.count else { return .gray }
    let transparent = training.filter(\.header.hasAlpha)
    if let first = transparent.first {
      remarks.append(
        "\(transparent.count) of the \(training.count) \(name) \(transparent.count == 1 ? "has" : "have") alpha "
          + "(\(first.path)\(transparent.count > 1 ? ", ..." : "")), and \(transparent.count == 1 ? "is" : "are") taken as on white; \(option) rgba keeps it"
      )
    }
    if let first = gray.first {
      remarks.append(
        "\(gray.count) of the \(training.count) \(name) \(gray.count == 1 ? "is" : "are") gray (\(first.path)"
          + "\(gray.count > 1 ? ", ..." : "")); all are taken for colour; \(option) gray makes them gray")
    }
    return .rgb
  }

  /// Every colour of the palettes where they are palette PNGs and no more than networks have planes for, in the order of
  /// the files; otherwise the colours that occur.
  private func palette() throws -> Palette {
    let palettes = (training + validation).map(\.header.palette)
    if palettes.allSatisfy({ $0 != nil }) {
      let stored = Palette(maximum: NetworkConfiguration.mostChannels, palettes.lazy.flatMap { $0 ?? [] })
      if let stored { return stored }
    }
    return try asClasses(Palette(coloursOf: paths), "colours")
  }

  private func asClasses(_ palette: Palette, _ what: String) throws -> Palette {
    let most = NetworkConfiguration.mostChannels
    guard palette.count <= most else {
      throw ModelError.option(
        option,
        "the \(name) (\(training[0].path) and others) have \(palette.count) \(what), and at most \(most) can be classes; are these label maps?"
      )
    }
    return palette
  }
}
