import CLBackend
import Foundation
import Testing

@Suite(.serialized) struct BufferTests {
  /// The last two have pages of their own where the device is a CPU.
  @Test(arguments: [1, 3, 4, 64, 1001, 1 << 20, 2 << 20, (8 << 20) + 5])
  func aNewBufferIsZero(byteCount: Int) throws {
    let device = try TestDevice()
    let zeros = [UInt8](repeating: 0, count: byteCount)
    // The second may get the memory that the first has written to.
    for _ in 0..<2 {
      let buffer = try Buffer(device.queue, byteCount: byteCount, label: "new")
      #expect(try device.queue.read(buffer, as: UInt8.self) == zeros)
      try device.queue.fill(buffer, with: UInt8(7))
      #expect(try device.queue.read(buffer, as: UInt8.self, offset: byteCount - 1) == [7])
    }
  }

  @Test(arguments: [5, 1 << 20])
  func floatsAreWrittenWhereTheyLie(count: Int) throws {
    let device = try TestDevice()
    let buffer = try Buffer(device.queue, floats: count + 1, label: "floats")
    try device.queue.write(floats: count, to: buffer) { floats in
      for index in floats.indices { floats[index] = Float(index) }
    }
    #expect(try device.queue.read(buffer) == (0..<count).map { Float($0) } + [0])
  }

  #if os(Linux)
    /// A large buffer of a CPU device takes memory as it is touched, and gives its pages back: 64 x 256 MiB of address
    /// space would be left otherwise. Other tests run in this process at the same time, and stay far below both bounds.
    @Test func aLargeBufferTakesMemoryOnceTouchedAndGivesItBack() throws {
      let device = try TestDevice()
      let description = device.context.device.description
      guard description.kind == .cpu, description.maxAllocation >= 256 << 20 else { return }
      let before = (resident: try processBytes("VmRSS"), mapped: try processBytes("VmSize"))
      for number in 0..<64 {
        let buffer = try Buffer(device.queue, byteCount: 256 << 20, label: "large")
        try device.queue.write([1] as [Float], to: buffer, offset: number)
      }
      try device.queue.finish()
      #expect(try processBytes("VmSize") - before.mapped < 8 << 30)
      let untouched = try (0..<8).map {
        try Buffer(device.queue, byteCount: 256 << 20, label: "untouched \($0)")
      }
      #expect(try processBytes("VmRSS") - before.resident < 1 << 30)
      #expect(device.context.memory.bytes == untouched.count * 256 << 20)
    }

    /// A figure of /proc/self/status that is in kB.
    private func processBytes(_ name: String) throws -> Int {
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(name + ":") })
      return try #require(Int(line.filter(\.isNumber))) << 10
    }
  #endif

  @Test func whatIsWrittenIsReadBack() throws {
    let device = try TestDevice()
    let values = (0..<1000).map { Float($0) * 0.5 - 7 }
    let buffer = try Buffer(device.queue, floats: values.count, label: "values")
    try device.queue.write(values, to: buffer)
    #expect(try device.queue.read(buffer) == values)
  }

  @Test func offsetsCountElements() throws {
    let device = try TestDevice()
    let buffer = try Buffer(device.queue, floats: 8, label: "eight")
    try device.queue.write([1, 2, 3] as [Float], to: buffer, offset: 2)
    try device.queue.fill(buffer, with: Float(9), offset: 6)
    try device.queue.fill(buffer, with: Float(5), offset: 0, count: 1)
    #expect(try device.queue.read(buffer) == [5, 0, 1, 2, 3, 0, 9, 9])
    #expect(try device.queue.read(buffer, offset: 3, count: 2) == [2, 3])
    #expect(try device.queue.read(buffer, offset: 8) == [])
    let copy = try Buffer(device.queue, floats: 3, label: "copy")
    try device.queue.copy(from: buffer, offset: 3, to: copy, targetOffset: 1, count: 2)
    #expect(try device.queue.read(copy) == [0, 2, 3])
  }

  @Test func otherTypesAreReadAsTheyWereWritten() throws {
    let device = try TestDevice()
    let buffer = try Buffer(device.queue, byteCount: 64, label: "bytes")
    try device.queue.write([-1, 2, -3] as [Int32], to: buffer, offset: 1)
    #expect(try device.queue.read(buffer, as: Int32.self, offset: 1, count: 3) == [-1, 2, -3])
    try device.queue.fill(buffer, with: SIMD4<Int32>(1, 2, 3, 4), offset: 3)
    #expect(try device.queue.read(buffer, as: Int32.self, offset: 12, count: 4) == [1, 2, 3, 4])
  }

  @Test func memoryThatIsLentIsUsedByTheTimeOfFinish() throws {
    let device = try TestDevice()
    let source = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4096)
    let target = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4096)
    defer {
      source.deallocate()
      target.deallocate()
    }
    for index in source.indices { source[index] = Float(index) }
    target.initialize(repeating: -1)
    let buffer = try Buffer(device.queue, floats: 4096, label: "lent")
    try device.queue.write(UnsafeBufferPointer(source), to: buffer, blocking: false)
    try device.queue.read(buffer, into: target, blocking: false)
    try device.queue.flush()
    try device.queue.finish()
    #expect(target.elementsEqual(source))
  }

  @Test func whatIsOutsideIsRefused() throws {
    let device = try TestDevice()
    let buffer = try Buffer(device.queue, floats: 8, label: "eight")
    let queue = device.queue
    let refusals: [() throws -> Void] = [
      { try queue.write([1, 2] as [Float], to: buffer, offset: 7) },
      { try queue.write([1] as [Float], to: buffer, offset: -1) },
      { _ = try queue.read(buffer, offset: 0, count: 9) },
      { _ = try queue.read(buffer, offset: 9) },
      { _ = try queue.read(buffer, offset: 1, count: Int.max) },
      { _ = try queue.read(buffer, as: Double.self, offset: 0, count: 5) },
      { try queue.fill(buffer, with: Float(1), offset: 8, count: 1) },
      { try queue.copy(from: buffer, to: buffer, targetOffset: 4, count: 5) },
    ]
    for refusal in refusals {
      let error = try openCLError(refusal)
      #expect(error.description.contains("outside buffer eight"))
    }
    #expect(try queue.read(buffer) == [Float](repeating: 0, count: 8))
  }

  @Test func aBufferTooLargeIsRefusedWithTheNumbers() throws {
    let device = try TestDevice()
    let limit = device.context.device.description.maxAllocation
    let error = try openCLError { _ = try Buffer(device.queue, byteCount: limit + 1, label: "huge") }
    #expect(error.description.contains("huge"))
    #expect(error.description.contains("\(limit + 1)") && error.description.contains("\(limit)"))
    #expect(device.context.memory.bytes == 0)
  }

  @Test func memoryIsCounted() throws {
    let device = try TestDevice()
    let memory = device.context.memory
    var first: Buffer? = try Buffer(device.queue, byteCount: 1000, label: "first")
    let second = try Buffer(device.queue, floats: 10, label: "second")
    #expect(memory.bytes == 1040 && memory.peakBytes == 1040)
    #expect(first?.byteCount == 1000)
    first = nil
    #expect(memory.bytes == second.byteCount && memory.peakBytes == 1040)
  }
}
