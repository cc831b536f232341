import Web

/// The server's pages. What they show comes through the API.
enum Pages {
  /// - Parameter name: "translate" or "train", both a template and a script
  static func html(_ name: String, version: String, device: String, isReference: Bool) -> String {
    WebTemplates.render(
      "frame",
      [
        "title": name == "train" ? "Trainings - pix2pix" : "Translate - pix2pix", "script": name,
        "isTranslate": name == "translate", "isTrain": name == "train", "version": version, "device": device,
        "isReference": isReference,
      ] as [String: Any])
  }
}
