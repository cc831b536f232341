import Foundation
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

  /// Pixels that nobody labelled are in no plane, and come back as what they were.
  @Test func unlabelled() throws {
    let colours = [colour(9, 0, 0), colour(0, 0, 0), colour(0, 9, 0)]
    let palette = try #require(Palette(colours).without(colours[1]))
    #expect(palette.colours == [colours[0], colours[2]] && palette.unlabelled == colours[1])
    #expect(
      Palette(colours).without(colour(1, 1, 1)) == nil && Palette([colours[0]]).without(colours[0]) == nil)
    let map = Picture(
      width: 4, height: 1, channels: 3, samples: .eight([0, 9, 0, 0, 0, 0, 9, 0, 0, 0, 9, 0]))
    let planes = try PlaneFormat.labels(palette).planes(of: map, path: "map.png")
    #expect(planes == [0, 0, 1, 0, 1, 0, 0, 1])
    #expect(PlaneFormat.labels(palette).picture(planes: planes, width: 4, height: 1).samples == map.samples)
    let double = PictureSize(width: 8, height: 1)
    #expect(try palette.classes(of: map, fittedTo: double, path: "map.png") == [1, 1, 2, 2, 0, 0, 1, 1])
    // Of logits, none of which is 0, the largest counts whatever its sign.
    let logits: [Float] = [-1, -2, -2, -1]
    let named = PlaneFormat.labels(palette).picture(planes: logits, width: 2, height: 1)
    #expect(named.samples == .eight([9, 0, 0, 0, 9, 0]))
  }

  @Test func distinctColours() throws {
    let map = Picture(width: 16, height: 16) { x, y, c in c == 0 ? x : c == 1 ? y : 0 }
    #expect(map.distinctColours(limit: 256)?.count == 256)
    #expect(map.distinctColours(limit: 255) == nil)
    let sorted = Palette(sorted: [colour(1, 0, 9), colour(0, 9, 9), colour(1, 0, 8)])
    #expect(sorted?.colours == [colour(0, 9, 9), colour(1, 0, 8), colour(1, 0, 9)])
    let many = (0...256).map { colour(UInt8($0 / 2), UInt8($0 % 2), 0) }
    #expect(Palette(sorted: []) == nil && Palette(sorted: Set(many)) == nil)
    #expect(Palette(sorted: Set(many.dropLast()))?.count == 256)
  }

  @Test func names() {
    #expect(colour(0, 171, 16).description == "#00ab10")
    #expect(Colour("#00ab10") == colour(0, 171, 16) && Colour("FFFFFF") == colour(255, 255, 255))
    for text in ["", "#", "#12345", "#1234567", "#12345g", "red", "+12345"] { #expect(Colour(text) == nil) }
  }

  @Test func coded() throws {
    let all = Palette([colour(1, 2, 3), colour(0, 0, 0)])
    for palette in [all, try #require(all.without(colour(0, 0, 0)))] {
      #expect(try JSONDecoder().decode(Palette.self, from: JSONEncoder().encode(palette)) == palette)
    }
    // As models before there were unlabelled pixels have it.
    #expect(String(decoding: try JSONEncoder().encode(all), as: UTF8.self) == "[\"#010203\",\"#000000\"]")
    for text in ["[]", "[\"#010203\",\"#010203\"]", "{\"colours\":[\"#010203\"],\"unlabelled\":\"#010203\"}"]
    {
      #expect(throws: DecodingError.self) { try JSONDecoder().decode(Palette.self, from: Data(text.utf8)) }
    }
  }

  @Test func indices() throws {
    let folder = try TemporaryFolder()
    let a = try folder.write(
      "a.png", Picture(width: 2, height: 1, channels: 1, samples: .eight([0, 3])))
    let b = try folder.write(
      "b.png", Picture(width: 2, height: 1, channels: 1, samples: .eight([5, 1])))
    let palette = try Palette(indicesOf: [a, b])
    // The levels that occur.
    #expect(palette.colours == [0, 1, 3, 5].map { colour($0, $0, $0) })
  }
}
