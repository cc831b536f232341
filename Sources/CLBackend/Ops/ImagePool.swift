import Tape

extension ImagePool: InteriorOperation, OpenCLOperation {
  /// A work-item takes its pixels of all images, one after the other: so they may share a slot.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, slots) = (planner.activation(input), planner.activation(pool))
    let y = planner.activation(output)
    try planner.launchRows(
      .imagePool, "image_pool", over: y.slice(image: 0, images: 1),
      x.arguments + slots.arguments + [.buffer(planner.vector(choices).buffer)] + y.arguments,
      [.int(Int32(y.images))])
  }
}
