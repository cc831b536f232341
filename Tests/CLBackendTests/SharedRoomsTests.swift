import CLBackend
import Model
import Random
import Tape
import Testing

@Suite struct SharedRoomsTests {
  typealias Rooms = SharedRooms<Int>

  private func item(_ kind: Int, _ bytes: Int, _ first: Int, _ last: Int) -> Rooms.Item {
    Rooms.Item(kind: kind, bytes: bytes, lifetime: first...last)
  }

  @Test func nothing() {
    #expect(Rooms([]).rooms.isEmpty && Rooms([]).bytes == 0 && Rooms.liveBytes([]) == 0)
  }

  /// The last use of one and the first of the next may not be the same launch: it reads one and writes the other.
  @Test func neighbours() {
    #expect(Rooms([item(0, 8, 0, 1), item(0, 8, 1, 2)]).slots == [0, 1])
    #expect(Rooms([item(0, 8, 0, 1), item(0, 8, 2, 3)]).slots == [0, 0])
  }

  @Test func kindsDoNotShare() {
    let rooms = Rooms([item(0, 8, 0, 1), item(1, 8, 2, 3)])
    #expect(rooms.slots == [0, 1] && rooms.bytes == 16)
  }

  /// The chain of a forward pass and back: x0, x1, x2, then gradients g2, g1, g0.
  @Test func forwardAndBack() {
    let items = [
      item(0, 4, 0, 5), item(0, 4, 1, 4), item(0, 4, 2, 3), item(0, 4, 3, 4), item(0, 4, 4, 5),
      item(0, 4, 5, 6),
    ]
    let rooms = Rooms(items)
    #expect(rooms.slots == [0, 1, 2, 3, 2, 1])
    #expect(rooms.bytes == 16 && Rooms.liveBytes(items) == 16)
  }

  @Test func theBestFitIsTaken() {
    let items = [item(0, 10, 0, 1), item(0, 4, 0, 1), item(0, 3, 2, 3), item(0, 12, 2, 3)]
    let rooms = Rooms(items)
    #expect(rooms.slots == [0, 1, 1, 0])
    #expect(rooms.rooms.map(\.bytes) == [12, 4])
  }

  @Test(arguments: 0..<20)
  func random(seed: UInt64) {
    var counter: UInt32 = 0
    func number(_ bound: Int) -> Int {
      counter += 1
      return Int(Philox(seed: seed).words(counter).x) % bound
    }
    // All of a kind are equally large.
    let items = (0..<120).map { _ in
      let (kind, first) = (number(3), number(100))
      return item(kind, 16 << kind, first, first + number(20))
    }
    let rooms = Rooms(items)
    for a in items.indices {
      #expect(rooms.rooms[rooms.slots[a]].kind == items[a].kind)
      for b in items.indices where a < b && rooms.slots[a] == rooms.slots[b] {
        #expect(!items[a].lifetime.overlaps(items[b].lifetime))
      }
    }
    // The fewest possible: what is live at once, kind by kind.
    let least = (0..<3).map { kind in Rooms.liveBytes(items.filter { $0.kind == kind }) }
    #expect(rooms.bytes == least.reduce(0, +))
    #expect(rooms.bytes <= items.map(\.bytes).reduce(0, +))
    #expect(rooms.bytes >= Rooms.liveBytes(items))
  }
}

/// Steps with shared rooms against steps in which every tensor has its own.
@Suite(.serialized) struct SharedMemoryTests {
  private func train(
    _ model: Pix2Pix, _ executor: OpenCLExecutor
  ) throws -> (losses: [Losses], parameters: [[Float]], picture: [Float]) {
    let training = try #require(model.training)
    let translation = try #require(model.translation)
    try model.initialize(executor, seed: 3)
    func picture(_ tensor: Tensor, _ phase: Int) -> [Float] {
      (0..<tensor.shape.count).map { Float(($0 * 37 + phase * 11) % 201) / 100 - 1 }
    }
    var losses: [Losses] = []
    for step in 0..<3 {
      try executor.write(picture(training.input, step), to: training.input)
      try executor.write(picture(training.target, step + 7), to: training.target)
      try executor.write(Schedule(step: step, learningRate: 2e-4, seed: 1).values, to: model.schedule)
      try executor.run(section: "train")
      losses.append(try model.losses(executor))
      // In turn, since the sections use each other's rooms.
      try executor.write(picture(translation.input, step), to: translation.input)
      try executor.run(section: "translate")
    }
    let parameters = try (model.generator.parameters + model.discriminator!.parameters).map {
      try executor.read($0.tensor)
    }
    return (losses, parameters, try executor.read(translation.output))
  }

  @Test(arguments: [DeviceClass.cpu, .gpu])
  func sharingChangesNoBit(_ deviceClass: DeviceClass) throws {
    let model = try Pix2Pix(
      NetworkConfiguration(size: 64, ngf: 8, ndf: 8), sections: [.train, .translate])
    let device = try Device.select("auto").device
    let whole = try OpenCLExecutor(model.recording, on: device, deviceClass: deviceClass)
    let shared = try OpenCLExecutor(
      model.recording, on: device, deviceClass: deviceClass, keeping: model.recording.kept)
    let (expected, got) = (try train(model, whole), try train(model, shared))
    #expect(got.losses == expected.losses)
    #expect(got.parameters == expected.parameters)
    #expect(got.picture == expected.picture)
    let isFinite = expected.losses.allSatisfy { $0.isFinite }
    #expect(isFinite)
    #expect(shared.allocatedBytes < whole.allocatedBytes)
  }

  @Test func whatIsNotKeptCannotBeRead() throws {
    let model = try Pix2Pix(NetworkConfiguration(size: 32, ngf: 2, ndf: 2), sections: .train)
    let executor = try OpenCLExecutor(
      model.recording, on: try Device.select("auto").device, keeping: model.recording.kept)
    try executor.run(section: "train")
    let training = try #require(model.training)
    #expect(try executor.read(training.lossL1).count == 1)
    let error = try #require(throws: OpenCLError.self) {
      _ = try executor.read(training.generatorGradients[0])
    }
    #expect(error.description.contains("is not kept after a run"))
  }
}
