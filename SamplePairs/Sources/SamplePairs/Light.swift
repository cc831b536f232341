/// Sky, sun and air of one picture.
struct Weather {
  /// The sun's light travels by `slant` widths sideways and `drop` widths towards the wall per width down.
  var slant: Float
  var drop: Float
  var sun: RGB
  var ambient: RGB
  var zenith: RGB
  var horizon: RGB
  var cloud: RGB
  /// The clouded share of the sky, 0...1.
  var cover: Float
  var exposure: Float
  var noise: Float

  init(random r: inout Random) {
    let side: Float = r.chance(0.5) ? 1 : -1
    slant = side * r.uniform(0.35, 0.95)
    drop = r.uniform(0.5, 0.95)
    cloud = RGB(0.92, 0.93, 0.95)
    switch r.pick([0, 0, 1, 1, 2, 3, 4]) {
    case 0:  // clear day
      sun = RGB(1.0, 0.93, 0.80) * 0.88
      ambient = RGB(0.22, 0.27, 0.36)
      zenith = rgb(84, 138, 206)
      horizon = rgb(186, 212, 236)
      cover = r.uniform(0.2, 0.5)
    case 1:  // warm afternoon
      sun = RGB(1.0, 0.84, 0.62) * 0.98
      ambient = RGB(0.22, 0.25, 0.32)
      zenith = rgb(104, 150, 204)
      horizon = rgb(226, 218, 204)
      cover = r.uniform(0.2, 0.55)
    case 2:  // overcast
      sun = RGB(1.0, 0.98, 0.95) * 0.2
      ambient = RGB(0.56, 0.59, 0.63)
      zenith = rgb(172, 180, 190)
      horizon = rgb(222, 224, 226)
      cover = r.uniform(0.7, 0.9)
      cloud = rgb(236, 236, 236)
    case 3:  // evening
      sun = RGB(1.0, 0.68, 0.40) * 1.05
      ambient = RGB(0.20, 0.205, 0.29)
      zenith = rgb(92, 112, 168)
      horizon = rgb(246, 204, 160)
      cloud = rgb(250, 206, 176)
      cover = r.uniform(0.3, 0.6)
    default:  // cold morning
      sun = RGB(0.92, 0.93, 1.0) * 0.6
      ambient = RGB(0.30, 0.35, 0.44)
      zenith = rgb(120, 158, 200)
      horizon = rgb(214, 222, 230)
      cover = r.uniform(0.3, 0.6)
    }
    exposure = r.uniform(0.98, 1.2)
    noise = r.uniform(1.2, 3.2)
  }

  /// The sky's own colour, from the zenith (0) to the horizon (1).
  @inline(__always)
  func sky(_ t: Float) -> RGB { mix(zenith, horizon, clamp(t)) }
}

extension Canvas {
  /// Lights the matter and takes the photo: RGB bytes, row by row.
  ///
  /// Every sample carries a height before the wall's plane. One sweep down the picture carries the
  /// shadow's edge along the sun's direction (each row's caster is the higher of its own height and the
  /// row above's, one drop lower), so shadows of every part agree and cost one operation per sample.
  func photograph(_ weather: Weather, grain: Noise) -> [UInt8] {
    let occlusion = ambientOcclusion()
    var photo = [UInt8](repeating: 0, count: size * size * 3)
    var caster = [Float](repeating: -1, count: width)
    var previous = caster
    var row = [RGB](repeating: RGB(repeating: 0), count: size)
    let invStep = 0.5 / step
    let toSun = 1 / (weather.slant * weather.slant + 1 + weather.drop * weather.drop).squareRoot()
    let sx = -weather.slant * toSun
    let sy = -toSun
    let sz = weather.drop * toSun
    let fall = weather.drop * step
    var offset = 0

    for y in 0..<width {
      swap(&caster, &previous)
      let next = floorInt(weather.slant * (Float(y) + 0.5))
      let shift = next - offset
      offset = next
      let line = y * width
      let above = (y == 0 ? y : y - 1) * width
      let below = (y == width - 1 ? y : y + 1) * width
      for x in 0..<width {
        let sample = samples[line + x]
        let from = x - shift
        let carried = from >= 0 && from < width ? previous[from] - fall : -1
        caster[x] = max(sample.height, carried)
        var light = sample.albedo
        if sample.glow < 1 {
          let sunlit = 1 - clamp((carried - sample.height - 0.0004) * 350)
          let left = samples[line + (x == 0 ? x : x - 1)].height
          let right = samples[line + (x == width - 1 ? x : x + 1)].height
          let gx = clamp((right - left) * invStep, -1.6, 1.6)
          let gy = clamp((samples[below + x].height - samples[above + x].height) * invStep, -1.6, 1.6)
          let length = 1 / (gx * gx + gy * gy + 1).squareRoot()
          let facing = max(0, (sz - gx * sx - gy * sy) * length) / sz
          let open = occlusion[(y >> 1) * size + (x >> 1)] * (1 + 0.22 * gy * length)
          let fromSun = weather.sun * (min(facing, 1.7) * sunlit)
          let received = weather.ambient * open + fromSun
          light = light * (received * (1 - sample.glow) + RGB(repeating: sample.glow))
        }
        row[x >> 1] += light
      }
      if y & 1 == 1 {
        develop(&row, line: y >> 1, weather, grain, into: &photo)
      }
    }
    return photo
  }

