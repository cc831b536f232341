import Foundation

/// Edges after Canny, "A computational approach to edge detection" (1986): smoothing, gradient, thinning to the
/// gradient's maxima, and thresholds with hysteresis.
///
/// Step by step the same as scikit-image's `feature.canny`, so that thresholds mean the same there.
public struct Canny: Sendable, Equatable {
  /// The standard deviation of the smoothing Gaussian, in pixels: finer details are no edges.
  public var sigma: Double
  /// A pixel whose gradient is at least this belongs to an edge when the edge has a strong pixel somewhere.
  /// Gradients are Sobel's, unscaled, of gray levels 0...1: a sharp step from black to white has 4, less after
  /// smoothing (2.6 with sigma 1, 1.5 with sigma 2).
  public var low: Double
  /// A pixel whose gradient is at least this is strong.
  public var high: Double

  /// The defaults draw outlines and larger details of a photograph of 256 pixels on a side, and hardly any
  /// texture.
  public init(sigma: Double = 1.5, low: Double = 0.1, high: Double = 0.25) {
    precondition(sigma > 0 && low > 0 && high >= low, "thresholds are positive, and high is not below low")
    self.sigma = sigma
    self.low = low
    self.high = high
  }

  /// True for each pixel on an edge, row by row. Colours count by their luma; border pixels are never on an edge.
  public func edges(of picture: Picture) -> [Bool] {
    let gray = Self.levels(picture.gray())
    let (width, height) = (picture.width, picture.height)
    let smooth = smoothed(gray, width, height)
    let (dx, dy) = Self.sobel(smooth, width, height)
    let thin = thinned(dx, dy, width, height)
    return linked(thin, width, height)
  }

  /// Gray levels 0...1.
  private static func levels(_ picture: Picture) -> [Double] {
    switch picture.samples {
    case .eight(let values): values.map { Double($0) / 255 }
    case .sixteen(let values): values.map { Double($0) / 65535 }
    }
  }

  // MARK: - Smoothing

  /// The values convolved with a Gaussian cut off at 4 sigma; near the border, the weighted mean of the pixels inside.
  private func smoothed(_ values: [Double], _ width: Int, _ height: Int) -> [Double] {
    let radius = Int(4 * sigma + 0.5)
    let raw = (-radius...radius).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
    let sum = raw.reduce(0, +)
    let kernel = raw.map { $0 / sum }
    // The kernel's sum over positions inside, along either axis.
    func inside(_ count: Int) -> [Double] {
      (0..<count).map { place in
        (-radius...radius).reduce(0.0) {
          (0..<count).contains(place + $1) ? $0 + kernel[$1 + radius] : $0
        }
      }
    }
    let (insideX, insideY) = (inside(width), inside(height))
    var columns = [Double](repeating: 0, count: width * height)
    var out = columns
    values.withUnsafeBufferPointer { values in
      columns.withUnsafeMutableBufferPointer { columns in
        for y in 0..<height {
          for offset in -radius...radius where y + offset >= 0 && y + offset < height {
            let weight = kernel[offset + radius]
            let from = values.baseAddress! + (y + offset) * width
            let to = columns.baseAddress! + y * width
            for x in 0..<width { to[x] += from[x] * weight }
          }
        }
        out.withUnsafeMutableBufferPointer { out in
          for y in 0..<height {
            let from = columns.baseAddress! + y * width
            let to = out.baseAddress! + y * width
            for offset in -radius...radius {
              let weight = kernel[offset + radius]
              let first = max(0, -offset)
              let end = min(width, width - offset)
              guard first < end else { continue }
              for x in first..<end { to[x] += from[x &+ offset] * weight }
            }
            for x in 0..<width { to[x] /= insideX[x] * insideY[y] }
          }
        }
      }
    }
    return out
  }

  // MARK: - Gradient

  /// Sobel's differences to the right and downwards; beyond the border lies the border's own pixel.
  private static func sobel(_ values: [Double], _ width: Int, _ height: Int) -> (dx: [Double], dy: [Double]) {
    var dx = [Double](repeating: 0, count: width * height)
    var dy = dx
    for y in 0..<height {
      let above = max(y - 1, 0) * width
      let here = y * width
      let below = min(y + 1, height - 1) * width
      for x in 0..<width {
        let (left, right) = (max(x - 1, 0), min(x + 1, width - 1))
        let corners = values[below + right] - values[above + left]
        let others = values[above + right] - values[below + left]
        dx[here + x] = corners + others + 2 * (values[here + right] - values[here + left])
        dy[here + x] = corners - others + 2 * (values[below + x] - values[above + x])
      }
    }
    return (dx, dy)
  }

  // MARK: - Thinning

  /// The gradient's magnitude where it is at least `low` and not below that a step ahead or back along the
  /// gradient, which lies between two neighbours; 0 elsewhere.
  private func thinned(_ dx: [Double], _ dy: [Double], _ width: Int, _ height: Int) -> [Double] {
    let magnitude = zip(dx, dy).map { ($0 * $0 + $1 * $1).squareRoot() }
    var out = [Double](repeating: 0, count: width * height)
    guard width > 2, height > 2 else { return out }
    for y in 1..<height - 1 {
      for x in 1..<width - 1 {
        let place = y * width + x
        let here = magnitude[place]
        guard here >= low else { continue }
        let stepX = dx[place] < 0 ? -1 : 1
        let stepY = dy[place] < 0 ? -width : width
        let (across, down) = (abs(dx[place]), abs(dy[place]))
        let straight = down > across ? stepY : stepX
        let weight = down > across ? across / down : down / across
        let diagonal = stepX + stepY
        let ahead = magnitude[place + diagonal] * weight + magnitude[place + straight] * (1 - weight)
        let back = magnitude[place - diagonal] * weight + magnitude[place - straight] * (1 - weight)
        if ahead <= here && back <= here { out[place] = here }
      }
    }
    return out
  }

  // MARK: - Hysteresis

  /// Strong pixels, and pixels connected to them through thinned ones, diagonals included.
  private func linked(_ thin: [Double], _ width: Int, _ height: Int) -> [Bool] {
    var isEdge = [Bool](repeating: false, count: width * height)
    var open = thin.indices.filter { thin[$0] >= high }
    for place in open { isEdge[place] = true }
    while let place = open.popLast() {
      // The border is 0, so that all eight neighbours exist.
      for row in [place - width, place, place + width] {
        for neighbour in row - 1...row + 1 where thin[neighbour] > 0 && !isEdge[neighbour] {
          isEdge[neighbour] = true
          open.append(neighbour)
        }
      }
    }
    return isEdge
  }
}
