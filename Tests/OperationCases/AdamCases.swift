import Tape

let adamCases: [OperationCase] =
  [
    ([16, 8, 4, 4], 0), ([48, 24, 3, 3], 9), ([3, 64, 4, 4], 9_999), ([1, 1, 1, 1], 250_000), ([24], 0),
    ([64], 99),
  ].map { (shape: Shape, step: Int) in
    OperationCase("Adam \(shape), step \(step)", bound: bound(terms: 2, extra: 8)) { recorder in
      let p = recorder.parameter("p", shape)
      let g = recorder.input("g", shape, kind: shape.rank == 4 ? .weight : .vector)
      let m = recorder.state("m", shape, .uniform)
      let v = recorder.state("v", shape, .positive)
      // A rate of 0.1: with pix2pix's the change would hide behind the rounding of p.
      let schedule = recorder.schedule(Schedule(step: step, learningRate: 0.1, seed: 1))
      try recorder.tape.adam(p, gradient: g, firstMoment: m, secondMoment: v, schedule: schedule)
      return [p, m, v]
    }
  }
  + [
    OperationCase("Adam [16, 8, 3, 3], step 9, small", bound: bound(terms: 2, extra: 8)) { recorder in
      // Gradients of 1e-8: epsilon is as large as the root of the second moment.
      let shape: Shape = [16, 8, 3, 3]
      let p = recorder.parameter("p", shape)
      let g = recorder.input("g", shape, .scaled(0x1p-26), kind: .weight)
      let m = recorder.state("m", shape, .scaled(0x1p-26))
      let v = recorder.state("v", shape, .scaled(0))
      let schedule = recorder.schedule(Schedule(step: 9, learningRate: 0.1, seed: 1))
      try recorder.tape.adam(p, gradient: g, firstMoment: m, secondMoment: v, schedule: schedule)
      return [p, m, v]
    }
  ]
