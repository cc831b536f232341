import Foundation
import Images
import Testing

@Suite struct PairSourceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Only names count for finding pairs, so files may be empty.
  private func touch(_ names: String...) throws {
    for name in names { try folder.write(name, []) }
  }

  private func names(_ source: PairSource?) -> [String]? { source?.pairs.map(\.name) }

  private func twoFiles(_ source: PairSource) -> [[String]] {
    source.pairs.map { pair in
      guard case .twoFiles(let input, let target) = pair.location else { return [] }
      return [input, target].map { String($0.dropFirst(folder.path.count + 1)) }
    }
  }

  @Test func sideBySideWithoutSplits() throws {
    try touch("b.png", "a.JPG", "C.jpeg", ".hidden.png", "notes.txt", "d.webp")
    try folder.makeFolder("other")
    #expect(names(try PairSource(.folder(folder.path, .aToB))) == ["C", "a", "b"])
    #expect(try PairSource.pairs(of: .val, in: .folder(folder.path, .aToB)) == nil)
    #expect(throws: ImageError.self) { try PairSource(.folder(folder.path, .aToB), split: .test) }
  }

  @Test func sideBySideWithSplits() throws {
    try touch("train/1.png", "train/2.png", "val/3.png", "test/4.png")
    #expect(names(try PairSource(.folder(folder.path, .aToB))) == ["1", "2"])
    #expect(names(try PairSource.pairs(of: .val, in: .folder(folder.path, .aToB))) == ["3"])
    #expect(names(try PairSource(.folder(folder.path, .aToB), split: .test)) == ["4"])
  }

  @Test(arguments: [("train/A", "train/B"), ("A/train", "B/train"), ("A", "B")])
  func twoFolders(a: String, b: String) throws {
    try touch("\(a)/x1.png", "\(a)/X2.jpg", "\(b)/X1.JPEG", "\(b)/x2.png")
    let forward = try PairSource(.folder(folder.path, .aToB))
    #expect(twoFiles(forward) == [["\(a)/X2.jpg", "\(b)/x2.png"], ["\(a)/x1.png", "\(b)/X1.JPEG"]])
    let backward = try PairSource(.folder(folder.path, .bToA))
    #expect(twoFiles(backward) == [["\(b)/X1.JPEG", "\(a)/x1.png"], ["\(b)/x2.png", "\(a)/X2.jpg"]])
    #expect(try PairSource.pairs(of: .val, in: .folder(folder.path, .aToB)) == nil)
  }

  /// Data sets come from systems whose names have no case.
  @Test(arguments: [("TRAIN/a", "TRAIN/B"), ("a/Train", "b/train"), ("a", "b")])
  func foldersOfAnyCase(a: String, b: String) throws {
    try touch("\(a)/1.png", "\(b)/1.png")
    #expect(twoFiles(try PairSource(.folder(folder.path, .aToB))) == [["\(a)/1.png", "\(b)/1.png"]])
    #expect(try PairSource.pairs(of: .val, in: .folder(folder.path, .aToB)) == nil)
  }

  @Test func twoFoldersOfOneName() throws {
    try touch("Train/1.png", "TRAIN/2.png")
    let error = #expect(throws: ImageError.self) { try PairSource(.photographs(folder.path)) }
    #expect(error == .ambiguous(folder: folder.path, names: ["TRAIN", "Train"]))
    // The very name is meant where it is there.
    try touch("train/3.png")
    #expect(names(try PairSource(.photographs(folder.path))) == ["3"])
  }

  @Test func explicitFoldersWithSplits() throws {
    try touch("photos/train/1.jpg", "labels/train/1.png", "photos/val/2.jpg", "labels/val/2.png")
    let (photos, labels) = ("\(folder.path)/photos", "\(folder.path)/labels")
    let train = try PairSource(.twoFolders(inputs: labels, targets: photos))
    #expect(twoFiles(train) == [["labels/train/1.png", "photos/train/1.jpg"]])
    #expect(names(try PairSource.pairs(of: .val, in: .twoFolders(inputs: labels, targets: photos))) == ["2"])
    #expect(throws: ImageError.self) {
      try PairSource(.twoFolders(inputs: labels, targets: photos), split: .test)
    }
  }

  @Test func unmatchedNamesAreListed() throws {
    for index in 10..<25 { try touch("A/only\(index).png") }
    try touch("A/both.png", "B/both.png", "B/lonely.png")
    let error = try #require(
      #expect(throws: ImageError.self) { try PairSource(.folder(folder.path, .aToB)) })
    guard case .unmatched(_, _, let onlyInInputs, let onlyInTargets) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(onlyInInputs == (10..<25).map { "only\($0).png" })
    #expect(onlyInTargets == ["lonely.png"])
    #expect(error.description.contains("only19.png, ... (15 in all)"))
    #expect(!error.description.contains("only20"))
  }

  @Test func sameNameTwiceIsAmbiguous() throws {
    try touch("A/x.png", "A/X.jpg", "B/x.png")
    #expect(throws: ImageError.ambiguous(folder: "\(folder.path)/A", names: ["X.jpg", "x.png"])) {
      try PairSource(.folder(folder.path, .aToB))
    }
  }

  @Test func missingAndEmptyFoldersNameTheLayouts() throws {
    try folder.makeFolder("empty/train")
    try folder.makeFolder("half/A")
    try touch("file")
    for (name, reason) in [
      ("missing", "no such folder"), ("empty", "no pictures"), ("half", "no such folder, but"),
      ("file", "is not a folder"),
    ] {
      let error = #expect(throws: ImageError.self) {
        try PairSource(.folder("\(folder.path)/\(name)", .aToB))
      }
      let text = try #require(error).description
      #expect(text.contains(reason) && text.contains(name) && text.contains(PairSource.layouts))
    }
  }

  @Test(arguments: Direction.allCases) func halvesOfASideBySidePicture(direction: Direction) throws {
    let path = try folder.write("pair.png", Picture(width: 24, height: 10) { x, y, c in x * 9 + y * 5 + c })
    let pair = PairFiles(name: "pair", location: .sideBySide(path: path, direction: direction))
    let left = Picture(width: 12, height: 10) { x, y, c in x * 9 + y * 5 + c }
    let right = Picture(width: 12, height: 10) { x, y, c in (x + 12) * 9 + y * 5 + c }
    let (input, target) = try pair.load()
    #expect(input == (direction == .aToB ? left : right))
    #expect(target == (direction == .aToB ? right : left))
  }
}
