import ArgumentParser
import Files
import Foundation
import Images
import Model

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Finds what is wrong or odd in a data set before a training.",
    discussion: """
      Every picture is read, and what is found is printed one line each, worst first:
        wrong   training would stop, or its figures would mean nothing: names without a partner, unreadable files, \
      the same picture in train and in val or test
        odd     training goes on, but is that what was meant: label maps saved as JPEG, pairs that occur twice, \
      sizes, proportions or kinds of pictures that differ within a side, very few pairs
        hint    no split to validate with, a direction that looks swapped
      The exit code is 1 when something is wrong and 0 otherwise. --sheet writes the pictures of up to 16 pairs \
      into one, four pairs in a row, for a glance that no program replaces.

      Examples:
        pix2pix check --data facades --direction BtoA
        pix2pix check --data labels --targets photos --sheet sheet.png
        pix2pix check --data photographs --task colorize
        pix2pix check --data horses-and-zebras --unpaired
      """)

  @Option(
    help: ArgumentHelp(
      "The folder of pairs, or of inputs with --targets, as train takes it.", valueName: "dir"),
    completion: .directory)
  var data: String
  @Option(help: ArgumentHelp("The folder of targets.", valueName: "dir"), completion: .directory)
  var targets: String?
  @Option(
    help: ArgumentHelp(
      "Folder of further inputs, matched by name; may be given several times.", valueName: "dir"),
    completion: .directory)
  var input: [String] = []
  @Option(
    help: ArgumentHelp("Folder of pictures of the pixels' weights.", valueName: "dir"), completion: .directory
  )
  var weights: String?
  @Option(
    help: ArgumentHelp(
      "Pairs are made of the photographs in --data: \(PhotographTask.forms).", valueName: "task"))
  var task: PhotographTask?
  @Flag(help: "The pictures have no pairs: each side is looked at by itself.")
  var unpaired = false
  @Option(help: "From the input's side of a pair to the target's: AtoB or BtoA.")
  var direction = Direction.aToB
  @Option(
    help: ArgumentHelp("A PNG to write, with the pictures of some pairs.", valueName: "file"),
    completion: .file())
  var sheet: String?
  @OptionGroup var output: OutputOptions

  func run() throws {
    if let sheet { try output.check([sheet]) }
    let check =
      unpaired
      ? DataSetCheck(unpaired: place) : DataSetCheck(place, moreInputs: input, weights: weights)
    for finding in check.findings { print("\(Self.word(finding.severity)) \(finding.text)") }
    print(summary(check))
    if let sheet, !check.pairs.isEmpty {
      let files = check.pairs.flatMap { [$0.files.inputFile, $0.files.targetFile] + $0.files.moreInputs }
      try OutputFile.check(
        sheet, replacing: output.replacing, inputs: Set(files.compactMap(FileIdentity.init)), of: "--data",
        output: "--sheet")
      try makeFolder(OutputFile.folder(of: sheet))
      try check.contactSheet().write(to: sheet, replacing: output.replacing)
      print("look: \(sheet)")
    }
    if check.findings.contains(where: { $0.severity == .wrong }) { throw ExitCode.failure }
  }

  func validate() throws {
    guard sheet?.lowercased().hasSuffix(".png") ?? true else {
      throw ValidationError("--sheet \(sheet ?? "") is written as PNG; end its name in .png.")
    }
    guard !unpaired || (task == nil && input.isEmpty && weights == nil && direction == .aToB) else {
      throw ValidationError("--unpaired has no pairs; leave out --task, --input, --weights and --direction.")
    }
    guard task == nil || (targets == nil && input.isEmpty) else {
      throw ValidationError("--task makes inputs of photographs; leave out --targets and --input.")
    }
  }

  private var place: PairSource.Place {
    if task != nil { return .photographs(data) }
    guard let targets else { return .folder(data, direction) }
    return direction == .aToB
      ? .twoFolders(inputs: data, targets: targets) : .twoFolders(inputs: targets, targets: data)
  }

  /// Words of one width, so that the findings line up.
  private static func word(_ severity: DataSetFinding.Severity) -> String {
    switch severity {
    case .wrong: "wrong  "
    case .odd: "odd    "
    case .hint: "hint   "
    }
  }

  private func summary(_ check: DataSetCheck) -> String {
    let noun = unpaired ? "pictures" : "pairs"
    let counts = Split.allCases.map { "\(check.count($0)) in \($0.rawValue)" }.joined(separator: ", ")
    let verdict = check.findings.isEmpty ? "; nothing wrong or odd was found" : ""
    return "\(noun) that can be read: \(counts)\(verdict)"
  }
}

extension Direction: ExpressibleByArgument {}
extension PhotographTask: ExpressibleByArgument {}
