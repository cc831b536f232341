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
      // A photograph's input is the same picture again.
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
  /// The picture in its proportions, as large as a square of this side can hold.
  fileprivate func inside(_ side: Int) -> Picture {
    let longer = max(width, height)
    func scaled(_ length: Int) -> Int { max(1, (length * side + longer / 2) / longer) }
    return fitted(to: PictureSize(width: scaled(width), height: scaled(height)))
  }
}
