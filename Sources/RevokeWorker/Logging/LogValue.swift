/// A value of a log line's metadata.
public enum LogValue: Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral
{
    /// A text; more than 1,024 bytes are cut when the line is logged.
    case text(String)
    /// An integer.
    case integer(Int64)
    /// A truth value.
    case boolean(Bool)

    /// The most bytes of a text.
    static let textLimit = 1_024

    /// Makes a text.
    public init(stringLiteral value: String) { self = .text(value) }

    /// Makes an integer.
    public init(integerLiteral value: Int64) { self = .integer(value) }

    /// Makes a truth value.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }

    /// Makes an integer of any integer; beyond 64 bits with a sign the nearest one.
    public static func number(_ value: some BinaryInteger) -> LogValue { .integer(Int64(clamping: value)) }

    /// Makes a text of whatever describes itself. Only for values whose description cannot hold a secret.
    public static func describing(_ value: some CustomStringConvertible) -> LogValue { .text(value.description) }

    /// The value with its text cut to the limit.
    var bounded: LogValue {
        guard case .text(let text) = self, text.utf8.count > Self.textLimit else { return self }
        return .text(String(decoding: text.utf8.prefix(Self.textLimit), as: UTF8.self) + "…")
    }
}
