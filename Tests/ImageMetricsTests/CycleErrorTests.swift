import ImageMetrics
import Images
import Testing

@Suite struct CycleErrorTests {
  /// Two of three values are half a range away: 255 / 2 each.
  @Test func byHand() {
    #expect(CycleError.value([0, 1, -1], [1, 1, 0]) == 255 / 3.0)
    #expect(CycleError.value([0.5, -0.25], [0.5, -0.25]) == 0)
  }

  /// Without noise, what a picture of 8 bits keeps of planes; noise is in its gray levels, and nothing leaves the range.
  @Test func disturbedAsAFileWouldBe() throws {
    let planes: [Float] = (0..<3 * 64).map { Float(($0 * 37) % 191) / 95 - 1 }
    let picture = Picture(planes: planes[...], width: 8, height: 8, channels: 3).eightBit()
    guard case .eight(let levels) = picture.samples else {
      Issue.record("not of 8 bits")
      return
    }
    // Planes lie one behind the other, a picture's samples pixel by pixel.
    let expected = planes.indices.map { Float(levels[$0 % 64 * 3 + $0 / 64]) }
    func levelsOf(_ planes: [Float]) -> [Float] { planes.map { ($0 + 1) * 127.5 } }
    func largest(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { abs($0 - $1) }.max() ?? .nan }
    let zeros = [Float](repeating: 0, count: planes.count)
    let plain = levelsOf(CycleError.disturbed(planes, noise: zeros))
    let noise: [Float] = planes.indices.map { Float($0 % 9) - 4 }
    let noisy = levelsOf(CycleError.disturbed(planes, noise: noise))
    // Measured: 3.8e-6 of a level.
    #expect(largest(plain, expected) <= 3e-5)
    #expect(largest(noisy, zip(expected, noise).map { min(max($0 + $1, 0), 255) }) <= 3e-5)
  }
}
