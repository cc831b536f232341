import Model
import Testing

@Suite struct ExperimentTests {
  /// Tables 1 to 3 of the paper have thirteen rows; three of them are the same training.
  @Test func sharedRowsAreTrainedOnce() {
    let variants = Experiment.variants(of: Experiment.allCases)
    #expect(Experiment.allCases.map(\.rows.count) == [5, 4, 4])
    #expect(variants.count == 10 && Set(variants.map(\.name)).count == 10)
    #expect(
      variants.map(\.name).contains("cgan+l1") && variants.map(\.name).contains("encoder-decoder-l1")
        && variants.map(\.name).contains("cgan+l1-patch-286"))
  }

  @Test func variantsAreWhatTheirTitlesSay() throws {
    for row in Experiment.patches.rows {
      var options = TrainingOptions()
      try row.variant.apply(to: &options)
      let pixels = options.network.receptiveField
      #expect(row.title == "\(pixels)x\(pixels)")
      try options.validate()
    }
    func options(_ experiment: Experiment) throws -> [TrainingOptions] {
      try experiment.rows.map { row in
        var options = TrainingOptions()
        try row.variant.apply(to: &options)
        return options
      }
    }
    for (experiment, hasSkips) in [
      (Experiment.losses, [true, true, true, true, true]), (.generators, [false, false, true, true]),
    ] {
      #expect(try options(experiment).map { $0.network.generator == .unet } == hasSkips)
    }
    #expect(try options(.losses).map(\.objective.kind) == [.l1, .gan, .cgan, .ganL1, .cganL1])
    #expect(try options(.generators).map(\.objective.kind) == [.l1, .cganL1, .l1, .cganL1])
  }

  private func table(_ values: [Double?]) -> ExperimentTable {
    let rows = zip(Experiment.patches.rows, values).map { row, value in
      ExperimentTable.Row(
        title: row.title,
        values: value.map {
          ["iou": .init(value: $0, lower: $0 - 0.02, upper: $0 + 0.02), "l1": .init(value: 20)]
        }
          ?? [:], published: row.published)
    }
    let truth = ExperimentTable.Row(
      title: ExperimentTable.groundTruth, values: ["iou": .init(value: 0.01)],
      published: Experiment.publishedGroundTruth)
    return ExperimentTable(
      title: "Patches",
      columns: [
        .init(key: "iou", title: "class IOU") { $0.classIOU }, .init(key: "l1", title: "L1"),
        .init(key: "ssim", title: "SSIM"),
      ],
      rows: rows + [truth], budget: "Equal.")
  }

  /// The paper has 0.10, 0.17, 0.17, 0.11: five pairs in an order. Real pictures are not compared.
  @Test(
    arguments: [
      ([0.1, 0.2, 0.3, 0.15], "class IOU: 5 of 5 pairs of rows are in the paper's order."),
      (
        [0.3, 0.2, 0.31, 0.25],
        "class IOU: 2 of 5 pairs of rows are in the paper's order; not so: 1x1 above 16x16, 1x1 above 286x286, 286x286 above 16x16."
      ),
      (
        [0.21, 0.2, nil, nil],
        "class IOU: 0 of 1 pairs of rows are in the paper's order; not so: 1x1 above 16x16 (intervals overlap)."
      ),
      ([nil, nil, 0.2, nil], nil),
    ] as [([Double?], String?)])
  func order(_ values: [Double?], _ expected: String?) {
    #expect(table(values).order == (expected.map { [$0] } ?? []))
  }

  /// Rows that were not trained yet have a dash, columns that no row has are left out.
  @Test func files() {
    let table = table([0.1, nil, 0.3, 0.15])
    #expect(
      table.markdown == """
        ## Patches

        Equal.

        |  | class IOU | paper | L1 |
        |---|---:|---:|---:|
        | 1x1 | 0.100 ±0.020 | 0.10 | 20.0 |
        | 16x16 | – | 0.17 | – |
        | 70x70 | 0.300 ±0.020 | 0.17 | 20.0 |
        | 286x286 | 0.150 ±0.020 | 0.11 | 20.0 |
        | ground truth | 0.010 | 0.21 | – |

        - class IOU: 3 of 3 pairs of rows are in the paper's order.

        <!-- generator: pix2pix -->

        """)
    let lines = table.csv.split(separator: "\n")
    #expect(lines.count == 6 && lines[0] == "row,iou,iou_lower,iou_upper,iou_paper,l1,l1_lower,l1_upper")
    #expect(lines[2] == "16x16,,,,0.17,,," && lines[5] == "ground truth,0.01,,,0.21,,,")
    let page = ExperimentReport(
      title: "A & B", budget: "Equal.",
      sections: [.init(table: table, columns: ["input", "<1x1>"], sheet: .embedded(png: [1, 2, 3]))]
    ).html()
    #expect(page.contains("<h1>A &amp; B</h1>") && page.contains("<td>0.300 ±0.020</td>"))
    #expect(page.contains("<i>&lt;1x1&gt;</i>") && page.contains("base64,AQID"))
  }
}
