/// Whether the program was built with swift-protobuf, through which models go to ONNX and events to TensorBoard.
public enum Protobuf {
  #if Protobuf
    public static let isBuiltIn = true
  #else
    public static let isBuiltIn = false
  #endif

  /// What a program without it says to an option that needs it.
  public static let missing =
    "this program was built without swift-protobuf; build it with: swift build -c release --product pix2pix"
}
