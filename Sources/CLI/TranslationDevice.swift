import CLBackend
import Model
import Tape

/// Where a trained generator computes: the whole picture on the device where its memory allows, strips of it otherwise.
struct TranslationDevice: Sendable {
  var device: DeviceOptions
  var kernels: KernelOptions
  /// Rows of a strip, where strips are asked for.
  var strips: Int?
  /// In GiB.
  var memoryLimit: Double?

  /// An executor for a generator at one size.
  func executor(for step: any TrainingStep) throws -> any Executor {
    // An encoder sees a picture of the training's size, whole.
    guard !step.translations.isEmpty else {
      return try device.executor(for: step.recording, kernels, .use, tunes: true)
    }
    if let strips { return stripExecutor(step, rows: strips) }
    if case .openCL(let chosen, _) = try device.choose() {
      let whole = try OpenCLExecutor(
        step.recording, on: chosen, device.complete(.use, for: step.recording, on: chosen, kernels))
      let need = try whole.memoryNeed(step.allSections)
      let (description, framing) = (chosen.description, step.translations[0].framing)
      let available = min(description.globalMemory, memoryLimit.map { Int($0 * Double(1 << 30)) } ?? .max)
      if need.total > available || need.largestBuffer > description.maxAllocation {
        // A strip's need grows with its rows, weights aside; half of the memory leaves room for the rows beside it.
        let share = Double(available) / 2 / Double(need.total)
        let rows = max(16, Int(share * Double(framing.padded.height)) / 16 * 16)
        note(
          "\(framing.size) needs \(gibibytes(need.total)) in one piece, there are \(gibibytes(available)): in strips of \(rows) rows"
        )
        return stripExecutor(step, rows: rows)
      }
    }
    return try device.executor(for: step.recording, kernels, .use, tunes: true)
  }

  private func stripExecutor(_ step: any TrainingStep, rows: Int) -> StripExecutor {
    StripExecutor(step.recording, rows: rows) { try device.executor(for: $0, kernels, .use) }
  }
}
