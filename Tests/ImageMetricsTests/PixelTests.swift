import Foundation
import ImageMetrics
import Images
import Testing

@Suite struct PixelTests {
  /// The pictures that a case of make_fixtures.py is about: "kind WIDTHxHEIGHT".
  static func pictures(_ name: String) throws -> (output: Picture, target: Picture) {
    let words = name.split(whereSeparator: { " x".contains($0) })
    try #require(words.count == 3)
    let (width, height) = (try #require(Int(words[1])), try #require(Int(words[2])))
    let target = picture(width, height, drawn)
    switch words[0] {
    case "noisy": return (picture(width, height) { drawn($0, $1, $2) + noise($0, $1, $2) }, target)
    case "inverted": return (picture(width, height) { 255 - drawn($0, $1, $2) }, target)
    case "shifted": return (picture(width, height) { drawn($0 + 3, $1 + 2, $2) }, target)
    case "deep":
      return (
        picture(width, height, bits: 16) { drawn($0, $1, $2) * 257 + 8 * noise($0, $1, $2) }, target
      )
    default: throw CocoaError(.featureUnsupported)
    }
  }

  /// Numpy and scikit-image for L1, MSE, PSNR and SSIM, pytorch-msssim for MS-SSIM. Whole numbers' sums are exact, so
  /// only the last division may differ.
  /// Measured, relative: L1 and MSE 0, with 16 bits 4.2e-15, PSNR 3.6e-16, SSIM 2.1e-14, MS-SSIM 9.5e-15: variances
  /// are small differences of squares.
  @Test(arguments: try Fixtures.shared.get().pixels) func likeOthers(_ expected: Fixtures.PixelCase) throws {
    let (output, target) = try Self.pictures(expected.name)
    let (a, b) = (Pixels(output), Pixels(target))
    let exact = output.bitDepth == 8
    let mse = meanSquaredError(a, b)
    #expect(relativeError(meanAbsoluteError(a, b), expected.l1) <= (exact ? 1e-15 : 1e-14))
    #expect(relativeError(mse, expected.mse) <= (exact ? 1e-15 : 1e-14))
    #expect(relativeError(peakSignalToNoiseRatio(meanSquaredError: mse), expected.psnr) <= 3e-15)
    let ssim = try #require(StructuralSimilarity.singleScale(a, b))
    #expect(relativeError(ssim, try #require(expected.ssim)) <= 9e-14)
    let msSSIM = StructuralSimilarity.multiScale(a, b)
    #expect((msSSIM == nil) == (expected.msSSIM == nil))
    if let msSSIM, let other = expected.msSSIM { #expect(relativeError(msSSIM, other) <= 9e-14) }
  }

  @Test func equalPicturesAndSymmetry() throws {
    let a = Pixels(picture(180, 177, drawn))
    let b = Pixels(picture(180, 177) { drawn($0, $1, $2) + noise($0, $1, $2) })
    #expect(meanAbsoluteError(a, a) == 0)
    #expect(meanSquaredError(a, a) == 0)
    #expect(peakSignalToNoiseRatio(meanSquaredError: 0) == .infinity)
    #expect(StructuralSimilarity.singleScale(a, a) == 1)
    #expect(StructuralSimilarity.multiScale(a, a) == 1)
    #expect(meanAbsoluteError(a, b) == meanAbsoluteError(b, a))
    #expect(meanSquaredError(a, b) == meanSquaredError(b, a))
    #expect(StructuralSimilarity.singleScale(a, b) == StructuralSimilarity.singleScale(b, a))
    #expect(StructuralSimilarity.multiScale(a, b) == StructuralSimilarity.multiScale(b, a))
  }

  /// Channels that are no colours count alike: what they have alone, averaged, and none is left out.
  @Test func channels() throws {
    func array(_ channels: [Picture]) -> Picture {
      let all = channels.map { picture -> [UInt8] in
        guard case .eight(let values) = picture.gray().samples else { return [] }
        return values
      }
      return Picture(
        width: 170, height: 165, channels: all.count,
        samples: .eight((0..<170 * 165).flatMap { pixel in all.map { $0[pixel] } }), hasAlpha: false)
    }
    let targets = (0..<4).map { channel in picture(170, 165) { drawn($0 + 40 * channel, $1, $2) } }
    let outputs = targets.enumerated().map { channel, _ in
      picture(170, 165) { drawn($0 + 40 * channel, $1, $2) + channel * noise($0, $1, $2) }
    }
    let (output, target) = (array(outputs), array(targets))
    let (a, b) = (Pixels(output), Pixels(target))
    let alone = zip(outputs, targets).map { (Pixels($0.gray()), Pixels($1.gray())) }
    func mean(_ figure: (Pixels, Pixels) -> Double?) -> Double {
      alone.map { figure($0, $1) ?? .nan }.reduce(0, +) / 4
    }
    #expect(a.channels == 4 && mean(meanAbsoluteError) > 1)
    let (single, multi) = StructuralSimilarity.singleAndMultiScale(a, b)
    let errors = [
      relativeError(meanAbsoluteError(a, b), mean(meanAbsoluteError)),
      relativeError(meanSquaredError(a, b), mean(meanSquaredError)),
      relativeError(try #require(single), mean(StructuralSimilarity.singleScale)),
      relativeError(try #require(multi), mean(StructuralSimilarity.multiScale)),
    ]
    // Only the order of the sums differs. Measured: L1 1.6e-16, MSE 1.9e-16.
    #expect(errors.allSatisfy { $0 <= 1e-15 }, "\(errors)")
    let kinds = figures([try PictureFigures(name: "p", output: output, target: target)]).map(\.kind)
    #expect(kinds == FigureKind.ofPictures(width: 170, height: 165, areLabelMaps: false, areColours: false))
    #expect(kinds == [.l1, .mse, .psnr, .ssim, .msSSIM])
  }

  /// Flat pictures have no variance: SSIM is (2 m n + C1) / (m^2 + n^2 + C1).
  @Test func flatPictures() throws {
    let (a, b) = (Pixels(picture(20, 20) { _, _, _ in 100 }), Pixels(picture(20, 20) { _, _, _ in 110 }))
    #expect(meanAbsoluteError(a, b) == 10)
    #expect(meanSquaredError(a, b) == 100)
    // 20 log10(255) - 20
    #expect(relativeError(peakSignalToNoiseRatio(meanSquaredError: 100), 28.130803608679104) <= 1e-15)
    let ssim = try #require(StructuralSimilarity.singleScale(a, b))
    // Measured: 2.3e-13, the rounding of sums of squares.
    #expect(relativeError(ssim, (22_000 + 6.5025) / (22_100 + 6.5025)) <= 1e-12)
  }

  /// Gray counts as three equal channels, 16 bits as 257 times 8.
  @Test func kindsOfPictures() {
    let samples = (0..<24).map { UInt8($0 * 10) }
    let gray = Picture(width: 6, height: 4, channels: 1, samples: .eight(samples))
    let deep = Picture(width: 6, height: 4, channels: 1, samples: .sixteen(samples.map { UInt16($0) * 257 }))
    #expect(Pixels(gray) == Pixels(gray.rgb()))
    #expect(Pixels(deep) == Pixels(gray))
    #expect(Pixels(gray).values[0..<6].elementsEqual([0, 0, 0, 10, 10, 10]))
  }

  @Test func tooSmall() {
    func pixels(_ width: Int, _ height: Int) -> Pixels { Pixels(picture(width, height, drawn)) }
    #expect(StructuralSimilarity.singleScale(pixels(10, 300), pixels(10, 300)) == nil)
    #expect(StructuralSimilarity.singleScale(pixels(11, 11), pixels(11, 11)) == 1)
    #expect(StructuralSimilarity.multiScale(pixels(160, 300), pixels(160, 300)) == nil)
    #expect(StructuralSimilarity.multiScale(pixels(300, 161), pixels(300, 161)) == 1)
  }
}
