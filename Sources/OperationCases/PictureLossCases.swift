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
