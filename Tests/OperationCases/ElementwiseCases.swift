import Tape

private let shapes: [Shape] = [
  [1, 1, 1, 1], [2, 3, 7, 5], [3, 16, 9, 4], [1, 48, 16, 16], [2, 24, 5, 33],
]

let channelSumCases: [OperationCase] =
  (shapes + [[2, 64, 32, 32]]).map { shape in
    // Around 1: a sum near 0 would have no relative accuracy.
    OperationCase("channel sum \(shape)", bound: bound(terms: shape.n * shape.h * shape.w)) { recorder in
      [try recorder.tape.channelSum(recorder.input("x", shape, .around(1)))]
    }
  }
  + [
    OperationCase("channel sum [2, 24, 17, 9], integers", bound: 0) { recorder in
      [try recorder.tape.channelSum(recorder.input("x", [2, 24, 17, 9], .integers))]
    }
  ]

let activationGradientCases: [OperationCase] = shapes.flatMap { shape in
  [Activation.relu, .leakyReLU].map { activation in
    // Integers: some values are 0, where the slope is that of negative values.
    OperationCase("activation gradient \(shape), \(activation)", bound: bound(terms: 0)) { recorder in
      let dy = recorder.input("dy", shape)
      let x = recorder.input("x", shape, .integers)
      return [try recorder.tape.activationGradient(dy, at: x, activation)]
    }
  }
}

let elementwiseCases: [OperationCase] = ElementwiseFunction.all.flatMap { function in
  shapes.flatMap { shape in
    [
      // OpenCL allows tanh 5 ulp.
      OperationCase("\(function.name) \(shape)", bound: bound(terms: 0, extra: 16)) { recorder in
        [try recorder.tape.apply(function, recorder.input("x", shape, .scaled(4)))]
      },
      OperationCase("\(function.name) gradient \(shape)", bound: bound(terms: 0, extra: 32)) { recorder in
        let x = recorder.input("x", shape, .scaled(2))
        return try recorder.gradients(of: recorder.tape.apply(function, x), withRespectTo: [x])
      },
    ]
  }
}

let dropoutMaskCases: [OperationCase] = (shapes + [[3, 512, 2, 2]]).flatMap { shape in
  [0.5, 0.25].map { rate in
    // Random words decide, so the masks are equal.
    OperationCase("dropout mask \(shape), rate \(rate)", bound: rate == 0.5 ? 0 : bound(terms: 0)) {
      recorder in
      let schedule = recorder.schedule(
        Schedule(step: 70_000 + shape.count, learningRate: 0.0002, seed: 0xFEDC_BA98_7654_3210))
      return [try recorder.tape.dropoutMask(shape, rate: rate, stream: 3, schedule: schedule)]
    }
  }
}

let multiplyCases: [OperationCase] = shapes.map { shape in
  OperationCase("multiply \(shape)", bound: bound(terms: 0)) { recorder in
    [try recorder.tape.multiply(recorder.input("a", shape), recorder.input("b", shape))]
  }
}

let combinationCases: [OperationCase] =
  shapes.map { shape in
    OperationCase("combination \(shape)", bound: bound(terms: 2)) { recorder in
      let (a, b) = (recorder.input("a", shape), recorder.input("b", shape))
      return [try recorder.tape.combination(0.75, a, -1.5, b)]
    }
  }
  + [
    OperationCase("combination weights [48, 24, 3, 3]", bound: bound(terms: 2)) { recorder in
      let a = recorder.input("a", [48, 24, 3, 3], kind: .weight)
      let b = recorder.input("b", [48, 24, 3, 3], kind: .weight)
      return [try recorder.tape.combination(1, a, 1, b)]
    },
    OperationCase("combination vectors [24]", bound: bound(terms: 2)) { recorder in
      let a = recorder.input("a", [24], kind: .vector)
      let b = recorder.input("b", [24], kind: .vector)
      return [try recorder.tape.combination(1, a, 0.1, b)]
    },
  ]

let concatenationCases: [OperationCase] = [
  ([2, 1, 6, 5], [16, 16]), ([1, 1, 4, 4], [32, 16]), ([3, 1, 7, 3], [48, 64]), ([2, 1, 9, 8], [3, 3]),
  ([1, 1, 5, 5], [16, 3]), ([2, 1, 5, 6], [3, 16]), ([1, 1, 8, 3], [16, 32, 48]), ([2, 1, 4, 4], [3, 1, 3]),
  ([1, 1, 1, 1], [24, 8]),
].map { (first: Shape, channels: [Int]) in
  OperationCase("concatenation \(channels) of \(first.n) x \(first.h) x \(first.w)", bound: 0) { recorder in
    let parts = channels.map { recorder.input("part", [first.n, $0, first.h, first.w]) }
    return [try recorder.tape.concatenation(parts)]
  }
}

