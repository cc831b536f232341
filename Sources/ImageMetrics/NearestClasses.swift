import Images

extension Palette {
  /// The class of every pixel: the nearest colour by squared distance in RGB, the first of equally near ones.
  public func nearestClasses(_ picture: Picture) -> [UInt8] {
    let wide = colours.map { SIMD3<Int32>(Int32($0.red), Int32($0.green), Int32($0.blue)) }
    // The last result for a colour of each remainder: pictures repeat their colours, and a dictionary takes longer than a
    // few distances.
    var known = [(colour: SIMD3<UInt8>, nearest: UInt8)?](repeating: nil, count: 1 << 12)
    return picture.colours.map { colour in
      let number = UInt32(colour.x) << 16 | UInt32(colour.y) << 8 | UInt32(colour.z)
      let place = Int((number &* 0x9E37_79B1) >> 20)
      if let found = known[place], found.colour == colour { return found.nearest }
      var nearest = (index: 0, distance: Int32.max)
      for (index, candidate) in wide.enumerated() {
        let difference = candidate &- SIMD3<Int32>(truncatingIfNeeded: colour)
        let distance = (difference &* difference).wrappedSum()
        if distance < nearest.distance { nearest = (index, distance) }
      }
      known[place] = (colour, UInt8(nearest.index))
      return UInt8(nearest.index)
    }
  }
}

extension Picture {
  /// The pixels' colours as RGB of 8 bits, row by row.
  var colours: [SIMD3<UInt8>] {
    guard case .eight(let samples) = rgb().eightBit().samples else { return [] }
    return stride(from: 0, to: samples.count, by: 3).map {
      SIMD3(samples[$0], samples[$0 + 1], samples[$0 + 2])
    }
  }
}
