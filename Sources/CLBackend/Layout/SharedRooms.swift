/// A place in memory for each of several items, the same for items that are needed at different times: a pure function of
/// their lifetimes.
///
/// Only items of one kind share a room, since a room keeps unwritten values (the zeros of a border) from one to the next. A room of most kinds holds one item at a time, a divided room several, side by side.
///
/// The largest item comes first, each to where it fits best, so no room grows for a later one. Where all of a kind are
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
    public fileprivate(set) var bytes: Int
  }

  public struct Place: Sendable, Hashable {
    public let room: Int
    /// Bytes from the room's start.
    public let offset: Int

    public init(room: Int, offset: Int) {
      self.room = room
      self.offset = offset
    }
  }

  /// The place of each item.
  public let places: [Place]
  public let rooms: [Room]
  public var bytes: Int { rooms.reduce(0) { $0 + $1.bytes } }

  /// - Parameters:
  ///   - divided: kinds whose rooms hold several items at once
  ///   - alignment: bytes; where an item may begin in a divided room
  ///   - limit: bytes; the largest divided room, unless one item is larger
  public init(_ items: [Item], dividing divided: Set<Kind> = [], alignment: Int = 1, limit: Int = .max) {
    var places = [Place?](repeating: nil, count: items.count)
    var rooms: [Room] = []
    /// The items of each room.
    var contents: [[(lifetime: ClosedRange<Int>, bytes: Range<Int>)]] = []
    let order = items.indices.sorted {
      let (a, b) = (items[$0], items[$1])
      return (b.bytes, a.lifetime.lowerBound, $0) < (a.bytes, b.lifetime.lowerBound, $1)
    }
    for index in order {
      let item = items[index]
      let extent = (item.bytes + alignment - 1) / alignment * alignment
      var best: (room: Int, offset: Int, bytes: Int)?
      for room in rooms.indices where rooms[room].kind == item.kind {
        let neighbours = contents[room].filter { $0.lifetime.overlaps(item.lifetime) }
        var offset = 0
        if divided.contains(item.kind) {
          for taken in neighbours.map(\.bytes).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if taken.lowerBound >= offset + extent { break }
            offset = max(offset, taken.upperBound)
          }
          guard offset + item.bytes <= max(limit, rooms[room].bytes) else { continue }
        } else if !neighbours.isEmpty {
          continue
        }
        // The room that has to grow least, then the one that is smallest.
        let bytes = max(rooms[room].bytes, offset + item.bytes)
        let growth = bytes - rooms[room].bytes
        if let best, (best.bytes - rooms[best.room].bytes, best.bytes) <= (growth, bytes) { continue }
        best = (room, offset, bytes)
      }
      let place = best ?? (rooms.count, 0, item.bytes)
      if place.room == rooms.count {
        rooms.append(Room(kind: item.kind, bytes: 0))
        contents.append([])
      }
      rooms[place.room].bytes = place.bytes
      contents[place.room].append((item.lifetime, place.offset..<place.offset + extent))
      places[index] = Place(room: place.room, offset: place.offset)
    }
    self.places = places.map { $0! }
    self.rooms = rooms
  }
}
