/// The frame between pictures and the maps of networks, whose sides are multiples of the networks' alignment: pictures are
/// continued at the right and at the bottom by mirror images of themselves, and maps are cut back.
public struct Framing: Sendable {
  /// Of the pictures.
  public let size: PictureSize
  /// Of the maps, nowhere smaller.
  public let padded: PictureSize

  /// - Parameters:
  ///   - size: of pictures
  ///   - padded: of maps, nowhere smaller
  public init(size: PictureSize, padded: PictureSize) {
    (self.size, self.padded) = (size, padded)
  }

  /// Planes [..., H, W] of the pictures' size as ones of the maps'. Edges are not repeated; where the padding is longer
  /// than the picture, mirror images are mirrored again.
  public func padded(_ planes: [Float]) -> [Float] {
    guard padded != size else { return planes }
    let columns = (0..<padded.width).map { Self.mirrored($0, size.width) }
    let rows = (0..<padded.height).map { Self.mirrored($0, size.height) * size.width }
    let count = planes.count / size.area
    return [Float](unsafeUninitializedCapacity: count * padded.area) { out, initialized in
      for plane in 0..<count {
        for row in rows {
          for column in columns {
            out.initializeElement(at: initialized, to: planes[plane * size.area + row + column])
            initialized += 1
          }
        }
      }
    }
  }

  /// Maps [..., H, W] as planes of the pictures' size.
  public func cut(_ maps: [Float]) -> [Float] {
    guard padded != size else { return maps }
    var planes: [Float] = []
    planes.reserveCapacity(maps.count / padded.area * size.area)
    for plane in 0..<maps.count / padded.area {
      for row in 0..<size.height {
        let start = plane * padded.area + row * padded.width
        planes += maps[start..<start + size.width]
      }
    }
    return planes
  }

  /// The place in 0..<count that a place from 0 on shows, back and forth between the ends.
  private static func mirrored(_ place: Int, _ count: Int) -> Int {
    guard count > 1 else { return 0 }
    let period = 2 * (count - 1)
    return min(place % period, period - place % period)
  }
}
