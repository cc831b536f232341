/// An object that a pickle makes.
///
/// Containers are numbers of places in the machine's list of them: an object that holds itself, or one a million levels deep,
/// costs no more than its own bytes, and nothing has to be followed to be freed.
enum PickleValue: Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case text(String)
  case list(Int)
  case tuple(Int)
  case dictionary(Int)
  case function(PickleFunction)
  case storage(StorageReference)
  case tensor(TensorReference)

  /// The object's kind in errors.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a bool"
    case .integer: "an int"
    case .float: "a float"
    case .text: "a str"
    case .list: "a list"
    case .tuple: "a tuple"
    case .dictionary: "a dict"
    case .function: "a function"
    case .storage: "a storage"
    case .tensor: "a tensor"
    }
  }
}

/// What a pickle may call or name: all of these only say how a tensor lies in a storage, or make a dictionary. Nothing else that
/// a pickle names exists for this program, and Python is not there.
enum PickleFunction: Sendable, Equatable {
  case orderedDictionary
  /// `(storage, offset, size, stride, …)`; the rest does not change the values.
  case rebuildTensor
  /// `(tensor, requires_grad, hooks)`
  case rebuildParameter
  case storage(ElementType)

  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("torch", _), ("torch.cuda", _):
      guard let type = ElementType(rawValue: name) else { return nil }
      self = .storage(type)
    default: return nil
    }
  }
}

/// Elements in a file that tensors are views of.
struct StorageReference: Sendable, Equatable {
  let type: ElementType
  let key: String
  /// Elements.
  let count: Int

  /// More than any disk holds; products with the sizes of elements do not overflow.
  static let mostElements = 1 << 48
}

/// A tensor: a view of a storage.
struct TensorReference: Sendable, Equatable {
  let storage: StorageReference
  /// The first element's place in the storage.
  let offset: Int
  let shape: [Int]
  /// Elements from one index to the next, dimension by dimension.
  let strides: [Int]

  /// - Returns: nil for a view that reaches out of its storage, or shows an element twice
  init?(_ storage: StorageReference, offset: Int, shape: [Int], strides: [Int]) {
    guard shape.count == strides.count, shape.count <= 8, (0...storage.count).contains(offset),
      shape.allSatisfy({ $0 >= 0 })
    else {
      return nil
    }
    (self.storage, self.offset, self.shape, self.strides) = (storage, offset, shape, strides)
    guard !shape.contains(0) else { return }
    guard offset < storage.count else { return nil }
    var last = offset
    // In the order of the strides, each dimension begins behind all that the ones before it reach.
    for (size, stride) in zip(shape, strides).sorted(by: { $0.1 < $1.1 }) where size > 1 {
      let (reach, isTooFar) = stride.multipliedReportingOverflow(by: size - 1)
      guard stride > last - offset, !isTooFar, reach < storage.count - last else { return nil }
      last += reach
    }
  }

  var count: Int { shape.reduce(1, *) }

  /// Whether the elements lie one behind the other.
  var isContiguous: Bool {
    var expected = 1
    for (size, stride) in zip(shape, strides).reversed() where size != 1 {
      guard stride == expected else { return false }
      expected *= size
    }
    return true
  }
}
