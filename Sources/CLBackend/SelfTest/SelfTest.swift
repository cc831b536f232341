import Foundation
import Tape

/// Holds the kernels of a training to the reference on small cases before it begins: a driver that computes wrongly spoils a
/// training without a word. Kernels that were right with this device and driver are remembered and not tested again.
public final class SelfTest {
  private let executor: OpenCLExecutor
  private let sections: [Range<Int>]
  private let device: Device
  private let options: OpenCLExecutor.Options
  private let record: SelfTestRecord
  private let kernels: Set<KernelIdentity>
  /// The kernels that are still to be tested.
  private var rest: Set<KernelIdentity>
  /// The kinds of those that were right.
  private var rightKinds: Set<String> = []
  private let bound: Double
  private let convolutionBound: Double

  /// Lists the kernels of a training; builds and runs nothing.
  ///
  /// - Parameters:
  ///   - executor: the training's, with its `options`
  ///   - sections: the steps that it will run
  ///   - forced: whether kernels that were tested before are tested again
  ///   - cache: see `ProgramCache.defaultDirectory`
  /// - Throws: `OpenCLError` when the steps cannot be planned
  public init(
    of executor: OpenCLExecutor, _ sections: [Range<Int>], on device: Device,
    _ options: OpenCLExecutor.Options, forced: Bool = false, cache: String? = ProgramCache.defaultDirectory()
  ) throws(OpenCLError) {
    self.executor = executor
    self.sections = sections
    self.device = device
    self.options = options
    record = SelfTestRecord(device.description, cache: cache)
    var kernels: Set<KernelIdentity> = []
    for steps in sections { kernels.formUnion(try executor.kernels(steps)) }
    self.kernels = kernels
    let known = forced ? [] : record.keys
    rest = kernels.filter { !known.contains($0.key) }
    // Fused steps round once more than single ones, and what is looked for is worse by far.
    bound = 10 * Precision.fp32.convolutionBound
    convolutionBound = 10 * executor.precision.convolutionBound
  }

  /// Whether there is something to test.
  public var isNeeded: Bool { !rest.isEmpty }

  /// The number of kernels, those among them that were tested before.
  public var count: Int { kernels.count }

  /// The names of the kernels that no small case had.
  public var untested: [String] { rest.map(\.name).sorted() }

  /// A small training.
  public struct Case {
    let reference: ReferenceExecutor
    let sections: [Range<Int>]

    /// - Parameter reference: holds what the sections read: weights, moments, pictures
    public init(_ reference: ReferenceExecutor, sections: [Range<Int>]) {
      self.reference = reference
      self.sections = sections
    }
  }

  /// Runs small trainings of the same kind with the training's settings, as long as there are kernels left to test, and
  /// remembers that all was right.
  ///
  /// - Parameter cases: each makes a small training when it is its turn; one at least
  /// - Throws: `OpenCLError` that names device, driver, kernels and tensor when a result is wrong
  public func run(_ cases: [() throws -> Case]) throws {
    for (number, make) in cases.enumerated() where isNeeded {
      try run(make())
      // What no small case has as often as the training is tested by another number of it.
      rest = rest.filter { !rightKinds.contains($0.kind) }
      if number == 0 { try runPasses() }
    }
    record.write(kernels)
  }

  private func note(_ tested: Set<KernelIdentity>) {
    rest.subtract(tested)
    rightKinds.formUnion(tested.map(\.kind))
  }

  private func run(_ small: Case) throws(OpenCLError) {
    let executor = try OpenCLExecutor(small.reference.recording, on: device, options)
    for steps in small.sections where isNeeded {
      var verification = try PlanVerification(
        executor, steps, small.reference, bound: bound, convolutionBound: convolutionBound)
      let (fault, tested) = try verification.run(rest, factor: 1.25)
      if let fault { throw error(fault) }
      note(tested)
    }
  }

