import Tape

extension Concatenation: OpenCLOperation {
  /// Nothing to do where the parts were laid inside the whole.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    guard !planner.isView(output) else { return }
    var channel = 0
    for part in parts {
      try planner.planCopy(
        from: planner.activation(part), channel: 0, to: planner.activation(output), channel: channel,
        count: part.shape.c)
      channel += part.shape.c
    }
  }
}

extension Slice: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    guard !planner.isView(output) else { return }
    try planner.planCopy(
      from: planner.activation(input), channel: channels.lowerBound, to: planner.activation(output),
      channel: 0, count: channels.count)
  }
}

extension BatchConcatenation: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    guard !planner.isView(output) else { return }
    var image = 0
    for part in parts {
      try planner.planCopy(
        from: planner.activation(part), channel: 0,
        to: planner.activation(output).part(image: image, images: part.shape.n), channel: 0,
        count: part.shape.c)
      image += part.shape.n
    }
  }
}

extension BatchSplit: OpenCLOperation {
  /// Nothing to do: the parts lie in the whole.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    precondition(parts.allSatisfy(planner.isView), "part of a batch beside it")
  }
}

extension LaunchPlanner {
  fileprivate func planCopy(
    from source: ActivationView, channel first: Int, to target: ActivationView, channel position: Int,
    count: Int
  ) throws(OpenCLError) {
    try launchPixels(
      .elementwise, "copy_channels",
      over: SIMD4(Int32(source.images), Int32(count), Int32(source.height), Int32(source.width)),
      source.arguments + target.arguments, [.int(Int32(first)), .int(Int32(position))])
  }
}
