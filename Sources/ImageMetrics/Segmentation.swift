/// A confusion matrix, pixels by their class and the class that they were given, and the figures of semantic segmentation
/// that follow (Long, Shelhamer and Darrell 2015, "Fully convolutional networks for semantic segmentation", section 5).
/// With n[i][j] pixels of class i that were called j:
///
///     per-pixel accuracy = sum of n[i][i] / sum of n[i][j]
///     per-class accuracy = mean over classes of n[i][i] / (row i)
///     class IOU          = mean over classes of n[i][i] / (row i + column i - n[i][i])
///
/// Means are over the classes for which the quotient is defined: classes in the targets, and for IOU classes in either.
public struct ConfusionMatrix: Sendable, Equatable {
  public let classes: Int
  /// [classes][classes] pixels: a row per class of the target, a column per class of the output.
  public private(set) var counts: [Int]

  /// The matrix of no pictures.
  public init(classes: Int) {
    precondition(classes > 0, "there are classes")
    self.classes = classes
    counts = [Int](repeating: 0, count: classes * classes)
  }

  /// The matrix of two pictures of one size.
  /// - Parameters:
  ///   - outputs, targets: the class of each pixel, below `classes`
  ///   - ignoring: a class of the targets whose pixels are left out, such as "unlabelled"
  public init(outputs: [UInt8], targets: [UInt8], classes: Int, ignoring ignored: Int? = nil) {
    precondition(outputs.count == targets.count, "pictures that are compared have one size")
    self.init(classes: classes)
    for (output, target) in zip(outputs, targets) where Int(target) != ignored {
      counts[Int(target) * classes + Int(output)] += 1
    }
  }

  public static func += (sum: inout ConfusionMatrix, other: ConfusionMatrix) {
    precondition(sum.classes == other.classes, "matrices that are added have the same classes")
    for index in sum.counts.indices { sum.counts[index] += other.counts[index] }
  }

  /// The diagonal and the sums, from which the figures follow.
  public var totals: ClassTotals {
    var totals = ClassTotals(classes: classes)
    for target in 0..<classes {
      for output in 0..<classes {
        let count = counts[target * classes + output]
        if target == output { totals.correct[target] += count }
        totals.targets[target] += count
        totals.outputs[output] += count
      }
    }
    return totals
  }
}

/// A confusion matrix's diagonal and sums. They add up over pictures as the matrix does.
public struct ClassTotals: Sendable, Equatable {
  /// Pixels of each class that were called so.
  public fileprivate(set) var correct: [Int]
  /// Pixels of each class.
  public fileprivate(set) var targets: [Int]
  /// Pixels that were called each class.
  public fileprivate(set) var outputs: [Int]

  fileprivate init(classes: Int) {
    correct = [Int](repeating: 0, count: classes)
    (targets, outputs) = (correct, correct)
  }

  /// Correct pixels over all; NaN when there are none.
  public var pixelAccuracy: Double {
    Double(correct.reduce(0, +)) / Double(targets.reduce(0, +))
  }

  /// Each class's share of correct pixels; nil for a class that no target shows.
  public var accuracies: [Double?] {
    zip(correct, targets).map { $1 > 0 ? Double($0) / Double($1) : nil }
  }

  /// Each class's intersection over union; nil for a class that neither side shows.
  public var intersectionsOverUnions: [Double?] {
    correct.indices.map { index in
      let union = targets[index] + outputs[index] - correct[index]
      return union > 0 ? Double(correct[index]) / Double(union) : nil
    }
  }

  /// The mean of `accuracies`; NaN when there are none.
  public var classAccuracy: Double { Self.mean(accuracies) }

  /// The mean of `intersectionsOverUnions`; NaN when there are none.
  public var classIOU: Double { Self.mean(intersectionsOverUnions) }

  private static func mean(_ values: [Double?]) -> Double {
    let defined = values.compactMap(\.self)
    return defined.reduce(0, +) / Double(defined.count)
  }

  /// All counts in one row, an addend of `Bootstrap.intervals(ofSums:)`.
  var row: [Double] { (correct + targets + outputs).map(Double.init) }

  /// The totals of a row, or of a sum of rows.
  init(row: ArraySlice<Double>) {
    let classes = row.count / 3
    let counts = row.map { Int($0) }
    correct = Array(counts[..<classes])
    targets = Array(counts[classes..<2 * classes])
    outputs = Array(counts[(2 * classes)...])
  }
}
