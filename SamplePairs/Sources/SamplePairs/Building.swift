/// The walls' material.
enum Wall { case brick, plaster, ashlar, panels }

/// A style ties a building together: it decides materials, colours and parts.
enum Style: CaseIterable { case victorian, boulevard, baroque, modern, southern }

/// The crown of a window.
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
  /// The railing of windows that reach down to the floor; `none` for windows above a parapet.
  var balcony: Balcony
  var height: Float { y1 - y0 }
}

enum Balcony { case none, iron, running, slab }

/// The plan of one building front, from which the drawing follows. Picture widths, y downwards.
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

    addFloors(share.map { $0 * storey }, &r)
  }

  /// - Parameter heights: the storeys' heights from the top down
  private mutating func addFloors(_ heights: [Float], _ r: inout Random) {
    let balconyStyle: Balcony =
      switch style {
      case .boulevard: .running
      case .modern: .slab
      default: .iron
      }
    let hasBalconies = r.chance(style == .boulevard ? 0.85 : (style == .modern ? 0.6 : 0.45))
    let everyFloor = style == .modern && r.chance(0.6)
    let chosen = r.integer(0...max(0, heights.count - 2))
    // A pediment needs its place between the window and the floor above.
    let headroom = hood == .pediment ? r.uniform(0.25, 0.29) : r.uniform(0.16, 0.21)
    let parapet = r.uniform(0.24, 0.3)
    var y = top
    for (index, height) in heights.enumerated() {
      let isGround = index == heights.count - 1
      var balcony = Balcony.none
      if hasBalconies, !isGround,
        everyFloor || index == chosen || (style == .boulevard && index == heights.count - 2)
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
