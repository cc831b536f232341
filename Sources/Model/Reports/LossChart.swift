import Foundation

/// Curves over one horizontal axis: faint raw points, a smoothed line over them, round ticks. `svg(title:)` draws them.
///
/// Values that are not finite leave gaps. A curve has at most `maximumPoints` points, even of a long run.
public struct LossChart: Sendable {
  /// One curve.
  public struct Series: Sendable {
    public var name: String
    /// A value for each of the chart's places; NaN and infinities are gaps, and so is what is beyond 1e300.
    public var values: [Double]
    /// A CSS colour.
    public var color: String

    public init(name: String, values: [Double], color: String) {
      self.name = name
      self.values = values
      self.color = color
    }
  }

  /// A dashed horizontal line and the words on it.
  public struct Reference: Sendable {
    public var value: Double
    public var label: String

    public init(value: Double, label: String) {
      self.value = value
      self.label = label
    }
  }

  /// A marked place: a dashed vertical line with words at its top, and a dot on every curve.
  public struct Mark: Sendable {
    /// One of the chart's places.
    public var place: Double
    public var label: String

    public init(place: Double, label: String) {
      self.place = place
      self.label = label
    }
  }

  /// The picture's size and the plot's edges in it, in SVG units.
  public enum Frame {
    public static let width = 620.0
    public static let height = 290.0
    public static let left = 54.0
    public static let right = 592.0
    public static let top = 14.0
    public static let bottom = 246.0
  }

  /// Long runs are cut into this many stretches, and one measured point is drawn for each.
  public static let maximumPoints = 600

  public let xLabel: String
  /// The values' places on the horizontal axis, ascending.
  public let places: [Double]
  public let series: [Series]
  public let reference: Reference?
  public let mark: Mark?
  /// The axes' ranges; the vertical one ends at round numbers.
  public let xRange: ClosedRange<Double>
  public let yRange: ClosedRange<Double>
  private let yStep: Double

  /// The curves' smoothed values at the points drawn.
  let curves: [[Point]]
  /// The curves' values at the mark.
  let marked: [(value: Double, color: String)]

  struct Point: Sendable {
    var place: Double
    /// Nil where a whole stretch has no finite value.
    var value: (raw: Double, smooth: Double)?
  }

  public init(
    xLabel: String, places: [Double], series: [Series], reference: Reference? = nil, mark: Mark? = nil
  ) {
    self.xLabel = xLabel
    self.places = places
    self.series = series
    self.reference = reference
    self.mark = mark
    // Values, not means: the mark is about single ones.
    marked = series.compactMap { series in
      guard let place = mark?.place, let index = places.firstIndex(of: place), index < series.values.count,
        Self.isDrawn(series.values[index])
      else { return nil }
      return (series.values[index], series.color)
    }
    let finitePlaces = places.filter(Self.isDrawn)
    let first = finitePlaces.min() ?? 0
    let last = finitePlaces.max() ?? first
    // A run is counted from zero; one that was resumed with its first part lost is not.
    xRange = (first > 0 && first < 0.1 * last ? 0 : first)...last
    curves = series.map { LossChart.thinned(places: places, values: $0.values) }

    let points = curves.flatMap { $0.compactMap(\.value) }
    // A few spikes must not press the curves flat: the axis covers the curves and 96% of the points.
    let sorted = points.map(\.raw).sorted()
    var low = points.map(\.smooth).min() ?? 0
    var high = points.map(\.smooth).max() ?? 1
    if !sorted.isEmpty {
      low = min(low, sorted[sorted.count / 50])
      high = max(high, sorted[sorted.count - 1 - sorted.count / 50])
    }
    for value in marked.map(\.value) + [reference?.value].compactMap(\.self) {
      low = min(low, value)
      high = max(high, value)
    }
    // Losses are read against zero unless all the change is far above it.
    if low > 0, low < 0.6 * high { low = 0 }
    if !(high > low) {
      let room = high == 0 ? 1 : abs(high) * 0.5
      low = low == 0 ? 0 : low - room
      high += room
    }
    let step = LossChart.roundStep(span: high - low, count: 5)
    yStep = step
    yRange = (low / step).rounded(.down) * step...(high / step).rounded(.up) * step
  }

