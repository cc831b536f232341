import Foundation
import FuzzInput

@testable import Images

/// Picture files, and what is done to pictures of any size.
private let formats = [
  Format("png", seeds: pngSeeds, repair: sumChunks, test: picture),
  Format("jpeg", test: picture),
  Format("npy", seeds: npySeeds, test: picture),
  Format("exif", seeds: exifSeeds, test: exif),
  Format(
    "pair",
    seeds: { try pngSeeds().flatMap { png in (0..<32).map { Data([$0, 0, 9, 0, 9, $0, $0]) + png } } },
    test: pair),
  Format("palette", seeds: paletteSeeds, test: palette),
  Format(
    "resize",
    seeds: { (0..<9).map { Data([$0, 0, 3 * $0, 0, 40, 0, 20, 0, 2 * $0, 0, $0]) + Data(0...255) } },
    test: resize),
]

@_cdecl("pictures_main")
public func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  fuzz(formats, count, arguments)
}

/// Small pictures of all channels and depths.
private let samplePictures: [Picture] = [1, 2, 3, 4].flatMap { channels in
  let count = 18 * 9 * channels
  return [
    Picture(
      width: 18, height: 9, channels: channels, samples: .eight((0..<count).map { UInt8($0 * 7 % 256) })),
    Picture(
      width: 18, height: 9, channels: channels,
      samples: .sixteen((0..<count).map { UInt16($0 * 999 % 65536) })),
  ]
}

@Sendable private func pngSeeds() throws -> [Data] {
  try samplePictures.map { Data(try PNG.encode($0, path: "seed")) }
}

@Sendable private func npySeeds() -> [Data] {
  let others = [
    ("<f4", "(2, 2)", 16), (">f8", "(1, 2, 1)", 16), ("|b1", "(3, 2, 4)", 24), (">u2", "(2, 3)", 12),
  ]
  return samplePictures.map { Data(NPY.encode($0)) }
    + others.map { type, shape, count in
      let header = "{'descr': '\(type)', 'fortran_order': True, 'shape': \(shape), }\n"
      return Data(NPY.signature + [2, 0, UInt8(header.utf8.count), 0, 0, 0]) + Data(header.utf8)
        + Data(repeating: 0, count: count)
    }
}

/// Blocks with an orientation, in both orders of bytes.
@Sendable private func exifSeeds() -> [Data] {
  let blocks: [[UInt8]] = [
    [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0],
    [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 5, 0, 0, 0, 0, 0, 0],
  ]
  return blocks.map { block in
    Data(EXIF.prefix + block)
  }
}

@Sendable private func paletteSeeds() throws -> [Data] {
  let palettes = [Palette(grayLevels: 4), Palette([Colour(red: 1, green: 2, blue: 3)])]
  return try palettes.map { palette in
    Data([0, 1, 0, 1, 0, 2]) + Data((0..<25).map { UInt8($0 % 4) }) + (try JSONEncoder().encode(palette))
  }
}

// MARK: - Files

/// Headers of pictures of any size are read, pixels only of those that do not take long.
private func isSmall(_ header: PictureHeader) -> Bool { header.size.area * header.channels <= 1 << 18 }

/// A picture is what its header says. What is read is written and read again as the same.
@Sendable private func picture(_ bytes: UnsafeRawBufferPointer) {
  let bytes = Array(bytes)
  do throws(ImageError) {
    let header = try PictureHeader(ByteSource(bytes, path: "picture"))
    guard isSmall(header) else { return }
    let picture = try Picture(decoding: bytes, path: "picture")
    guard picture.size == header.size, picture.channels == header.channels,
      picture.bitDepth == header.bitDepth, picture.hasAlpha == header.hasAlpha,
      picture.palette == header.palette
    else { fatalError("another picture than its header's") }
    guard picture.width * picture.height <= 4096 else { return }
    _ = (picture.rgb(), picture.gray(), picture.rgba(), picture.distinctColours(limit: 256))
    let written = picture.isColour ? try PNG.encode(picture, path: "written") : NPY.encode(picture)
    guard let again = try? Picture(decoding: written, path: "written"), again.samples == picture.samples,
      again.size == picture.size
    else { fatalError("another picture after writing") }
  } catch {
    requireLine(error.description)
  }
}

/// PNG's checksums, without which no mutated chunk would be read.
@Sendable private func sumChunks(_ bytes: inout [UInt8], _ seed: UInt32) {
  guard seed % 8 > 0 else { return }
  var chunk = 8
  while chunk + 12 <= bytes.count {
    let length = bytes[chunk..<chunk + 4].reduce(0) { $0 << 8 | Int($1) }
    guard length <= bytes.count - chunk - 12 else { return }
    let end = chunk + 8 + length
    withUnsafeBytes(of: checksum(bytes[chunk + 4..<end]).bigEndian) {
      bytes.replaceSubrange(end..<end + 4, with: $0)
    }
    chunk = end + 4
  }
}

