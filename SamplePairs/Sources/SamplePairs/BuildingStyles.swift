extension Building {
  /// Draws materials, colours and parts of the style.
  mutating func chooseParts(_ r: inout Random) {
    let stone = r.pick([rgb(216, 206, 184), rgb(198, 190, 174), rgb(226, 218, 202), rgb(186, 172, 150)])
    switch style {
    case .victorian: chooseVictorian(&r, stone: stone)
    case .boulevard: chooseBoulevard(&r)
    case .baroque: chooseBaroque(&r)
    case .modern: chooseModern(&r)
    case .southern: chooseSouthern(&r, stone: stone)
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

  private mutating func chooseVictorian(_ r: inout Random, stone: RGB) {
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
  }

  private mutating func chooseBoulevard(_ r: inout Random) {
    wall = .ashlar
    wallColor = r.pick([rgb(222, 208, 178), rgb(212, 200, 176), rgb(228, 216, 192), rgb(204, 186, 152)])
    trim = wallColor * 1.08
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
  }

  private mutating func chooseBaroque(_ r: inout Random) {
    wall = .plaster
    wallColor = r.pick([
      rgb(226, 190, 110), rgb(214, 152, 128), rgb(172, 190, 164), rgb(164, 182, 200), rgb(230, 216, 186),
      rgb(196, 120, 92),
    ])
    trim = r.pick([rgb(226, 218, 200), rgb(216, 212, 204), rgb(206, 196, 176)])
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
  }

  private mutating func chooseModern(_ r: inout Random) {
    wall = r.pick([.panels, .plaster, .brick])
    wallColor = r.pick([
      rgb(216, 214, 208), rgb(190, 192, 192), rgb(206, 190, 160), rgb(158, 168, 170), rgb(222, 206, 190),
    ])
    if wall == .brick { wallColor = r.pick([rgb(190, 160, 116), rgb(112, 92, 84)]) }
    trim = r.pick([rgb(196, 196, 194), rgb(160, 160, 158), rgb(216, 214, 210)])
    frame = r.pick([rgb(58, 62, 66), rgb(240, 240, 238), rgb(96, 70, 48)])
    rollers = r.chance(0.75)
    blindChance = 0.55
    roof = .none
    muntinColumns = r.pick([1, 2])
    muntinRows = 1
    surround = r.chance(0.3) ? 0.05 : 0
  }

  private mutating func chooseSouthern(_ r: inout Random, stone: RGB) {
    wall = .plaster
    wallColor = r.pick([
      rgb(222, 158, 98), rgb(232, 196, 132), rgb(216, 130, 100), rgb(236, 214, 178), rgb(202, 106, 76),
      rgb(238, 226, 204),
    ])
    trim = stone
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
}
