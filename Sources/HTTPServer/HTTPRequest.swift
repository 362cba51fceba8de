/// A request with its whole body. Values are as the client sent them: nothing in them can be trusted.
public struct HTTPRequest: Sendable {
    /// One header or one parameter of a query.
    public struct Field: Hashable, Sendable {
        /// The name, as it was sent.
        public var name: String
        /// The value; empty when there is none.
        public var value: String

        /// Makes a field of its parts.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The method, as it was sent (`GET`, `POST`).
    public var method: String
    /// The path, as it was sent: percent escapes are kept, the query is cut off.
    public var path: String
    /// The parameters of the query, in order, with escapes resolved.
    public var query: [Field]
    /// The headers, in order.
    public var headers: [Field]
    /// The body; empty when there is none. Never longer than the server's limit.
    public var body: [UInt8]

    /// Makes a request of its parts.
    public init(
        method: String, path: String, query: [Field] = [], headers: [Field] = [], body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// The value of the first header of that name, compared without case (RFC 9110 section 5.1).
    public func header(_ name: String) -> String? {
        headers.first { Self.equalWithoutCase($0.name, name) }?.value
    }

    /// The value of the first parameter of that name in the query.
    public func parameter(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    private static func equalWithoutCase(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return zip(left.utf8, right.utf8).allSatisfy { lowercase($0) == lowercase($1) }
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// Resolves `%41` and `+` in a part of a query. A `%` without two hexadecimal digits stays as it is.
    static func unescape(_ text: String) -> String {
        var result: [UInt8] = []
        var escaped: [UInt8] = []
        for byte in text.utf8 {
            if !escaped.isEmpty {
                escaped.append(byte)
                guard escaped.count == 3 else { continue }
                if let high = hexadecimal(escaped[1]), let low = hexadecimal(escaped[2]) {
                    result.append(high << 4 | low)
                } else {
                    result += escaped
                }
                escaped = []
            } else if byte == UInt8(ascii: "%") {
                escaped = [byte]
            } else {
                result.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: result + escaped, as: UTF8.self)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
