import Tape

/// A buffer's layout: only buffers of one kind share a room. Kernels never write the zeros of borders and filling channels,
/// so these must lie at the same places.
enum RoomKind: Hashable, Sendable {
  /// Maps of one size with one border, however many there are, without filling channels.
  case maps(ActivationMap)
  /// An activation with filling channels.
  case filledUp(ActivationStorage)
  case weight(WeightPacking)
  case vector(Shape)
  /// Written wherever it is read: such buffers lie side by side in one room.
  case anywhere

  static func activation(_ storage: ActivationStorage) -> RoomKind {
    storage.filling == 0 ? .maps(storage.map) : .filledUp(storage)
  }
}

/// The kinds of buffers that may share rooms. It keeps the buffers.
struct RoomKinds {
  private var entries: [ObjectIdentifier: (buffer: Buffer, kind: RoomKind)] = [:]

  subscript(buffer: Buffer) -> RoomKind? {
    get { entries[ObjectIdentifier(buffer)]?.kind }
    set { entries[ObjectIdentifier(buffer)] = newValue.map { (buffer, $0) } }
  }

  mutating func merge(_ other: RoomKinds) { entries.merge(other.entries) { $1 } }
}

/// Zero-fill of an activation, needed before launch number `before` because its room held something else.
struct Clearing {
  let before: Int
  let buffer: Buffer
  let map: ActivationMap
  /// Borders alone, or the whole map where filling channels must be zero too.
  let isBorderOnly: Bool

  var maps: Int { buffer.byteCount / (map.pixels * 16 * MemoryLayout<Float>.size) }
}

/// Memory that buffers share which are in use at different times. Plans run one after the other, so each uses the rooms of
/// the plans before it.
struct Rooms {
  private let queue: Queue
  private let packsActivations: Bool
  private var rooms: [RoomKind: [Buffer]] = [:]

  /// - Parameter packsActivations: activations share rooms with everything, and their borders are cleared before use
  init(_ queue: Queue, packsActivations: Bool) {
    self.queue = queue
    self.packsActivations = packsActivations
  }

  var buffers: [Buffer] { rooms.values.flatMap { $0 } }

  /// Gives the buffers of a plan their rooms. Nothing is allocated.
  ///
  /// - Parameters:
  ///   - launches: the buffers that each launch reads and writes, in order
  ///   - kinds: of the buffers that are needed by these launches only
  /// - Returns: the clearings that the plan needs, by their launch
  mutating func share(_ launches: [[Buffer]], _ kinds: RoomKinds) throws(OpenCLError) -> [Clearing] {
    let lifetimes = Self.lifetimes(launches) { kinds[$0] != nil }
    var items: [SharedRooms<RoomKind>.Item] = []
    var clearings: [Clearing] = []
    for (buffer, lifetime) in lifetimes {
      var kind = kinds[buffer]!
      if packsActivations {
        clearings += Self.clearing(buffer, kind, before: lifetime.lowerBound)
        switch kind {
        case .maps, .filledUp: kind = .anywhere
        case .weight, .vector, .anywhere: break
        }
      }
      items.append(SharedRooms.Item(kind: kind, bytes: buffer.byteCount, lifetime: lifetime))
    }
    let device = queue.context.device.description
    let shared = SharedRooms(
      items, dividing: [.anywhere], alignment: device.baseAddressAlignment, limit: device.maxAllocation)
    let chosen = try choose(shared.rooms)
    for ((buffer, _), place) in zip(lifetimes, shared.places) {
      buffer.room = (chosen[place.room]!, place.offset)
    }
    return clearings
  }

  /// The first and last launch of each buffer, in the order of first use.
  private static func lifetimes(
    _ launches: [[Buffer]], where shares: (Buffer) -> Bool
  ) -> [(buffer: Buffer, lifetime: ClosedRange<Int>)] {
    var result: [(buffer: Buffer, lifetime: ClosedRange<Int>)] = []
    var positions: [ObjectIdentifier: Int] = [:]
    for (time, launch) in launches.enumerated() {
      for buffer in launch where shares(buffer) {
        if let position = positions[ObjectIdentifier(buffer)] {
          result[position].lifetime = result[position].lifetime.lowerBound...time
        } else {
          positions[ObjectIdentifier(buffer)] = result.count
          result.append((buffer, time...time))
        }
      }
    }
    return result
  }

  private static func clearing(_ buffer: Buffer, _ kind: RoomKind, before launch: Int) -> [Clearing] {
    switch kind {
    case .maps(let map) where map.border > 0:
      [Clearing(before: launch, buffer: buffer, map: map, isBorderOnly: true)]
    case .filledUp(let storage):
      [Clearing(before: launch, buffer: buffer, map: storage.map, isBorderOnly: false)]
    case .maps, .weight, .vector, .anywhere: []
    }
  }

  /// A buffer for each room: the largest room first, each in the smallest buffer that is free and large enough.
  private mutating func choose(_ wanted: [SharedRooms<RoomKind>.Room]) throws(OpenCLError) -> [Int: Buffer] {
    var free = rooms
    var chosen: [Int: Buffer] = [:]
    for (index, room) in wanted.enumerated().sorted(by: {
      ($1.element.bytes, $0.offset) < ($0.element.bytes, $1.offset)
    }) {
      let fitting = (free[room.kind] ?? []).enumerated().filter { $0.element.byteCount >= room.bytes }
      if let best = fitting.min(by: { $0.element.byteCount < $1.element.byteCount }) {
        chosen[index] = free[room.kind]!.remove(at: best.offset)
      } else {
        let new = try Buffer(queue, byteCount: room.bytes, label: "room \(index)", deferred: true)
        rooms[room.kind, default: []].append(new)
        chosen[index] = new
      }
    }
    return chosen
  }
}
