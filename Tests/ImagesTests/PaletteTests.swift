import Images
import Testing

@Suite struct PaletteTests {
  private func colour(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> Colour {
    Colour(red: red, green: green, blue: blue)
  }

  /// Entry i has the colour that make_fixtures.py's png_files() gives it.
  @Test(arguments: ["palette1", "palette2", "palette4", "palette8", "palette8_trns"])
  func palettesKeepTheirOrder(_ name: String) throws {
    let picture = try Picture(contentsOf: fixture("\(name).png"))
    let palette = try #require(picture.palette)
    #expect(palette.count == 1 << (try #require(name.dropFirst(7).first?.wholeNumberValue)))
    for (index, entry) in palette.enumerated() {
      #expect(
        entry == colour(UInt8((index * 7 + 5) % 256), UInt8((index * 13 + 50) % 256), UInt8(255 - index)))
    }
    #expect(try Palette(ofPNG: fixture("\(name).png")).colours == palette)
    #expect(picture.resized(width: 5, height: 5, method: .nearest).palette == palette)
    #expect(picture.cropped(x: 0, y: 0, width: 3, height: 3).rgb().palette == palette)
  }

  @Test func repeatedColoursAreOneClass() {
    let black = colour(0, 0, 0)
    let palette = Palette([colour(9, 9, 9), black, colour(1, 2, 3), black, black])
    #expect(palette.colours == [colour(9, 9, 9), black, colour(1, 2, 3)])
  }

  @Test func coloursOfAFolderAreSorted() throws {
    let folder = try TemporaryFolder()
    let a = try folder.write("a.png", Picture(width: 8, height: 8) { x, _, _ in x > 3 ? 200 : 0 })
    let b = try folder.write("b.png", Picture(width: 8, height: 8) { x, _, c in x > 3 ? 0 : c == 2 ? 7 : 0 })
    let palette = try Palette(coloursOf: [a, b])
    #expect(palette.colours == [colour(0, 0, 0), colour(0, 0, 7), colour(200, 200, 200)])
    #expect(try Palette(coloursOf: [b, a]) == palette)
  }

  @Test func photographsAreNoLabelMaps() throws {
    let error = #expect(throws: ImageError.self) {
      try Palette(coloursOf: [fixture("palette2.png"), fixture("resize_source.png")])
    }
    let text = try #require(error).description
    #expect(text.contains("resize_source.png: ") && text.contains("more than 256"))
    for (name, reason) in [("rgb8.png", "has no palette")] {
      let error = #expect(throws: ImageError.self) { try Palette(ofPNG: fixture(name)) }
      #expect(try #require(error).description.contains("\(name): \(reason)"))
    }
    for name in ["rgb8.png", "gray16.png"] {
      let error = #expect(throws: ImageError.self) { try Palette(indicesOf: [fixture(name)]) }
      #expect(try #require(error).description.contains("\(name): is not 8-bit gray"))
    }
    let error16 = #expect(throws: ImageError.self) { try Palette(coloursOf: [fixture("gray16.png")]) }
    #expect(try #require(error16).description.contains("16 bits"))
  }

  @Test func indices() throws {
    let folder = try TemporaryFolder()
    let a = try folder.write(
      "a.png", Picture(width: 2, height: 1, channels: 1, samples: .eight([0, 3])))
    let b = try folder.write(
      "b.png", Picture(width: 2, height: 1, channels: 1, samples: .eight([5, 1])))
    let palette = try Palette(indicesOf: [a, b])
    #expect(palette.count == 6 && palette.colours[5] == colour(5, 5, 5))
  }
}
