import Foundation
import OperationCases
import Random
import Tape
import Testing

/// Philox against its authors' known answers, and the masks made of it.
struct RandomTests {
  @Test func knownAnswers() {
    // From the authors' kat_vectors file: counter and key of zeros, of ones, and of the digits of pi.
    #expect(
      Philox(seed: 0).words(0, 0, 0, 0) == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
    #expect(
      Philox(seed: .max).words(.max, .max, .max, .max)
        == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
    #expect(
      Philox(seed: 0x299F_31D0_A409_3822).words(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344)
        == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
  }

  /// Sequences are the blocks' words in order; the first are the authors' answer for key and counter 0.
  @Test(arguments: [0, 1, 4, 7]) func sequences(_ count: Int) {
    let known: [UInt32] = [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]
    let words = Philox(seed: 0).words(count: count, stream: 0)
    #expect(words.count == count && words.prefix(4) == known.prefix(count))
    let other = Philox(seed: 5).words(count: count, stream: 3, purpose: 9)
    for (element, word) in other.enumerated() {
      #expect(word == Philox(seed: 5).words(UInt32(element / 4), 0, 3, 9)[element % 4])
    }
    let uniform = Philox(seed: 0).uniform(count: count, stream: 0)
    #expect(uniform == words.map { Float(Double($0 >> 8) / 8_388_608 - 1) })
  }

  @Test func integersBelowABound() {
    let (third, half): (UInt32, UInt32) = (0x5555_5556, 0x8000_0000)
    #expect(Philox.integer(.max, below: 3) == 2 && Philox.integer(0, below: 3) == 0)
    #expect(Philox.integer(third - 1, below: 3) == 0 && Philox.integer(third, below: 3) == 1)
    #expect(Philox.integer(half - 1, below: 2) == 0 && Philox.integer(half, below: 2) == 1)
  }

  /// Box and Muller's formula with the C library's functions, on the words of the one-counter form.
  @Test(arguments: [0, 1 << 20, UInt32.max - 3]) func normalsFollowTheirFormula(_ first: UInt32) {
    let generator = Philox(seed: 0x299F_31D0_A409_3822)
    var errors: [Double] = []
    for run in 0..<4096 {
      let first = first &+ UInt32(8 * run)
      let normals = generator.normals(from: first, 7, 3, 5)
      for block in 0..<8 {
        let words = generator.words(first &+ UInt32(block), 7, 3, 5)
        for (half, (x, y)) in [(normals.0, normals.1), (normals.2, normals.3)].enumerated() {
          let radius = (-2 * log((Double(words[2 * half]) + 1) / 4_294_967_296)).squareRoot()
          let angle = 2 * Double.pi * Double(words[2 * half + 1]) / 4_294_967_296
          errors += [abs(x[block] - radius * cos(angle)), abs(y[block] - radius * sin(angle))]
        }
      }
    }
    // Measured 2.4e-15.
    #expect(errors.allSatisfy { $0 <= 1e-14 }, "\(errors.max() ?? .nan)")
  }

  /// One mask after a replay with that schedule.
  private func mask(
    _ shape: Shape, rate: Double = 0.5, stream: UInt32 = 0, step: Int = 0, seed: UInt64 = 1
  ) throws -> [Float] {
    let tape = Tape()
    let schedule = tape.schedule()
    let mask = try tape.dropoutMask(shape, rate: rate, stream: stream, schedule: schedule)
    let executor = ReferenceExecutor(tape.freeze())
    executor.write(Schedule(step: step, learningRate: 1, seed: seed).values, to: schedule)
    executor.run(0..<1)
    return executor.read(mask)
  }

  @Test(arguments: [0.5, 0.25, 0.9, 0]) func rateOfDropout(_ rate: Double) throws {
    let values = try mask([2, 64, 32, 32], rate: rate)
    let kept = Float(1 / (1 - rate))
    #expect(values.allSatisfy { $0 == 0 || $0 == kept })
    // Five standard deviations of a binomial share.
    let dropped = Double(values.count { $0 == 0 }) / Double(values.count)
    let deviation = (rate * (1 - rate) / Double(values.count)).squareRoot()
    #expect(abs(dropped - rate) <= 5 * deviation, "\(dropped)")
    // Neighbours, and the same pixel in the next channel, are independent.
    for distance in [1, 2, 4, 32, 1024] {
      let both = zip(values, values.dropFirst(distance)).count { $0 == 0 && $1 == 0 }
      let share = Double(both) / Double(values.count - distance)
      #expect(abs(share - rate * rate) <= 0.01, "distance \(distance): \(share)")
    }
  }

  @Test func masksDiffer() throws {
    let shape: Shape = [1, 16, 4, 4]
    let first = try mask(shape)
    #expect(try mask(shape) == first)
    #expect(try mask(shape, stream: 1) != first)
    #expect(try mask(shape, step: 1) != first)
    #expect(try mask(shape, step: 1 << 16) != first)
    #expect(try mask(shape, seed: 2) != first)
    #expect(try mask(shape, seed: 1 | 1 << 63) != first)
  }

  /// An element's value is a function of its index alone: a longer mask begins as a shorter one, and what was
  /// replayed before does not matter.
  @Test func masksDoNotDependOnOrder() throws {
    #expect(try mask([2, 3, 5, 7]) == Array(try mask([4, 3, 5, 7]).prefix(210)))

    let tape = Tape()
    let schedule = tape.schedule()
    let masks = try (0..<3).map {
      try tape.dropoutMask([1, 8, 3, 3], stream: UInt32($0), schedule: schedule)
    }
    let executor = ReferenceExecutor(tape.freeze())
    var results: [[[Float]]] = []
    for order in [[0, 1, 2], [2, 0, 1]] {
      for step in [6, 5] {
        executor.write(Schedule(step: step, learningRate: 1, seed: 9).values, to: schedule)
        for index in order { executor.run(index..<index + 1) }
      }
      results.append(masks.map { executor.read($0) })
    }
    #expect(results[0] == results[1])
  }

  /// The rule in the operation's comment, written out.
  @Test func masksFollowTheirRule() throws {
    let (step, seed, stream) = ((3 << 32) + 70_001, 0xFEDC_BA98_7654_3210 as UInt64, 5 as UInt32)
    let values = try mask([1, 3, 5, 2], rate: 0.25, stream: stream, step: step, seed: seed)
    for (element, value) in values.enumerated() {
      let word = Philox(seed: seed).words(UInt32(element / 4), 0, stream, 70_001)[element % 4]
      #expect(value == (word >= 0x4000_0000 ? Float(1 / 0.75) : 0))
    }
  }
}
