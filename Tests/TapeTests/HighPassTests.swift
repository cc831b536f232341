import OperationCases
import Tape
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// High frequencies by what is known of them. Fixtures have NumPy's numbers of them.
struct HighPassTests {
  /// What is left of one map, in Double.
  private func highPass(_ values: [Double], _ h: Int, _ w: Int, radius: Float) throws -> [Double] {
    let tape = Tape()
    let x = tape.input("x", [1, 1, h, w])
    let y = try tape.highPass(x, radius: radius)
    let executor = ReferenceExecutor(tape.freeze(), precision: .float64)
    executor.write(values, to: x)
    executor.run(0..<1)
    return executor.readDouble(y)
  }

  private func map(_ h: Int, _ w: Int, _ value: (Int, Int) -> Double) -> [Double] {
    (0..<h * w).map { value($0 / w, $0 % w) }
  }

  private func largest(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  /// Sizes of every kind. The bounds are what the sums round. Measured: at most 9.5e-15.
  private static let sizes = [(16, 16), (24, 40), (15, 21), (9, 32)]

  @Test(arguments: sizes) func leavesNothingOfASlope(_ h: Int, _ w: Int) throws {
    // Two periods over the width and one over the height: a radius of less than 4 / 9.
    let slow = map(h, w) { y, x in
      3 + sin(2 * .pi * (2 * Double(x) / Double(w) + Double(y) / Double(h)) + 1)
    }
    #expect(largest(try highPass(slow, h, w, radius: 0.5), [Double](repeating: 0, count: h * w)) < 5e-14)
  }

  @Test(arguments: sizes) func leavesAllOfACheckerboard(_ h: Int, _ w: Int) throws {
    // Of odd sizes a checkerboard does not close, and its corners have all frequencies: as many periods as there are take
    // its place.
    let board = map(h, w) { y, x in
      cos(2 * .pi * (Double(x * (w / 2)) / Double(w) + Double(y * (h / 2)) / Double(h)))
    }
    for radius in [0, 0.25, 0.9] as [Float] {
      #expect(largest(try highPass(board, h, w, radius: radius), board) < 5e-14)
    }
  }

  /// Parseval's theorem: without the mean alone, the mean square is the variance.
  @Test(arguments: sizes) func withoutARadiusOnlyTheMeanIsMissing(_ h: Int, _ w: Int) throws {
    let values = map(h, w) { y, x in sin(Double(7 * x + 13 * y * x)) + 0.25 }
    let mean = values.reduce(0, +) / Double(values.count)
    let left = try highPass(values, h, w, radius: 0)
    #expect(largest(left, values.map { $0 - mean }) < 5e-14)
    // Of the loss, by the tape's own.
    let tape = Tape()
    let (a, b) = (tape.input("a", [1, 1, h, w]), tape.input("b", [1, 1, h, w]))
    let loss = try tape.highFrequencyLoss(a, b, radius: 0)
    let executor = ReferenceExecutor(tape.freeze(), precision: .float64)
    executor.write(values, to: a)
    executor.write([Double](repeating: mean, count: h * w), to: b)
    executor.run(0..<executor.recording.steps.count)
    let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    #expect(abs(executor.readDouble(loss)[0] - square) < 1e-14)
  }

  /// Beyond a radius that no frequency has, nothing is left.
  @Test func beyondAllIsNothing() throws {
    let values = map(6, 10) { y, x in Double(x * y % 7) }
    #expect(largest(try highPass(values, 6, 10, radius: 1.5), [Double](repeating: 0, count: 60)) < 5e-14)
  }

  @Test(arguments: sizes) func isAProjection(_ h: Int, _ w: Int) throws {
    let values = map(h, w) { y, x in sin(Double(3 * x * x + 11 * y)) }
    let once = try highPass(values, h, w, radius: 0.4)
    #expect(largest(try highPass(once, h, w, radius: 0.4), once) < 5e-14)
    #expect(largest(once, values) > 0.02)
  }

  /// A frequency on the circle, (3, 4, 5) / 20 of the Nyquist frequency, belongs to what is left out.
  @Test func theCircleIsLeftOut() throws {
    let disc = FrequencyDisc(height: 40, width: 40, radius: 0.25)
    #expect(disc.contains(3, 4) && disc.contains(5, 0) && !disc.contains(4, 4) && !disc.contains(5, 1))
    #expect(disc.highest(40) == 5)
    let flat = FrequencyDisc(height: 40, width: 20, radius: 0.25)
    #expect(flat.contains(2, 2) && !flat.contains(3, 0) && flat.highest(20) == 2 && flat.highest(40) == 5)
  }
}
