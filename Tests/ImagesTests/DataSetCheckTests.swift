import Foundation
import Images
import Testing

/// A data set that nothing is wrong with, to be spoilt in one way at a time.
@Suite struct DataSetCheckTests {
  private let folder: TemporaryFolder
  private var labels: String { "\(folder.path)/labels" }
  private var photos: String { "\(folder.path)/photos" }

  /// Names and contents, made once, since writing a picture waits for the disk.
  private static let files = Result { () throws -> [(String, [UInt8])] in
    let folder = try TemporaryFolder()
    return try (0..<55).flatMap { index in
      let name = "\(index < 50 ? "train" : "val")/\(index).png"
      return try [("labels/\(name)", labels(index)), ("photos/\(name)", photograph(index))].map {
        ($0, [UInt8](try Data(contentsOf: URL(fileURLWithPath: try folder.write($0, $1)))))
      }
    }
  }

  init() throws {
    folder = try TemporaryFolder()
    for (name, content) in try Self.files.get() { try folder.write(name, content) }
  }

  private static func labels(_ seed: Int, _ width: Int = 24, _ height: Int = 24) -> Picture {
    Picture(width: width, height: height) { x, y, c in x * 5 > y * 3 + seed % 40 ? 200 - c : seed + c }
  }

  private static func photograph(_ seed: Int, _ width: Int = 24, _ height: Int = 24) -> Picture {
    Picture(width: width, height: height) { x, y, c in x * 3 + y * 5 + c * 40 + seed * 7 }
  }

  private func findings(swapped: Bool = false) -> [DataSetFinding] {
    DataSetCheck(
      swapped ? .twoFolders(inputs: photos, targets: labels) : .twoFolders(inputs: labels, targets: photos)
    ).findings
  }

  /// The one finding there shall be.
  private func expectOne(
    _ severity: DataSetFinding.Severity, _ parts: [String], swapped: Bool = false,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let findings = findings(swapped: swapped)
    #expect(findings.map(\.severity) == [severity], sourceLocation: sourceLocation)
    for part in parts {
      let text = findings.first?.text ?? ""
      #expect(text.contains(part), "\(text)", sourceLocation: sourceLocation)
      #expect(!text.contains("\n"), sourceLocation: sourceLocation)
    }
  }

