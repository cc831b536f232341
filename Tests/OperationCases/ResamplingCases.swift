import Tape

/// Results and gradients; the order of inputs is that of make_fixtures.py.
let reflectionPadCases: [OperationCase] = [
  ([1, 1, 2, 2], 1), ([2, 3, 4, 5], 3), ([3, 16, 9, 4], 3), ([1, 24, 7, 33], 2), ([2, 48, 8, 8], 1),
  ([1, 2, 1, 1], 0),
].map { (shape: Shape, padding: Int) in
  // A pixel's gradient is the sum of up to nine.
  OperationCase("reflection pad \(shape), padding \(padding)", bound: bound(terms: 9)) { recorder in
    let x = recorder.input("x", shape)
    let y = try recorder.tape.reflectionPad(x, padding: padding)
    return [y] + (try recorder.gradients(of: y, withRespectTo: [x]))
  }
}

let resamplingCases: [OperationCase] = [
  ([1, 1, 1, 1], 2), ([2, 3, 7, 5], 2), ([3, 16, 3, 4], 3), ([1, 24, 5, 17], 4), ([2, 48, 8, 8], 1),
].flatMap { (small: Shape, factor: Int) in
  let large: Shape = [small.n, small.c, small.h * factor, small.w * factor]
  return [
    OperationCase("upsample \(small), factor \(factor)", bound: bound(terms: factor * factor)) { recorder in
      let x = recorder.input("x", small)
      let y = try recorder.tape.upsample(x, by: factor)
      return [y] + (try recorder.gradients(of: y, withRespectTo: [x]))
    },
    OperationCase("average pool \(large), factor \(factor)", bound: bound(terms: factor * factor)) {
      recorder in
      let x = recorder.input("x", large)
      let y = try recorder.tape.averagePool(x, by: factor)
      return [y] + (try recorder.gradients(of: y, withRespectTo: [x]))
    },
  ]
}

/// Sums of each image by itself: of one group of rows, and of several.
let broadcastCases: [OperationCase] = [
  [1, 1, 1, 1], [2, 3, 7, 5], [3, 16, 9, 4], [1, 48, 16, 16], [2, 24, 5, 33], [2, 20, 90, 70],
  [3, 8, 1, 257],
].flatMap { (large: Shape) in
  let terms = large.h * large.w
  return [
    OperationCase("broadcast to \(large)", bound: bound(terms: terms)) { recorder in
      let x = recorder.input("x", [large.n, large.c, 1, 1])
      let y = try recorder.tape.broadcast(x, to: (large.h, large.w))
      return [y] + (try recorder.gradients(of: y, withRespectTo: [x]))
    },
    OperationCase("spatial mean \(large)", bound: bound(terms: terms)) { recorder in
      // Around 1: a mean near 0 would have no relative accuracy.
      let x = recorder.input("x", large, .around(1))
      let y = try recorder.tape.spatialMean(x)
      return [y] + (try recorder.gradients(of: y, withRespectTo: [x]))
    },
  ]
}

/// Small integers are often equal: the first of the largest gets the gradient.
let maxPoolCases: [OperationCase] = [
  ([1, 1, 2, 2], .uniform), ([2, 3, 7, 5], .uniform), ([2, 3, 9, 12], .integers), ([3, 16, 8, 4], .uniform),
  ([1, 24, 5, 33], .uniform), ([1, 24, 6, 17], .integers), ([2, 48, 16, 16], .uniform),
].map { (shape: Shape, values: CaseValues) in
  let isIntegers = if case .integers = values { true } else { false }
  return OperationCase("max pool \(shape)\(isIntegers ? ", integers" : "")", bound: 0) { recorder in
    let x = recorder.input("x", shape, values)
    let y = try recorder.tape.maxPool(x)
    return [y] + (try recorder.gradients(of: y, withRespectTo: [x]))
  }
}

/// Windows that overlap, as AlexNet has them, without a gradient.
let overlappingMaxPoolCases: [OperationCase] = [
  ([1, 1, 3, 3], .uniform), ([2, 3, 7, 6], .uniform), ([2, 3, 9, 12], .integers), ([1, 24, 5, 33], .uniform),
  ([2, 48, 16, 15], .uniform),
].map { (shape: Shape, values: CaseValues) in
  let isIntegers = if case .integers = values { true } else { false }
  return OperationCase("max pool \(shape), window 3\(isIntegers ? ", integers" : "")", bound: 0) { recorder in
    [try recorder.tape.maxPool(recorder.input("x", shape, values), window: 3)]
  }
}
