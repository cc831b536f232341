/// The type of a storage's elements.
enum ElementType: String, CaseIterable, Sendable {
  case float32 = "FloatStorage"
  case float64 = "DoubleStorage"
  case float16 = "HalfStorage"
  case bfloat16 = "BFloat16Storage"
  case int64 = "LongStorage"
  case int32 = "IntStorage"
  case int16 = "ShortStorage"
  case int8 = "CharStorage"
  case uint8 = "ByteStorage"
  case bool = "BoolStorage"

  var byteCount: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  /// Elements as they lie in a file, little-endian, as Floats: rounded where they have more digits, infinite beyond Float's
  /// range.
  func floats(_ bytes: [UInt8]) -> [Float] {
    func converted<T: BitwiseCopyable>(_ type: T.Type, _ float: (T) -> Float) -> [Float] {
      bytes.withUnsafeBytes { raw in
        (0..<raw.count / MemoryLayout<T>.size).map {
          float(raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self))
        }
      }
    }
    return switch self {
    case .float32: converted(UInt32.self) { Float(bitPattern: UInt32(littleEndian: $0)) }
    case .float64: converted(UInt64.self) { Float(Double(bitPattern: UInt64(littleEndian: $0))) }
    case .float16: converted(UInt16.self) { Float(Float16(bitPattern: UInt16(littleEndian: $0))) }
    // The upper half of a Float.
    case .bfloat16: converted(UInt16.self) { Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16) }
    case .int64: converted(Int64.self) { Float(Int64(littleEndian: $0)) }
    case .int32: converted(Int32.self) { Float(Int32(littleEndian: $0)) }
    case .int16: converted(Int16.self) { Float(Int16(littleEndian: $0)) }
    case .int8: converted(Int8.self) { Float($0) }
    case .uint8: converted(UInt8.self) { Float($0) }
    case .bool: converted(UInt8.self) { $0 == 0 ? 0 : 1 }
    }
  }
}
