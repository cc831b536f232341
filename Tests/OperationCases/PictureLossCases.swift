import Tape

private let shapes: [Shape] = [
  [1, 1, 2, 2], [2, 3, 17, 5], [1, 16, 12, 9], [3, 20, 7, 8], [2, 48, 8, 8],
]

let edgeLossCases: [OperationCase] = shapes.flatMap { shape in
  [
    OperationCase("edge loss \(shape)", bound: bound(terms: 4)) { recorder in
      [try recorder.tape.edgeLoss(recorder.input("a", shape), recorder.input("b", shape))]
    },
    OperationCase("edge gradient \(shape)", bound: bound(terms: 4)) { recorder in
      // Integers: some differences are equal, and their own difference has the gradient 0.
      let (a, b) = (recorder.input("a", shape, .integers), recorder.input("b", shape, .integers))
      let loss = try recorder.tape.edgeLoss(a, b)
      return try recorder.tape.gradients(of: [(loss, 100)], withRespectTo: [a, b])
    },
  ]
}

/// Labels of up to 70 classes, some pixels without one, and classes that count differently.
let crossEntropyCases: [OperationCase] = [
  ([1, 1, 1, 1], false), ([2, 3, 7, 5], false), ([1, 16, 9, 12], true), ([2, 19, 5, 6], true),
  ([1, 70, 4, 33], false),
].flatMap { (shape: Shape, isWeighted: Bool) in
  ["loss", "gradient"].map { result in
    let name = "cross-entropy \(result) \(shape)\(isWeighted ? ", weighted" : "")"
    return OperationCase(name, bound: bound(terms: 4, extra: 8)) { recorder in
      // Logits up to 16: some classes are certain.
      let logits = recorder.input("logits", shape, .scaled(16))
      let target = recorder.labels("target", shape) { isWeighted ? 0.5 + 0.25 * Float($0 % 4) : 1 }
      let loss = try recorder.tape.softmaxCrossEntropy(logits, target: target)
      guard result == "gradient" else { return [loss] }
      return try recorder.tape.gradients(of: [(loss, 2)], withRespectTo: [logits])
    }
  }
}

/// Pools with what comes out of them and what they hold then: by slot and use of each image.
let imagePoolCases: [OperationCase] = [
  ([1, 1, 1, 1], 1, [(0, 2)]), ([3, 3, 7, 5], 4, [(0, 1), (0, 0), (3, 2)]), ([1, 16, 9, 4], 2, [(1, 1)]),
  // An image meets another one of its own batch.
  ([4, 20, 5, 33], 2, [(0, 2), (1, 2), (0, 2), (1, 0)]), ([2, 6, 16, 16], 1, [(0, 1), (0, 2)]),
].map { (shape: Shape, slots: Int, choices: [(slot: Int, use: Int)]) in
  let list = choices.map { "[\($0.slot), \($0.use)]" }.joined(separator: ", ")
  return OperationCase("image pool \(shape), \(slots) slots, choices [\(list)]", bound: 0) { recorder in
    let images = recorder.input("images", shape)
    let pool = recorder.state("pool", [slots, shape.c, shape.h, shape.w], .uniform, kind: .activation)
    let choices = recorder.choices(choices.map { ImagePoolChoice(.init(rawValue: $0.use)!, slot: $0.slot) })
    return [try recorder.tape.imagePool(images, pool: pool, choices: choices), pool]
  }
}

let weightedPixelLossCases: [OperationCase] = shapes.flatMap { shape in
  [PixelDistance.l1, .l2].flatMap { distance in
    [1, shape.c].enumerated().flatMap { index, channels in
      let weights: Shape = [shape.n, channels, shape.h, shape.w]
      // Where there is one channel only, one weight is a weight each.
      guard index == 0 || shape.c > 1 else { return [] as [OperationCase] }
      return [
        OperationCase("weighted \(distance.rawValue) \(shape), weights \(weights)", bound: bound(terms: 4)) {
          recorder in
          let (a, b) = (recorder.input("a", shape), recorder.input("b", shape))
          let w = recorder.input("weights", weights, .positive)
          return [try recorder.tape.weightedPixelLoss(distance, a, b, weights: w)]
        },
        OperationCase(
          "weighted \(distance.rawValue) gradient \(shape), weights \(weights)", bound: bound(terms: 4)
        ) { recorder in
          // Integers: some differences are 0, where L1 has the gradient 0.
          let (a, b) = (recorder.input("a", shape, .integers), recorder.input("b", shape, .integers))
          let w = recorder.input("weights", weights, .positive)
          let loss = try recorder.tape.weightedPixelLoss(distance, a, b, weights: w)
          return try recorder.tape.gradients(of: [(loss, 100)], withRespectTo: [a, b])
        },
      ]
    }
  }
}
