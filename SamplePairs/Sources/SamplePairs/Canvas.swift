/// A colour of light or matter, linear (proportional to energy), usually in 0...1.
typealias RGB = SIMD3<Float>

/// The linear colour of 8-bit display values. A display's curve is taken as a square: it needs no libm.
func rgb(_ red: Float, _ green: Float, _ blue: Float) -> RGB {
  let c = RGB(red, green, blue) * (1 / 255)
  return c * c
}

/// The matter at one sample.
struct Sample {
  /// The share of light that the matter gives back.
  var albedo: RGB
  /// The surface's height before the wall's plane; picture widths, negative behind it.
  var height: Float
  /// The share of the colour that is light of its own (sky, reflections) and no shadow reaches; 0...1.
  var glow: Float
}

/// An outline: a rectangle whose top may be arched or pointed. Picture widths, y downwards.
struct Shape {
  enum Top {
    case flat
    case arch(rise: Float)
    case gable
  }

  var x0: Float, y0: Float, x1: Float, y1: Float
  var top = Top.flat

  init(_ x0: Float, _ y0: Float, _ x1: Float, _ y1: Float, top: Top = .flat) {
    self.x0 = x0
    self.y0 = y0
    self.x1 = x1
    self.y1 = y1
    self.top = top
  }

  var width: Float { x1 - x0 }
  var height: Float { y1 - y0 }

  /// The outline moved inwards by `d` (outwards where negative), except its lower edge.
  func inset(_ d: Float, bottom: Float? = nil) -> Shape {
    var shape = self
    shape.x0 += d
    shape.x1 -= d
    shape.y0 += d
    shape.y1 -= bottom ?? d
    if case .arch(let rise) = top {
      // The inner arc is concentric with the outer one, so an arch keeps its thickness all along.
      let radius = Shape.radius(width, rise)
      let innerRadius = radius - d
      let half = shape.width * 0.5
      let inside = innerRadius * innerRadius - half * half
      shape.top = .arch(rise: max(0.0005, innerRadius - (inside > 0 ? inside.squareRoot() : 0)))
    }
    return shape
  }

  /// The radius of an arch over `width` that rises by `rise`.
  static func radius(_ width: Float, _ rise: Float) -> Float {
    (width * width * 0.25 + rise * rise) / (2 * rise)
  }
}

/// An unfinished picture: a label per pixel, and two by two samples of matter per pixel.
struct Canvas {
  let size: Int
  /// Samples per row: twice the pixels.
  let width: Int
  /// The distance between samples in picture widths.
  let step: Float
  var labels: [UInt8]
  var samples: [Sample]

  init(size: Int) {
    self.size = size
    width = 2 * size
    step = 1 / Float(2 * size)
    labels = [UInt8](repeating: FacadeClass.background.rawValue, count: size * size)
    samples = [Sample](
      repeating: Sample(albedo: RGB(repeating: 0), height: -1, glow: 0), count: 4 * size * size)
  }

  /// Changes every sample inside the shape and, where a class is given, labels its pixels.
  /// - Parameter surface: called with the sample's place in picture widths.
  @inline(__always)
  mutating func paint(
    _ shape: Shape, _ label: FacadeClass?, _ surface: (_ x: Float, _ y: Float, inout Sample) -> Void
  ) {
    if let label {
      eachCell(of: shape, per: size) { labels[$2] = label.rawValue }
    }
    eachCell(of: shape, per: width) { surface($0, $1, &samples[$2]) }
  }
}

/// Visits the cells of a `count` x `count` grid whose centres lie inside the shape.
@inline(__always)
private func eachCell(of shape: Shape, per count: Int, _ visit: (Float, Float, Int) -> Void) {
  let n = Float(count)
  let cell = 1 / n
  // The first centre at or after an edge: both neighbours of a shared edge agree who owns a cell.
  let left = max(0, -floorInt(0.5 - shape.x0 * n))
  let right = min(count, -floorInt(0.5 - shape.x1 * n))
  let top = max(0, -floorInt(0.5 - shape.y0 * n))
  let bottom = min(count, -floorInt(0.5 - shape.y1 * n))
  guard left < right, top < bottom else { return }
  let middle = (shape.x0 + shape.x1) * 0.5
  for row in top..<bottom {
    let y = (Float(row) + 0.5) * cell
    var reach = Float.infinity
    switch shape.top {
    case .flat: break
    case .arch(let rise):
      if y < shape.y0 + rise {
        let radius = Shape.radius(shape.width, rise)
        let below = shape.y0 + radius - y
        let square = radius * radius - below * below
        reach = square > 0 ? square.squareRoot() : 0
      }
    case .gable: reach = (y - shape.y0) / shape.height * shape.width * 0.5
    }
    for column in left..<right {
      let x = (Float(column) + 0.5) * cell
      if abs(x - middle) > reach { continue }
      visit(x, y, row * count + column)
    }
  }
}
