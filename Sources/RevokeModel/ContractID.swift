/// The id of an ACME contract: an integer from 1 to 9007199254740991 (2^53 − 1, the largest integer that every
/// JSON reader keeps exact, RFC 8259 section 6).
public struct ContractID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The largest id.
    public static let maximum: Int64 = 9_007_199_254_740_991

    /// The id as an integer.
    public let value: Int64

    /// Makes an id of an integer, or nil when it is out of range.
    public init?(_ value: Int64) {
        guard value >= 1, value <= Self.maximum else { return nil }
        self.value = value
    }

    /// Compares by number.
    public static func < (left: ContractID, right: ContractID) -> Bool { left.value < right.value }

    /// The id in decimal.
    public var description: String { String(value) }
}
