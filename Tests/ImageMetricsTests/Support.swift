import Foundation
import Images
import Testing

/// What other implementations computed; see Fixtures/make_fixtures.py.
struct Fixtures: Decodable, Sendable {
  struct PixelCase: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let l1: Double
    let mse: Double
    let psnr: Double
    let ssim: Double?
    let msSSIM: Double?
    let intersections: [Double]?
    var testDescription: String { name }
  }
  struct Labels: Decodable, Sendable {
    struct Figures: Decodable, Sendable {
      let confusion: [Int]
      let accuracy: Double
      let classAccuracy: Double
      let iou: Double
    }
    let palette: [[UInt8]]
    /// By the ignored class, or "None".
    let figures: [String: Figures]
  }
  struct FrechetCase: Decodable, Sendable, CustomTestStringConvertible {
    let dimension: Int
    let a: [Double]
    let b: [Double]
    /// With 50 digits.
    let distance: Double
    /// By `scipy.linalg.sqrtm`, where covariances have full rank.
    let scipy: Double?
    var testDescription: String { "\(a.count / dimension), \(b.count / dimension) x \(dimension)" }
  }
  struct Bootstrap: Decodable, Sendable {
    let seed: UInt64
    let rows: [[Double]]
    let mean: [Double]
    let ratio: [Double]
  }
  struct Memorization: Decodable, Sendable {
    let own: Double
    let nearest: Double
    let name: String
  }
  struct Colour: Decodable, Sendable {
    let rgb: [UInt8]
    let lab: [Double]
  }

  let pixels: [PixelCase]
  let labels: Labels
  let frechet: [FrechetCase]
  let bootstrap: Bootstrap
  let memorization: [Memorization]
  let colours: [Colour]

  static let shared: Result<Fixtures, any Error> = Result {
    let folder = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
    return try JSONDecoder().decode(
      Fixtures.self, from: Data(contentsOf: folder.appending(path: "fixtures.json")))
  }
}

/// A picture from a formula of x, y and channel; samples beyond 0...255, or 0...65535, are clamped.
func picture(_ width: Int, _ height: Int, bits: Int = 8, _ formula: (Int, Int, Int) -> Int) -> Picture {
  var values: [Int] = []
  values.reserveCapacity(width * height * 3)
  for y in 0..<height {
    for x in 0..<width {
      for channel in 0..<3 { values.append(min(max(formula(x, y, channel), 0), 1 << bits - 1)) }
    }
  }
  return Picture(
    width: width, height: height, channels: 3,
    samples: bits == 8 ? .eight(values.map { UInt8($0) }) : .sixteen(values.map { UInt16($0) }))
}

/// Curved edges that repeat faster and faster, as make_fixtures.py draws them.
func drawn(_ x: Int, _ y: Int, _ c: Int) -> Int {
  ((x * x * (c + 2) + 3 * y * y + 5 * x * y) / 97 + 40 * c) & 255
}

/// In -16...15, as make_fixtures.py has it.
func noise(_ x: Int, _ y: Int, _ c: Int) -> Int {
  (((x * 7919 + y * 104_729 + c * 1_299_709) * 2_654_435_761) & 0xFFFF_FFFF) / (1 << 27) - 16
}

/// |a - b| / |b|, or |a| where b is 0.
func relativeError(_ a: Double, _ b: Double) -> Double { abs(a - b) / (b == 0 ? 1 : abs(b)) }
