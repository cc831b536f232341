import Foundation
import Images
import Tape

/// The names of several pictures of one input, as `translate --samples` writes them: NAME-1 to NAME-K.
public enum SampleNames {
  /// The names of `count` samples; the name itself for one.
  public static func names(of name: String, _ count: Int) -> [String] {
    count == 1 ? [name] : (1...count).map { "\(name)-\($0)" }
  }

  /// The name and the number of a sample's file; nil for a file that is no sample's.
  static func parts(_ path: String) -> (name: String, number: Int)? {
    let stem = PictureFolder.stem(path)
    guard let dash = stem.lastIndex(of: "-"), let number = Int(stem[stem.index(after: dash)...]), number > 0,
      stem[stem.index(after: dash)...] == "\(number)"
    else { return nil }
    return (String(stem[..<dash]), number)
  }
}

extension PairSource {
  /// Pairs of the first sample of each output with its target, and the files of the other samples by the pairs' names.
  ///
  /// - Parameters:
  ///   - outputs: folder of samples NAME-1 to NAME-K; later ones are left out, and a remark says so
  ///   - targets: folder of targets NAME
  ///   - samples: K, at least 2
  /// - Throws: `ModelError.file` for a missing sample and for a picture that is no target's sample, the errors of `init`.
  public static func ofSamples(
    outputs: String, targets: String, samples: Int, split: Split = .train
  ) throws -> (source: PairSource, others: [String: [String]]) {
    // A target alone is a picture of a folder without inputs.
    let found = try PairSource(.photographs(targets), split: split)
    let folder = try PictureFolder(
      PictureFolder.subfolder(split.rawValue, of: outputs) ?? outputs, subfolders: PairSource.splitNames)
    let files = try folder.byName()
    var (pairs, others): ([PairFiles], [String: [String]]) = ([], [:])
    for pair in found.pairs {
      let paths = try SampleNames.names(of: pair.name, samples).map { name in
        guard let path = files[of: "\(name).png"] else {
          throw ModelError.file(
            folder.path, "has no picture \(name), one of the \(samples) samples of \(pair.targetFile)")
        }
        return path
      }
      pairs.append(PairFiles(name: pair.name, location: .twoFiles(input: paths[0], target: pair.targetFile)))
      others[pair.name] = Array(paths.dropFirst())
    }
    let known = Set(found.pairs.map { $0.name.lowercased() })
    let taken = Set(pairs.map(\.inputFile) + others.values.flatMap(\.self))
    let rest = folder.pictures.filter { !taken.contains($0) }
    if let stranger = rest.first(where: { path in
      SampleNames.parts(path).map { !known.contains($0.name.lowercased()) } ?? true
    }) {
      throw ModelError.file(stranger, "is no sample NAME-1, NAME-2 and so on of a target in \(targets)")
    }
    let more =
      rest.isEmpty
      ? [] : ["\(folder.path): \(rest.count) samples beyond the first \(samples) of an input are left out"]
    return (
      PairSource(
        pairs: pairs, unreadable: found.unreadable + folder.unnameableErrors,
        remarks: found.remarks + [folder.leftOut].compactMap(\.self) + more), others
    )
  }

  /// The files of several right outputs of each pair's input, by the pairs' names: NAME-1, NAME-2 and so on, in the order of
  /// their numbers, in a folder or in its folder for the split. Other pictures there are ignored: a folder may serve all splits.
  ///
  /// - Throws: `ModelError.file` for a pair with fewer than two, the errors of `PictureFolder`.
  public func targetSamples(in folder: String, split: Split) throws -> [String: [String]] {
    let place = try PictureFolder.subfolder(split.rawValue, of: folder) ?? folder
    let found = try PictureFolder(place, subfolders: PairSource.splitNames)
    // Two files of one name are an error.
    _ = try found.byName()
    let numbered = found.pictures.compactMap { path in
      SampleNames.parts(path).map { (path: path, name: $0.name.lowercased(), number: $0.number) }
    }
    let byName = Dictionary(grouping: numbered, by: \.name)
    var result: [String: [String]] = [:]
    for pair in pairs {
      let own = (byName[pair.name.lowercased()] ?? []).sorted { $0.number < $1.number }
      guard own.count > 1 else {
        throw ModelError.file(
          place,
          "has \(own.isEmpty ? "no targets" : "one target") of \(pair.name); --target-samples takes at least two of each input, \(pair.name)-1, \(pair.name)-2 and so on"
        )
      }
      result[pair.name] = own.map(\.path)
    }
    return result
  }

  /// The pairs whose further pictures can be read, and the errors of the others.
  ///
  /// - Parameters:
  ///   - files: further pictures of pairs, by the pairs' names
  ///   - areOfTargetSize: they must be of the size and kind of the pair's target
  /// - Throws: `ModelError.file` for a picture that is not.
  public func readable(
    with files: [String: [String]], areOfTargetSize: Bool
  ) throws -> (source: PairSource, errors: [ImageError]) {
    let errors = try mapInParallel(over: pairs.indices) { place -> ImageError? in
      let pair = pairs[place]
      let (target, pictures): (Picture, [Picture])
      do throws(ImageError) {
        target = try pair.load().target
        var read: [Picture] = []
        for file in files[pair.name] ?? [] { read.append(try Picture(contentsOf: file).opaque()) }
        pictures = read
      } catch {
        return error
      }
      for (file, picture) in zip(files[pair.name] ?? [], pictures) where areOfTargetSize {
        guard picture.size == target.size, picture.channels == target.channels else {
          throw ModelError.file(
            file,
            "is \(picture.size) pixels of \(picture.channels) channels, but \(pair.targetFile) is \(target.size) of \(target.channels)"
          )
        }
      }
      return nil
    }
    let left = zip(pairs, errors).filter { $0.1 == nil }.map(\.0)
    return (PairSource(pairs: left, unreadable: unreadable, remarks: remarks), errors.compactMap(\.self))
  }
}
