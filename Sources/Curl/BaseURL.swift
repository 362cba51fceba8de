internal import CCurl
internal import CCurlShims
internal import Glibc

/// The address under which an API lies, checked so strictly that every reader of it means the same host.
///
/// The rule: `https` (or `http`, where the caller allows it), a host of `[A-Za-z0-9.-]` or a literal address, an
/// optional port from 1 to 65535, a path of segments of `[A-Za-z0-9._~-]` without dot segments, nothing else, and
/// libcurl's own parser prints exactly the same text. A value; any thread.
public struct BaseURL: Hashable, Sendable, CustomStringConvertible {
    /// The whole address; it does not end with a slash.
    public let text: String
    /// The path: empty, or begins with a slash and does not end with one.
    public let path: String
    /// The host, an IPv6 address without its brackets.
    public let host: String
    /// The port, when one is written.
    public let port: Int?
    /// Whether the scheme is `https`.
    public let isHTTPS: Bool

    /// Checks an address.
    ///
    /// - Parameters:
    ///   - text: The address.
    ///   - allowPlainHTTP: Whether `http` is accepted for every host; for a loopback address it always is.
    /// - Throws: `BaseURLError`, which tells the kind of the defect and its position, never the text.
    public init(_ text: String, allowPlainHTTP: Bool = false) throws(BaseURLError) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= 2_000 else { throw .tooLong }
        for (index, byte) in bytes.enumerated() where byte <= 0x20 || byte >= 0x7f {
            throw .character(position: index + 1)
        }
        let isHTTPS = text.hasPrefix("https://")
        guard isHTTPS || text.hasPrefix("http://") else { throw .scheme }
        let hostStart = isHTTPS ? 8 : 7
        let pathStart = bytes[hostStart...].firstIndex(of: UInt8(ascii: "/")) ?? bytes.count
        // These three are looked for in the whole text, so that the message names them and not their position.
        if bytes.contains(UInt8(ascii: "?")) { throw .query }
        if bytes.contains(UInt8(ascii: "#")) { throw .fragment }
        if bytes[hostStart..<pathStart].contains(UInt8(ascii: "@")) { throw .userInformation }

        self.text = text
        self.isHTTPS = isHTTPS
        (host, port) = try Self.checkAuthority(bytes, hostStart..<pathStart)
        path = try Self.checkPath(bytes, pathStart..<bytes.count)
        guard isHTTPS || allowPlainHTTP || isLoopback else { throw .plainHTTP }
        guard Self.isPrintedAlike(text) else { throw .notCanonical }
    }

    /// Whether the host is this machine: `localhost`, 127.0.0.0/8 or ::1.
    public var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        return host.hasPrefix("127.") && Self.isIPv4(host)
    }

    /// The address.
    public var description: String { text }

    private static func checkAuthority(
        _ bytes: [UInt8], _ range: Range<Int>
    ) throws(BaseURLError) -> (host: String, port: Int?) {
        guard !range.isEmpty else { throw .hostMissing }
        var host: String
        var rest = range.upperBound
        if bytes[range.lowerBound] == UInt8(ascii: "[") {
            guard let end = bytes[range].firstIndex(of: UInt8(ascii: "]")) else { throw .host }
            host = String(decoding: bytes[range.lowerBound + 1..<end], as: UTF8.self)
            guard isIPv6(host) else { throw .host }
            rest = end + 1
        } else {
            let end = bytes[range].firstIndex(of: UInt8(ascii: ":")) ?? range.upperBound
            host = String(decoding: bytes[range.lowerBound..<end], as: UTF8.self)
            guard !host.isEmpty else { throw .hostMissing }
            guard isName(bytes[range.lowerBound..<end]) || isIPv4(host) else { throw .host }
            rest = end
        }
        guard rest < range.upperBound else { return (host, nil) }
        guard bytes[rest] == UInt8(ascii: ":") else { throw .host }
        let digits = bytes[rest + 1..<range.upperBound]
        guard (1...5).contains(digits.count), digits.allSatisfy(isDigit), digits.first != UInt8(ascii: "0"),
            let port = Int(String(decoding: digits, as: UTF8.self)), (1...65_535).contains(port)
        else { throw .port }
        return (host, port)
    }

    /// Checks the path; a slash at its end is an error, and an empty path is none.
    private static func checkPath(_ bytes: [UInt8], _ range: Range<Int>) throws(BaseURLError) -> String {
        var start = range.lowerBound
        while start < range.upperBound {
            var end = start + 1
            while end < range.upperBound, bytes[end] != UInt8(ascii: "/") {
                guard isSegmentByte(bytes[end]) else { throw .pathCharacter(position: end + 1) }
                end += 1
            }
            let segment = bytes[start + 1..<end]
            if segment.isEmpty { throw end == range.upperBound ? .slashAtEnd : .emptySegment }
            if segment.allSatisfy({ $0 == UInt8(ascii: ".") }), segment.count <= 2 { throw .dotSegment }
            start = end
        }
        return String(decoding: bytes[range], as: UTF8.self)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isSegmentByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "-"): true
        default: isAlphanumeric(byte)
        }
    }

    /// A host name whose last label does not begin with a digit: `127.1`, `0x7f.1` and `2130706433` are names to one
    /// reader and addresses to another (WHATWG URL, "ends in a number").
    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count <= 253 else { return false }
        let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        for label in labels {
            guard (1...63).contains(label.count), label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-"),
                label.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: "-") })
            else { return false }
        }
        return labels.last?.first.map(isDigit) == false
    }

    private static func isIPv4(_ text: String) -> Bool {
        var address = in_addr()
        return unsafe inet_pton(AF_INET, text, &address) == 1
    }

    private static func isIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        return unsafe inet_pton(AF_INET6, text, &address) == 1
    }

    /// Whether libcurl reads the text and prints it again unchanged (but for the slash of an empty path).
    private static func isPrintedAlike(_ text: String) -> Bool {
        guard let url = unsafe curl_url() else { return false }
        defer { unsafe curl_url_cleanup(url) }
        let flags = UInt32(CURLU_DISALLOW_USER | CURLU_PATH_AS_IS)
        guard unsafe curl_url_set(url, CURLUPART_URL, text, flags) == CURLUE_OK else { return false }
        var printed: UnsafeMutablePointer<CChar>?
        guard unsafe curl_url_get(url, CURLUPART_URL, &printed, 0) == CURLUE_OK, let printed = unsafe printed else {
            return false
        }
        defer { unsafe curl_free(printed) }
        let again = unsafe String(cString: printed)
        return again == text || again == text + "/"
    }
}

