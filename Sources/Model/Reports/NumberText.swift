import Foundation

/// Numbers as reports show them.
enum NumberText {
  /// A loss or a figure, with as many decimals as are worth reading.
  static func figure(_ value: Double) -> String {
    value == .infinity ? "\u{221E}" : number(value, step: abs(value) < 10 ? 0.001 : 0.01)
  }

  /// A number with the decimals that a step of this size needs and thousands set apart: 20,000 or 0.25.
  static func number(_ value: Double, step: Double) -> String {
    guard value.isFinite, abs(value) < 1e15, step > 1e-6 else { return String(format: "%.3g", value) }
    let decimals = step >= 1 ? 0 : Int((-log10(step) - 1e-9).rounded(.up))
    let text = String(format: "%.\(decimals)f", abs(value))
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    var whole = ""
    for (index, digit) in parts[0].reversed().enumerated() {
      if index > 0, index % 3 == 0 { whole.append(",") }
      whole.append(digit)
    }
    let isZero = text.allSatisfy { $0 == "0" || $0 == "." }
    let sign = value < 0 && !isZero ? "\u{2212}" : ""
    return sign + String(whole.reversed()) + (parts.count > 1 ? ".\(parts[1])" : "")
  }
}
