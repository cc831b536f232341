import SamplePairs
import Testing

@Suite struct ShapeRendererTests {
  private func pixels(_ bytes: [UInt8]) -> [SIMD3<UInt8>] {
    (0..<bytes.count / 3).map { SIMD3(bytes[3 * $0], bytes[3 * $0 + 1], bytes[3 * $0 + 2]) }
  }

  private let white = SIMD3<UInt8>(repeating: 255)

  /// One colour on white, and the outline is the rim of what it fills: inside, next to what is not.
  @Test(arguments: [32, 33, 96]) func outlinesAreRims(_ size: Int) {
    let renderer = ShapeRenderer(size: size, seed: 4)
    let reach = size / 32
    for index in 0..<12 {
      let (outline, filled) = (pixels(renderer.outline(index)), pixels(renderer.filled(index)))
      #expect(Set(filled).count == 2 && Set(outline) == [white, SIMD3(repeating: 0)], "\(index)")
      func isFilled(_ x: Int, _ y: Int) -> Bool {
        (0..<size).contains(x) && (0..<size).contains(y) && filled[y * size + x] != white
      }
      for y in 0..<size {
        for x in 0..<size {
          let neighbours = [(x - reach, y), (x + reach, y), (x, y - reach), (x, y + reach)]
          let isRim = isFilled(x, y) && !neighbours.allSatisfy { isFilled($0.0, $0.1) }
          #expect((outline[y * size + x] == white) == isRim, "\(index): \(x), \(y)")
        }
      }
    }
  }

  /// Samples of an input have its shape, and colours of their own; the outline is the same whatever the colour.
  @Test func samplesDifferInColourAlone() {
    let renderer = ShapeRenderer(size: 32, seed: 1)
    let samples = (0..<8).map { pixels(renderer.filled(5, sample: $0)) }
    #expect(samples[0] == pixels(renderer.filled(5)))
    #expect(Set(samples.map { $0.first { $0 != white } }).count == 8)
    for sample in samples { #expect(sample.map { $0 == white } == samples[0].map { $0 == white }) }
    #expect(ShapeRenderer(size: 32, seed: 2).outline(5) != renderer.outline(5))
    #expect(renderer.outline(6) != renderer.outline(5))
  }

  /// Discs, squares and triangles fill (pi + 4 + 2) / 3 times the mean square of their radius, which is 6.5 to 10.5 of 32. Two
  /// colours are 85 apart in the mean.
  @Test func diversity() {
    let renderer = ShapeRenderer(size: 32, seed: 0)
    var sum = 0.0
    for index in 0..<200 {
      let samples = (0..<8).map { renderer.filled(index, sample: $0) }
      for a in 0..<8 {
        for b in 0..<a {
          sum += Double(zip(samples[a], samples[b]).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) })
        }
      }
    }
    let mean = sum / (200 * 28 * 3 * 1024)
    let meanSquare: Double = (6.5 * 6.5 + 6.5 * 10.5 + 10.5 * 10.5) / 3 / 1024
    let shapes: Double = (Double.pi + 4 + 2) / 3
    // Of integers from 0 to 255, (256^2 - 1) / (3 * 256).
    let expected = shapes * meanSquare * 65535 / 768
    // Of 200 shapes. Measured: 3.5e-3.
    #expect(abs(mean / expected - 1) <= 0.03, "\(mean), expected \(expected)")
  }

  /// The bytes must not change with the machine, the compiler or the options it is given.
  @Test func bytesAreTheStoredOnes() {
    func hash(_ bytes: [UInt8]) -> UInt64 {
      bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }
    let renderer = ShapeRenderer(size: 64, seed: 9)
    // A second implementation, in numpy, has the same.
    #expect(hash(renderer.outline(3)) == 0x75b1_1062_7e17_bad5)
    #expect(hash(renderer.filled(3, sample: 2)) == 0x57f0_b09e_0b77_7095)
  }
}
