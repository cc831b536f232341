import Files

/// A pickle, or a wish of it, that is not read.
struct PickleFault: Error {
  let reason: String
  /// The error of the file around it, where that is the reason.
  let underlying: FileError?

  init(_ reason: String) { (self.reason, underlying) = (reason, nil) }
  init(_ error: FileError) { (reason, underlying) = (error.reason, error) }
}

/// Reads one pickle of PyTorch: a machine with a stack for the opcodes that `torch.save` has written from its first version on
/// (the protocols 2 to 5 of Python's pickletools).
///
/// It calls nothing: a pickle's functions are those of `PickleFunction`, and any other is refused by its name.
struct Unpickler {
  private var reader: ByteReader
  private var stack: [PickleValue] = []
  /// The stack's heights at its marks.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private(set) var sequences: [[PickleValue]] = []
  private(set) var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  /// The storages that it names, by their keys.
  private(set) var storages: [String: StorageReference] = [:]

  /// - Parameters:
  ///   - bytes: the pickle begins at `offset`, and other bytes may follow it
  init(_ bytes: [UInt8], from offset: Int = 0) { reader = ByteReader(bytes, from: offset) }

  /// Bytes read so far.
  var offset: Int { reader.offset }

  /// The object that the pickle makes.
  mutating func read() throws(PickleFault) -> PickleValue {
    while true {
      guard let code = reader.take(1)?.first else { throw PickleFault("it ends in the middle") }
      if code == UInt8(ascii: ".") { return try pop() }
      guard let opcode = Opcode(rawValue: code) else {
        throw PickleFault("the opcode 0x\(String(code, radix: 16)) is none that PyTorch writes for tensors")
      }
      try step(opcode)
    }
  }

  /// The entries of a dictionary by its texts.
  func entries(of dictionary: Int) -> [(key: String, value: PickleValue)] {
    dictionaries[dictionary].compactMap { entry in
      if case .text(let key) = entry.key { (key, entry.value) } else { nil }
    }
  }

  // MARK: - Opcodes

  private enum Opcode: UInt8 {
    case mark = 0x28
    case pop = 0x30
    case none = 0x4e
    case int1 = 0x4b
    case int2 = 0x4d
    case int4 = 0x4a
    case long1 = 0x8a
    case float = 0x47
    case bytes1 = 0x55
    case bytes4 = 0x54
    case text1 = 0x8c
    case text4 = 0x58
    case text8 = 0x8d
    case yes = 0x88
    case no = 0x89
    case emptyDictionary = 0x7d
    case emptyList = 0x5d
    case emptyTuple = 0x29
    case tuple = 0x74
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87
    case append = 0x61
    case appends = 0x65
    case setItem = 0x73
    case setItems = 0x75
    case put1 = 0x71
    case put4 = 0x72
    case memoize = 0x94
    case get1 = 0x68
    case get4 = 0x6a
    case global = 0x63
    case stackGlobal = 0x93
    case reduce = 0x52
    case build = 0x62
    case persistent = 0x51
    case protocolVersion = 0x80
    case frame = 0x95
  }

  private mutating func step(_ opcode: Opcode) throws(PickleFault) {
    switch opcode {
    case .protocolVersion:
      let version = try number(UInt8.self)
      guard version <= 5 else { throw PickleFault("its protocol \(version) is newer than 5") }
    case .frame: _ = try number(UInt64.self)
    case .mark: marks.append(stack.count)
    case .pop: _ = try pop()
    case .none, .yes, .no, .int1, .int2, .int4, .long1, .float: stack.append(try scalar(opcode))
    case .bytes1, .text1: stack.append(.text(try text(Int(number(UInt8.self)))))
    case .bytes4, .text4: stack.append(.text(try text(Int(number(UInt32.self)))))
    case .text8: stack.append(.text(try text(Int(clamping: number(UInt64.self)))))
    case .emptyDictionary, .emptyList, .emptyTuple, .tuple, .tuple1, .tuple2, .tuple3:
      try makeContainer(opcode)
    case .append: try append([pop()])
    case .appends: try append(popToMark())
    case .setItem:
      let value = try pop()
      try setItems([pop(), value])
    case .setItems: try setItems(popToMark())
    case .put1: memo[Int(try number(UInt8.self))] = try top()
    case .put4: memo[Int(try number(UInt32.self))] = try top()
    case .memoize: memo[memo.count] = try top()
    case .get1: try recall(Int(number(UInt8.self)))
    case .get4: try recall(Int(number(UInt32.self)))
    case .global, .stackGlobal: stack.append(.function(try function(opcode)))
    case .reduce:
      let arguments = try pop()
      stack.append(try call(pop(), with: arguments))
    // The attributes of a dictionary: the versions of its modules. They change no value.
    case .build:
      _ = try pop()
      guard case .dictionary = try top() else {
        throw PickleFault("it sets attributes of \(try top().kind), which no file of tensors does")
      }
    case .persistent:
      let storage = try storage(pop())
      guard storages[storage.key].map({ $0 == storage }) ?? true else {
        throw PickleFault("the storage \(storage.key.inErrors) has two types or sizes")
      }
      storages[storage.key] = storage
      stack.append(.storage(storage))
    }
  }

