extension JSONReader {
    /// Whether a string of this text, unescaped, is the given text. Bytes are compared, without normalisation and
    /// without allocation.
    @inlinable
    public func string(_ string: JSONString, equals text: String) -> Bool {
        // Inlined, so that a caller with a constant text pays for no call where the lengths differ.
        (string.hasEscapes || string.range.count == text.utf8.count) && compare(string, with: text)
    }

    @usableFromInline
    func compare(_ string: JSONString, with text: String) -> Bool {
        if !string.hasEscapes {
            guard string.range.count == text.utf8.count else { return false }
            var index = string.range.lowerBound
            for byte in text.utf8 {
                guard bytes[index] == byte else { return false }
                index += 1
            }
            return true
        }
        var unescaped = UnescapedBytes(bytes, string)
        for byte in text.utf8 {
            guard unescaped.next() == byte else { return false }
        }
        return unescaped.next() == nil
    }

    /// Whether a string of this text, unescaped, is the given UTF-8: the fastest way to find a name that is looked for
    /// often.
    @inlinable
    public func string(_ string: JSONString, equals utf8: [UInt8]) -> Bool {
        (string.hasEscapes || string.range.count == utf8.count) && compare(string, with: utf8)
    }

    @usableFromInline
    func compare(_ string: JSONString, with utf8: [UInt8]) -> Bool {
        if !string.hasEscapes {
            guard string.range.count == utf8.count else { return false }
            let start = string.range.lowerBound
            for index in utf8.indices where bytes[start + index] != utf8[index] { return false }
            return true
        }
        var unescaped = UnescapedBytes(bytes, string)
        for byte in utf8 {
            guard unescaped.next() == byte else { return false }
        }
        return unescaped.next() == nil
    }

    /// Whether two strings of this text are the same when unescaped.
    public func string(_ left: JSONString, equals right: JSONString) -> Bool {
        if !left.hasEscapes, !right.hasEscapes {
            guard left.range.count == right.range.count else { return false }
            var index = right.range.lowerBound
            for leftIndex in left.range {
                guard bytes[leftIndex] == bytes[index] else { return false }
                index += 1
            }
            return true
        }
        return order(left, right) == 0
    }

    /// A string of this text as a Swift string.
    /// - Returns: nil when an escape stands for a lone surrogate, which no Unicode text can hold.
    public func text(of string: JSONString) -> String? {
        guard string.hasEscapes else { return String(decoding: bytes[string.range], as: UTF8.self) }
        guard let unescaped = utf8(of: string) else { return nil }
        return String(decoding: unescaped, as: UTF8.self)
    }

    /// A string of this text, unescaped, as UTF-8.
    /// - Returns: nil when an escape stands for a lone surrogate.
    public func utf8(of string: JSONString) -> [UInt8]? {
        guard string.hasEscapes else { return Array(bytes[string.range]) }
        var result: [UInt8] = []
        result.reserveCapacity(string.range.count)
        var unescaped = UnescapedBytes(bytes, string)
        while let byte = unescaped.next() { result.append(byte) }
        return unescaped.metLoneSurrogate ? nil : result
    }

    /// Compares two strings of this text by their unescaped bytes: below 0, 0 or above 0.
    func order(_ left: JSONString, _ right: JSONString) -> Int {
        var leftBytes = UnescapedBytes(bytes, left)
        var rightBytes = UnescapedBytes(bytes, right)
        while true {
            switch (leftBytes.next(), rightBytes.next()) {
            case (nil, nil): return 0
            case (nil, _): return -1
            case (_, nil): return 1
            case (let leftByte?, let rightByte?):
                if leftByte != rightByte { return leftByte < rightByte ? -1 : 1 }
            }
        }
    }
}

/// The bytes of a string that the reader has accepted, unescaped. A lone surrogate gives the three bytes that UTF-8's
/// scheme would give (they equal no valid text), so that comparing stays exact.
private struct UnescapedBytes: IteratorProtocol {
    private let bytes: [UInt8]
    private let end: Int
    private var index: Int
    /// Up to four bytes that were decoded and not given yet, the next one lowest.
    private var pending: UInt32 = 0
    private var pendingCount = 0
    private(set) var metLoneSurrogate = false

    init(_ bytes: [UInt8], _ string: JSONString) {
        self.bytes = bytes
        self.index = string.range.lowerBound
        self.end = string.range.upperBound
    }

    mutating func next() -> UInt8? {
        if pendingCount > 0 {
            let byte = UInt8(truncatingIfNeeded: pending)
            pending >>= 8
            pendingCount -= 1
            return byte
        }
        guard index < end else { return nil }
        let byte = bytes[index]
        index += 1
        guard byte == UInt8(ascii: "\\"), index < end else { return byte }
        let escape = bytes[index]
        index += 1
        switch escape {
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "u"): return unescapeUnicode()
        default: return escape
        }
    }

    /// The index is at the first of four hexadecimal digits.
    private mutating func unescapeUnicode() -> UInt8 {
        let unit = codeUnit(at: index)
        index += 4
        var scalar = unit
        if unit & 0xFC00 == 0xD800, index + 6 <= end, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u"), codeUnit(at: index + 2) & 0xFC00 == 0xDC00
        {
            scalar = 0x1_0000 + ((unit & 0x3FF) << 10 | codeUnit(at: index + 2) & 0x3FF)
            index += 6
        } else if unit & 0xF800 == 0xD800 {
            metLoneSurrogate = true
        }
        return encode(scalar)
    }

    private func codeUnit(at start: Int) -> UInt32 {
        var unit: UInt32 = 0
        for position in start..<min(start + 4, end) { unit = unit << 4 | UInt32(hexDigit(bytes[position]) ?? 0) }
        return unit
    }

    /// Gives the first byte of a scalar and keeps the others.
    private mutating func encode(_ scalar: UInt32) -> UInt8 {
        func continuation(_ shift: UInt32) -> UInt32 { 0x80 | (scalar >> shift & 0x3F) }
        switch scalar {
        case 0..<0x80:
            return UInt8(truncatingIfNeeded: scalar)
        case 0x80..<0x800:
            pending = continuation(0)
            pendingCount = 1
            return UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6)
        case 0x800..<0x1_0000:
            pending = continuation(6) | continuation(0) << 8
            pendingCount = 2
            return UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12)
        default:
            pending = continuation(12) | continuation(6) << 8 | continuation(0) << 16
            pendingCount = 3
            return UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18)
        }
    }
}