/// Why a text is not accepted as a base URL. It never holds the text.
public enum BaseURLError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text is empty.
    case empty
    /// The text is longer than 2,000 bytes.
    case tooLong
    /// A space, a control character or one beyond ASCII stands at this position, counted from 1.
    case character(position: Int)
    /// The text does not begin with `https://` (or `http://`).
    case scheme
    /// The scheme is `http`, the host is not a loopback address, and plain HTTP is not allowed.
    case plainHTTP
    /// A user or a password stands before the host.
    case userInformation
    /// There is no host.
    case hostMissing
    /// The host is neither a name of `[A-Za-z0-9.-]` nor a literal address.
    case host
    /// The port is not a number from 1 to 65535.
    case port
    /// A character outside `[A-Za-z0-9._~-]` stands in the path at this position, counted from 1.
    case pathCharacter(position: Int)
    /// The path has an empty segment.
    case emptySegment
    /// The path has a segment `.` or `..`.
    case dotSegment
    /// The text ends with a slash.
    case slashAtEnd
    /// There is a query, also an empty one.
    case query
    /// There is a fragment, also an empty one.
    case fragment
    /// libcurl's parser prints the address in another way.
    case notCanonical

    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .empty: "the base URL is empty"
        case .tooLong: "the base URL is longer than 2,000 bytes"
        case .character(let position):
            "the base URL has a space, a control character or one beyond ASCII at position \(position)"
        case .scheme: "the base URL does not begin with https://"
        case .plainHTTP: "the base URL is plain http to another host than loopback, which is not allowed"
        case .userInformation: "the base URL has a user name before the host"
        case .hostMissing: "the base URL has no host"
        case .host: "the base URL's host is neither a name of [A-Za-z0-9.-] nor a literal address"
        case .port: "the base URL's port is not a number from 1 to 65535"
        case .pathCharacter(let position):
            "the base URL's path has a character outside [A-Za-z0-9._~-] at position \(position)"
        case .emptySegment: "the base URL's path has an empty segment (two slashes in a row)"
        case .dotSegment: "the base URL's path has a segment . or .."
        case .slashAtEnd: "the base URL ends with a slash"
        case .query: "the base URL has a query (?)"
        case .fragment: "the base URL has a fragment (#)"
        case .notCanonical: "the base URL is not in its canonical form"
        }
    }
}
