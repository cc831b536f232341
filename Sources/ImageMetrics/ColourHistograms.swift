import Images

/// Histograms of CIE L, a and b over any number of pictures.
///
/// The paper (Isola et al. 2017, section 4.2, figure 7) measures with them whether translated pictures are as
/// colourful as real ones. It names no bins; here a bin is 1 wide and centred on a whole number, L in 0...100, a and b
/// in -128...127: near what an eye can tell apart, and no edge lies at a = b = 0, where every gray pixel would fall to
/// either side by its rounding. All of sRGB is inside (a in -86.2...98.3, b in -107.9...94.5).
public struct ColourHistograms: Sendable, Equatable {
  /// L, a and b in this order.
  public static let channels = ["L", "a", "b"]
  private static let firstLevels = SIMD3(0.0, -128, -128)
  private static let binCounts = [101, 256, 256]

  /// Pixels per bin of L, a and b.
  public private(set) var counts: [[Int]]

  /// Empty histograms.
  public init() {
    counts = Self.binCounts.map { [Int](repeating: 0, count: $0) }
  }

  public init(_ picture: Picture) {
    self.init()
    var bins = SIMD3<Int>.zero
    var last: SIMD3<UInt8>?
    var (l, a, b) = (counts[0], counts[1], counts[2])
    for colour in picture.colours {
      // Neighbours are often equal, and Lab takes three roots.
      if colour != last {
        let lab = Lab(colour)
        // Truncation rounds numbers from 0 on.
        let levels = SIMD3(lab.l, lab.a, lab.b) - Self.firstLevels + 0.5
        bins = SIMD3(Int(levels.x), Int(levels.y), Int(levels.z))
        last = colour
      }
      l[bins.x] += 1
      a[bins.y] += 1
      b[bins.z] += 1
    }
    counts = [l, a, b]
  }

  public static func += (sum: inout ColourHistograms, other: ColourHistograms) {
    for channel in 0..<3 {
      for bin in sum.counts[channel].indices { sum.counts[channel][bin] += other.counts[channel][bin] }
    }
  }

  /// The histogram intersections of L, a and b (Swain and Ballard 1991, "Color indexing"), each histogram normalised
  /// to a sum of 1 first: the sum over bins of the smaller value, 1 for equal distributions and 0 for disjoint ones.
  public func intersections(_ other: ColourHistograms) -> [Double] {
    zip(counts, other.counts).map { mine, others in
      let (total, othersTotal) = (Double(mine.reduce(0, +)), Double(others.reduce(0, +)))
      return zip(mine, others).reduce(0) { $0 + min(Double($1.0) / total, Double($1.1) / othersTotal) }
    }
  }

  /// All counts in one row, an addend of `Bootstrap.intervals(ofSums:)`.
  var row: [Double] { counts.flatMap { $0.map(Double.init) } }

  /// The histograms of a row, or of a sum of rows.
  init(row: ArraySlice<Double>) {
    var rest = row
    counts = Self.binCounts.map { count in
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count).map { Int($0) }
    }
  }

  static let rowLength = binCounts.reduce(0, +)
}
