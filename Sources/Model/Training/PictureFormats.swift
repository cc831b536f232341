import Images

extension TrainingOptions {
  /// Sets the format, by the kinds asked for and the pictures themselves, and the networks' channels.
  public mutating func readFormat() throws {
    if task == nil { format = try pictureFormat() }
    network.inputChannels = format.inputChannels
    network.outputChannels = format.targetChannels
  }

  private func pictureFormat() throws -> PairFormat {
    let pairs = try trainingPairs().pairs
    let first = try pairs[0].pictures()
    let inputs = try first.inputs.enumerated().map { index, picture in
      let labels = index == 0 ? kinds.labels.map(PictureKinds.Kind.init) : nil
      let kind = kinds.inputs.indices.contains(index) ? kinds.inputs[index] : labels
      return try Self.format(kind, of: picture) {
        try pairs.map { try index > 0 ? $0.moreInputs[index - 1] : $0.withOwnFiles().inputFile }
      }
    }
    let target = try Self.format(kinds.target, of: first.target) {
      try pairs.map { try $0.withOwnFiles().targetFile }
    }
    return .pictures(inputs: inputs, target: try withoutUnlabelled(target))
  }

  private func withoutUnlabelled(_ format: PlaneFormat) throws -> PlaneFormat {
    guard let unlabelled = kinds.unlabelled, case .labels(let palette) = format else { return format }
    guard let rest = palette.without(unlabelled) else {
      let known = palette.colours.map(\.description).joined(separator: " ")
      throw ModelError.option("--unlabelled", "\(unlabelled) is not one of the label maps' colours: \(known)")
    }
    return .labels(rest)
  }

  private static func format(
    _ kind: PictureKinds.Kind?, of first: PairFiles.FilePicture, paths: () throws -> [String]
  ) throws -> PlaneFormat {
    switch kind {
    case nil where !first.picture.isColour: .channels(first.picture.channels)
    case nil: first.picture.channels < 3 && !first.picture.isPalette ? .gray : .rgb
    case .channels: .channels(first.picture.channels)
    case .gray: .gray
    case .rgb: .rgb
    case .rgba: .rgba
    case .lightness: .lightness
    case .palette:
      first.picture.isPalette
        ? .labels(try Palette(ofPNG: first.path)) : .labels(try Palette(coloursOf: try paths()))
    case .index: .labels(try Palette(indicesOf: try paths()))
    }
  }
}

extension PairFiles {
  /// The pair, whose input and target must have a file each.
  fileprivate func withOwnFiles() throws(ModelError) -> PairFiles {
    if case .twoFiles = location { return self }
    throw .option(
      "--labels",
      "\(name) is a pair in one picture; classes are counted in label maps that have a folder of their own")
  }
}
