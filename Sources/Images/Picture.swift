/// A decoded picture: samples row-major and interleaved, 1 channel (gray) or 3 (RGB).
public struct Picture: Sendable, Equatable {
  public let width: Int
  public let height: Int
  public let channels: Int
  /// 255 for 8-bit samples, 65535 for 16-bit ones.
  public let maximum: UInt16
  /// height x width x channels values from 0 to `maximum`.
  public var samples: [UInt16]
  /// From a palette: probably a label map, whose colours must not be mixed.
  public let isPalette: Bool

  public init(
    width: Int, height: Int, channels: Int, maximum: UInt16 = 255, samples: [UInt16], isPalette: Bool = false
  ) {
    precondition(samples.count == width * height * channels && (channels == 1 || channels == 3))
    self.width = width
    self.height = height
    self.channels = channels
    self.maximum = maximum
    self.samples = samples
    self.isPalette = isPalette
  }

  /// The most pixels on a side that are decoded.
  public static let largestSide = 16384

  /// The columns `columns` of every row.
  public func cropped(columns: Range<Int>, rows: Range<Int>? = nil) -> Picture {
    let rows = rows ?? 0..<height
    var result: [UInt16] = []
    result.reserveCapacity(columns.count * rows.count * channels)
    for y in rows {
      let row = y * width * channels
      result += samples[row + columns.lowerBound * channels..<row + columns.upperBound * channels]
    }
    return Picture(
      width: columns.count, height: rows.count, channels: channels, maximum: maximum, samples: result,
      isPalette: isPalette)
  }

  /// Planes [3, height, width] of values in [-1, 1]; gray becomes three equal planes.
  public func planes() -> [Float] {
    var result = [Float](repeating: 0, count: 3 * width * height)
    writePlanes(into: &result, at: 0, left: 0, top: 0, width: width, height: height, flipped: false)
    return result
  }

  /// Writes the planes [3, height, width] of a cut of this picture, mirrored left to right on request, from
  /// `offset` on. x / (maximum / 2) - 1.
  func writePlanes(
    into planes: inout [Float], at offset: Int, left: Int, top: Int, width cutWidth: Int,
    height cutHeight: Int,
    flipped: Bool
  ) {
    let scale = 2 / Float(maximum)
    let area = cutWidth * cutHeight
    samples.withUnsafeBufferPointer { source in
      planes.withUnsafeMutableBufferPointer { target in
        for plane in 0..<3 {
          let channel = channels == 1 ? 0 : plane
          for y in 0..<cutHeight {
            let row = ((top + y) * width + left) * channels + channel
            let out = offset + plane * area + y * cutWidth
            for x in 0..<cutWidth {
              let column = flipped ? cutWidth - 1 - x : x
              target[out + x] = Float(source[row + column * channels]) * scale - 1
            }
          }
        }
      }
    }
  }

  /// A picture of planes [3, height, width] in [-1, 1]: round((x + 1) * 127.5), cut off at 0 and 255.
  public init(planes: [Float], width: Int, height: Int) {
    precondition(planes.count == 3 * width * height)
    let area = width * height
    var samples = [UInt16](repeating: 0, count: planes.count)
    for p in 0..<area {
      for c in 0..<3 {
        let value = ((planes[c * area + p] + 1) * 127.5).rounded()
        samples[3 * p + c] = value.isNaN ? 0 : UInt16(min(255, max(0, value)))
      }
    }
    self.init(width: width, height: height, channels: 3, samples: samples)
  }

  /// Pictures of one size in rows and columns: a sample strip is a row of input, output and target.
  public static func sheet(_ rows: [[Picture]]) -> Picture {
    guard let first = rows.first?.first else { preconditionFailure("a sheet of no pictures") }
    let columns = rows[0].count
    let (width, height) = (first.width * columns, first.height * rows.count)
    var samples = [UInt16](repeating: 0, count: width * height * 3)
    for (j, row) in rows.enumerated() {
      for (i, picture) in row.enumerated() {
        precondition(picture.width == first.width && picture.height == first.height)
        for y in 0..<picture.height {
          for x in 0..<picture.width {
            for c in 0..<3 {
              samples[((j * picture.height + y) * width + i * picture.width + x) * 3 + c] =
                picture.samples[(y * picture.width + x) * picture.channels + (picture.channels == 1 ? 0 : c)]
            }
          }
        }
      }
    }
    return Picture(width: width, height: height, channels: 3, samples: samples)
  }
}

/// What is wrong with a picture or a folder of pictures, in one line for the user.
public struct ImageError: Error, Equatable, CustomStringConvertible {
  /// The file or folder.
  public let path: String
  public let reason: String

  init(_ path: String, _ reason: String) {
    self.path = path
    self.reason = reason
  }

  public var description: String { "\(path): \(reason)" }
}
