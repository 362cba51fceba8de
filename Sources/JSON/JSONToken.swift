/// One step of a `JSONReader`.
public enum JSONToken: Hashable, Sendable {
    /// `{`
    case beginObject
    /// `}`
    case endObject
    /// `[`
    case beginArray
    /// `]`
    case endArray
    /// The name of a member; its value follows.
    case key(JSONString)
    /// A string value.
    case string(JSONString)
    /// A number value.
    case number(JSONNumber)
    /// `true` or `false`.
    case bool(Bool)
    /// `null`
    case null
    /// The value is complete and nothing but white space follows.
    case end
}

/// A string of the text, as the place where it stands; `JSONReader` compares and decodes it.
public struct JSONString: Hashable, Sendable {
    /// The indices between the quotes, in the array that the reader was given.
    public let range: Range<Int>
    /// Whether there is a backslash between the quotes.
    public let hasEscapes: Bool

    init(range: Range<Int>, hasEscapes: Bool) {
        self.range = range
        self.hasEscapes = hasEscapes
    }
}

/// A number of the text: where it stands and, if it is an integer, what it is.
public struct JSONNumber: Hashable, Sendable {
    /// The number's indices in the array that the reader was given.
    public let range: Range<Int>
    /// Whether the number begins with a minus sign; true of `-0`.
    public let isNegative: Bool
    /// Whether the number has neither a fraction nor an exponent, of whatever size.
    public let isInteger: Bool
    /// The integer's absolute value; nil if the number is no integer or its absolute value is above 2^64 − 1.
    public let magnitude: UInt64?

    init(range: Range<Int>, isNegative: Bool, isInteger: Bool, magnitude: UInt64?) {
        self.range = range
        self.isNegative = isNegative
        self.isInteger = isInteger
        self.magnitude = magnitude
    }

    /// The exact value if the number is an integer from −2^63 to 2^63 − 1, else nil.
    public var int64: Int64? {
        guard let magnitude else { return nil }
        if isNegative {
            return magnitude <= Int64.min.magnitude ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil
        }
        return Int64(exactly: magnitude)
    }
}