  private mutating func scalar(_ opcode: Opcode) throws(PickleFault) -> PickleValue {
    switch opcode {
    case .yes: .bool(true)
    case .no: .bool(false)
    case .int1: .integer(Int(try number(UInt8.self)))
    case .int2: .integer(Int(try number(UInt16.self)))
    case .int4: .integer(Int(try number(Int32.self)))
    case .long1: .integer(try long())
    // Big-endian, unlike all others.
    case .float: .float(Double(bitPattern: try number(UInt64.self).byteSwapped))
    default: .none
    }
  }

  private mutating func makeContainer(_ opcode: Opcode) throws(PickleFault) {
    switch opcode {
    case .emptyDictionary:
      stack.append(.dictionary(dictionaries.count))
      dictionaries.append([])
    case .emptyList: stack.append(.list(newSequence([])))
    case .emptyTuple: stack.append(.tuple(newSequence([])))
    case .tuple: stack.append(.tuple(newSequence(try popToMark())))
    default:
      let count = opcode == .tuple1 ? 1 : opcode == .tuple2 ? 2 : 3
      var items: [PickleValue] = []
      for _ in 0..<count { items.append(try pop()) }
      stack.append(.tuple(newSequence(items.reversed())))
    }
  }

  private mutating func newSequence(_ items: [PickleValue]) -> Int {
    sequences.append(items)
    return sequences.count - 1
  }

  private mutating func append(_ items: [PickleValue]) throws(PickleFault) {
    guard case .list(let list) = try top() else { throw PickleFault("it appends to \(try top().kind)") }
    sequences[list] += items
  }

  private mutating func setItems(_ items: [PickleValue]) throws(PickleFault) {
    guard case .dictionary(let dictionary) = try top(), items.count.isMultiple(of: 2) else {
      throw PickleFault("it sets items of \(try top().kind)")
    }
    for index in stride(from: 0, to: items.count, by: 2) {
      dictionaries[dictionary].append((items[index], items[index + 1]))
    }
  }

  // MARK: - Functions

  private mutating func function(_ opcode: Opcode) throws(PickleFault) -> PickleFunction {
    let (module, name): (String, String)
    if opcode == .global {
      (module, name) = (try line(), try line())
    } else {
      guard case .text(let last) = try pop(), case .text(let first) = try pop() else {
        throw PickleFault("it names a function by something else than texts")
      }
      (module, name) = (first, last)
    }
    guard let function = PickleFunction(module: module, name: name) else {
      throw PickleFault(
        "it asks for \("\(module).\(name)".inErrors), which is none of a state_dict's; nothing of it was run")
    }
    return function
  }

