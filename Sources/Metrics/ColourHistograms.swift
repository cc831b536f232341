import Foundation
import Images

/// How often each lightness and each colour of CIE Lab occurs, counted over any number of pictures.
///
/// The paper (Isola et al. 2017, section 4.2, figure 7) measures with them whether translated pictures are as
/// colourful as real ones. It names no bins; here a bin is 1 wide and centred on a whole number, L in 0...100, a and b
/// in -128...127: near what an eye can tell apart, and no edge lies at a = b = 0, where every gray pixel would fall to
/// either side by its rounding. All of sRGB is inside (a in -86.2...98.3, b in -107.9...94.5).
public struct ColourHistograms: Sendable, Equatable {
  /// L, a and b in this order.
  public static let channels = ["L", "a", "b"]
  private static let firstLevels = [0, -128, -128]
  private static let binCounts = [101, 256, 256]

  /// Pixels per bin of L, a and b.
  public private(set) var counts: [[Int]]

  /// Of no pictures.
  public init() {
    counts = Self.binCounts.map { [Int](repeating: 0, count: $0) }
  }

  public init(_ picture: Picture) {
    self.init()
    guard case .eight(let samples) = picture.rgb().eightBit().samples else { return }
    for pixel in stride(from: 0, to: samples.count, by: 3) {
      let lab = cieLab(SIMD3(samples[pixel], samples[pixel + 1], samples[pixel + 2]))
      for channel in 0..<3 {
        counts[channel][Int(lab[channel].rounded()) - Self.firstLevels[channel]] += 1
      }
    }
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

  /// All counts in one row, as `Bootstrap.intervals(ofSums:)` adds them up.
  var row: [Double] { counts.flatMap { $0.map(Double.init) } }

  /// The histograms that a row, or a sum of rows, stands for.
  init(row: ArraySlice<Double>) {
    var rest = row
    counts = Self.binCounts.map { count in
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count).map { Int($0) }
    }
  }

  static let rowLength = binCounts.reduce(0, +)
}

/// CIE Lab of an sRGB colour: L in 0...100, a and b about -108...99. White point D65 as the 2 degree observer sees it
/// (IEC 61966-2-1, CIE 15), with the constants of scikit-image's `rgb2lab`.
public func cieLab(_ colour: SIMD3<UInt8>) -> SIMD3<Double> {
  let r = linear[Int(colour.x)]
  let g = linear[Int(colour.y)]
  let b = linear[Int(colour.z)]
  /// The cube root, with a straight line near 0.
  func f(_ t: Double) -> Double { t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116 }
  let x = f((0.412453 * r + 0.357580 * g + 0.180423 * b) / 0.95047)
  let y = f(0.212671 * r + 0.715160 * g + 0.072169 * b)
  let z = f((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.08883)
  return SIMD3(116 * y - 16, 500 * (x - y), 200 * (y - z))
}

/// The share of full light that an sRGB sample stands for.
private let linear: [Double] = (0...255).map {
  let value = Double($0) / 255
  return value > 0.04045 ? pow((value + 0.055) / 1.055, 2.4) : value / 12.92
}
