/// Why and where a text is not JSON by the grammar of RFC 8259.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with the text. Closed.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        /// The text ends before its value does; also a text without a value.
        case unexpectedEnd = "unexpected_end"
        /// A byte that the grammar does not allow here.
        case unexpectedByte = "unexpected_byte"
        /// A byte sequence that is not UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF).
        case invalidUTF8 = "invalid_utf8"
        /// A backslash that starts no escape of RFC 8259 section 7.
        case invalidEscape = "invalid_escape"
        /// A byte below 0x20 inside a string.
        case controlCharacter = "control_character"
        /// A number with a leading zero, or without a digit where one must be.
        case invalidNumber = "invalid_number"
        /// Arrays and objects are nested deeper than the reader's limit.
        case tooDeep = "too_deep"
        /// Something other than white space follows the value.
        case trailingContent = "trailing_content"
    }

    /// What is wrong.
    public let kind: Kind
    /// The index of the offending byte in the array that the reader was given; its end for `unexpectedEnd`.
    public let position: Int

    /// Makes an error of a kind and a byte position.
    public init(kind: Kind, position: Int) {
        self.kind = kind
        self.position = position
    }

    /// The kind and the position, for people.
    public var description: String { "\(kind.rawValue) at byte \(position)" }
}
