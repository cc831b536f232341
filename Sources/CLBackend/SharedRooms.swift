/// Which things that are needed at different times lie in the same room: a pure function of their lifetimes.
///
/// Only things of one kind share, since a room keeps what nobody writes (the zeros of a border) from one to the next.
/// Things come in the order of their first use and take the free room that fits best, so where all of a kind are
/// equally large there are as many rooms as are in use at once, which is the fewest possible.
public struct SharedRooms<Kind: Hashable & Sendable>: Sendable {
  public struct Item: Sendable {
    public let kind: Kind
    public let bytes: Int
    /// Positions in the order of execution, the last use included.
    public let lifetime: ClosedRange<Int>

    public init(kind: Kind, bytes: Int, lifetime: ClosedRange<Int>) {
      self.kind = kind
      self.bytes = bytes
      self.lifetime = lifetime
    }
  }

  public struct Room: Sendable, Equatable {
    public let kind: Kind
    public var bytes: Int
    /// Up to when it is taken.
    var end: Int
  }

  /// The room of each item.
  public let slots: [Int]
  public let rooms: [Room]
  public var bytes: Int { rooms.reduce(0) { $0 + $1.bytes } }

  public init(_ items: [Item]) {
    var slots = [Int](repeating: 0, count: items.count)
    var rooms: [Room] = []
    let order = items.indices.sorted {
      (items[$0].lifetime.lowerBound, $0) < (items[$1].lifetime.lowerBound, $1)
    }
    for index in order {
      let item = items[index]
      let free = rooms.indices.filter {
        rooms[$0].kind == item.kind && rooms[$0].end < item.lifetime.lowerBound
      }
      // The smallest that is large enough, or else the largest, which then grows the least.
      let best =
        free.filter { rooms[$0].bytes >= item.bytes }.min { rooms[$0].bytes < rooms[$1].bytes }
        ?? free.max { rooms[$0].bytes < rooms[$1].bytes }
      if let best {
        rooms[best].bytes = max(rooms[best].bytes, item.bytes)
        rooms[best].end = item.lifetime.upperBound
        slots[index] = best
      } else {
        slots[index] = rooms.count
        rooms.append(Room(kind: item.kind, bytes: item.bytes, end: item.lifetime.upperBound))
      }
    }
    self.slots = slots
    self.rooms = rooms
  }

  /// The most bytes in use at once, whatever their kinds: no placement needs less.
  public static func liveBytes(_ items: [Item]) -> Int {
    var changes: [Int: Int] = [:]
    for item in items {
      changes[item.lifetime.lowerBound, default: 0] += item.bytes
      changes[item.lifetime.upperBound + 1, default: 0] -= item.bytes
    }
    var (live, most) = (0, 0)
    for position in changes.keys.sorted() {
      live += changes[position]!
      most = max(most, live)
    }
    return most
  }
}