  private mutating func call(
    _ function: PickleValue, with arguments: PickleValue
  ) throws(PickleFault) -> PickleValue {
    guard case .function(let function) = function, case .tuple(let place) = arguments else {
      throw PickleFault("it calls \(function.kind)")
    }
    let arguments = sequences[place]
    switch function {
    case .orderedDictionary:
      dictionaries.append(try arguments.first.map { items throws(PickleFault) in try pairs(items) } ?? [])
      return .dictionary(dictionaries.count - 1)
    case .rebuildTensor:
      guard arguments.count >= 4, case .storage(let storage) = arguments[0],
        case .integer(let offset) = arguments[1], let shape = integers(arguments[2]),
        let strides = integers(arguments[3]),
        let tensor = TensorReference(storage, offset: offset, shape: shape, strides: strides)
      else { throw PickleFault("a tensor does not lie in its storage") }
      return .tensor(tensor)
    case .rebuildParameter:
      guard case .tensor? = arguments.first else { throw PickleFault("a parameter is no tensor") }
      return arguments[0]
    case .storage: throw PickleFault("it makes a storage by itself")
    }
  }

  /// The items of a dictionary in a list of lists of two, as Python 2 wrote them.
  private func pairs(_ items: PickleValue) throws(PickleFault) -> [(key: PickleValue, value: PickleValue)] {
    guard case .list(let list) = items else { throw PickleFault("it makes an OrderedDict of \(items.kind)") }
    var pairs: [(key: PickleValue, value: PickleValue)] = []
    for item in sequences[list] {
      guard case .list(let pair) = item, sequences[pair].count == 2 else {
        throw PickleFault("it makes an OrderedDict of other than pairs")
      }
      pairs.append((sequences[pair][0], sequences[pair][1]))
    }
    return pairs
  }

  private func integers(_ value: PickleValue) -> [Int]? {
    guard case .tuple(let place) = value else { return nil }
    var numbers: [Int] = []
    for item in sequences[place] {
      guard case .integer(let number) = item else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// A storage from its name: ("storage", type, key, location, elements), and in older files a view of another.
  private func storage(_ name: PickleValue) throws(PickleFault) -> StorageReference {
    guard case .tuple(let place) = name, sequences[place].count >= 5,
      case .text("storage") = sequences[place][0],
      case .function(.storage(let type)) = sequences[place][1], case .text(let key) = sequences[place][2],
      case .integer(let count) = sequences[place][4], (0...StorageReference.mostElements).contains(count)
    else { throw PickleFault("it names a storage in a way of its own") }
    if let view = sequences[place].dropFirst(5).first {
      guard case .none = view else {
        throw PickleFault("a storage is a view of another; save the model anew with a PyTorch from 1.0 on")
      }
    }
    return StorageReference(type: type, key: key, count: count)
  }

  // MARK: - Stack and bytes

  private mutating func pop() throws(PickleFault) -> PickleValue {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
      throw PickleFault("it takes what it has not put down")
    }
    return value
  }

  private func top() throws(PickleFault) -> PickleValue {
    guard let value = stack.last else { throw PickleFault("it takes what it has not put down") }
    return value
  }

  private mutating func popToMark() throws(PickleFault) -> [PickleValue] {
    guard let mark = marks.popLast(), mark <= stack.count else {
      throw PickleFault("it goes back to a mark that it has not set")
    }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func recall(_ number: Int) throws(PickleFault) {
    guard let value = memo[number] else { throw PickleFault("it recalls what it has not memorised") }
    stack.append(value)
  }

  private mutating func number<T: FixedWidthInteger>(_ type: T.Type) throws(PickleFault) -> T {
    guard let number = reader.number(type) else { throw PickleFault("it ends in the middle") }
    return number
  }

  /// An integer of up to eight bytes. Longer ones are the magic numbers of files, of which the lowest bytes will do.
  private mutating func long() throws(PickleFault) -> Int {
    let count = Int(try number(UInt8.self))
    guard let bytes = reader.take(count), count <= 16 else { throw PickleFault("an integer is cut short") }
    guard let last = bytes.last else { return 0 }
    var value = last & 0x80 == 0 ? 0 : -1
    for byte in bytes.prefix(8).reversed() { value = value << 8 | Int(byte) }
    return value
  }

  private mutating func text(_ count: Int) throws(PickleFault) -> String {
    guard let bytes = reader.take(count), let text = String(validating: bytes, as: UTF8.self) else {
      throw PickleFault("a text is cut short or no UTF-8")
    }
    return text
  }

  private mutating func line() throws(PickleFault) -> String {
    guard let bytes = reader.line(), let text = String(validating: bytes, as: UTF8.self) else {
      throw PickleFault("a name is cut short or no UTF-8")
    }
    return text
  }
}
