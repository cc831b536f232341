import SamplePairs
import Testing

/// FNV-1a, 64 bits.
private func hash(_ bytes: [UInt8]) -> UInt64 {
  var value: UInt64 = 0xcbf2_9ce4_8422_2325
  for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
  return value
}

private func pixels(_ bytes: [UInt8]) -> [SIMD3<UInt8>] {
  (0..<bytes.count / 3).map { SIMD3(bytes[3 * $0], bytes[3 * $0 + 1], bytes[3 * $0 + 2]) }
}

private func color(_ facadeClass: FacadeClass) -> SIMD3<UInt8> {
  let color = facadeClass.color
  return SIMD3(color.red, color.green, color.blue)
}

struct StoredPicture: Sendable {
  var size: Int, seed: UInt64, index: Int, labels: UInt64, photo: UInt64
}

@Suite struct FacadeRendererTests {
  /// The bytes must not change with the machine, the compiler or the options it is given.
  @Test(arguments: [
    StoredPicture(size: 32, seed: 1, index: 0, labels: 0x2b97_ab92_4d7d_f2f3, photo: 0x57f2_5ad3_6ff5_d2aa),
    StoredPicture(size: 100, seed: 2, index: 3, labels: 0x6836_6542_db40_86bb, photo: 0x7cdd_9dee_407b_c5e8),
    StoredPicture(size: 128, seed: 0, index: -1, labels: 0x5656_05f6_b778_50f0, photo: 0xfb38_66dc_3fcd_9e73),
    StoredPicture(size: 256, seed: 1, index: 7, labels: 0xd59b_6724_0ccc_30a7, photo: 0x7f3e_7f1b_47d7_0d29),
    StoredPicture(
      size: 256, seed: .max, index: 4000, labels: 0x92d5_2ca0_de7b_ed5d, photo: 0xec6b_b661_3cb2_2524),
  ])
  func bytesAreTheStoredOnes(_ stored: StoredPicture) {
    let pair = FacadeRenderer(size: stored.size, seed: stored.seed).pair(stored.index)
    #expect(hash(pair.labels) == stored.labels, "labels: 0x\(String(hash(pair.labels), radix: 16))")
    #expect(hash(pair.photo) == stored.photo, "photo: 0x\(String(hash(pair.photo), radix: 16))")
  }

  @Test func anotherSeedOrIndexIsAnotherPicture() {
    let pair = FacadeRenderer(size: 64, seed: 5).pair(9)
    for other in [FacadeRenderer(size: 64, seed: 6).pair(9), FacadeRenderer(size: 64, seed: 5).pair(10)] {
      #expect(pair.labels != other.labels)
      #expect(pair.photo != other.photo)
    }
    let again = FacadeRenderer(size: 64, seed: 5).pair(9)
    #expect(pair.labels == again.labels)
    #expect(pair.photo == again.photo)
  }

  /// The labels have the palette's colours alone, and over fifty buildings all of them.
  @Test func labelsAreThePalette() {
    let palette = Set(FacadeClass.allCases.map(color))
    #expect(palette.count == 12)
    let renderer = FacadeRenderer(size: 128, seed: 11)
    var seen = Set<SIMD3<UInt8>>()
    for index in 0..<50 {
      let pair = renderer.pair(index)
      #expect(pair.labels.count == 128 * 128 * 3)
      #expect(pair.photo.count == 128 * 128 * 3)
      let colors = Set(pixels(pair.labels))
      #expect(colors.isSubset(of: palette), "picture \(index)")
      #expect(colors.contains(color(.facade)) && colors.contains(color(.window)), "picture \(index)")
      seen.formUnion(colors)
    }
    #expect(seen == palette)
  }

  /// A network has something to learn: in nearly every photo the glass is darker than the wall, and
  /// neither is one flat colour.
  @Test func windowsDifferFromWalls() {
    let renderer = FacadeRenderer(size: 128, seed: 3)
    var darker = 0
    for index in 0..<30 {
      let pair = renderer.pair(index)
      let light = pixels(pair.photo).map { (Double($0.x) + Double($0.y) + Double($0.z)) / 3 }
      let labels = pixels(pair.labels)
      func statistics(_ facadeClass: FacadeClass) -> (mean: Double, deviation: Double) {
        let values = zip(labels, light).filter { $0.0 == color(facadeClass) }.map(\.1)
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        return (mean, variance.squareRoot())
      }
      let wall = statistics(.facade)
      let window = statistics(.window)
      #expect(wall.deviation > 3, "picture \(index)")
      #expect(window.deviation > 8, "picture \(index)")
      if window.mean < wall.mean - 8 { darker += 1 }
    }
    #expect(darker >= 22, "windows darker than the wall in \(darker) of 30 photos")
  }

  /// One building at two sizes is one building: the larger picture shrunk is the smaller one, but for
  /// edges, texture finer than a pixel, and the sensor's noise.
  @Test(arguments: [0, 1, 2, 3])
  func planDoesNotDependOnTheSize(_ index: Int) {
    let small = FacadeRenderer(size: 96, seed: 21).pair(index)
    let large = FacadeRenderer(size: 288, seed: 21).pair(index)
    let smallLabels = pixels(small.labels)
    let largeLabels = pixels(large.labels)
    var same = 0
    var difference = 0.0
    for y in 0..<96 {
      for x in 0..<96 {
        // An odd ratio puts a pixel's centre on the centre of a block.
        if smallLabels[y * 96 + x] == largeLabels[(3 * y + 1) * 288 + 3 * x + 1] { same += 1 }
        for channel in 0..<3 {
          var sum = 0
          for dy in 0..<3 {
            for dx in 0..<3 { sum += Int(large.photo[((3 * y + dy) * 288 + 3 * x + dx) * 3 + channel]) }
          }
          difference += abs(Double(sum) / 9 - Double(small.photo[(y * 96 + x) * 3 + channel]))
        }
      }
    }
    #expect(same == 96 * 96, "label maps are sampled at the same points")
    let mean = difference / (96 * 96 * 3)
    #expect(mean < 12, "mean difference \(mean) of 255")
  }

  @Test(arguments: [32, 33, 250, 1024])
  func anySizeIsDrawn(_ size: Int) {
    let pair = FacadeRenderer(size: size, seed: 1).pair(1)
    #expect(pair.labels.count == size * size * 3)
    #expect(pair.photo.count == size * size * 3)
  }
}
