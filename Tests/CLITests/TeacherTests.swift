import Foundation
import Testing

/// A student beside its teacher, as people train and judge them.
@Suite struct TeacherTests {
  private let teacher: SmallModel
  private var folder: String { teacher.folder.path }

  init() throws { teacher = try SmallModel() }

  private func train(_ out: String, _ options: [String]) throws -> Outcome {
    try Program.run(
      ["train", "--data", "\(folder)/pairs", "--out", "\(folder)/\(out)", "--size", "32", "--ndf", "4"]
        + options
        + (options.contains("--ngf") ? [] : ["--ngf", "2"]) + onReference)
  }

  private func resume(_ out: String, _ options: [String] = []) throws -> Outcome {
    try Program.run(["train", "--resume", "--out", "\(folder)/\(out)"] + options + onReference)
  }

  private func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
  }

  private func copy(_ from: String, _ to: String) throws {
    try FileManager.default.copyItem(atPath: "\(folder)/\(from)", toPath: "\(folder)/\(to)")
  }

  private let last = "checkpoints/step-00000004.safetensors"

  @Test func aResumedStudentHasTheSameBytes() throws {
    let options = ["--teacher", teacher.path, "--batch-size", "2"]
    #expect(try train("straight", options + ["--steps", "4"]).status == 0)
    #expect(try train("resumed", options + ["--steps", "4", "--stop-after", "2"]).status == 0)
    #expect(try resume("resumed").status == 0)
    #expect(try bytes("straight/\(last)") == bytes("resumed/\(last)"))
    let columns = String(decoding: try bytes("straight/losses.csv"), as: UTF8.self).split(separator: "\n")[0]
    #expect(columns.contains("G_teacher,G_teacher_edges,G_teacher_high,D_real") && !columns.contains("G_L1"))
    // From there on without a teacher, with the targets.
    #expect(try train("tuned", ["--from", "\(folder)/straight", "--steps", "1"]).status == 0)
    let tuned = String(decoding: try bytes("tuned/losses.csv"), as: UTF8.self).split(separator: "\n")[0]
    #expect(tuned.contains("G_L1") && !tuned.contains("teacher"))
    // The weights of the teacher are in no file of the student's.
    let size = try bytes("straight/\(last)").count
    #expect(try train("alone", ["--steps", "4", "--batch-size", "2", "--lambda-l1", "0"]).status == 0)
    #expect(abs(try bytes("alone/\(last)").count - size) < 4096)
  }

  @Test func theTeacherHasToBeTheOneItWas() throws {
    try copy("model/checkpoints/step-00000002.safetensors", "teacher.safetensors")
    let file = "\(folder)/teacher.safetensors"
    #expect(try train("run", ["--teacher", file, "--steps", "4", "--stop-after", "2"]).status == 0)
    let before = try bytes("run/checkpoints/step-00000002.safetensors")

    try FileManager.default.moveItem(atPath: file, toPath: "\(folder)/moved.safetensors")
    expectFailure(
      try resume("run"), "--teacher: \(file), which the run was begun with, is not there any more",
      "say where it is now by --teacher")
    let other = try SmallModel(["--seed", "5"])
    try FileManager.default.copyItem(
      atPath: "\(other.path)/checkpoints/step-00000002.safetensors", toPath: file)
    expectFailure(
      try resume("run"), "--teacher: \(file) is not the file that the run was begun with")
    #expect(try bytes("run/checkpoints/step-00000002.safetensors") == before)
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/run/\(last)"))
    #expect(try resume("run", ["--teacher", "\(folder)/moved.safetensors"]).status == 0)

    // Runs begin with a teacher or without.
    #expect(try train("plain", ["--steps", "4", "--stop-after", "2"]).status == 0)
    expectFailure(
      try resume("plain", ["--teacher", file]),
      "--teacher: the run was begun without a teacher; begin another"
    )
    expectFailure(
      try resume("run", ["--lambda-teacher", "5"]), "--lambda-teacher: the run has 100, not 5")
  }

  @Test func refusesTeachersThatCannotTeach() throws {
    func refused(_ model: String, _ options: [String] = [], _ parts: String...) throws {
      let outcome = try train("student", ["--steps", "2", "--teacher", model] + options)
      #expect(outcome.status == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
      for part in parts { #expect(outcome.errors.contains(part), "no \"\(part)\" in: \(outcome.errors)") }
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/student"))
    }
    let gray = try SmallModel(["--target-format", "gray"])
    try refused(gray.path, [], "--teacher: draws 1 channel, this run 3")
    try refused(
      teacher.path, ["--target-format", "channels"],
      "--teacher: \(teacher.path)/checkpoints/step-00000002.safetensors was trained on other kinds of pictures: rgb to rgb, not rgb to 3 channels"
    )
    let noisy = try SmallModel(["--noise", "gaussian"])
    try refused(noisy.path, [], "a teacher without --noise")
    try refused("\(folder)/nowhere", [], "nowhere: no such file or folder")
    try refused(
      teacher.path, ["--size", "48", "--levels", "4"], "multiples of 32, and this run's are of 48x48")
    try refused(
      teacher.path, ["--lambda-teacher", "0", "--lambda-teacher-edges", "0", "--lambda-teacher-high", "0"],
      "--lambda-teacher: 0, with --lambda-teacher-edges and -high of 0, leaves nothing of --teacher")
    try refused(
      teacher.path, ["--objective", "cross-entropy"],
      "--teacher: draws pictures, and --objective cross-entropy draws none")
    // Its own folder, by another name.
    expectFailure(
      try train("model", ["--steps", "2", "--teacher", "\(folder)/pairs/../model/best.safetensors"]),
      "--teacher: ", "where the student goes; name another --out")
    expectFailure(
      try Program.run(["train", "--data", "\(folder)/pairs", "--out", "x", "--lambda-teacher", "5"]),
      "--lambda-teacher: goes with --teacher", status: 64)
  }

  @Test func refusesACycleAndWarnsOfALargeStudent() throws {
    for number in 0..<2 {
      try teacher.folder.write("sides/trainA/\(number).png", pattern(32, 32, number))
      try teacher.folder.write("sides/trainB/\(number).png", pattern(32, 32, number + 5))
    }
    let cycle = try Program.run(
      ["train", "--unpaired", "--data", "\(folder)/sides", "--out", "\(folder)/cycle", "--steps", "1"] + tiny
        + onReference)
    #expect(cycle.status == 0, "\(cycle.errors)")
    expectFailure(
      try train("student", ["--steps", "2", "--teacher", "\(folder)/cycle"]), "--teacher: ", "is a CycleGAN")
    expectFailure(
      try Program.run(
        [
          "train", "--unpaired", "--data", "\(folder)/sides", "--out", "\(folder)/x", "--teacher",
          teacher.path,
        ] + tiny + onReference), "--teacher: is a model of pairs; --unpaired has none")
    let large = try train("large", ["--steps", "1", "--ngf", "9", "--teacher", teacher.path])
    #expect(
      large.status == 0 && large.errors.contains("parameters, more than its teacher"), "\(large.errors)")
  }

  @Test func verifiesAStepWithATeacher() throws {
    let outcome = try Program.run(["verify", "--teacher", teacher.path] + tiny + onReference)
    #expect(outcome.status == 0 && outcome.output.contains("high pass"), "\(outcome.errors)")
  }

  /// A model beside itself: without dropout, no difference, all of its high frequencies, and the same cost.
  @Test func evaluatesAgreement() throws {
    let alone = try SmallModel(["--no-dropout"])
    let outcome = try Program.run(
      [
        "evaluate", "--model", alone.path, "--teacher", alone.path, "--data", "\(folder)/pairs", "--split",
        "train", "--out", "\(folder)/figures", "--json",
      ] + onReference)
    #expect(outcome.status == 0, "\(outcome.errors)")
    struct Figures: Decodable {
      struct Value: Decodable { let value: Double }
      let figures: [String: Value]
    }
    let figures = try JSONDecoder().decode(Figures.self, from: bytes("figures/figures.json")).figures
    #expect(figures["teacher_l1"]?.value == 0 && figures["teacher_high_band"]?.value == 1)
    #expect(abs((figures["teacher_ssim"]?.value ?? 0) - 1) < 1e-12)
    struct Costs: Decodable {
      struct Cost: Decodable {
        let parameters: Int
        let multiplyAdds: Double
        let msPerPicture: Double
      }
      let event: String
      let model: Cost
      let teacher: Cost
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let costs = try #require(
      outcome.output.split(separator: "\n").compactMap {
        try? decoder.decode(Costs.self, from: Data($0.utf8))
      }.first { $0.event == "costs" })
    // By hand: five levels of a U-Net with 4 channels behind the first, 16 weights to a pair of channels; batch norms with
    // scale and shift, and a bias where there is none.
    let down = 3 * 4 + 4 * 8 + 8 * 16 + 16 * 32 + 32 * 32
    let up = 32 * 32 + 64 * 16 + 32 * 8 + 16 * 4 + 8 * 3
    let norms = 2 * (8 + 16 + 32 + 32 + 16 + 8 + 4)
    #expect(costs.model.parameters == 16 * (down + up) + norms + 3)
    // Of each convolution, its weights at every pixel of the smaller of its maps.
    let layers = [
      (3 * 4 + 8 * 3, 256), (4 * 8 + 16 * 4, 64), (8 * 16 + 32 * 8, 16), (16 * 32 + 64 * 16, 4),
      (2 * 32 * 32, 1),
    ]
    #expect(costs.model.multiplyAdds == Double(16 * layers.reduce(0) { $0 + $1.0 * $1.1 }))
    #expect(costs.model.parameters == costs.teacher.parameters)
    #expect(costs.model.multiplyAdds == costs.teacher.multiplyAdds)
    #expect(costs.model.msPerPicture > 0 && costs.teacher.msPerPicture > 0)

    let data = ["--data", "\(folder)/pairs", "--split", "train"]
    let gray = try SmallModel(["--target-format", "gray"])
    expectFailure(
      try Program.run(["evaluate", "--model", alone.path, "--teacher", gray.path] + data + onReference),
      "--teacher: draws 1 channel, this run 3")
    expectFailure(
      try Program.run(["evaluate", "--outputs", folder, "--targets", folder, "--teacher", alone.path]),
      "--teacher goes with --model", status: 64)
  }
}
