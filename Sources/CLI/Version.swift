import CVersion

/// What `--version` says.
enum Version {
  /// scripts/version reads this line.
  static let number = "0.1.0"

  /// The number, and the commit in brackets where the build was told it (`PIX2PIX_COMMIT`).
  static var text: String {
    let commit = String(cString: pix2pix_commit)
    return commit.isEmpty ? number : "\(number) (\(commit))"
  }
}
