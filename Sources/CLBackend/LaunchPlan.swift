import Tape

/// The launches of some steps, in order, their buffers in shared rooms. Nothing is built or allocated yet.
package struct LaunchPlan {
  package private(set) var launches: [PlannedLaunch] = []

  /// - Parameter clearings: by the number of the launch that needs them
  init(_ planned: [PlannedLaunch], _ clearings: [Clearing], _ deviceClass: DeviceClass) throws(OpenCLError) {
    var clearings = clearings[...]
    for (index, launch) in planned.enumerated() {
      while let clearing = clearings.first, clearing.before == index {
        launches.append(try clearing.launch(deviceClass))
        clearings.removeFirst()
      }
      launches.append(launch)
    }
  }

  var programs: [ProgramCache.Request] { launches.compactMap(\.program) }

  /// The buffers that the launches read and write.
  var buffers: [Buffer] { launches.flatMap(\.buffers) }
}
