/// A strict pull reader of one JSON text (RFC 8259), UTF-8 only.
///
/// It builds no tree and does not recurse: `next()` gives the next token, `skipValue()` passes over a value that nobody
/// reads. Skipped parts are held to the same grammar. Numbers of any size and escapes of lone surrogates are within the
/// grammar; only who reads such a member must judge it. Duplicate names are within the grammar too (section 4):
/// `JSONKeyList` finds them.
///
/// A value type without locks or I/O: usable on any thread. After an error every further call gives the same error.
public struct JSONReader: Sendable {
    private enum Expectation: Sendable {
        case value
        case firstKeyOrEnd
        case commaOrObjectEnd
        case firstElementOrEnd
        case commaOrArrayEnd
        case textEnd
    }

    /// The deepest nesting that a reader can be given.
    public static let depthLimit = 64

    /// The bytes that the positions of tokens and errors index.
    public let bytes: [UInt8]
    /// The index of the next byte to be read.
    public private(set) var position: Int
    /// How many objects and arrays are open.
    public private(set) var depth = 0

    private let end: Int
    private let maximumDepth: Int
    private var expectation = Expectation.value
    /// One bit for each open container, the innermost lowest: 1 is an object.
    private var containers: UInt64 = 0
    private var failure: JSONError?

    /// Makes a reader of a text.
    /// - Parameters:
    ///   - bytes: the array that holds the text.
    ///   - range: the part of the array that is the text; the whole array by default. Clamped to the array.
    ///   - maximumDepth: how many objects and arrays may be open at once, clamped to 0 … `depthLimit`.
    public init(_ bytes: [UInt8], in range: Range<Int>? = nil, maximumDepth: Int = 32) {
        let text = (range ?? bytes.indices).clamped(to: bytes.indices)
        self.bytes = bytes
        self.position = text.lowerBound
        self.end = text.upperBound
        self.maximumDepth = min(max(maximumDepth, 0), Self.depthLimit)
    }

    /// Reads the next token.
    /// - Returns: `.end` once the value is complete and nothing but white space follows, and from then on.
    /// - Throws: `JSONError` at the first byte that breaks the grammar or a limit.
    public mutating func next() throws(JSONError) -> JSONToken {
        if let failure { throw failure }
        skipWhitespace()
        switch expectation {
        case .value:
            return try readValue()
        case .firstKeyOrEnd:
            if peek() == UInt8(ascii: "}") { return closeContainer(.endObject) }
            return try readKey()
        case .commaOrObjectEnd:
            switch peek() {
            case UInt8(ascii: ","):
                position += 1
                skipWhitespace()
                return try readKey()
            case UInt8(ascii: "}"): return closeContainer(.endObject)
            default: throw unexpected()
            }
        case .firstElementOrEnd:
            if peek() == UInt8(ascii: "]") { return closeContainer(.endArray) }
            return try readValue()
        case .commaOrArrayEnd:
            switch peek() {
            case UInt8(ascii: ","):
                position += 1
                skipWhitespace()
                return try readValue()
            case UInt8(ascii: "]"): return closeContainer(.endArray)
            default: throw unexpected()
            }
        case .textEnd:
            guard position < end else { return .end }
            throw fail(.trailingContent, at: position)
        }
    }

    /// Passes over the next value, whatever it is; after a key, that is the member's value.
    /// - Returns: the value's indices.
    /// - Throws: `JSONError` as `next()` does, and `unexpectedByte` or `unexpectedEnd` where no value is next.
    @discardableResult
    public mutating func skipValue() throws(JSONError) -> Range<Int> {
        if let failure { throw failure }
        skipWhitespace()
        let outer = depth
        // In an array the value may follow a comma, which is not part of it.
        if expectation == .commaOrArrayEnd, peek() == UInt8(ascii: ",") {
            position += 1
            skipWhitespace()
            expectation = .value
        }
        let start = position
        switch try next() {
        case .beginObject, .beginArray:
            while depth > outer { _ = try next() }
            return start..<position
        case .string, .number, .bool, .null:
            return start..<position
        case .endObject, .endArray, .key:
            throw fail(.unexpectedByte, at: start)
        case .end:
            throw fail(.unexpectedEnd, at: start)
        }
    }

    /// Passes over all that is left of the innermost open object or array, its end included. Without one it does
    /// nothing.
    /// - Throws: `JSONError` as `next()` does.
    public mutating func skipRestOfContainer() throws(JSONError) {
        guard depth > 0 else { return }
        let inner = depth
        while depth >= inner { _ = try next() }
    }

    /// Reads on to the end of the text and fails when something is left that is not white space.
    /// - Throws: `JSONError` as `next()` does.
    public mutating func finish() throws(JSONError) {
        while try next() != .end {}
    }

    // MARK: - Values

