/// Reads a JSON object whose values are integers, texts, literals and arrays of integers.
struct FlatObjectReader {
    enum Value {
        case integer(Int64)
        case text(String)
        case integers([Int64])
        case other
    }

    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    mutating func read() -> [(name: String, value: Value)]? {
        var members: [(name: String, value: Value)] = []
        guard take("{") else { return nil }
        if take("}") { return isAtEnd ? members : nil }
        repeat {
            guard let name = text(), take(":"), let value = value() else { return nil }
            members.append((name, value))
        } while take(",")
        return take("}") && isAtEnd ? members : nil
    }

    private var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return place == bytes.count
        }
    }

    private mutating func value() -> Value? {
        skipSpace()
        guard place < bytes.count else { return nil }
        switch bytes[place] {
        case UInt8(ascii: "\""): return text().map { .text($0) }
        case UInt8(ascii: "["):
            place += 1
            var values: [Int64] = []
            if take("]") { return .integers(values) }
            repeat {
                guard let value = integer() else { return nil }
                values.append(value)
            } while take(",")
            return take("]") ? .integers(values) : nil
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
            for word in ["true", "false", "null"] where bytes[place...].starts(with: word.utf8) {
                place += word.utf8.count
                return .other
            }
            return nil
        default: return integer().map { .integer($0) }
        }
    }

    private mutating func integer() -> Int64? {
        skipSpace()
        let isNegative = place < bytes.count && bytes[place] == UInt8(ascii: "-")
        if isNegative { place += 1 }
        let start = place
        var value: Int64 = 0
        while place < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[place]) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowSum) = product.addingReportingOverflow(Int64(bytes[place] - UInt8(ascii: "0")))
            guard !overflow, !overflowSum else { return nil }
            value = sum
            place += 1
        }
        guard place > start else { return nil }
        return isNegative ? -value : value
    }

    private mutating func text() -> String? {
        guard take("\"") else { return nil }
        var content: [UInt8] = []
        while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
            guard bytes[place] >= 0x20 else { return nil }
            if bytes[place] == UInt8(ascii: "\\") {
                guard let scalar = escape() else { return nil }
                content += Array(String(scalar).utf8)
            } else {
                content.append(bytes[place])
                place += 1
            }
        }
        guard place < bytes.count else { return nil }
        place += 1
        return String(validating: content, as: UTF8.self)
    }

    /// Half of a surrogate pair becomes U+FFFD: the texts with characters beyond the basic plane are not looked at.
    private mutating func escape() -> Unicode.Scalar? {
        guard place + 1 < bytes.count else { return nil }
        let letter = bytes[place + 1]
        place += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            guard place + 4 <= bytes.count else { return nil }
            let digits = String(decoding: bytes[place..<place + 4], as: UTF8.self)
            guard digits.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let value = UInt32(digits, radix: 16)
            else { return nil }
            place += 4
            return Unicode.Scalar(value) ?? "\u{FFFD}"
        default: return nil
        }
    }

    private mutating func take(_ character: Character) -> Bool {
        skipSpace()
        guard place < bytes.count, bytes[place] == character.asciiValue else { return false }
        place += 1
        return true
    }

    private mutating func skipSpace() {
        while place < bytes.count, [0x20, 0x09, 0x0D].contains(bytes[place]) { place += 1 }
    }
}
