/// Commands as text that can be pasted into a shell.
enum ShellText {
  /// A command with options and their values, quoted where a shell would read them otherwise.
  static func command(_ words: String, _ options: [(name: String, value: String)]) -> String {
    ([words]
      + options.map { option in
        // A value that looks like an option must hang on its own.
        option.name + (option.value.hasPrefix("-") ? "=" : " ") + quoted(option.value)
      }).joined(separator: " ")
  }

  /// POSIX: nothing has a meaning between single quotes; one of these itself is written outside.
  static func quoted(_ word: String) -> String {
    let plain = word.unicodeScalars.allSatisfy { scalar in
      scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
        || "_@%+=:,./-".unicodeScalars.contains(scalar)
    }
    return plain && !word.isEmpty
      ? word
      : "'"
        + word.split(
          separator: "'", omittingEmptySubsequences: false
        ).joined(separator: "'\\''") + "'"
  }
}
