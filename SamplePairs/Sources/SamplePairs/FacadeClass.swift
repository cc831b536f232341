/// The twelve classes of the CMP facades data set, with the colours of its label maps.
public enum FacadeClass: UInt8, CaseIterable, Sendable {
  case background, facade, window, door, cornice, sill, balcony, blind, deco, molding, pillar, shop

  /// The class's colour in a label map: red, green, blue in 0...255.
  public var color: (red: UInt8, green: UInt8, blue: UInt8) {
    switch self {
    case .background: (0, 0, 170)
    case .facade: (0, 0, 255)
    case .window: (0, 85, 255)
    case .door: (0, 170, 255)
    case .cornice: (0, 255, 255)
    case .sill: (85, 255, 170)
    case .balcony: (170, 255, 85)
    case .blind: (255, 255, 0)
    case .deco: (255, 170, 0)
    case .molding: (255, 85, 0)
    case .pillar: (255, 0, 0)
    case .shop: (170, 0, 0)
    }
  }
}