  /// No value can be drawn.
  public var isEmpty: Bool { curves.allSatisfy { $0.allSatisfy { $0.value == nil } } }

  /// The last smoothed value of each curve, nil where it has none.
  public var lastValues: [Double?] { curves.map { $0.last { $0.value != nil }?.value?.smooth } }

  /// The abscissa of a place, in SVG units.
  public func x(_ place: Double) -> Double {
    let span = xRange.upperBound - xRange.lowerBound
    // A single place stands in the middle.
    let share = span > 0 ? (place - xRange.lowerBound) / span : 0.5
    return Frame.left + share * (Frame.right - Frame.left)
  }

  /// The ordinate of a value, in SVG units, downwards.
  public func y(_ value: Double) -> Double {
    let share = (value - yRange.lowerBound) / (yRange.upperBound - yRange.lowerBound)
    return Frame.bottom - share * (Frame.bottom - Frame.top)
  }

  // MARK: - Ticks

  /// The places that the horizontal axis names.
  var xTicks: [(value: Double, label: String)] {
    let span = xRange.upperBound - xRange.lowerBound
    guard span > 0 else {
      return places.isEmpty ? [] : [(xRange.lowerBound, NumberText.number(xRange.lowerBound, step: 1))]
    }
    // Steps and epochs are whole numbers, so are their ticks.
    let step = max(1, LossChart.roundStep(span: span, count: 6))
    let first = (xRange.lowerBound / step).rounded(.up)
    // There are about six. Beyond 2^53, adding 1 would never come to the last.
    return (0..<20).map { (first + Double($0)) * step }.prefix { $0 <= xRange.upperBound }
      .map { ($0, NumberText.number($0, step: step)) }
  }

  /// The values that the vertical axis names.
  var yTicks: [(value: Double, label: String)] {
    let count = Int(((yRange.upperBound - yRange.lowerBound) / yStep).rounded())
    return (0...max(1, count)).map { yRange.lowerBound + Double($0) * yStep }
      .map { ($0, NumberText.number($0, step: yStep)) }
  }

  // MARK: - Numbers

  /// One measured point for each stretch of the run, with the mean of its surroundings.
  private static func thinned(places: [Double], values: [Double]) -> [Point] {
    let count = min(places.count, values.count)
    let stretches = min(count, maximumPoints)
    // The mean reaches a fortieth of the run to each side, nearer values weighing more: long enough to
    // calm the noise of batches of one, and a spike does not leave a plateau. A few values need no mean.
    let reach = count < 100 ? 0 : count / 40
    return (0..<stretches).map { stretch in
      let range = stretch * count / stretches..<(stretch + 1) * count / stretches
      guard let index = range.first(where: { isDrawn(values[$0]) && isDrawn(places[$0]) }) else {
        return Point(place: places[range.lowerBound], value: nil)
      }
      var mean = 0.0
      var total = 0.0
      for near in max(0, index - reach)...min(count - 1, index + reach) where isDrawn(values[near]) {
        let weight = 1 - Double(abs(near - index)) / Double(reach + 1)
        total += weight
        // A running mean cannot overflow where a sum might.
        mean += weight / total * values[near] - weight / total * mean
      }
      return Point(place: places[index], value: (values[index], mean))
    }
  }

  /// The difference of larger values may be infinite.
  private static func isDrawn(_ value: Double) -> Bool { abs(value) <= 1e300 }

  /// 1, 2 or 5 times a power of ten, such that about `count` steps cover the span.
  private static func roundStep(span: Double, count: Int) -> Double {
    let rough = span / Double(count)
    guard rough.isFinite, rough > 1e-300 else { return 1 }
    let power = pow(10, log10(rough).rounded(.down))
    let factor = rough / power
    return (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10) * power
  }
}
