import ImageMetrics
import Images
import Testing

@Suite struct MemorizationTests {
  private static let width = 50
  private static let height = 40

  private static func training() -> [(name: String, thumbnail: Memorization.Thumbnail)] {
    (0..<4).map { k in ("t\(k)", Memorization.Thumbnail(rolled(k))) }
  }

  /// Moved to the right by 9 k pixels, around the edge.
  private static func rolled(_ k: Int, upsideDown: Bool = false, noise amount: Int = 0) -> Picture {
    picture(width, height) { x, y, c in
      let row = upsideDown ? height - 1 - y : y
      return drawn((x + width - 9 * k) % width, row, c) + amount * noise(x, y, c)
    }
  }

  /// Distances of pictures that Pillow reduced: equal, since reducing is the same to the last bit.
  @Test func likePillow() throws {
    let pairs = [
      (Self.rolled(2, noise: 1), Self.rolled(1, upsideDown: true)),
      (Self.rolled(0, upsideDown: true), Self.rolled(0, upsideDown: true, noise: 1)),
    ]
    let examples = pairs.enumerated().map { index, pair in
      Memorization.example(
        name: "o\(index)", output: Memorization.Thumbnail(pair.0), target: Memorization.Thumbnail(pair.1),
        training: Self.training())
    }
    for (example, expected) in zip(examples, try Fixtures.shared.get().memorization) {
      #expect(relativeError(example.ownDistance, expected.own) <= 1e-15)
      #expect(relativeError(example.nearestDistance, expected.nearest) <= 1e-15)
      #expect(example.nearestName == expected.name)
    }
    #expect(examples.map(\.isNearerToTraining) == [true, false])
    #expect(Memorization.worst(examples, count: 10).map(\.name) == ["o0"])
  }

  /// Those whose own target is furthest beyond the training target come first; equal distances are no repetition.
  @Test func worstFirst() {
    func flat(_ level: Int) -> Memorization.Thumbnail {
      Memorization.Thumbnail(picture(8, 8) { _, _, _ in level })
    }
    let training = [(name: "x", thumbnail: flat(12)), (name: "y", thumbnail: flat(8))]
    let targets: [(String, Int)] = [("a", 30), ("b", 80), ("c", 0), ("d", 12), ("e", 8)]
    let examples = targets.map { name, target in
      Memorization.example(name: name, output: flat(10), target: flat(target), training: training)
    }
    #expect(examples.map(\.nearestName) == ["x", "x", "x", "x", "x"])
    #expect(examples.map(\.ownDistance) == [20, 70, 10, 2, 2])
    #expect(examples.map(\.isNearerToTraining) == [true, true, true, false, false])
    #expect(Memorization.worst(examples, count: 2).map(\.name) == ["b", "a"])
  }
}
