/// The name of an account of the configuration: 1 to 64 characters of `[a-z0-9-]`.
public struct AccountName: Hashable, Sendable, CustomStringConvertible {
    /// The name as text.
    public let text: String

    /// Makes a name of a text, or nil when the text has another form.
    public init?(_ text: String) {
        guard (1...64).contains(text.utf8.count) else { return nil }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                continue
            default: return nil
            }
        }
        self.text = text
    }

    private init(unchecked text: String) { self.text = text }

    /// The name as text.
    public var description: String { text }

    /// The usual name of an only account.
    public static let main = AccountName(unchecked: "main")
}
