/// What the walls are made of.
enum Wall { case brick, plaster, ashlar, panels }

/// What ties a building's parts together: a style decides materials, colours and which parts there are.
enum Style: CaseIterable { case victorian, boulevard, baroque, modern, southern }

/// What crowns a window.
enum Hood { case none, keystone, pediment, lintel, panel }

enum Roof { case none, tiles, slate, parapet }

enum BayKind { case single, pair, wide }

struct Bay {
  var kind: BayKind
  var x0: Float, x1: Float
  var center: Float { (x0 + x1) * 0.5 }
  var width: Float { x1 - x0 }
}

struct Floor {
  var y0: Float, y1: Float
  /// The window's head and foot.
  var windowTop: Float, windowBottom: Float
  /// Whether windows reach down to the floor, behind a railing.
  var balcony: Balcony
  var height: Float { y1 - y0 }
}

enum Balcony { case none, iron, running, slab }

/// The plan of one building front: everything that is drawn follows from it. Picture widths, y downwards.
struct Building {
  let style: Style
  var wall = Wall.plaster
  var wallColor = RGB(repeating: 0.5)
  var trim = RGB(repeating: 0.6)
  var frame = RGB(repeating: 0.7)
  var doorColor = RGB(repeating: 0.1)
  var blindColor = RGB(repeating: 0.2)
  var metal = RGB(repeating: 0.02)
  var roof = Roof.none

  var left: Float = 0
  var right: Float = 1
  /// The lower edge of the crowning cornice's wall, and the street.
  var top: Float = 0.1
  var ground: Float = 0.93
  var bays: [Bay] = []
  /// From the top down.
  var floors: [Floor] = []
  /// The building's measure: trims, depths and textures scale with it.
  var unit: Float = 0.1
  /// The height of a course of bricks or blocks.
  var course: Float = 0.015

  var windowShare: Float = 0.5
  var archShare: Float = 0
  var surround: Float = 0
  var hood = Hood.none
  var shutters = false
  var rollers = false
  var blindChance: Float = 0
  var pilasters = false
  var quoins = false
  var stringCourses = false
  var shops = false
  var rusticated = false
  var muntinColumns = 2
  var muntinRows = 3
  var transom = false
  var doorBay = 0
  var dentils = false

  init(random r: inout Random) {
    style = r.pick(Style.allCases)
    chooseParts(&r)
    layOut(&r)
  }

