import Model
import Tape
import Testing

struct ImagePoolTests {
  /// What a pool decides in a run, step after step.
  private func run(
    _ chooser: ImagePoolChooser, steps: Range<Int>, images: Int
  ) -> [ImagePoolChoice] {
    steps.flatMap { chooser.choices(images: images, step: $0) }
  }

  /// Every image is stored until the pool is full, also where it becomes so within a batch.
  @Test(arguments: [1, 3, 4]) func fillsFirst(_ images: Int) {
    let choices = run(ImagePoolChooser(slots: 10, seed: 1), steps: 0..<20, images: images)
    #expect(Array(choices.prefix(10)) == (0..<10).map { ImagePoolChoice(.store, slot: $0) })
    #expect(choices.dropFirst(10).allSatisfy { $0.use != .store })
    #expect(choices.dropFirst(10).contains { $0.use == .swap })
  }

  /// Half of the images swap, every slot equally often: bounds of four standard deviations.
  @Test(arguments: [1, 3]) func swapsByChance(_ images: Int) {
    let (slots, steps) = (50, 100..<20_100)
    let choices = run(ImagePoolChooser(slots: slots, seed: 42), steps: steps, images: images)
    let swaps = choices.filter { $0.use == .swap }
    let count = Double(choices.count)
    #expect(abs(Double(swaps.count) - count / 2) <= 4 * (count / 4).squareRoot())
    // Pearson's sum over the slots: as many degrees of freedom as slots but one, and a variance of twice that.
    let expected = Double(swaps.count) / Double(slots)
    var counts = [Int](repeating: 0, count: slots)
    for swap in swaps { counts[swap.slot] += 1 }
    let deviation = counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    let freedom = Double(slots - 1)
    #expect(abs(deviation - freedom) <= 4 * (2 * freedom).squareRoot(), "\(deviation): \(counts)")
    // Nothing of one image's choice says anything about the next one's: as many pairs of swaps as by chance.
    let pairs = zip(choices, choices.dropFirst()).count { $0.use == .swap && $1.use == .swap }
    #expect(abs(Double(pairs) - count / 4) <= 4 * (count * 5 / 16).squareRoot())
  }

  /// A resumed run decides as one that was never stopped; another seed otherwise.
  @Test func dependsOnSeedAndStepOnly() {
    let chooser = ImagePoolChooser(slots: 8, seed: 7)
    let whole = run(chooser, steps: 0..<40, images: 2)
    #expect(run(chooser, steps: 0..<3, images: 2) + run(chooser, steps: 3..<40, images: 2) == whole)
    #expect(run(ImagePoolChooser(slots: 8, seed: 8), steps: 0..<40, images: 2) != whole)
    // Neither the low nor the high bits of a step are left out; a second pool chooses for itself.
    let first = chooser.choices(images: 64, step: 1)
    #expect(first != chooser.choices(images: 64, step: 1 << 32 + 1))
    #expect(first != ImagePoolChooser(slots: 8, seed: 7, number: 1).choices(images: 64, step: 1))
  }

  @Test func nothingIsStoredWithoutSlots() {
    let choices = run(ImagePoolChooser(slots: 0, seed: 1), steps: 0..<30, images: 2)
    #expect(choices.allSatisfy { $0 == ImagePoolChoice(.pass) })
  }
}
