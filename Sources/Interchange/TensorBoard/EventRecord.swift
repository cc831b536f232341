/// A record of TensorFlow's record files, which TensorBoard's event files are: the length of the data in 8 bytes, a checksum
/// of these, the data, a checksum of the data; numbers are little-endian
/// (https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details).
package enum EventRecord {
  package static func bytes(of data: [UInt8]) -> [UInt8] {
    let length = withUnsafeBytes(of: UInt64(data.count).littleEndian) { Array($0) }
    return length + checksum(length) + data + checksum(data)
  }

  private static func checksum(_ data: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: CRC32C.masked(data).littleEndian) { Array($0) }
  }
}

/// The cyclic redundancy check with Castagnoli's polynomial (RFC 3720, appendix B.4), by a table of the bytes.
package enum CRC32C {
  /// x^32 + x^28 + x^27 + … + 1, its bits from the highest power down.
  private static let polynomial: UInt32 = 0x82F6_3B78

  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ polynomial : value >> 1 }
  }

  package static func value(_ data: [UInt8]) -> UInt32 {
    var value: UInt32 = 0xFFFF_FFFF
    table.withUnsafeBufferPointer { table in
      data.withUnsafeBufferPointer { data in
        for byte in data { value = value >> 8 ^ table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] }
      }
    }
    return ~value
  }

  /// As records have it, so that the check of data that contains checks stays one: turned by 15 bits, and a constant added.
  package static func masked(_ data: [UInt8]) -> UInt32 {
    let value = value(data)
    return (value >> 15 | value << 17) &+ 0xA282_EAD8
  }
}