  private mutating func chooseParts(_ r: inout Random) {
    let stone = r.pick([rgb(216, 206, 184), rgb(198, 190, 174), rgb(226, 218, 202), rgb(186, 172, 150)])
    switch style {
    case .victorian:
      wall = .brick
      wallColor = r.pick([
        rgb(150, 74, 54), rgb(128, 62, 48), rgb(176, 98, 70), rgb(186, 150, 104), rgb(110, 72, 60),
      ])
      trim = stone
      frame = r.pick([rgb(238, 234, 222), rgb(240, 238, 232), rgb(44, 62, 52), rgb(70, 44, 30)])
      archShare = r.pick([0, 0.14, 0.14, 0.5])
      hood = r.pick([.keystone, .keystone, .lintel, .none])
      surround = r.chance(0.45) ? 0.07 : 0
      rollers = r.chance(0.35)
      blindChance = rollers ? 0.45 : 0
      quoins = r.chance(0.4)
      stringCourses = r.chance(0.8)
      pilasters = r.chance(0.2)
      dentils = r.chance(0.7)
      roof = r.pick([.slate, .parapet, .none])
      muntinColumns = 2
      muntinRows = r.pick([2, 4])
    case .boulevard:
      wall = .ashlar
      wallColor = r.pick([rgb(222, 208, 178), rgb(212, 200, 176), rgb(228, 216, 192), rgb(204, 186, 152)])
      trim = wallColor * 1.12
      frame = r.pick([rgb(236, 232, 222), rgb(220, 220, 216), rgb(104, 86, 66)])
      archShare = r.pick([0, 0, 0.16])
      hood = r.pick([.panel, .keystone, .pediment])
      surround = 0.075
      shutters = r.chance(0.35)
      blindChance = 0.5
      pilasters = r.chance(0.35)
      stringCourses = true
      dentils = r.chance(0.6)
      roof = .slate
      muntinColumns = 2
      muntinRows = r.pick([3, 4])
    case .baroque:
      wall = .plaster
      wallColor = r.pick([
        rgb(226, 190, 110), rgb(214, 152, 128), rgb(172, 190, 164), rgb(164, 182, 200), rgb(230, 216, 186),
        rgb(196, 120, 92),
      ])
      trim = rgb(238, 232, 216)
      frame = r.pick([rgb(244, 242, 236), rgb(96, 62, 40)])
      archShare = r.pick([0, 0.18, 0.5])
      hood = r.pick([.pediment, .pediment, .panel, .keystone])
      surround = 0.11
      pilasters = r.chance(0.7)
      quoins = !pilasters
      stringCourses = true
      rusticated = r.chance(0.7)
      dentils = r.chance(0.5)
      roof = r.pick([.tiles, .tiles, .parapet])
      muntinColumns = 2
      muntinRows = 3
    case .modern:
      wall = r.pick([.panels, .plaster, .brick])
      wallColor = r.pick([
        rgb(216, 214, 208), rgb(190, 192, 192), rgb(206, 190, 160), rgb(158, 168, 170), rgb(222, 206, 190),
      ])
      if wall == .brick { wallColor = r.pick([rgb(190, 160, 116), rgb(112, 92, 84)]) }
      trim = r.pick([rgb(200, 200, 198), rgb(160, 160, 158), rgb(232, 232, 230)])
      frame = r.pick([rgb(58, 62, 66), rgb(240, 240, 238), rgb(96, 70, 48)])
      rollers = r.chance(0.75)
      blindChance = 0.55
      roof = .none
      muntinColumns = r.pick([1, 2])
      muntinRows = 1
      surround = r.chance(0.3) ? 0.05 : 0
    case .southern:
      wall = .plaster
      wallColor = r.pick([
        rgb(222, 158, 98), rgb(232, 196, 132), rgb(216, 130, 100), rgb(236, 214, 178), rgb(202, 106, 76),
        rgb(238, 226, 204),
      ])
      trim = stone * 1.05
      frame = r.pick([rgb(232, 226, 210), rgb(110, 70, 40)])
      archShare = r.pick([0, 0, 0.14, 0.5])
      hood = r.pick([.none, .none, .lintel])
      surround = r.pick([0, 0.08])
      shutters = r.chance(0.85)
      blindChance = 1
      stringCourses = r.chance(0.4)
      pilasters = r.chance(0.12)
      roof = .tiles
      muntinColumns = 2
      muntinRows = r.pick([2, 3])
    }
    doorColor = r.pick([
      rgb(92, 56, 32), rgb(46, 70, 56), rgb(38, 52, 84), rgb(120, 34, 30), rgb(62, 42, 30), rgb(70, 80, 84),
    ])
    blindColor =
      rollers
      ? r.pick([rgb(206, 198, 178), rgb(178, 180, 178), rgb(150, 128, 100)])
      : r.pick([rgb(58, 98, 74), rgb(64, 98, 124), rgb(112, 68, 44), rgb(126, 138, 130), rgb(60, 74, 60)])
    metal = r.pick([rgb(30, 32, 34), rgb(24, 36, 32), rgb(52, 46, 42)])
    transom = r.chance(0.5)
    shops = r.chance(style == .southern ? 0.25 : 0.45)
    windowShare = r.uniform(0.42, 0.56)
  }

