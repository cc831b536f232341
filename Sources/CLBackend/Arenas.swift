import Tape

/// A step over flat arrays (weights, vectors), number by number, that neighbouring steps of its kind may join: where
/// their operands lie one behind the other, one launch goes over all of them.
protocol FlatOperation: OpenCLOperation {
  /// Tensors of one size, in the order of the kernel's arguments.
  var columns: [Tensor] { get }

  /// Whether `next` differs from this step in its columns only.
  func hasSettings(of next: Self) -> Bool
}

/// Weights and vectors that lie one behind the other in one buffer: a pure function of the recording.
///
/// Each run of neighbouring flat steps with equal settings has its first operands in one arena, its second operands
/// in another and so on, all in the order of the steps.
struct Arenas: Equatable, Sendable {
  struct Place: Equatable, Sendable {
    var arena: Int
    /// Floats from the arena's start, and up to the next tensor.
    var start: Int
    var floats: Int

    var end: Int { start + floats }
  }

  /// Floats of each arena.
  private(set) var sizes: [Int] = []
  /// By the tensor's number.
  private(set) var places: [Int: Place] = [:]

  /// - Parameters:
  ///   - floats: the size of a flat tensor, nil for activations
  ///   - alignment: floats; where a tensor may begin
  ///   - limit: floats; the largest arena
  init(_ recording: Recording, alignment: Int, limit: Int, floats: (Tensor) -> Int?) {
    func add<Op: FlatOperation>(runsOf type: Op.Type) {
      var run: [Op] = []
      for step in recording.steps {
        if let next = step.operation as? Op, next.columns.allSatisfy({ floats($0) != nil }) {
          if let last = run.last, !last.hasSettings(of: next) {
            place(run)
            run = []
          }
          run.append(next)
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
      for column in run[0].columns.indices {
        let column = run.map { $0.columns[column] }
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
    add(runsOf: Adam.self)
    // Sums of gradients: their results already lie where Adam reads them.
    add(runsOf: Combination.self)
  }

  /// Whether `next` lies right behind `tensor`.
  func follows(_ next: Tensor, _ tensor: Tensor) -> Bool {
    guard let place = places[tensor.id], let after = places[next.id] else { return false }
    return place.arena == after.arena && place.end == after.start
  }
}
