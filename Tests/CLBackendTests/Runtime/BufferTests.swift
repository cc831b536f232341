import CLBackend
import Testing

@Suite(.serialized) struct BufferTests {
  @Test(arguments: [1, 3, 4, 64, 1001, 1 << 20])
  func aNewBufferIsZero(byteCount: Int) throws {
    let device = try TestDevice()
    let buffer = try Buffer(device.queue, byteCount: byteCount, label: "new")
    #expect(try device.queue.read(buffer, as: UInt8.self) == [UInt8](repeating: 0, count: byteCount))
  }

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
