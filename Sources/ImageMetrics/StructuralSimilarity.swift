import Foundation

/// Structural similarity of pictures.
///
/// SSIM (Wang, Bovik, Sheikh and Simoncelli 2004, "Image quality assessment: from error visibility to structural
/// similarity") compares the means m, variances v and covariance c of two pictures inside a window around each
/// pixel, here Gaussian weights of 11 x 11 pixels with sigma 1.5 that sum to 1:
///
///     SSIM = luminance * contrast structure
///          = (2 ma mb + C1) / (ma^2 + mb^2 + C1) * (2 cab + C2) / (va + vb + C2),
///     C1 = (0.01 * 255)^2, C2 = (0.03 * 255)^2
///
/// Windows that leave the picture are left out: the mean is over the picture less a border of 5. Each channel is
/// taken by itself, and the channels' means are averaged. scikit-image's `structural_similarity` does the same when
/// asked for Gaussian weights, sigma 1.5 and the population's covariance.
public enum StructuralSimilarity {
  /// Pixels on a side of the window, and the least that a picture needs.
  public static let windowSide = 11
  /// Halvings between the first and the last of the five scales.
  private static let halvings = 4
  /// The least pixels on a side that five scales need: the window must fit into the last, where halving rounds up.
  public static let minimumMultiScaleSide = (windowSide - 1) << halvings + 1
  /// Exponents of the five scales, from fine to coarse (Wang, Simoncelli and Bovik 2003, section 3.2).
  private static let exponents = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]

  /// The mean SSIM of two pictures of one size, -1...1; 1 for equal ones. Nil for pictures of less than
  /// `windowSide` pixels on a side, which have no window.
  public static func singleScale(_ a: Pixels, _ b: Pixels) -> Double? {
    a.checkSize(b)
    guard min(a.width, a.height) >= windowSide else { return nil }
    return means(a, b).similarity.mean
  }

  /// MS-SSIM of two pictures of one size, 0...1; 1 for equal ones (Wang, Simoncelli and Bovik 2003, "Multiscale
  /// structural similarity for image quality assessment"):
  ///
  ///     SSIM(scale 5)^w5 * product over scales 1...4 of (contrast structure)^w
  ///
  /// with the means of each scale and channel; then channels are averaged. A negative mean counts as 0, since it has no
  /// real power. From scale to scale 2 x 2 pixels become their mean; an odd side gets a border of zeros before. All
  /// that is as in pytorch-msssim, by which such figures are mostly taken.
  ///
  /// Nil for pictures of less than `minimumMultiScaleSide` pixels on a side: with fewer scales it would be another
  /// figure.
  public static func multiScale(_ a: Pixels, _ b: Pixels) -> Double? {
    singleAndMultiScale(a, b).multiScale
  }

  /// Both figures: MS-SSIM begins with SSIM, so that together they take little more than MS-SSIM alone.
  public static func singleAndMultiScale(
    _ a: Pixels, _ b: Pixels
  ) -> (singleScale: Double?, multiScale: Double?) {
    a.checkSize(b)
    let side = min(a.width, a.height)
    guard side >= windowSide else { return (nil, nil) }
    var means = Self.means(a, b)
    let singleScale = means.similarity.mean
    guard side >= minimumMultiScaleSide else { return (singleScale, nil) }
    var (a, b) = (a, b)
    var products = [Double](repeating: 1, count: a.channels)
    for (scale, exponent) in exponents.enumerated() {
      if scale > 0 {
        (a, b) = (a.halved(), b.halved())
        means = Self.means(a, b)
      }
      let factor = scale == halvings ? means.similarity : means.contrastStructure
      for channel in products.indices { products[channel] *= pow(max(0, factor[channel]), exponent) }
    }
    return (singleScale, products.mean)
  }

  /// The weights of a window's middle and of pixels 1...5 beside it.
  private static let weights: [Double] = {
    let variance = 1.5 * 1.5
    let gaussian = (0...windowSide / 2).map { (distance: Int) in
      exp(-Double(distance * distance) / (2 * variance))
    }
    let sum = gaussian[0] + 2 * gaussian.dropFirst().reduce(0, +)
    return gaussian.map { $0 / sum }
  }()

  /// Each channel's means of the SSIM map and of its second factor.
  private static func means(
    _ a: Pixels, _ b: Pixels
  ) -> (similarity: [Double], contrastStructure: [Double]) {
    let channels = a.channels
    let rowLength = channels * a.width
    let columns = channels * (a.width - windowSide + 1)
    let rows = a.height - windowSide + 1
    let (c1, c2) = (0.01 * 255 * 0.01 * 255, 0.03 * 255 * 0.03 * 255)
    // Only the sum of the two variances is needed: four maps are filtered, not five.
    var squares = [Double](repeating: 0, count: a.values.count)
    var products = squares
    for index in a.values.indices {
      let (x, y) = (a.values[index], b.values[index])
      squares[index] = x * x + y * y
      products[index] = x * y
    }
    var line = [Double](repeating: 0, count: rowLength)
    var filtered = [[Double]](repeating: [Double](repeating: 0, count: columns), count: 4)
    var similarity = [Double](repeating: 0, count: columns)
    var contrastStructure = similarity
    var similarities = [Double](repeating: 0, count: channels)
    var contrastStructures = similarities
    for row in 0..<rows {
      for (map, source) in [a.values, b.values, squares, products].enumerated() {
        filter(source, from: row * rowLength, step: rowLength, into: &line)
        filter(line, from: 0, step: channels, into: &filtered[map])
      }
      let (meanA, meanB, square, product) = (filtered[0], filtered[1], filtered[2], filtered[3])
      for x in 0..<columns {
        let both = meanA[x] * meanB[x]
        let each = meanA[x] * meanA[x] + meanB[x] * meanB[x]
        contrastStructure[x] = (2 * (product[x] - both) + c2) / (square[x] - each + c2)
        similarity[x] = (2 * both + c1) / (each + c1) * contrastStructure[x]
      }
      // Sums apart: added up in order they would keep the loop above from becoming vector instructions.
      for channel in 0..<channels {
        var sums = (0.0, 0.0)
        for x in stride(from: channel, to: columns, by: channels) {
          sums.0 += similarity[x]
          sums.1 += contrastStructure[x]
        }
        similarities[channel] += sums.0
        contrastStructures[channel] += sums.1
      }
    }
    let count = Double(rows * columns / channels)
    return (similarities.map { $0 / count }, contrastStructures.map { $0 / count })
  }

  /// out[x] = the sum over k in 0..<11 of weight[k] * source[from + x + k * step]: with a row's length as the step
  /// down the columns, with the channels' number along a row. One expression over equal weights, so that it becomes
  /// vector instructions without touching `out` eleven times.
  private static func filter(_ source: [Double], from start: Int, step: Int, into out: inout [Double]) {
    precondition(start + out.count + (windowSide - 1) * step <= source.count, "the window leaves the picture")
    let (w0, w1, w2) = (weights[0], weights[1], weights[2])
    let (w3, w4, w5) = (weights[3], weights[4], weights[5])
    source.withUnsafeBufferPointer { source in
      out.withUnsafeMutableBufferPointer { out in
        let p = (0..<windowSide).map { source.baseAddress! + start + $0 * step }
        let (p0, p1, p2, p3, p4, p5) = (p[0], p[1], p[2], p[3], p[4], p[5])
        let (p6, p7, p8, p9, p10) = (p[6], p[7], p[8], p[9], p[10])
        for x in 0..<out.count {
          let outer = w5 * (p0[x] + p10[x]) + w4 * (p1[x] + p9[x]) + w3 * (p2[x] + p8[x])
          out[x] = outer + w2 * (p3[x] + p7[x]) + w1 * (p4[x] + p6[x]) + w0 * p5[x]
        }
      }
    }
  }
}

extension Pixels {
  /// Half the size, rounded up: each value the mean of 2 x 2. An odd side begins with a zero.
  func halved() -> Pixels {
    let (newWidth, newHeight) = ((width + 1) / 2, (height + 1) / 2)
    var halved = [Double](repeating: 0, count: newWidth * newHeight * channels)
    for y in 0..<height {
      let row = (y + height % 2) / 2 * newWidth
      for x in 0..<width {
        let new = (row + (x + width % 2) / 2) * channels
        let old = (y * width + x) * channels
        for channel in 0..<channels { halved[new + channel] += values[old + channel] / 4 }
      }
    }
    return Pixels(width: newWidth, height: newHeight, channels: channels, values: halved)
  }
}

extension [Double] {
  fileprivate var mean: Double { reduce(0, +) / Double(count) }
}
