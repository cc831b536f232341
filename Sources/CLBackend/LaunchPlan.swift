import Tape

/// The launches of some steps, in order, their buffers in shared rooms. Nothing is built or allocated yet.
package struct LaunchPlan {
  package private(set) var launches: [PlannedLaunch] = []
  /// The steps as they are launched together, and the number of launches up to the end of each.
  let steps: [(step: FusedStep, end: Int)]
  /// The buffers of derived tensors: one launch writes them, and others read them.
  let derived: Set<ObjectIdentifier>

  /// - Parameters:
  ///   - steps: with the number of planned launches up to the end of each
  ///   - clearings: by the number of the launch that needs them
  init(
    _ planned: [PlannedLaunch], of steps: [(step: FusedStep, end: Int)], _ clearings: [Clearing],
    derived: some Sequence<Buffer>, _ deviceClass: DeviceClass
  ) throws(OpenCLError) {
    var clearings = clearings[...]
    var launches: [PlannedLaunch] = []
    /// The numbers of launches, by those of planned ones.
    var ends = [0]
    for (index, launch) in planned.enumerated() {
      while let clearing = clearings.first, clearing.before == index {
        launches.append(try clearing.launch(deviceClass))
        clearings.removeFirst()
      }
      launches.append(launch)
      ends.append(launches.count)
    }
    self.launches = launches
    self.steps = steps.map { ($0.step, ends[$0.end]) }
    self.derived = Set(derived.map(ObjectIdentifier.init))
  }

  var programs: [ProgramCache.Request] { launches.compactMap(\.program) }

  /// The buffers that the launches read and write.
  var buffers: [Buffer] { launches.flatMap(\.buffers) }
}