    private mutating func readValue() throws(JSONError) -> JSONToken {
        guard position < end else { throw fail(.unexpectedEnd, at: end) }
        switch bytes[position] {
        case UInt8(ascii: "\""):
            let string = try readString()
            valueIsComplete()
            return .string(string)
        case UInt8(ascii: "{"):
            try openContainer(isObject: true)
            return .beginObject
        case UInt8(ascii: "["):
            try openContainer(isObject: false)
            return .beginArray
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            let number = try readNumber()
            valueIsComplete()
            return .number(number)
        case UInt8(ascii: "t"):
            try readLiteral("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try readLiteral("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try readLiteral("null")
            return .null
        default:
            throw unexpected()
        }
    }

    private mutating func readKey() throws(JSONError) -> JSONToken {
        guard peek() == UInt8(ascii: "\"") else { throw unexpected() }
        let key = try readString()
        skipWhitespace()
        guard peek() == UInt8(ascii: ":") else { throw unexpected() }
        position += 1
        expectation = .value
        return .key(key)
    }

    private mutating func openContainer(isObject: Bool) throws(JSONError) {
        guard depth < maximumDepth else { throw fail(.tooDeep, at: position) }
        position += 1
        depth += 1
        containers = containers << 1 | (isObject ? 1 : 0)
        expectation = isObject ? .firstKeyOrEnd : .firstElementOrEnd
    }

    private mutating func closeContainer(_ token: JSONToken) -> JSONToken {
        position += 1
        depth -= 1
        containers >>= 1
        valueIsComplete()
        return token
    }

    private mutating func valueIsComplete() {
        if depth == 0 {
            expectation = .textEnd
        } else {
            expectation = containers & 1 == 1 ? .commaOrObjectEnd : .commaOrArrayEnd
        }
    }

    private mutating func readLiteral(_ literal: String) throws(JSONError) {
        for byte in literal.utf8 {
            guard peek() == byte else { throw unexpected() }
            position += 1
        }
        valueIsComplete()
    }

    /// The position is at the opening quote, and then behind the closing one.
    private mutating func readString() throws(JSONError) -> JSONString {
        // A copy of the reference: what the loop reads cannot change under it.
        let bytes = bytes
        let start = position + 1
        var index = start
        var hasEscapes = false
        while index < end {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                position = index + 1
                return JSONString(range: start..<index, hasEscapes: hasEscapes)
            } else if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                index = try endOfEscape(at: index)
            } else if byte < 0x20 {
                throw fail(.controlCharacter, at: index)
            } else if byte < 0x80 {
                index += 1
            } else {
                let length = UTF8Form.length(of: bytes, at: index, end: end)
                guard length > 0 else { throw fail(.invalidUTF8, at: index) }
                index += length
            }
        }
        throw fail(.unexpectedEnd, at: end)
    }

    private mutating func endOfEscape(at backslash: Int) throws(JSONError) -> Int {
        let index = backslash + 1
        guard index < end else { throw fail(.unexpectedEnd, at: end) }
        switch bytes[index] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return index + 1
        case UInt8(ascii: "u"):
            for digit in index + 1..<index + 5 {
                guard digit < end else { throw fail(.unexpectedEnd, at: end) }
                guard hexDigit(bytes[digit]) != nil else { throw fail(.invalidEscape, at: digit) }
            }
            return index + 5
        default:
            throw fail(.invalidEscape, at: index)
        }
    }

    private mutating func readNumber() throws(JSONError) -> JSONNumber {
        let start = position
        var index = start
        let isNegative = bytes[index] == UInt8(ascii: "-")
        if isNegative { index += 1 }
        var magnitude: UInt64? = 0
        let firstDigit = index
        while index < end, let digit = decimalDigit(bytes[index]) {
            magnitude = appendingDigit(digit, to: magnitude)
            index += 1
        }
        guard index > firstDigit else { throw fail(index < end ? .invalidNumber : .unexpectedEnd, at: index) }
        if bytes[firstDigit] == UInt8(ascii: "0"), index > firstDigit + 1 {
            throw fail(.invalidNumber, at: firstDigit + 1)
        }
        var isInteger = true
        if index < end, bytes[index] == UInt8(ascii: ".") {
            isInteger = false
            index = try endOfDigits(from: index + 1)
        }
        if index < end, bytes[index] == UInt8(ascii: "e") || bytes[index] == UInt8(ascii: "E") {
            isInteger = false
            index += 1
            if index < end, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") { index += 1 }
            index = try endOfDigits(from: index)
        }
        position = index
        return JSONNumber(
            range: start..<index, isNegative: isNegative, isInteger: isInteger, magnitude: isInteger ? magnitude : nil)
    }

    private func appendingDigit(_ digit: UInt8, to magnitude: UInt64?) -> UInt64? {
        guard let magnitude else { return nil }
        let (product, tooLarge) = magnitude.multipliedReportingOverflow(by: 10)
        let (sum, stillTooLarge) = product.addingReportingOverflow(UInt64(digit))
        return tooLarge || stillTooLarge ? nil : sum
    }

    private mutating func endOfDigits(from start: Int) throws(JSONError) -> Int {
        var index = start
        while index < end, decimalDigit(bytes[index]) != nil { index += 1 }
        guard index > start else { throw fail(index < end ? .invalidNumber : .unexpectedEnd, at: index) }
        return index
    }

    // MARK: - Bytes

    private func peek() -> UInt8? { position < end ? bytes[position] : nil }

    private mutating func skipWhitespace() {
        while position < end {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private mutating func fail(_ kind: JSONError.Kind, at position: Int) -> JSONError {
        let error = JSONError(kind: kind, position: position)
        failure = error
        return error
    }

    private mutating func unexpected() -> JSONError {
        guard position < end else { return fail(.unexpectedEnd, at: end) }
        if bytes[position] >= 0x80, UTF8Form.length(of: bytes, at: position, end: end) == 0 {
            return fail(.invalidUTF8, at: position)
        }
        return fail(.unexpectedByte, at: position)
    }
}

func decimalDigit(_ byte: UInt8) -> UInt8? {
    let digit = byte &- UInt8(ascii: "0")
    return digit < 10 ? digit : nil
}

func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
