import ArgumentParser
// For C's stdout, a variable.
@preconcurrency import Foundation

/// What every command does before its own work and after it, so that nothing around the program harms it.
enum ProcessSetup {
  /// Opens /dev/null in the place of standard input, output and error where they are closed: the next file that is opened
  /// would get their number, and what is printed would go into it. A reader that goes away, as `head` does, ends no
  /// command by SIGPIPE, and a limit of files' sizes none by SIGXFSZ: writing fails then, as on a full disk.
  static func begin() {
    // In the place of a closed standard output stands what takes nothing: a command that exists to print must say by its
    // exit code that it could not.
    if fcntl(STDOUT_FILENO, F_GETFD) < 0, fcntl(STDIN_FILENO, F_GETFD) >= 0 {
      _ = open("/dev/full", O_WRONLY)
    }
    HostMemory.requireReserve()
    // The lowest free number is taken, so that the three are filled in order.
    while true {
      let descriptor = open("/dev/null", O_RDWR)
      guard (0...2).contains(descriptor) else {
        if descriptor >= 0 { close(descriptor) }
        break
      }
    }
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
  }

  /// Writes out what was printed.
  ///
  /// - Throws: `ExitCode.failure` when some of it was lost, silently where the reader has gone away
  static func end() throws {
    if fflush(stdout) != 0 {
      let reason = errno
      if reason != EPIPE {
        Terminal.error("standard output cannot be written: \(String(cString: strerror(reason)))")
      }
      throw ExitCode.failure
    }
    // The last part of a longer text was written, an earlier one was not.
    guard ferror(stdout) == 0 else {
      Terminal.error("standard output cannot be written: a part of it is lost")
      throw ExitCode.failure
    }
  }
}

/// Text that may hold names of files and words of theirs, without what a terminal would obey: control characters become \xNN.
func onOneLine(_ text: String) -> String {
  var shown = ""
  for scalar in text.unicodeScalars {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator:
      shown += scalar == "\n" ? "\\n" : "\\x" + String(scalar.value, radix: 16)
    default: shown.unicodeScalars.append(scalar)
    }
  }
  return shown
}