  /// Turns one row of summed light into bytes: exposure, vignette, film curve, sensor noise.
  private func develop(
    _ row: inout [RGB], line: Int, _ weather: Weather, _ grain: Noise, into photo: inout [UInt8]
  ) {
    let pixel = 1 / Float(size)
    let v = (Float(line) + 0.5) * pixel - 0.5
    for x in 0..<size {
      let u = (Float(x) + 0.5) * pixel - 0.5
      let vignette = 1 - 0.42 * (u * u + v * v)
      let light = row[x] * (0.25 * 1.35 * weather.exposure * vignette)
      row[x] = RGB(repeating: 0)
      // Bright tones roll off as on film; dark ones keep their contrast.
      let curved = light * (RGB(repeating: 1) + light * 0.16) / (RGB(repeating: 1) + light * 0.36)
      let display = curved.squareRoot() * 255
      // A sum of two uniform numbers is close enough to the bell curve of a sensor.
      let luma = (grain.at(x, line) + grain.at(x + 7919, line) - 1) * 2.4 * weather.noise
      let place = (line * size + x) * 3
      for channel in 0..<3 {
        let chroma = (grain.at(x + 20011 * (channel + 1), line) - 0.5) * 1.6 * weather.noise
        photo[place + channel] = UInt8(clamp(display[channel] + luma + chroma + 0.5, 0, 255))
      }
    }
  }

  /// The share of the sky's light that reaches each pixel: less where the surroundings stand higher.
  private func ambientOcclusion() -> [Float] {
    var heights = [Float](repeating: 0, count: size * size)
    for y in 0..<size {
      for x in 0..<size {
        var sum: Float = 0
        for dy in 0..<2 {
          for dx in 0..<2 {
            sum += clamp(samples[(2 * y + dy) * width + 2 * x + dx].height, -0.03, 0.05)
          }
        }
        heights[y * size + x] = sum * 0.25
      }
    }
    let radius = max(1, floorInt(Float(size) * 0.014 + 0.5))
    var wide = heights
    for _ in 0..<2 {
      wide = boxBlurred(wide, radius, along: 1, across: size)
      wide = boxBlurred(wide, radius, along: size, across: 1)
    }
    for i in 0..<heights.count {
      heights[i] = 1 - clamp((wide[i] - heights[i]) * 28, 0, 0.62)
    }
    return heights
  }

  /// A running mean over 2 `radius` + 1 cells in one direction; edges repeat.
  private func boxBlurred(_ field: [Float], _ radius: Int, along: Int, across: Int) -> [Float] {
    var result = field
    let scale = 1 / Float(2 * radius + 1)
    let last = size - 1
    for lane in 0..<size {
      let base = lane * across
      var sum: Float = 0
      for i in -radius...radius { sum += field[base + min(max(i, 0), last) * along] }
      for i in 0...last {
        result[base + i * along] = sum * scale
        sum += field[base + min(i + radius + 1, last) * along] - field[base + max(i - radius, 0) * along]
      }
    }
    return result
  }
}
