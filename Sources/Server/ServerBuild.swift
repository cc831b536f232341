/// Whether the program was built with Hummingbird, through which it serves pages.
public enum ServerBuild {
  #if Serve
    public static let isBuiltIn = true
  #else
    public static let isBuiltIn = false
  #endif

  /// What a program without it says.
  public static let missing =
    "this program was built without its server; build it with: swift build -c release --product pix2pix"
}
