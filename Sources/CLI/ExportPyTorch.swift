import Files
import Model
import PyTorchFiles
import Tape

/// A network of a checkpoint as the PyTorch version has it: latest_net_G.pth.
enum ExportPyTorch {
  /// Writes the state_dict of a network.
  ///
  /// - Parameters:
  ///   - network: by its label's name
  ///   - path: the file to write
  /// - Throws: `ModelError.file` for a checkpoint without the network, or that is damaged; `FileError`
  static func write(
    _ network: String, of checkpoint: (Checkpoint, path: String), to path: String,
    replacing: OutputFile.Replacing
  ) throws {
    let tensors = try checkpoint.0.networkTensors(network, path: checkpoint.path)
    let file = checkpoint.0.tensors
    try TensorFile.write(
      tensors.map { tensor in
        switch tensor.content {
        case .count(let count): return TensorFile.Source(tensor.name, scalar: count)
        case .floats(let name, let shape):
          return TensorFile.Source(tensor.name, shape) {
            let values = try file.floats(name) ?? []
            guard values.areFinite else {
              throw ModelError.file(
                checkpoint.path, "\(name) holds NaN or infinite values; use an earlier checkpoint")
            }
            return values
          }
        }
      }, to: path, replacing: replacing)
  }
}
