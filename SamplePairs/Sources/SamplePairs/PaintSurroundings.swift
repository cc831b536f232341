extension Painter {
  mutating func paintSky() {
    let noise = noise
    let weather = weather
    let building = building
    let edge = 1 - weather.cover
    // Only the visible part: the wall hides the rest.
    for area in [
      Shape(0, 0, 1, building.top + 0.01), Shape(0, building.top, building.left + 0.01, building.ground),
      Shape(building.right - 0.01, building.top, 1, building.ground),
    ] {
      canvas.paint(area, nil) { x, y, sample in
        // Clouds lie flat and grow smaller towards the horizon.
        let far = 1 + y * 2.2
        let density = noise.fractal(x * 3.1 * far, y * 8.5 * far + 40)
        let cover = smoothstep(edge * 0.72, edge * 0.72 + 0.24, density)
        if cover == 0 {
          sample = Sample(albedo: weather.sky(y * 1.5 + 0.05) * 0.9, height: -1, glow: 1)
          return
        }
        let lit = noise.fractal(x * 3.1 * far + 0.14 * weather.slant, y * 8.5 * far + 40.3)
        let cloud = weather.cloud * (0.86 + 0.55 * clamp(density - lit + 0.12, -0.25, 0.25))
        sample = Sample(
          albedo: mix(weather.sky(y * 1.5 + 0.05), cloud, cover * 0.85) * 0.9, height: -1, glow: 1)
      }
    }
  }

  mutating func paintNeighbours() {
    for (x0, x1, isLeft) in [(0, building.left, true), (building.right, 1, false)] where x1 - x0 > 0.01 {
      if street.chance(0.62) {
        paintNeighbour(x0, x1, isLeft: isLeft)
      } else {
        paintTrees(x0, x1)
      }
    }
  }

  private mutating func paintNeighbour(_ x0: Float, _ x1: Float, isLeft: Bool) {
    let noise = noise
    let top = street.uniform(0.1, 0.45)
    let color = street.pick([
      rgb(168, 150, 128), rgb(150, 104, 84), rgb(186, 180, 166), rgb(140, 138, 134), rgb(196, 164, 120),
    ])
    let isBrick = street.chance(0.4)
    let depth = street.uniform(-0.05, -0.015)
    let storey = street.uniform(0.12, 0.2)
    canvas.paint(Shape(x0, top, x1, building.ground), nil) { x, y, sample in
      var tone = 0.86 + 0.2 * noise.fractal(x * 22 + 90, y * 22)
      if isBrick {
        tone *= 0.86 + 0.26 * noise.at(floorInt(x * 34 + Float(floorInt(y * 80) & 1) * 0.5), floorInt(y * 80))
      }
      sample = Sample(albedo: color * tone * 0.92, height: depth, glow: 0)
    }
    paintTrim(Shape(x0, top - 0.008, x1, top + 0.008), nil, color * 1.1, relief: 0)
    let w = min(0.055, (x1 - x0) * 0.55)
    let center = isLeft ? x1 - 0.055 : x0 + 0.055
    var y = top + storey * 0.28
    let sky = weather.sky(0.6)
    while y + storey * 0.6 < building.ground {
      let shape = Shape(center - w * 0.5, y, center + w * 0.5, y + storey * 0.55)
      canvas.paint(shape.inset(-0.004), nil) { _, _, sample in
        sample = Sample(albedo: RGB(repeating: 0.5), height: depth - 0.002, glow: 0)
      }
      canvas.paint(shape, nil) { x, _, sample in
        let bar = clamp((0.0022 - abs(x - center)) * 400)
        sample = Sample(
          albedo: mix(sky * 0.16, RGB(repeating: 0.45), bar), height: depth - 0.01, glow: 0.6 * (1 - bar))
      }
      y += storey
    }
  }

  private mutating func paintTrees(_ x0: Float, _ x1: Float) {
    let noise = noise
    let crown = street.uniform(0.3, 0.62)
    let leaf = street.pick([rgb(84, 108, 52), rgb(70, 98, 58), rgb(124, 120, 54), rgb(62, 84, 50)])
    canvas.paint(Shape(x0, crown - 0.15, x1, building.ground), nil) { x, y, sample in
      let mass = noise.fractal(x * 17, y * 17)
      let edge = (y - crown) * 7 + (mass - 0.5) * 1.7
      if edge < 0 { return }
      let clump = noise.fractal(x * 58, y * 58)
      let light = 0.25 + 1.15 * clump * clump + 0.5 * (mass - 0.5) - 0.22 * clamp((y - crown) * 1.6)
      sample = Sample(albedo: leaf * max(0.1, light * 1.5), height: -0.06 + clump * 0.012, glow: 0)
    }
  }

  mutating func paintGround() {
    let noise = noise
    let ground = building.ground
    let kerb = ground + (1 - ground) * street.uniform(0.45, 0.62)
    let slab = street.pick([rgb(176, 168, 156), rgb(158, 156, 152), rgb(182, 164, 140)])
    let road = street.pick([rgb(92, 92, 94), rgb(108, 104, 98)])
    let cobbled = street.chance(0.35)
    let step = canvas.step
    let slabWidth = street.uniform(0.05, 0.08)
    canvas.paint(Shape(0, ground, 1, kerb), nil) { x, y, sample in
      // Slabs foreshorten towards the wall.
      let depth = (y - ground) / (kerb - ground)
      let row = floorInt(depth * depth * 1.2 + depth * 1.4)
      let across = x / slabWidth + 0.37 * Float(row)
      let joint = stripe(across, width: 0.03, footprint: step / slabWidth)
      let tone =
        0.84 + 0.2 * noise.at(floorInt(across), row + 900) + 0.22 * (noise.fractal(x * 40, y * 90) - 0.5)
      let contact = 0.55 + 0.45 * smoothstep(0, 0.016, y - ground)
      sample = Sample(albedo: slab * tone * (1 - 0.4 * joint) * contact, height: 0, glow: 0)
    }
    canvas.paint(Shape(0, kerb, 1, kerb + 0.007), nil) { x, _, sample in
      let joint = stripe(x * 9 + 0.2, width: 0.03, footprint: step * 9)
      sample = Sample(albedo: slab * (1.15 - 0.5 * joint), height: 0, glow: 0)
    }
    canvas.paint(Shape(0, kerb + 0.007, 1, 1), nil) { x, y, sample in
      var tone =
        0.8 + 0.36 * (noise.fractal(x * 26, y * 120) - 0.3) + 0.2 * (noise.smooth(x * 300, y * 500) - 0.5)
      if cobbled {
        let row = floorInt(y * 130)
        tone *= 0.7 + 0.5 * noise.at(floorInt(x * 70 + 0.5 * Float(row & 1)), row)
      }
      let gutter = 0.5 + 0.5 * smoothstep(0, 0.012, y - kerb - 0.007)
      sample = Sample(albedo: road * tone * gutter, height: 0, glow: 0)
    }
  }
}
