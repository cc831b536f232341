import Tape

private let shapes: [Shape] = [[1, 1, 11, 11], [2, 3, 13, 26], [1, 16, 12, 17], [2, 20, 15, 11]]

let blurCases: [OperationCase] = (shapes + [[1, 3, 1, 1], [2, 17, 4, 7]]).map { shape in
  OperationCase("blur \(shape)", bound: bound(terms: 22)) { recorder in
    [try recorder.tape.blur(recorder.input("x", shape))]
  }
}

/// Radii that leave out the mean, a part and everything; sizes even, odd, prime, of one pixel in a direction, and more than a
/// work-group's.
let highPassCases: [OperationCase] =
  ([(0, [1, 1, 4, 4]), (0.25, [2, 3, 13, 26]), (0.25, [1, 16, 64, 48]), (0.5, [2, 20, 15, 11])]
  + [(0.3, [1, 3, 1, 17]), (1, [1, 2, 24, 7]), (0.25, [1, 3, 97, 150])] as [(Float, Shape)]).map {
    radius, shape in
    OperationCase("high pass \(radius) \(shape)", bound: bound(terms: shape.h + shape.w)) { recorder in
      [try recorder.tape.highPass(recorder.input("x", shape), radius: radius)]
    }
  }

let structuralSimilarityCases: [OperationCase] = shapes.flatMap { shape in
  [
    OperationCase("SSIM loss \(shape)", bound: bound(terms: 22)) { recorder in
      [try recorder.tape.ssimLoss(recorder.input("x", shape), recorder.input("y", shape))]
    },
    OperationCase("SSIM gradient \(shape)", bound: bound(terms: 22, extra: 16)) { recorder in
      let (x, y) = (recorder.input("x", shape), recorder.input("y", shape))
      let loss = try recorder.tape.ssimLoss(x, y)
      return try recorder.tape.gradients(of: [(loss, 3)], withRespectTo: [x, y])
    },
    // Bright and nearly flat: the variances, 8e-4 beside a C2 of 3.6e-3, are what is left of means of 0.64. That costs two
    // digits: measured up to 2.0e-5, where all rests on a single window 8.2e-5.
    OperationCase("SSIM gradient \(shape), flat", bound: shape.count == 121 ? 2e-4 : 5e-5) { recorder in
      let tape = recorder.tape
      let maps = try ["x", "y"].map { name in
        let noise = recorder.input(name, shape, .around(16))
        return try tape.combination(0.05, noise, 0, noise)
      }
      let loss = try tape.ssimLoss(maps[0], maps[1])
      return [loss] + (try tape.gradients(of: [(loss, 1)], withRespectTo: maps))
    },
  ]
}
