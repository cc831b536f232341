import Model

/// A part of the program that a build may do without: a trait of the package.
enum BuildTrait: String {
  /// ONNX models and TensorBoard's events.
  case protobuf = "swift-protobuf"
  /// Files of options.
  case yaml = "YAML"
  case server = "its server"

  var isBuiltIn: Bool {
    switch self {
    case .protobuf:
      #if Protobuf
        return true
      #else
        return false
      #endif
    case .yaml:
      #if YAML
        return true
      #else
        return false
      #endif
    case .server:
      #if Serve
        return true
      #else
        return false
      #endif
    }
  }

  /// - Throws: `ModelError.option` where the part is missing, with the way to get it
  /// - Parameter option: what asks for it
  func require(for option: String) throws(ModelError) {
    guard !isBuiltIn else { return }
    throw .option(
      option,
      "this program was built without \(rawValue); build it with: swift build -c release --product pix2pix")
  }
}
