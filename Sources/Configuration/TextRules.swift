#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Rules for the characters of texts.
enum TextRules {
    /// A byte of `[A-Za-z0-9._-]`.
    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// Whether a text has no control characters.
    static func isPrintable(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }

    /// A text of the input for an error: quoted, without control characters, cut to 60 characters.
    static func quote(_ text: String) -> String {
        var result = "\""
        for (index, scalar) in text.unicodeScalars.enumerated() {
            if index == 60 {
                result += "…"
                break
            }
            if scalar == "\"" || scalar == "\\" {
                result += "\\"
                result.unicodeScalars.append(scalar)
            } else if scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                || scalar.properties.generalCategory == .format || scalar.properties.generalCategory == .lineSeparator
                || scalar.properties.generalCategory == .paragraphSeparator
            {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// The parts of a URL, split superficially.
struct URLText {
    /// `http` or `https`.
    let scheme: String
    /// The host without brackets and port.
    let host: String
    /// What follows the authority.
    let rest: String
    /// Whether the authority has a user.
    let hasCredentials: Bool

    /// Whether a text that should be a URL may stand in a message: not where a user, a password or a query could be.
    static func isShown(_ text: String) -> Bool { !text.utf8.contains { "@?#".utf8.contains($0) } }

    /// Splits an http or https URL, or nil when the text is none.
    init?(_ text: String) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        if text.hasPrefix("https://") {
            scheme = "https"
        } else if text.hasPrefix("http://") {
            scheme = "http"
        } else {
            return nil
        }
        let afterScheme = text.dropFirst(scheme.utf8.count + 3)
        let authority = afterScheme.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        rest = String(afterScheme.dropFirst(authority.count))
        hasCredentials = authority.contains("@")
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = String(authority[authority.index(after: authority.startIndex)..<end])
        } else {
            host = String(authority.prefix { $0 != ":" })
        }
        guard !host.isEmpty else { return nil }
    }

    /// Whether the host is a literal loopback address or `localhost`.
    var isLoopback: Bool {
        if host == "localhost" { return true }
        guard let address = AddressText.literal(host) else { return false }
        return address.isLoopback
    }
}

/// Literal addresses.
enum AddressText {
    /// Reads `127.0.0.1:8480` or `[::1]:8480`.
    static func parse(_ text: String) -> ListenAddress? {
        guard let colon = text.lastIndex(of: ":"), let port = UnitText.digits(text[text.index(after: colon)...]),
            let port = UInt16(exactly: port)
        else { return nil }
        var host = text[..<colon]
        let hasBrackets = host.hasPrefix("[") && host.hasSuffix("]")
        if hasBrackets { host = host.dropFirst().dropLast() }
        guard let address = literal(String(host)), address.isIPv6 == hasBrackets else { return nil }
        return ListenAddress(host: String(host), port: port)
    }

    /// What a literal address is, or nil when the text is none.
    static func literal(_ text: String) -> (isIPv6: Bool, isLoopback: Bool)? {
        // A NUL would end the text early for the system's function.
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        var bytes: [UInt8] = Array(repeating: 0, count: 16)
        if unsafe inet_pton(AF_INET, text, &bytes) == 1 { return (false, bytes[0] == 127) }
        if unsafe inet_pton(AF_INET6, text, &bytes) == 1 {
            return (true, bytes == Array(repeating: 0, count: 15) + [1])
        }
        return nil
    }
}
