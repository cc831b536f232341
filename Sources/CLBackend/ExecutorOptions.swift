import Tape

extension OpenCLExecutor {
  /// The settings of an executor. The forecast of memory and the tuner take the same value, so that they speak of the
  /// executor that is built.
  public struct Options: Sendable {
    /// Intermediate tensors that can be read after a run. The others share room when they are needed at different times.
    public enum Kept: Sendable {
      case all
      /// The recording's kept tensors.
      case recorded
      case only(Set<Tensor>)
    }

    /// Keep the time of every launch, see `OpenCLExecutor.profile`; costs a little on some drivers.
    public var profiling = false
    /// The class of kernels; the device's own if nil. A CPU runs the kernels of GPUs too, slowly, which tests them
    /// without a GPU.
    public var deviceClass: DeviceClass?
    /// Kernel variants; passes without one take their default.
    public var choices = KernelChoices()
    /// The precision of convolutions; `Precision.standard` if nil.
    public var precision: Precision?
    /// Units that kernels may use; those that a GPU has proven to have if nil.
    public var matrixUnits: MatrixUnits?
    /// Tiles are chosen for a device of so many compute units; the device's own number if nil.
    public var computeUnits: Int?
    /// The most work-items of a work-group, at least `KernelTarget.leastWorkItems` for the kernels of GPUs; as the device
    /// and the driver say if nil.
    public var mostWorkItems: Int?
    /// Tiles are chosen for a CPU whose registers hold so many floats; as the device says if nil.
    public var vectorWidth: Int?
    /// Whether every weight gradient can be read after a run. If not, a layer with more weights than pixels uses its
    /// gradient for the Adam step at once, where that is among the steps.
    public var storesGradients = true
    public var kept = Kept.all
    /// Activations of different sizes share room too, and a launch each clears their borders: less memory, more time.
    public var packsActivations = false

    public init(
      profiling: Bool = false, deviceClass: DeviceClass? = nil, choices: KernelChoices = KernelChoices(),
      precision: Precision? = nil, matrixUnits: MatrixUnits? = nil, computeUnits: Int? = nil,
      mostWorkItems: Int? = nil, vectorWidth: Int? = nil, storesGradients: Bool = true, kept: Kept = .all,
      packsActivations: Bool = false
    ) {
      self.profiling = profiling
      self.deviceClass = deviceClass
      self.choices = choices
      self.precision = precision
      self.matrixUnits = matrixUnits
      self.computeUnits = computeUnits
      self.mostWorkItems = mostWorkItems
      self.vectorWidth = vectorWidth
      self.storesGradients = storesGradients
      self.kept = kept
      self.packsActivations = packsActivations
    }

    /// Every tensor can be read after a run.
    public static let checking = Options()

    /// For translations and scores: only the recording's kept tensors are read.
    public static let use = Options(kept: .recorded)

    /// - Parameter recompute: the recording makes activations again for its backward passes
    public static func training(recompute: Bool, precision: Precision? = nil) -> Options {
      Options(precision: precision, storesGradients: false, kept: .recorded, packsActivations: recompute)
    }

    /// Whether the kernels are those of the device as it is, which tuning is about.
    public var areKernelsOfDevice: Bool {
      matrixUnits == nil && vectorWidth == nil && computeUnits == nil && mostWorkItems == nil
    }

    func kept(of recording: Recording) -> Set<Tensor>? {
      switch kept {
      case .all: nil
      case .recorded: recording.kept
      case .only(let tensors): tensors
      }
    }
  }
}

extension KernelTarget {
  /// What the kernels for GPUs need of a work-group: the least tile of a convolution, and its local memory in bytes.
  package static let leastWorkItems = 64
  private static let leastLocalMemory = 16 << 10

  /// - Throws: `OpenCLError` when the device's work-groups are too small, or it has not the precision
  init(_ device: Device, _ options: OpenCLExecutor.Options) throws(OpenCLError) {
    var description = device.description
    deviceClass = options.deviceClass ?? description.deviceClass
    if let mostWorkItems = options.mostWorkItems {
      description.maxWorkGroupSize = min(description.maxWorkGroupSize, mostWorkItems)
    }
    let (groupSize, localMemory) = (description.maxWorkGroupSize, description.localMemory)
    guard deviceClass == .cpu || groupSize >= Self.leastWorkItems && localMemory >= Self.leastLocalMemory
    else {
      throw OpenCLError(
        "\(description.name) allows work-groups of \(groupSize) with \(localMemory) bytes of local memory; the kernels for GPUs need \(Self.leastWorkItems) with \(Self.leastLocalMemory); name another --device"
      )
    }
    let units = deviceClass == .cpu ? .none : options.matrixUnits ?? MatrixUnits(provenOn: device)
    precision = options.precision ?? .standard(units)
    arithmetic = try MatrixArithmetic(precision, units, on: description)
    if let computeUnits = options.computeUnits { description.computeUnits = computeUnits }
    if let vectorWidth = options.vectorWidth { description.nativeFloatVectorWidth = vectorWidth }
    self.device = description
  }
}
