/// Base64 of RFC 4648 section 4: the standard alphabet, without white space.
package enum Base64 {
    private static let alphabet: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        for (value, letter) in alphabet.enumerated() { table[Int(letter)] = UInt8(value) }
        return table
    }()

    /// Encodes without padding.
    package static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            var group = UInt32(bytes[index]) << 16
            if left > 1 { group |= UInt32(bytes[index + 1]) << 8 }
            if left > 2 { group |= UInt32(bytes[index + 2]) }
            text.append(alphabet[Int(group >> 18) & 63])
            text.append(alphabet[Int(group >> 12) & 63])
            if left > 1 { text.append(alphabet[Int(group >> 6) & 63]) }
            if left > 2 { text.append(alphabet[Int(group) & 63]) }
            index += 3
        }
        return text
    }

    /// Decodes text without padding.
    /// - Returns: nil for another letter, a length that no bytes have, or bits behind the last byte that are not 0.
    package static func decode(_ text: [UInt8]) -> [UInt8]? { decode(text[...]) }

    /// Decodes text that is padded to a multiple of four letters, as JSON carries it.
    /// - Returns: nil where `decode` gives nil, and when padding is missing or stands elsewhere than at the end.
    package static func decodePadded(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        return decode(text.dropLast(padding))
    }

    private static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var group: UInt32 = 0
        var bits = 0
        for letter in text {
            let value = values[Int(letter)]
            guard value < 64 else { return nil }
            group = group << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
            }
        }
        guard group & ((1 << UInt32(bits)) - 1) == 0 else { return nil }
        return bytes
    }
}
