import Tape

// Every kernel variant of every convolution pass: to add one, append it to the list of its pass and device class.
// The first of a list is the default.

extension ConvolutionPass: VariedPass {
  var packedWeight: Tensor { weight }

  func key(lanes: WeightLanes) -> PassKey {
    PassKey(
      transposed ? .transposed : .convolution, input: input.shape, output: output.shape, weight: weight.shape,
      geometry, lanes: lanes)
  }

  func ownVariants(_ target: KernelTarget, lanes: WeightLanes) -> [KernelVariant] {
    switch target.deviceClass {
    case .cpu:
      let direct = CPUConvolutionChoice.candidates(
        self, packed: lanes, accumulators: target.device.accumulators
      ).map { choice in
        KernelVariant(
          choice.description,
          .launches { planner throws(OpenCLError) in try planCPU(choice, planner) })
      }
      return direct.joined(by: winogradTiling, inputs: input.shape.c, outputs: output.shape.c) {
        (tiling, planner) throws(OpenCLError) in try planWinograd(tiling, planner)
      }
    case .gpu:
      return GPUProduct.candidates(self, target).map { product in
        let plan: KernelVariant.Plan =
          product.splits == 1
          ? .launches { planner throws(OpenCLError) in try planGPU(product, planner) }
          : .partialSums(
            { planner throws(OpenCLError) in try planPartialSums(product, planner) }, output: output)
        return KernelVariant(product.description, plan)
      }
    }
  }
}

extension WeightGradient: VariedPass {
  var packedWeight: Tensor { output }

  func key(lanes: WeightLanes) -> PassKey {
    PassKey(
      .weightGradient, input: image.shape, output: gradient.shape, weight: output.shape, geometry,
      lanes: lanes)
  }

  func ownVariants(_ target: KernelTarget, lanes: WeightLanes) -> [KernelVariant] {
    switch target.deviceClass {
    case .cpu:
      let direct = CPUWeightGradientChoice.candidates(
        self, lanes: lanes, accumulators: target.device.accumulators
      ).map { choice in
        KernelVariant(
          choice.description,
          .launches { planner throws(OpenCLError) in try planCPU(choice, planner) },
          update: { planner, adam throws(OpenCLError) in try planCPU(choice, planner, adam) })
      }
      return direct.joined(by: winogradTiling, inputs: image.shape.c, outputs: gradient.shape.c) {
        (tiling, planner) throws(OpenCLError) in try planWinograd(tiling, planner)
      }
    case .gpu:
      return GPUProduct.candidates(self, lanes: lanes, target).map { product in
        KernelVariant(
          product.description, .tiles { planner throws(OpenCLError) in try planGPU(product, planner) })
      }
    }
  }
}

// MARK: CPU devices

extension [KernelVariant] {
  /// These and Winograd's, which is first, and so the default, where it pays; only these where it does not apply.
  fileprivate func joined(
    by tiling: WinogradTiling?, inputs: Int, outputs: Int,
    plan: @escaping (WinogradTiling, LaunchPlanner) throws(OpenCLError) -> Void
  ) -> [KernelVariant] {
    guard let tiling, WinogradTiling.takes(inputs: inputs, outputs: outputs) else { return self }
    let winograd = KernelVariant(
      "winograd", .launches { planner throws(OpenCLError) in try plan(tiling, planner) })
    return tiling.pays(inputs: inputs, outputs: outputs) ? [winograd] + self : self + [winograd]
  }
}

/// The most sums of a variant that is worth a try: AVX-512's registers hold more than the default's 16, AVX2's no more than
/// its 6.
private func mostSums(_ accumulators: Int) -> Int { accumulators >= 16 ? accumulators * 7 / 4 : accumulators }

extension CPUConvolutionChoice: CustomStringConvertible {
  /// The form, and its tile: rows x pixels x output channels.
  var description: String {
    let pixels = "\(tileHeight)x\(tileWidth)"
    return switch form {
    case .stream(let blocks): "stream \(pixels)x\(16 * blocks)"
    case .dot(let outputs): "dot \(pixels)x\(outputs)"
    case .dotTiles(let outputs): "dot tiles \(pixels)x\(outputs)"
    case .dotFew(let outputs): "dot few \(pixels)x\(outputs)"
    }
  }

  /// The default, then its form's other tiles and the other forms'.
  static func candidates(_ pass: ConvolutionPass, packed: WeightLanes, accumulators: Int) -> [Self] {
    let standard = CPUConvolutionChoice(pass, packed: packed, accumulators: accumulators)
    let (inputs, outputs) = (pass.input.shape.c, pass.output.shape.c)
    var forms: [(form: Form, vectors: Int)] = [(.stream(blocks: 1), 1)]
    if outputs > 16 { forms.append((.stream(blocks: 2), 2)) }
    if packed != pass.streamLanes {
      if outputs > 16 { forms += [4, 8, 16].map { (.dot(outputs: $0), $0) } }
      if outputs > 16, sharesWeights(pass) { forms += [4, 8].map { (.dotTiles(outputs: $0), $0) } }
      if outputs <= 8 { forms.append((.dot(outputs: outputs), outputs)) }
      if outputs <= 8, keepsWeights(pass, inputs: inputs, outputs: outputs) {
        forms.append((.dotFew(outputs: outputs), outputs))
      }
    }
    var result = [standard]
    for (form, vectors) in forms {
      for height in [1, 2, 4, 8] where pass.cellHeight.isMultiple(of: height) {
        for width in [1, 2, 3, 4, 6, 8, 16] where width < 2 * pass.cellWidth {
          // More would spill, fewer leave multiply-adds waiting, unless there are no more pixels.
          let sums = height * width * vectors
          let coversMap = height == pass.cellHeight && width >= pass.cellWidth
          guard sums <= mostSums(accumulators), 2 * sums >= accumulators || coversMap else { continue }
          var choice = standard
          (choice.form, choice.tileHeight, choice.tileWidth) = (form, height, width)
          if choice != standard { result.append(choice) }
        }
      }
    }
    return result
  }
}

