import Tape

private let shapes: [Shape] = [
  [1, 1, 1, 1], [2, 1, 30, 30], [3, 3, 17, 5], [1, 16, 12, 9], [2, 48, 8, 8],
]

private let logitLosses: [(name: String, kind: LogitLossKind)] = [
  ("BCE, target 0.0", .crossEntropy(target: 0)), ("BCE, target 1.0", .crossEntropy(target: 1)),
  ("squared, target 0.0", .squared(target: 0)), ("squared, target 1.0", .squared(target: 1)),
  ("hinge, sign -1.0", .hinge(sign: -1)), ("hinge, sign 1.0", .hinge(sign: 1)), ("linear", .linear),
]

let logitLossCases: [OperationCase] = shapes.flatMap { shape in
  logitLosses.flatMap { name, kind in
    [
      // Logits up to 16: some saturate. Of a linear loss around 1: a mean near 0 would have no relative accuracy.
      OperationCase("\(name), \(shape)", bound: bound(terms: shape.count, extra: 16)) { recorder in
        let values: CaseValues = kind == .linear ? .around(1) : .scaled(16)
        return [recorder.tape.logitLoss(kind, recorder.input("logits", shape, values))]
      },
      // Where sigmoid(x) nears the target, 1 - sigmoid(x) cancels; small gradients, so little of the norm.
      OperationCase("\(name), gradient \(shape)", bound: bound(terms: 0, extra: 32)) { recorder in
        let logits = recorder.input("logits", shape, .scaled(4))
        let loss = recorder.tape.logitLoss(kind, logits)
        return try recorder.tape.gradients(of: [(loss, 0.5)], withRespectTo: [logits])
      },
    ]
  }
}

let pixelLossCases: [OperationCase] = shapes.flatMap { shape in
  [PixelDistance.l1, .l2].flatMap { distance in
    [
      OperationCase("\(distance.rawValue) \(shape)", bound: bound(terms: shape.count, extra: 8)) { recorder in
        let (a, b) = (recorder.input("a", shape), recorder.input("b", shape))
        return [try recorder.tape.pixelLoss(distance, a, b)]
      },
      OperationCase("\(distance.rawValue) gradient \(shape)", bound: bound(terms: 4)) { recorder in
        // Integers: some differences are 0, where L1 has the gradient 0.
        let (a, b) = (recorder.input("a", shape, .integers), recorder.input("b", shape, .integers))
        let loss = try recorder.tape.pixelLoss(distance, a, b)
        return try recorder.tape.gradients(of: [(loss, 100)], withRespectTo: [a, b])
      },
    ]
  }
}

/// Variances from e^-4 to e^4.
let gaussianKLCases: [OperationCase] = (shapes + [[4, 8, 1, 1], [2, 24, 1, 1]]).map { shape in
  OperationCase("Gaussian KL \(shape)", bound: bound(terms: shape.count, extra: 32)) { recorder in
    let mean = recorder.input("mean", shape)
    let logVariance = recorder.input("log variance", shape, .scaled(4))
    let loss = try recorder.tape.gaussianKL(mean: mean, logVariance: logVariance)
    return [loss] + (try recorder.tape.gradients(of: [(loss, 0.5)], withRespectTo: [mean, logVariance]))
  }
}

let gradientPenaltyCases: [OperationCase] = (shapes + [[3, 24, 70, 40]]).map { shape in
  OperationCase("gradient penalty \(shape)", bound: bound(terms: 16, extra: 16)) { recorder in
    let g = recorder.input("g", shape)
    let penalty = try recorder.tape.gradientPenalty(g)
    return [penalty] + (try recorder.tape.gradients(of: [(penalty, 10)], withRespectTo: [g]))
  }
}
