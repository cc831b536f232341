import Tape

extension Concatenation: InteriorOperation, OpenCLOperation {
  var views: [OperandView] { OperandView.channels(of: output, parts) }

  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    guard !planner.isView(output) else { return }
    var channel = 0
    for first in stride(from: 0, to: parts.count, by: 2) {
      let (part, next) = (parts[first], first + 1 < parts.count ? parts[first + 1] : nil)
      try planner.planCopy(
        from: planner.activation(part), channel: 0, count: part.shape.c, and: next.map(planner.activation),
        to: planner.activation(output), channel: channel)
      channel += part.shape.c + (next?.shape.c ?? 0)
    }
  }
}

extension Slice: InteriorOperation, OpenCLOperation {
  var views: [OperandView] {
    [OperandView(tensor: output, container: input, channel: channels.lowerBound)]
  }

  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    guard !planner.isView(output) else { return }
    try planner.planCopy(
      from: planner.activation(input), channel: channels.lowerBound, count: channels.count,
      to: planner.activation(output), channel: 0)
  }
}

extension SliceGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (dy, dx) = (planner.activation(gradient), planner.activation(output))
    try planner.launchPixels(
      .elementwise, "embed_channels", over: dx.shape, dy.arguments + dx.arguments,
      [.int(Int32(channels.lowerBound)), .int(Int32(channels.count))])
  }
}

extension BatchConcatenation: InteriorOperation, OpenCLOperation {
  var views: [OperandView] { OperandView.images(of: output, parts) }

  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    guard !planner.isView(output) else { return }
    var image = 0
    for part in parts {
      try planner.planCopy(
        from: planner.activation(part), channel: 0, count: part.shape.c,
        to: planner.activation(output).slice(image: image, images: part.shape.n), channel: 0)
      image += part.shape.n
    }
  }
}

extension BatchSplit: InteriorOperation, OpenCLOperation {
  var views: [OperandView] { OperandView.images(of: input, parts) }

  /// No launch: groups of a batch always lie inside it.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    precondition(parts.allSatisfy(planner.isView), "a group of a batch lies outside it")
  }
}

extension LaunchPlanner {
  /// Copies `count` channels of one activation, and all of a second behind them.
  fileprivate func planCopy(
    from source: ActivationView, channel first: Int, count: Int, and second: ActivationView? = nil,
    to target: ActivationView, channel position: Int
  ) throws(OpenCLError) {
    let channels = count + (second?.channels ?? 0)
    try launchPixels(
      .elementwise, "copy_channels",
      over: SIMD4(Int32(source.images), Int32(channels), Int32(source.height), Int32(source.width)),
      source.arguments + (second ?? source).arguments + target.arguments,
      [.int(Int32(first)), .int(Int32(position)), .int(Int32(count))])
  }
}