extension CPUWeightGradientChoice: CustomStringConvertible {
  /// The extent of a piece, taps x broadcast channels x lanes, and the pieces of a work-item.
  var description: String { "sum \(rowTaps)x\(broadcast)x\(16 * blocks) pieces \(pieces)" }

  /// The default, then other tiles.
  static func candidates(_ pass: WeightGradient, lanes: WeightLanes, accumulators: Int) -> [Self] {
    let (laneSide, broadcastSide) =
      lanes == .output ? (pass.gradient, pass.image) : (pass.image, pass.gradient)
    let (laneBlocks, channels) = ((laneSide.shape.c + 15) / 16, broadcastSide.shape.c)
    let (kernelHeight, kernelWidth) = (pass.output.shape[2], pass.output.shape[3])
    let gradient = pass.gradient.shape
    let standard = CPUWeightGradientChoice(
      laneBlocks: laneBlocks, broadcastChannels: channels, kernelHeight: kernelHeight,
      kernelWidth: kernelWidth, pixels: gradient.n * gradient.h * gradient.w, accumulators: accumulators)
    var result = [standard]
    for blocks in [1, 2] where laneBlocks.isMultiple(of: blocks) {
      for broadcast in channels <= 8 ? [channels] : [2, 4, 8] {
        for rowTaps in 1...kernelWidth where kernelWidth.isMultiple(of: rowTaps) {
          let sums = rowTaps * broadcast * blocks
          guard sums <= mostSums(accumulators), 2 * sums >= accumulators || channels <= 8 else { continue }
          let shares = (min(16, channels) + broadcast - 1) / broadcast
          let all = kernelHeight * kernelWidth / rowTaps * shares
          for pieces in Set([1, min(all, standard.pieces), min(all, 4 * standard.pieces)]).sorted() {
            var choice = standard
            (choice.blocks, choice.broadcast, choice.rowTaps) = (blocks, broadcast, rowTaps)
            (choice.shares, choice.pieces) = (shares, pieces)
            if choice != standard { result.append(choice) }
          }
        }
      }
    }
    return result
  }
}

// MARK: GPUs

extension GPUProduct: CustomStringConvertible {
  /// The arithmetic, the tile of a work-group, the share of a work-item or a warp, and the splits of the depth.
  var description: String {
    let kind = arithmetic.format?.rawValue.lowercased() ?? tile.sharing.rawValue
    return "\(kind) \(tile.rows)x\(tile.columns)/\(tile.shareRows)x\(tile.shareColumns) split \(splits)"
  }

  static func candidates(_ pass: ConvolutionPass, _ target: KernelTarget) -> [Self] {
    let steps = (pass.input.shape.c + 15) / 16 * pass.tapsOfPhase
    return candidates(
      standard: GPUProduct(pass, target), of: .convolutionOfWarps, skinny: pass.skinnyTile, steps: steps,
      target)
  }

  static func candidates(_ pass: WeightGradient, lanes: WeightLanes, _ target: KernelTarget) -> [Self] {
    let gradient = pass.gradient.shape
    return candidates(
      standard: GPUProduct(pass, lanes: lanes, target), of: .weightGradientOfWarps,
      steps: (gradient.n * gradient.h * gradient.w + 15) / 16, target)
  }

  /// The default, then other tiles, each with the depth in halves, quarters, ... of at least two steps. Plain fp32 is within the bounds of every precision.
  private static func candidates(
    standard: GPUProduct, of warps: GPUTileSet, skinny: GPUTile? = nil, steps: Int, _ target: KernelTarget
  ) -> [Self] {
    let sets = target.arithmetic == .plain ? [GPUTileSet.plain] : [warps, .plain]
    var tiles = sets.flatMap { [$0.large, $0.medium, $0.low] }
    if let skinny { tiles.append(skinny) }
    // Few channels ask for a tile of their own.
    if standard.tile.columns <= 16 { tiles = [standard.tile] }
    let splits = (0...6).map { 1 << $0 }.filter { $0 == 1 || 2 * $0 <= steps }
    let others = tiles.filter { $0.fits(target.device) }.flatMap { tile in
      splits.map { GPUProduct(tile: tile, splits: $0, target.arithmetic) }
    }
    return [standard] + others.filter { $0 != standard }
  }
}
