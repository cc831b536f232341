import Files
import Foundation
import Tape

/// Whether a driver can be trusted with a class of kernels: compilers that meet what they do not know may end the process,
/// or compute something else. So the first use of a driver is a few small kernels in a process of its own, whose end is
/// remembered beside the compiled programs.
public struct DriverTrial: Sendable {
  /// How a trial ended.
  public enum Outcome: Sendable, Equatable {
    case works
    /// In words, behind the device's name.
    case fails(String)
    /// It was ended from outside: nothing is known.
    case unknown
  }

  /// A trial as it is kept.
  private struct Record: Codable {
    let device: String
    let deviceClass: DeviceClass
    /// SHA-256 of all kernel sources.
    let kernels: String
    /// nil where the device works.
    let fault: String?
  }

  private let directory: String?

  /// - Parameter cache: see `ProgramCache.defaultDirectory`
  public init(cache: String? = ProgramCache.defaultDirectory()) {
    directory = cache.map { $0 + "/drivers" }
  }

  /// The device with kernels that its driver can be trusted with: those for GPUs where a CPU's driver fails with those for
  /// CPUs.
  ///
  /// - Parameter run: a trial in a process of its own. Not called for what has worked before with this driver and these
  ///   kernels. What has failed is tried again: the reason may have gone.
  /// - Returns: the device, and what the user should know
  /// - Throws: `OpenCLError` when its driver fails with all kernels
  public func trusted(
    _ device: Device, run: (Device) -> Outcome
  ) throws(OpenCLError) -> (device: Device, note: String?) {
    guard case .fails(let fault) = outcome(of: device, run) else { return (device, nil) }
    let description = device.description
    let own = "\(description.name) (\(description.platform)) \(fault) with the kernels for"
    guard description.deviceClass == .cpu else {
      throw OpenCLError("\(own) GPUs; name another --device, or look for another version of its driver")
    }
    let other = device.taking(.gpu)
    guard case .fails(let otherFault) = outcome(of: other, run) else {
      return (other, "\(own) CPUs; those for GPUs are taken")
    }
    throw OpenCLError("\(own) CPUs, and \(otherFault) with those for GPUs; name another --device")
  }

  /// The class of kernels that the device was given at its last trial, or will be given at its first.
  public func expectedClass(of device: DeviceDescription) -> DeviceClass {
    let known = record(device, device.deviceClass)
    return known?.fault != nil && device.deviceClass == .cpu ? .gpu : device.deviceClass
  }

  private func outcome(of device: Device, _ run: (Device) -> Outcome) -> Outcome {
    let description = device.description
    if let known = record(description, description.deviceClass), known.fault == nil { return .works }
    let outcome = run(device)
    switch outcome {
    case .works: write(nil, description)
    case .fails(let fault): write(fault, description)
    case .unknown: break
    }
    return outcome
  }

  private func path(_ device: DeviceDescription, _ deviceClass: DeviceClass) -> String? {
    let key = [device.fingerprint, deviceClass.rawValue].joined(separator: "\n")
    return directory.map { "\($0)/\(SHA256.hexDigest(Array(key.utf8)).prefix(32)).json" }
  }

  /// nil for a file that is missing or damaged, or of other kernels.
  private func record(_ device: DeviceDescription, _ deviceClass: DeviceClass) -> Record? {
    guard let path = path(device, deviceClass), let data = try? shortFile(path),
      let record = try? JSONDecoder().decode(Record.self, from: data), record.device == device.fingerprint,
      record.deviceClass == deviceClass, record.kernels == TuningRecord.kernelHash
    else { return nil }
    return record
  }

  /// A folder that cannot be written costs a trial at every start.
  private func write(_ fault: String?, _ device: DeviceDescription) {
    guard let directory, let path = path(device, device.deviceClass) else { return }
    let record = Record(
      device: device.fingerprint, deviceClass: device.deviceClass, kernels: TuningRecord.kernelHash,
      fault: fault)
    try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try? JSONEncoder().encode(record).write(to: URL(fileURLWithPath: path), options: .atomic)
  }

  // MARK: The trial itself

  /// Convolutions in all three directions with the kernels of the device's class, compared with the reference.
  ///
  /// - Throws: `OpenCLError` when a program does not compile or run, or a result is wrong
  public static func perform(on device: Device) throws {
    let tape = Tape()
    let geometry = ConvolutionGeometry(stride: 2, padding: 1)
    let x = tape.input("x", [1, 32, 6, 6], kind: .activation)
    let g = tape.input("g", [1, 32, 3, 3], kind: .activation)
    let w = tape.parameter("w", [32, 32, 4, 4])
    let results = [
      try tape.convolution(x, weight: w, geometry, inputActivation: .leakyReLU),
      try tape.transposedConvolution(g, weight: w, geometry, outputSize: (6, 6)),
      try tape.weightGradient(image: x, gradient: g, like: w, geometry, imageActivation: .leakyReLU),
    ]
    let recording = tape.freeze()
    let executor = try OpenCLExecutor(recording, on: device, .init(precision: .fp32))
    let reference = ReferenceExecutor(recording)
    for (index, tensor) in [x, g, w].enumerated() {
      // From -1 to 1, without a pattern that a shift would keep.
      let values = (0..<tensor.shape.count).map { Float(($0 &* 7919 &+ index &* 104729) % 2003) / 1001 - 1 }
      try executor.write(values, to: tensor)
      reference.write(values, to: tensor)
    }
    try executor.run(0..<recording.steps.count)
    reference.run(0..<recording.steps.count)
    for result in results {
      let comparison = Comparison(try executor.read(result), expected: reference.read(result))
      guard comparison.isWithin(Precision.fp32.convolutionBound) else {
        throw OpenCLError("\(recording.name(of: result)) is computed wrongly: \(comparison)")
      }
    }
  }
}