/// CRC-32.
private func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
  var crc = UInt32.max
  for byte in bytes { crc = checksums[Int((crc ^ UInt32(byte)) & 255)] ^ crc >> 8 }
  return ~crc
}

private let checksums: [UInt32] = (0..<256).map { byte in
  var crc = UInt32(byte)
  for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
  return crc
}

/// The block of a JPEG's segment or a PNG's chunk.
@Sendable private func exif(_ bytes: UnsafeRawBufferPointer) {
  let source = ByteSource(Array(bytes), path: "picture")
  guard let orientation = try? EXIF.orientation(in: 0..<bytes.count, of: source) else { return }
  let samples = (0..<3 * 2 * 3).map { UInt8($0) }
  let upright = orientation.upright(Picture(width: 3, height: 2, channels: 3, samples: .eight(samples)))
  guard case .eight(let turned) = upright.samples, turned.sorted() == samples else {
    fatalError("a sample was lost")
  }
}

private let file = MemoryFile()

/// How pairs are read, then a file.
@Sendable private func pair(_ bytes: UnsafeRawBufferPointer) {
  var input = InputReader(bytes)
  let plane: [PlaneFormat] = [
    .gray, .rgb, .rgba, .lightness, .chroma, .labels(Palette(grayLevels: 3)), .channels(2),
  ]
  let tasks: [PhotographTask] = [
    .colorize, .inpaint(.centre), .inpaint(.random), .edges(Canny()), .superResolve(factor: 16),
    .denoise(sigma: 25),
  ]
  let kind = input.byte()
  let augmentation = Augmentation(
    size: PictureSize(width: 8 + input.size(32), height: 8 + input.size(32)), jitter: kind & 1 == 1, seed: 1)
  let (format, location): (PairFormat, PairFiles.Location)
  if kind & 2 == 2 {
    (format, location) = (.photographs(tasks[input.byte() % tasks.count]), .photograph(path: file.path))
  } else {
    format = .pictures(
      inputs: [plane[input.byte() % plane.count]], target: plane[input.byte() % plane.count])
    location =
      kind & 4 == 4
      ? .twoFiles(input: file.path, target: file.path)
      : .sideBySide(path: file.path, direction: kind & 8 == 8 ? .aToB : .bToA)
  }
  file.fill(Data(input.remaining()))
  do throws(ImageError) {
    guard isSmall(try PictureHeader(contentsOf: file.path)) else { return }
    let planes = try PairReader(augmentation: augmentation, format: format).planes(
      of: PairFiles(name: "pair", location: location, weights: kind & 16 == 16 ? file.path : nil),
      epoch: kind, index: kind)
    guard
      (planes.input + planes.target + (planes.weights ?? [])).allSatisfy({ $0.isFinite && abs($0) <= 1.001 })
    else { fatalError("values out of range") }
  } catch {
    requireLine(error.description)
  }
}

// MARK: - Pictures

private func anyPicture(_ input: inout InputReader, side: Int) -> Picture {
  let (width, height, channels) = (input.size(side), input.size(side), input.size(5))
  let count = width * height * channels
  let bytes = input.bytes(2 * count)
  let isDeep = input.byte() & 1 == 1
  return Picture(
    width: width, height: height, channels: channels,
    samples: isDeep
      ? .sixteen((0..<count).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) })
      : .eight(Array(bytes[..<count])))
}

@Sendable private func palette(_ bytes: UnsafeRawBufferPointer) {
  var input = InputReader(bytes)
  let picture = anyPicture(&input, side: 8)
  if picture.isColour, let colours = picture.distinctColours(limit: 256),
    let palette = Palette(sorted: colours)
  {
    guard let json = try? JSONEncoder().encode(palette),
      let again = try? JSONDecoder().decode(Palette.self, from: json), again == palette
    else { fatalError("another palette after writing") }
    if case .eight = picture.samples, (try? picture.classes(palette, path: "picture")) == nil {
      fatalError("a colour of the palette is unknown")
    }
  }
  guard let palette = try? JSONDecoder().decode(Palette.self, from: Data(input.remaining())) else { return }
  if let first = palette.colours.first, let rest = palette.without(first) {
    _ = try? rest.classes(of: picture, fittedTo: PictureSize(square: 5), path: "picture")
  }
  do throws(ImageError) {
    _ = try palette.classes(of: picture, fittedTo: PictureSize(square: 5), path: "picture")
  } catch {
    requireLine(error.description)
  }
}

@Sendable private func resize(_ bytes: UnsafeRawBufferPointer) {
  var input = InputReader(bytes)
  let method = ResizeMethod.allCases[input.byte() % ResizeMethod.allCases.count]
  let (width, height) = (input.size(300), input.size(300))
  let picture = anyPicture(&input, side: 300)
  guard picture.width * picture.height + width * height <= 4000 else { return }
  let resized = picture.resized(width: width, height: height, method: method)
  guard resized.size == PictureSize(width: width, height: height), resized.channels == picture.channels,
    resized.bitDepth == picture.bitDepth
  else { fatalError("another kind of picture") }
}