  /// The kernels of convolutions that the small training has none of.
  private func runPasses() throws(OpenCLError) {
    guard isNeeded else { return }
    let passes = try executor.passVerification(bound: convolutionBound)
    for steps in sections where isNeeded {
      for (pass, variant, lanes, updates) in try executor.chosenPasses(steps) where isNeeded {
        let (fault, tested) = try passes.run(
          pass, variant, lanes: lanes, updates: updates, Set(rest.map(\.kind)))
        if let fault { throw error(fault) }
        note(tested)
        rest = rest.filter { !rightKinds.contains($0.kind) }
      }
    }
  }

  private func error(_ fault: KernelFault) -> OpenCLError {
    let description = device.description
    var names: [String] = []
    for name in fault.kernels where !names.contains(name) { names.append(name) }
    return OpenCLError(
      "\(description.name) (\(description.platform), driver \(description.driverVersion)) computes wrongly: \(names.joined(separator: ", ")) for \(fault.step), tensor \(fault.tensor): \(fault.comparison), allowed \(fault.bound); look for another version of its driver, name another --device (--device reference needs none), or see pix2pix verify"
    )
  }
}

extension OpenCLExecutor {
  /// - Parameter bound: the relative L2 error that a convolution may have
  func passVerification(bound: Double) throws(OpenCLError) -> PassVerification {
    PassVerification(target: target, queue: queue, programs: programs, bound: bound)
  }

  /// The convolution passes of some steps, each kind of shape once, with the variants that they take.
  func chosenPasses(
    _ steps: Range<Int>
  ) throws(OpenCLError) -> [(pass: any VariedPass, variant: KernelVariant, lanes: WeightLanes, updates: Bool)]
  {
    let updates = Set(
      try plan(steps).steps.compactMap { fused -> Int? in
        if case .weightUpdate(let gradient, _) = fused.step { gradient } else { nil }
      })
    var seen: Set<String> = []
    var result: [(any VariedPass, KernelVariant, WeightLanes, Bool)] = []
    for (step, chosen) in try chosenVariants(steps).all.sorted(by: { $0.key < $1.key }) {
      guard let pass = (recording.steps[step].operation as? any PassOperation)?.pass,
        let lanes = memory.placement.weights[pass.packedWeight.id]?.lanes
      else { continue }
      guard seen.insert("\(chosen.key) \(updates.contains(step)) \(pass.settings)").inserted else { continue }
      result.append((pass, chosen.variant, lanes, updates.contains(step)))
    }
    return result
  }
}

extension VariedPass {
  /// What changes the program beside the shapes.
  fileprivate var settings: String {
    guard let pass = self as? ConvolutionPass else { return "" }
    return "\(pass.bias != nil) \(pass.gate != nil)"
  }
}

/// The kernels that were right on a device, in a file beside the compiled programs. Like them only a shortcut: a file that is
/// missing or damaged means that nothing was tested.
struct SelfTestRecord {
  private struct Content: Codable {
    let device: String
    let kernels: [String]
  }

  private let device: String
  private let path: String?
  /// `KernelIdentity.key`s.
  let keys: Set<String>

  init(_ device: DeviceDescription, cache: String?) {
    self.device = device.fingerprint
    let path = cache.map {
      "\($0)/selftests/\(SHA256.hexDigest(Array(device.fingerprint.utf8)).prefix(32)).json"
    }
    self.path = path
    let content = path.flatMap { try? shortFile($0) }.flatMap {
      try? JSONDecoder().decode(Content.self, from: $0)
    }
    keys = content?.device == device.fingerprint ? Set(content?.kernels ?? []) : []
  }

  /// Adds kernels. A folder that cannot be written costs a test at every start.
  func write(_ kernels: Set<KernelIdentity>) {
    guard let path else { return }
    let content = Content(device: device, kernels: keys.union(kernels.map(\.key)).sorted())
    let folder = (path as NSString).deletingLastPathComponent
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try? JSONEncoder().encode(content).write(to: URL(fileURLWithPath: path), options: .atomic)
  }
}
