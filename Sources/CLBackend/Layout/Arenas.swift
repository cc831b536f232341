import Tape

/// Weights and vectors that lie one behind the other in one buffer: a pure function of the recording.
///
/// Each run of neighbouring flat steps with equal settings has its first operands in one arena, its second operands in
/// another and so on, the small ones first: a large weight may be updated with its gradient instead, and the others
/// then still lie side by side.
package struct Arenas: Equatable, Sendable {
  package struct Place: Equatable, Sendable {
    package var arena: Int
    /// Floats from the arena's start, and up to the next tensor.
    package var start: Int
    package var floats: Int

    package var end: Int { start + floats }
  }

  /// Floats of each arena.
  package private(set) var sizes: [Int] = []
  /// By the tensor's number.
  package private(set) var places: [Int: Place] = [:]

  /// - Parameters:
  ///   - floats: the size of a flat tensor, nil for activations
  ///   - alignment: floats; where a tensor may begin
  ///   - limit: floats; the largest arena
  ///   - leftOut: tensors that get no place; nor do the other operands of their steps
  package init(
    _ recording: Recording, alignment: Int, limit: Int, leavingOut leftOut: Set<Tensor> = [],
    floats: (Tensor) -> Int?
  ) {
    func add<Op: FlatOperation>(runsOf type: Op.Type) {
      var run: [Op] = []
      for step in recording.steps {
        if let next = step.operation as? Op, next.columns.allSatisfy({ floats($0) != nil }) {
          if let last = run.last, !last.hasSettings(of: next) {
            place(run)
            run = []
          }
          if leftOut.isDisjoint(with: next.columns) { run.append(next) }
        } else {
          place(run)
          run = []
        }
      }
      place(run)
    }
    func place(_ run: [some FlatOperation]) {
      // One step needs no arena, and a tensor can lie in one place only.
      let tensors = run.flatMap(\.columns)
      guard run.count > 1, Set(tensors).count == tensors.count else { return }
      let order = run.indices.sorted {
        let (a, b) = (floats(run[$0].columns[0])!, floats(run[$1].columns[0])!)
        return (a, $0) < (b, $1)
      }
      for column in run[0].columns.indices {
        let column = order.map { run[$0].columns[column] }
        guard column.allSatisfy({ places[$0.id] == nil }) else { continue }
        var size = 0
        for tensor in column {
          let extent = (floats(tensor)! + alignment - 1) / alignment * alignment
          if size > 0, size + extent > limit {
            sizes.append(size)
            size = 0
          }
          places[tensor.id] = Place(arena: sizes.count, start: size, floats: extent)
          size += extent
        }
        sizes.append(size)
      }
    }
    for type in Self.flatOperations(recording) { add(runsOf: type) }
  }

  /// The kinds of flat operations of a recording. The one with most columns comes first, since a tensor has one place:
  /// sums of gradients then lie where Adam reads them.
  private static func flatOperations(_ recording: Recording) -> [any FlatOperation.Type] {
    var columns: [ObjectIdentifier: (type: any FlatOperation.Type, count: Int, first: Int)] = [:]
    for (index, step) in recording.steps.enumerated() {
      guard let operation = step.operation as? any FlatOperation else { continue }
      let type = type(of: operation)
      guard columns[ObjectIdentifier(type)] == nil else { continue }
      columns[ObjectIdentifier(type)] = (type, operation.columns.count, index)
    }
    return columns.values.sorted { ($1.count, $0.first) < ($0.count, $1.first) }.map(\.type)
  }

  /// Whether a tensor lies before another, in arenas counted through; one that is in none comes first.
  func precedes(_ first: Tensor, _ second: Tensor) -> Bool {
    guard let b = places[second.id] else { return false }
    guard let a = places[first.id] else { return true }
    return (a.arena, a.start) < (b.arena, b.start)
  }

  /// Whether `next` lies right behind `tensor`.
  package func follows(_ next: Tensor, _ tensor: Tensor) -> Bool {
    guard let place = places[tensor.id], let after = places[next.id] else { return false }
    return place.arena == after.arena && place.end == after.start
  }
}
