internal import HTTPServer

/// Which endpoint a request is for.
struct StubTarget {
    var kind = StubCall.Kind.other
    var contract: Int64?
    var credential: Int64?

    init(_ request: HTTPRequest, basePath: String) {
        let prefix = basePath + "/acme/"
        guard request.path.hasPrefix(prefix) else { return }
        let parts = request.path.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let id = Self.number(first), parts.count >= 2, parts[1] == "credentials" else {
            return
        }
        contract = id
        switch (request.method, parts.count) {
        case ("GET", 2): kind = .list
        case ("POST", 3) where parts[2] == "revoke": kind = .revokeAll
        case ("POST", 3) where parts[2] == "regenerate": kind = .regenerate
        case ("POST", 4) where parts[2] == "revoke":
            credential = Self.number(parts[3])
            if credential != nil { kind = .revokeOne }
        default: break
        }
    }

    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(text)
    }

    /// The body's `revoke_existing`, true by default. Read without care: the stub is no judge of JSON.
    static func revokesExisting(_ body: [UInt8]) -> Bool {
        let text = String(decoding: body.filter { $0 > 0x20 }, as: UTF8.self)
        return !text.contains("\"revoke_existing\":false")
    }
}
