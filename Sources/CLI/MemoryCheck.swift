import CLBackend
import Foundation
import Model
import Tape

/// Refuses a training run that does not fit into a device's memory, before anything is allocated.
struct MemoryCheck {
  let options: TrainingOptions
  /// `--memory-limit`, GiB.
  let limit: Double?

  /// - Parameter settings: the executor's
  /// - Returns: a line with the run's need
  /// - Throws: `ModelError.training`, the lack and the options that need less
  func check(
    _ step: any TrainingStep, on device: Device, _ settings: OpenCLExecutor.Options
  ) throws -> String {
    let need = try Self.need(step, on: device, settings)
    let description = device.description
    let available = min(description.globalMemory, limit.map { Int($0 * Double(1 << 30)) } ?? .max)
    let total = gibibytes(need.total)
    guard need.total <= available, need.largestBuffer <= description.maxAllocation else {
      let lack =
        need.total > available
        ? "needs \(total) on \(description.name), which has \(gibibytes(description.globalMemory))\(limit.map { " (--memory-limit \(plain($0)))" } ?? "")"
        : "needs \(gibibytes(need.largestBuffer)) in one piece, \(description.name) gives at most \(gibibytes(description.maxAllocation))"
      throw ModelError.training("training \(lack); \(try remedies(on: device, settings))")
    }
    // A CPU's memory is the process' own.
    if description.kind == .cpu,
      let lack = HostMemory.lack(of: need.total, reserve: HostMemory.driversReserve)
    {
      throw ModelError.training("training needs \(total), and \(lack)")
    }
    return
      "needs \(total) on the device: weights \(bytesText(need.weights)), Adam's moments and other state \(bytesText(need.state)), gradients \(bytesText(need.gradients)), activations \(bytesText(need.activations))"
  }

  /// The same for the CPU reference, whose memory is the computer's.
  func checkReference(_ recording: Recording) throws -> String {
    let need = ReferenceExecutor.bytes(recording)
    let memory = HostMemory.bytes
    let available = min(memory, limit.map { Int($0 * Double(1 << 30)) } ?? .max)
    guard need <= available else {
      throw ModelError.training(
        "training needs \(gibibytes(need)) on the reference, the computer has \(gibibytes(memory))\(limit.map { " (--memory-limit \(plain($0)))" } ?? ""); an OpenCL device needs less, and so do \(smaller)"
      )
    }
    if let lack = HostMemory.lack(of: need) {
      throw ModelError.training("training needs \(gibibytes(need)) on the reference, and \(lack)")
    }
    return "needs \(gibibytes(need)) on the reference"
  }

  private static func need(
    _ step: any TrainingStep, on device: Device, _ settings: OpenCLExecutor.Options
  ) throws -> MemoryNeed {
    try OpenCLExecutor(step.recording, on: device, settings).memoryNeed(step.allSections)
  }

  /// The options to turn, the one that costs least first.
  private func remedies(on device: Device, _ settings: OpenCLExecutor.Options) throws -> String {
    guard !options.recompute else { return "less is needed with \(smaller)" }
    var recomputing = options
    recomputing.recompute = true
    var settings = settings
    settings.packsActivations = true
    let need = try Self.need(recomputing.record(), on: device, settings)
    return "--recompute needs \(gibibytes(need.total)), and less is needed with \(smaller)"
  }

  private var smaller: String {
    (options.batchSize > 1 ? "a smaller --batch-size, " : "a smaller ") + "--size or --ngf"
  }

  private func plain(_ number: Double) -> String { String(format: "%g", number) }
}

/// A large amount of memory, as people have it: "1.25 GiB".
func gibibytes(_ bytes: Int) -> String { String(format: "%.2f GiB", Double(bytes) / Double(1 << 30)) }