/// Concatenations whose parts are results, used more than once or themselves concatenations: where an executor
/// that lays parts in their whole must not confuse them.
let nestedConcatenationCases: [OperationCase] = [
  OperationCase("concatenation nested, 16-multiples", bound: bound(terms: 0)) { recorder in
    let (a, b) = (recorder.input("a", [2, 16, 4, 5]), recorder.input("b", [2, 32, 4, 5]))
    let c = try recorder.tape.multiply(recorder.input("c", [2, 16, 4, 5]), a)
    let inner = try recorder.tape.concatenation([a, b])
    let outer = try recorder.tape.concatenation([inner, c])
    return [inner, outer, try recorder.tape.combination(1, outer, 1, outer)]
  },
  OperationCase("concatenation nested, 3 + 3 channels", bound: bound(terms: 0)) { recorder in
    let (a, b) = (recorder.input("a", [1, 3, 6, 5]), recorder.input("b", [1, 3, 6, 5]))
    let inner = try recorder.tape.concatenation([a, b])
    let outer = try recorder.tape.concatenation([inner, a])
    return [inner, outer, try recorder.tape.multiply(outer, outer)]
  },
  OperationCase("concatenation of one tensor twice", bound: 0) { recorder in
    let a = recorder.input("a", [2, 16, 3, 4])
    return [try recorder.tape.concatenation([a, a])]
  },
  OperationCase("concatenation of one tensor with two others", bound: 0) { recorder in
    let (a, b) = (recorder.input("a", [2, 16, 3, 4]), recorder.input("b", [2, 16, 3, 4]))
    return [try recorder.tape.concatenation([a, b]), try recorder.tape.concatenation([b, a])]
  },
]

/// Batches laid one behind the other and taken apart again, with what lies in them a concatenation or a slice itself.
let batchCases: [OperationCase] = [
  OperationCase("batch concatenation of 1 + 2", bound: 0) { recorder in
    let parts = [1, 2].map { recorder.input("part", [$0, 20, 5, 3]) }
    return [try recorder.tape.batchConcatenation(parts)]
  },
  OperationCase("batch concatenation of one tensor twice", bound: 0) { recorder in
    let part = recorder.input("part", [2, 3, 4, 5])
    return [try recorder.tape.batchConcatenation([part, part])]
  },
  OperationCase("batch concatenation of concatenations", bound: bound(terms: 0)) { recorder in
    let tape = recorder.tape
    let (a, b) = (recorder.input("a", [2, 16, 3, 4]), recorder.input("b", [2, 16, 3, 4]))
    let c = try tape.multiply(a, b)
    let parts = [try tape.concatenation([a, b]), try tape.concatenation([b, c])]
    let whole = try tape.batchConcatenation(parts)
    return parts + [whole, try tape.multiply(whole, whole), try tape.multiply(parts[1], parts[0])]
  },
  OperationCase("batch split", bound: bound(terms: 0)) { recorder in
    let tape = recorder.tape
    let x = recorder.input("x", [3, 24, 4, 4])
    let parts = try tape.batchSplit(try tape.multiply(x, x), [1, 2])
    return [parts[0], try tape.multiply(parts[1], parts[1])]
  },
  OperationCase("batch split of a batch concatenation, gradients", bound: bound(terms: 0, extra: 8)) {
    recorder in
    let tape = recorder.tape
    let (a, b) = (recorder.input("a", [2, 18, 4, 5]), recorder.input("b", [2, 18, 4, 5]))
    let whole = try tape.batchConcatenation([a, tape.multiply(a, b)])
    let parts = try tape.batchSplit(try tape.multiply(whole, whole), [3, 1])
    let losses = try parts.map { try tape.pixelLoss(.l2, $0, recorder.input("target", $0.shape)) }
    return try tape.gradients(of: [(losses[0], 3), (losses[1], 1)], withRespectTo: [a, b])
  },
]

let sliceCases: [OperationCase] = [
  ([2, 32, 5, 4], 16..<32), ([1, 64, 3, 7], 0..<16), ([2, 48, 4, 4], 16..<32), ([1, 6, 9, 8], 3..<6),
  ([2, 6, 4, 5], 0..<3), ([3, 24, 5, 5], 16..<24), ([2, 24, 6, 3], 5..<22), ([1, 16, 1, 1], 0..<16),
].map { (shape: Shape, channels: Range<Int>) in
  OperationCase("slice \(shape) \(channels)", bound: 0) { recorder in
    [try recorder.tape.slice(recorder.input("x", shape), channels: channels)]
  }
}

let sliceGradientCases: [OperationCase] = [
  ([2, 32, 5, 4], 16..<32), ([2, 6, 4, 5], 3..<6), ([1, 48, 3, 7], 5..<22), ([1, 16, 1, 1], 0..<16),
].map { (shape: Shape, channels: Range<Int>) in
  OperationCase("slice gradient \(shape) \(channels)", bound: bound(terms: 0)) { recorder in
    let x = recorder.input("x", shape)
    return try recorder.gradients(of: recorder.tape.slice(x, channels: channels), withRespectTo: [x])
  }
}

private let lateSchedule = Schedule(step: 70_001, learningRate: 0.0002, seed: 0x0123_4567_89AB_CDEF)

let mixCases: [OperationCase] = (shapes + [[9, 2, 3, 3]]).map { shape in
  OperationCase("mix \(shape)", bound: bound(terms: 2)) { recorder in
    let (a, b) = (recorder.input("a", shape), recorder.input("b", shape))
    let y = try recorder.tape.mix(a, b, stream: 5, schedule: recorder.schedule(lateSchedule))
    return [y] + (try recorder.gradients(of: y, withRespectTo: [a, b]))
  }
}

let noiseCases: [OperationCase] = (shapes + [[2, 5, 40, 30]]).map { shape in
  // Logarithm, root, sine and cosine, each within 4 ulp or less. Measured: 6.5e-8.
  OperationCase("Gaussian noise \(shape)", bound: bound(terms: 0, extra: 8)) { recorder in
    [try recorder.tape.gaussianNoise(shape, stream: 6, schedule: recorder.schedule(lateSchedule))]
  }
}
