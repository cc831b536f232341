/// A picture beside itself, translated to the other domain and back, as planes in [-1, 1].
public enum CycleError {
  /// The standard deviation of the noise on the picture between, in gray levels.
  public static let noise = 2.0

  /// The mean absolute difference of planes, in gray levels.
  public static func value(_ back: [Float], _ planes: [Float]) -> Double {
    precondition(back.count == planes.count && !planes.isEmpty, "planes of one picture")
    var sum = 0.0
    for index in planes.indices { sum += abs(Double(back[index]) - Double(planes[index])) }
    return sum / Double(planes.count) * 127.5
  }

  /// Planes as a file of 8 bits keeps them, with noise on top: what a generator hid in less than that is lost.
  ///
  /// - Parameter noise: a number for each value, in gray levels
  public static func disturbed(_ planes: [Float], noise: [Float]) -> [Float] {
    precondition(planes.count == noise.count, "noise for each value")
    return [Float](unsafeUninitializedCapacity: planes.count) { result, count in
      for index in planes.indices {
        let level = ((planes[index] + 1) * 127.5).rounded()
        result[index] = min(max((level + noise[index]) / 127.5 - 1, -1), 1)
      }
      count = planes.count
    }
  }
}