  /// Sides without pairs: each is looked at by itself, and both together.
  @Test func sidesWithoutPairs() throws {
    let place = PairSource.Place.twoFolders(inputs: labels, targets: photos)
    let check = DataSetCheck(unpaired: place)
    #expect(check.findings == [])
    #expect(check.count(.train) == 100 && check.count(.val) == 10)
    // Neither names nor numbers need to match; what is wrong names its side.
    try FileManager.default.removeItem(atPath: "\(photos)/train/3.png")
    try FileManager.default.moveItem(atPath: "\(labels)/train/4.png", toPath: "\(labels)/train/other.png")
    try FileManager.default.copyItem(atPath: "\(labels)/train/5.png", toPath: "\(photos)/train/copy.png")
    try FileManager.default.copyItem(atPath: "\(photos)/train/6.png", toPath: "\(photos)/val/again.png")
    try Data("nothing".utf8).write(to: URL(fileURLWithPath: "\(labels)/train/broken.png"))
    let findings = DataSetCheck(unpaired: place).findings
    let texts = [
      (DataSetFinding.Severity.wrong, "A: \(labels)/train/broken.png: is not a PNG"),
      (.wrong, "B: 1 picture of the pictures is in train and in val or test alike"),
      (.odd, "1 picture is in A and in B alike: train/5 = train/copy; is this one domain?"),
    ]
    #expect(findings.count == texts.count, "\(findings.map(\.text))")
    for (finding, (severity, text)) in zip(findings, texts) {
      #expect(finding.severity == severity && finding.text.hasPrefix(text), "\(finding.text)")
    }
    // What is missing is said once, with the layouts.
    let nothing = DataSetCheck(unpaired: .folder("\(photos)/train", .aToB)).findings
    #expect(
      nothing.count == 1 && nothing[0].text.contains("holds no pictures to train on; layouts of unpaired"))
  }

  @Test func nothingWrong() {
    let check = DataSetCheck(.twoFolders(inputs: labels, targets: photos))
    #expect(check.findings == [])
    #expect(check.count(.train) == 50 && check.count(.val) == 5 && check.count(.test) == 0)
    #expect(check.pairs.map(\.files.name).prefix(3) == ["0", "1", "10"])
  }

  @Test func namesWithoutPartner() throws {
    try folder.write("labels/train/more.png", Self.labels(99))
    try FileManager.default.removeItem(atPath: "\(labels)/val/52.png")
    let texts = findings().map(\.text)
    #expect(findings().map(\.severity) == [.wrong, .wrong])
    #expect(texts[0].contains("only in \(labels)/train: more.png"))
    #expect(texts[1].contains("only in \(photos)/val: 52.png"))
    #expect(DataSetCheck(.twoFolders(inputs: labels, targets: photos)).count(.val) == 4)
  }

  @Test func unreadableFiles() throws {
    try folder.write("photos/train/7.png", Array("no picture".utf8))
    try folder.write("labels/train/8.png", Picture(width: 4, height: 4) { x, _, _ in x })
    let findings = findings().filter { $0.severity == .wrong }
    #expect(findings.count == 2)
    #expect(findings[0].text.contains("photos/train/7.png: is not a PNG"))
    #expect(findings[1].text.contains("labels/train/8.png: 4x4 pixels are too small"))
  }

  @Test func pictureInTrainAndVal() throws {
    for (side, picture) in [("labels", Self.labels(11)), ("photos", Self.photograph(11))] {
      try folder.write("\(side)/val/53.png", picture)
    }
    let findings = findings()
    #expect(findings.map(\.severity) == [.wrong, .wrong])
    for (finding, side) in zip(findings, ["inputs", "targets"]) {
      #expect(finding.text.contains("1 picture of the \(side) is in train and in val"))
      #expect(finding.text.contains("train/11 = val/53"))
    }
  }

  /// What counts is the picture, not the file: here the copy has 16 bits.
  @Test func pairsThatOccurTwice() throws {
    for (side, picture) in [("labels", Self.labels(20)), ("photos", Self.photograph(20))] {
      let deep = Picture(
        width: 24, height: 24, channels: 3, samples: .sixteen(picture.values.map { UInt16($0 * 257) }))
      try folder.write("\(side)/train/20copy.png", deep)
    }
    let findings = findings()
    #expect(findings.map(\.severity) == [.odd, .odd, .odd])
    #expect(findings[0].text.contains("1 pair occurs more than once in a split: train/20 = train/20copy"))
    #expect(findings[1].text.contains("inputs have 2 different modes: 55 RGB, 1 RGB, 16 bits (train/20copy)"))
  }

  @Test func oneInputWithTwoTargets() throws {
    try folder.write("labels/train/30.png", Self.labels(31))
    expectOne(.odd, ["1 input has several different targets: train/30 = train/31"])
  }

  @Test func oneTargetWithTwoInputs() throws {
    try folder.write("photos/train/30.png", Self.photograph(31))
    expectOne(.odd, ["1 target belongs to several different inputs: train/30 = train/31"])
  }

  @Test func sizesAndProportions() throws {
    try folder.write("labels/train/3.png", Self.labels(3, 48, 48))
    expectOne(.odd, ["the inputs have 2 different sizes: 54 24x24, 1 48x48 (train/3)"])
    try folder.write("labels/train/3.png", Self.labels(3, 48, 24))
    let texts = findings().map(\.text)
    #expect(texts.count == 2 && texts[0].contains("train/3 (48x24 and 24x24)"))
  }

  @Test func modesThatDiffer() throws {
    for index in [5, 6] { try folder.write("photos/train/\(index).png", Self.photograph(index).gray()) }
    try folder.write("photos/train/9.png", Self.photograph(9).rgba())
    let findings = findings()
    #expect(findings.map(\.severity) == [.odd, .odd])
    let modes =
      "the targets have 3 different modes: 52 RGB, 2 gray (train/5, train/6), 1 RGB with alpha (train/9)"
    #expect(findings[0].text.contains(modes))
    let alpha =
      "1 picture of the targets has alpha, and is taken as on white: train/9; --target-format rgba keeps it"
    #expect(findings[1].text == alpha)
  }

  /// A training goes on without them.
  @Test func validationThatIsHalfThere() throws {
    try folder.write("data/train/A/1.png", Self.labels(1))
    try folder.write("data/train/B/1.png", Self.photograph(1))
    try folder.write("data/val/A/2.png", Self.labels(2))
    let place = PairSource.Place.folder("\(folder.path)/data", .aToB)
    #expect(DataSetCheck(place).findings.map(\.severity) == [.odd, .odd, .hint])
    #expect(DataSetCheck(place).findings[0].text.hasPrefix("\(folder.path)/data/val/B: no such folder"))
  }

  @Test func picturesOfOneColour() throws {
    for index in [2, 3] {
      try folder.write("labels/train/\(index).png", Picture(width: 24, height: 24) { _, _, _ in 7 })
    }
    expectOne(.odd, ["2 pictures of the inputs have one colour only: train/2, train/3"])
  }

  @Test func swappedDirection() {
    expectOne(.hint, ["inputs look like photographs and the targets like label maps"], swapped: true)
  }

  @Test func fewPairsAndNoValidation() throws {
    let folder = try TemporaryFolder()
    for index in 0..<3 {
      try folder.write("A/\(index).png", Self.labels(index))
      try folder.write("B/\(index).png", Self.photograph(index))
    }
    let findings = DataSetCheck(.folder(folder.path, .aToB)).findings
    #expect(findings.map(\.severity) == [.odd, .hint])
    #expect(findings[0].text.contains("3 pairs to train on are few"))
    #expect(findings[1].text.contains("there is no split val or test"))
    let swapped = DataSetCheck(.folder(folder.path, .bToA)).findings
    #expect(swapped.last?.text.hasSuffix("give --direction AtoB") == true)
  }

  @Test func labelMapsSavedAsJPEG() throws {
    let folder = try TemporaryFolder()
    try folder.write("A/x.jpg", try bytes(ofFixture: "label_map.jpg"))
    try folder.write("B/x.png", try bytes(ofFixture: "astronaut.png"))
    func first(_ direction: Direction) -> String {
      DataSetCheck(.folder(folder.path, direction)).findings.first?.text ?? ""
    }
    #expect(first(.aToB).contains("the inputs look like label maps that were saved as JPEG"))
    #expect(first(.bToA).contains("the targets look like label maps that were saved as JPEG"))
    // Blended by resizing, and a PNG.
    let map = try Picture(contentsOf: fixture("label_map.jpg"))
    try FileManager.default.removeItem(atPath: "\(folder.path)/A/x.jpg")
    try folder.write("A/x.png", map.resized(width: 150, height: 150, method: .bicubic))
    #expect(first(.aToB).contains("once saved as JPEG or resized with blending"))
  }

  @Test func squaresAreNotSideBySide() throws {
    let folder = try TemporaryFolder()
    for index in 0..<2 { try folder.write("\(index).png", Self.photograph(index)) }
    let texts = DataSetCheck(.folder(folder.path, .aToB)).findings.map(\.text)
    #expect(texts.first?.contains("2 pictures taken for side by side are square") == true)
  }

  @Test func nothingThere() throws {
    let folder = try TemporaryFolder()
    for (place, reason) in [
      (folder.path, "no pictures"), ("\(folder.path)/none", "no such folder"),
    ] {
      let check = DataSetCheck(.folder(place, .aToB))
      #expect(check.findings.map(\.severity) == [.wrong] && check.pairs.isEmpty)
      #expect(check.findings.first?.text.contains("\(place): \(reason)") == true)
    }
    // A set for testing only.
    for side in ["A", "B"] { try folder.write("test/\(side)/1.png", Self.photograph(side == "A" ? 1 : 2)) }
    let texts = DataSetCheck(.folder(folder.path, .aToB)).findings.map(\.text)
    #expect(texts == ["\(folder.path): holds no pairs to train on"])
  }

  /// What belongs to pairs besides.
  @Test func furtherInputsAndWeights() throws {
    let (depth, weights) = ("\(folder.path)/depth", "\(folder.path)/weights")
    for index in 0..<55 {
      let name = "\(index < 50 ? "train" : "val")/\(index).png"
      try folder.write("depth/\(name)", Self.photograph(index + 60))
      try folder.write("weights/\(name)", Self.photograph(index + 160))
    }
    func texts() -> [String] {
      DataSetCheck(.twoFolders(inputs: labels, targets: photos), moreInputs: [depth], weights: weights)
        .findings
        .map { "\($0.severity): \($0.text)" }
    }
    #expect(texts() == [])
    let sheet = try DataSetCheck(
      .twoFolders(inputs: labels, targets: photos), moreInputs: [depth], weights: weights
    ).contactSheet()
    #expect(sheet.width == 4 * (4 * 196 - 4 + 16) + 16)
    try folder.write("weights/train/3.png", Picture(width: 24, height: 24) { _, _, _ in 0 })
    try folder.write("depth/train/5.png", Self.photograph(65, 24, 20))
    try folder.write("depth/val/51.png", Self.photograph(60))
    let found = texts()
    #expect(found.count == 4, "\(found)")
    for part in [
      "wrong: 1 picture of the pictures in \(depth) is in train and in val or test alike", "0 = val/51",
      "odd: the picture in \(depth) and target of 1 pair have different proportions",
      "train/5 (24x20 and 24x24)", "odd: the weights of 1 pair are black throughout: train/3;",
      "odd: the pictures in \(depth) have 2 different sizes",
    ] {
      #expect(found.contains { $0.contains(part) }, "\(part): \(found)")
    }
    try FileManager.default.removeItem(atPath: "\(depth)/train/7.png")
    #expect(texts().first?.contains("only in the pairs of \"train\": 7") == true, "\(texts())")
  }

  @Test func photographsAlone() throws {
    func texts() -> [String] {
      DataSetCheck(.photographs(photos)).findings.map { "\($0.severity): \($0.text)" }
    }
    #expect(texts() == [])
    try folder.write("photos/train/9.png", Self.photograph(8))
    try folder.write("photos/val/52.png", Self.photograph(1))
    let found = texts()
    #expect(found.count == 2, "\(found)")
    #expect(found.first?.contains("wrong: 1 picture of the photographs is in train and in val") == true)
    #expect(found.last?.contains("odd: 1 pair occurs more than once in a split: train/8 = train/9") == true)
  }

  @Test func contactSheet() throws {
    let sheet = try DataSetCheck(.twoFolders(inputs: labels, targets: photos)).contactSheet()
    #expect(sheet.size == PictureSize(width: 4 * 404 + 16, height: 4 * 208 + 16))
    // The last of 16 from 55 is number 51, which is val/51: its photograph is at the bottom right.
    let shown = sheet.cropped(x: 3 * 404 + 16 + 196, y: 3 * 208 + 16, width: 192, height: 192)
    #expect(shown == Self.photograph(51).resized(width: 192, height: 192, method: .bicubic))

    // Proportions stay, and what is left over is white.
    let folder = try TemporaryFolder()
    try folder.write("A/x.png", Picture(width: 40, height: 20) { _, _, _ in 9 })
    try folder.write("B/x.png", Picture(width: 20, height: 40) { _, _, _ in 9 })
    let one = try DataSetCheck(.folder(folder.path, .aToB)).contactSheet()
    #expect(one.size == PictureSize(width: 420, height: 224))
    func dark(_ x: Int) -> Int {
      one.cropped(x: x, y: 16, width: 192, height: 192).values.filter { $0 == 9 }.count
    }
    #expect(dark(16) == 3 * 192 * 96 && dark(212) == 3 * 192 * 96)
    #expect(one.values.allSatisfy { $0 == 9 || $0 == 255 })
  }
}