  private mutating func layOut(_ r: inout Random) {
    let floorCount = r.pick([2, 3, 3, 4, 4, 4, 5, 5, 6])
    let fewest = max(2, floorCount / 2 + 1)
    let most = min(7, floorCount * 3 / 2 + 1)
    let bayCount = r.integer(fewest...most)

    left = r.chance(0.45) ? 0 : r.uniform(0.04, 0.13)
    right = r.chance(0.45) ? 1 : 1 - r.uniform(0.04, 0.13)
    ground = r.uniform(0.895, 0.945)
    let roofRoom: Float = roof == .none ? 0 : 0.06
    top = r.uniform(0.07, 0.13) + roofRoom + Float(max(0, 4 - floorCount)) * r.uniform(0.03, 0.07)

    placeBays(bayCount, &r)

    // Storeys: a tall ground floor, then lower ones towards the roof.
    let taper = style == .modern ? 1 : r.uniform(0.9, 1)
    var share: [Float] = []
    var next: Float = 1
    for _ in 0..<(floorCount - 1) {
      share.append(next)
      next *= taper
    }
    share = share.reversed()
    share.append(r.uniform(1.12, shops ? 1.4 : 1.28))
    var total: Float = 0
    for s in share { total += s }
    let storey = (ground - top) / total
    unit = min((right - left) / Float(bayCount), storey)
    course = clamp(unit * 0.095, 0.0125, 0.0215)

    let balconyStyle: Balcony =
      switch style {
      case .boulevard: .running
      case .modern: .slab
      default: .iron
      }
    let hasBalconies = r.chance(style == .boulevard ? 0.85 : (style == .modern ? 0.6 : 0.45))
    let everyFloor = style == .modern && r.chance(0.6)
    let chosen = r.integer(0...max(0, floorCount - 2))
    let headroom = r.uniform(0.15, 0.21)
    let parapet = r.uniform(0.24, 0.3)
    var y = top
    for (index, s) in share.enumerated() {
      let height = s * storey
      let isGround = index == floorCount - 1
      var balcony = Balcony.none
      if hasBalconies, !isGround,
        everyFloor || index == chosen || (style == .boulevard && index == floorCount - 2)
      {
        balcony = style == .boulevard && index != chosen && r.chance(0.5) ? .iron : balconyStyle
      }
      let sillHeight = balcony == .none ? parapet : 0.05
      floors.append(
        Floor(
          y0: y, y1: y + height, windowTop: y + height * headroom,
          windowBottom: y + height * (1 - sillHeight),
          balcony: balcony))
      y += height
    }
  }

  private mutating func placeBays(_ count: Int, _ r: inout Random) {
    let symmetric = r.chance(0.7)
    let special: BayKind = style == .modern ? .wide : r.pick([.pair, .pair, .wide])
    var kinds = [BayKind](repeating: .single, count: count)
    if symmetric {
      switch r.integer(0...3) {
      case 0:  // accents at both ends
        if count > 3 {
          kinds[0] = special
          kinds[count - 1] = special
        }
      case 1:  // an accent in the middle
        if count % 2 == 1 { kinds[count / 2] = special }
      case 2 where count < 5: kinds = [BayKind](repeating: special, count: count)
      default: break
      }
      doorBay = count % 2 == 1 ? count / 2 : (r.chance(0.5) ? 0 : count - 1)
    } else {
      for i in 0..<count where r.chance(0.3) { kinds[i] = special }
      doorBay = r.integer(0...count - 1)
    }
    func weight(_ kind: BayKind) -> Float { kind == .single ? 1 : (kind == .pair ? 1.4 : 1.3) }
    var total: Float = 0
    for kind in kinds { total += weight(kind) }
    let margin = (right - left) * r.uniform(0.01, 0.035)
    let scale = (right - left - 2 * margin) / total
    var x = left + margin
    for kind in kinds {
      bays.append(Bay(kind: kind, x0: x, x1: x + weight(kind) * scale))
      x += weight(kind) * scale
    }
  }
}
