import CLBackend
import Testing

@Suite(.serialized) struct KernelTests {
  @Test func everyKindOfArgumentArrives() throws {
    let device = try TestDevice()
    let program = try device.program(
      """
      __kernel void store(__global float *out, int i, uint u, float f, int4 v, long l) {
        out[0] = (float)i;
        out[1] = (float)u;
        out[2] = f;
        out[3] = (float)(v.x + 10 * v.y + 100 * v.z + 1000 * v.w);
        out[4] = (float)(l >> 32);
      }
      """)
    let out = try Buffer(device.queue, floats: 5, label: "out")
    let kernel = try Kernel(
      program, "store",
      [
        .buffer(out), .int(-3), .uint(4), .float(0.25), .int4(SIMD4(1, 2, 3, 4)), .long(7 << 32),
      ])
    try device.queue.enqueue(Launch(kernel, global: [1]))
    #expect(try device.queue.read(out) == [-3, 4, 0.25, 4321, 7])
  }

  @Test func aVectorKernelOfOneItemPerGroup() throws {
    let device = try TestDevice()
    let program = try device.program(
      """
      __kernel __attribute__((reqd_work_group_size(1, 1, 1)))
      void scale(__global const float16 *a, __global float16 *b, float factor) {
        const size_t i = get_global_id(0) + get_global_size(0) * get_global_id(1);
        b[i] = factor * a[i] + (float16)(1.0f);
      }
      """)
    let values = (0..<256).map(Float.init)
    let a = try Buffer(device.queue, floats: 256, label: "a")
    let b = try Buffer(device.queue, floats: 256, label: "b")
    try device.queue.write(values, to: a)
    let kernel = try Kernel(program, "scale", [.buffer(a), .buffer(b), .float(2)])
    try device.queue.enqueue(Launch(kernel, global: [4, 4], local: [1, 1]))
    #expect(try device.queue.read(b) == values.map { 2 * $0 + 1 })
  }

  @Test func localMemoryIsSharedByAGroup() throws {
    let device = try TestDevice()
    let program = try device.program(
      """
      __kernel void sums(__global const float *x, __global float *sum, __local float *part) {
        const int i = (int)get_local_id(0);
        part[i] = x[get_global_id(0)];
        for (int width = (int)get_local_size(0) / 2; width > 0; width /= 2) {
          barrier(CLK_LOCAL_MEM_FENCE);
          if (i < width) part[i] += part[i + width];
        }
        if (i == 0) sum[get_group_id(0)] = part[0];
      }
      """)
    let values = (0..<128).map(Float.init)
    let x = try Buffer(device.queue, floats: 128, label: "x")
    let sum = try Buffer(device.queue, floats: 4, label: "sum")
    try device.queue.write(values, to: x)
    let kernel = try Kernel(program, "sums", [.buffer(x), .buffer(sum), .local(bytes: 32 * 4)])
    try device.queue.enqueue(Launch(kernel, global: [128], local: [32]))
    // Small integers: the sums are exact in any order.
    #expect(try device.queue.read(sum) == (0..<4).map { values[$0 * 32..<$0 * 32 + 32].reduce(0, +) })
  }

  @Test func aWrongNumberOfArgumentsIsRefused() throws {
    let device = try TestDevice()
    let program = try device.program("__kernel void two(__global float *x, float y) { x[0] = y; }")
    let kernel = try Kernel(program, "two")
    #expect(kernel.argumentCount == 2)
    let error = try openCLError { try kernel.setArguments([.float(1)]) }
    #expect(error.description == "kernel two of test.cl takes 2 arguments, got 1")
    let wrong = try openCLError { try kernel.setArguments([.float(1), .long(2)]) }
    #expect(wrong.description.contains("argument") && wrong.description.contains("kernel two of test.cl"))
    #expect(wrong.name.hasPrefix("CL_INVALID_"))
  }

  @Test func aKernelThatIsNotThereIsRefusedWithTheList() throws {
    let device = try TestDevice()
    let program = try device.program("__kernel void here(__global float *x) { x[0] = 1; }")
    let error = try openCLError { _ = try Kernel(program, "there") }
    #expect(error.description == "program test.cl has no kernel there; it has here")
  }

  @Test func aKernelKeepsItsBuffers() throws {
    let device = try TestDevice()
    let program = try device.program("__kernel void one(__global float *x) { x[0] += 1; }")
    var launch: Launch?
    do {
      let buffer = try Buffer(device.queue, floats: 1, label: "x")
      launch = Launch(try Kernel(program, "one", [.buffer(buffer)]), global: [1])
    }
    #expect(device.context.memory.bytes == 4)
    for _ in 0..<3 { try device.queue.enqueue(#require(launch)) }
    try device.queue.finish()
    launch = nil
    #expect(device.context.memory.bytes == 0)
  }

  @Test func anImpossibleLaunchTellsItsLabel() throws {
    let device = try TestDevice()
    let program = try device.program("__kernel void one(__global float *x) { x[0] = 1; }")
    let buffer = try Buffer(device.queue, floats: 1, label: "x")
    let kernel = try Kernel(program, "one", [.buffer(buffer)])
    let size = device.context.device.description.maxWorkGroupSize * 2
    let launch = Launch(kernel, global: [size], local: [size], label: "too wide")
    let error = try openCLError { try device.queue.enqueue(launch) }
    #expect(error.description.contains("too wide") && error.name.hasPrefix("CL_INVALID_WORK_"))
  }

  @Test func profilingTellsWhenEachLaunchRan() throws {
    let device = try TestDevice(profiling: true)
    let program = try device.program("__kernel void one(__global float *x) { x[get_global_id(0)] += 1; }")
    let buffer = try Buffer(device.queue, floats: 1 << 16, label: "x")
    let kernel = try Kernel(program, "one", [.buffer(buffer)])
    for label in ["first", "second"] {
      try device.queue.enqueue(Launch(kernel, global: [1 << 16], label: label))
    }
    let times = try device.queue.profile()
    #expect(times.map(\.label) == ["first", "second"])
    for time in times { #expect(time.end > time.start && time.milliseconds > 0) }
    #expect(times.count == 2 && times[1].start >= times[0].end)
    #expect(try device.queue.profile().isEmpty)
  }

  @Test func withoutProfilingThereAreNoTimes() throws {
    let device = try TestDevice()
    let program = try device.program("__kernel void one(__global float *x) { x[0] = 1; }")
    let buffer = try Buffer(device.queue, floats: 1, label: "x")
    try device.queue.enqueue(Launch(try Kernel(program, "one", [.buffer(buffer)]), global: [1]))
    #expect(try device.queue.profile().isEmpty)
  }
}
