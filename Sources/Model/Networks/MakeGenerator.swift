import Tape

extension NetworkConfiguration {
  /// Declares the generator's parameters on the tape.
  func makeGenerator(_ label: NetworkLabel, on tape: Tape) -> any Generator {
    if let blocks = generator.residualBlocks {
      ResNet(self, blocks: blocks, label, on: tape)
    } else {
      UNet(self, label, on: tape)
    }
  }
}
