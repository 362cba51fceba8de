/// An error code that a server gave, in the form of words: `[a-z]+([_.-][a-z]+)*`, at most 40 characters. Servers give a
/// key back in many forms, and digits and capitals are in most of them. The client makes a code only when it shares no 8
/// letters in a row with a key.
public struct ErrorCode: Hashable, Sendable, CustomStringConvertible {
    /// The code as text.
    public let text: String

    /// Makes a code of a text, or nil when the text has another form.
    public init?(_ text: String) {
        guard text.utf8.count <= 40 else { return nil }
        var endsWithLetter = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): endsWithLetter = true
            case UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                guard endsWithLetter else { return nil }
                endsWithLetter = false
            default: return nil
            }
        }
        guard endsWithLetter else { return nil }
        self.text = text
    }

    /// The code as text.
    public var description: String { text }
}

/// What a call ended with. Closed: the failure policy switches over it without `default`.
public enum CallOutcome: Hashable, Sendable {
    /// 204 with a complete head: the only success.
    case revoked
    /// 400, 403, 404, 410 or 422 with a JSON object as body: can be about the contract. The delay that the answer asks for is in milliseconds, nil
    /// when the server gave none that is valid.
    case rejected(status: Int, code: ErrorCode?, retryAfter: Int64? = nil)
    /// 401 to a request that was sent with this version of the key.
    case unauthorized(keyVersion: UInt64)
    /// 409 or 423 with a JSON object as body.
    case conflict(status: Int)
    /// 429; the delay is in milliseconds, nil when the server gave none that is valid.
    case rateLimited(retryAfter: Int64?)
    /// 408, 421 or 425: try again on a new connection.
    case transient(status: Int)
    /// 500, 502, 503, 504 or another 5xx that is not `misdirected`; the delay is in milliseconds.
    case unavailable(status: Int, retryAfter: Int64?)
    /// Another 2xx, a 3xx, another 4xx, 407, 501, 505 or 511: a proxy, a wrong path, a firewall. `mayEndAlone`: the
    /// status could be about the contract, but the body is no JSON object, and so it is not the API's word: something on
    /// the way refuses some requests of an API that may work for others, and the trouble can be one contract's alone.
    case misdirected(status: Int, mayEndAlone: Bool = false)
    /// Nothing was sent: the host could not be reached.
    case unreachable(UnreachableCause)
    /// Sent, and no complete answer: may have been applied.
    case ambiguous(AmbiguousCause)
    /// Nothing was sent: the gate before the send found that the loop had stood still for too long, or that the partition
    /// had gone.
    case withheld
}

/// Why a host could not be reached. Nothing was sent.
public enum UnreachableCause: String, CaseIterable, Hashable, Sendable {
    /// The name was not resolved.
    case nameResolution = "name_resolution"
    /// The connection was refused or could not be made.
    case connect
    /// The deadline passed before anything was sent.
    case timeout
    /// The TLS handshake failed.
    case tls
    /// The server's certificate is not trusted, or the CA file cannot be used.
    case untrustedCertificate = "untrusted_certificate"
    /// Another failure before the send.
    case other
}

/// Why a request that was sent has no complete answer.
public enum AmbiguousCause: String, CaseIterable, Hashable, Sendable {
    /// The deadline passed.
    case deadline
    /// The connection was closed or reset before a complete answer.
    case connectionClosed = "connection_closed"
    /// The head of the answer is cut off.
    case incompleteHead = "incomplete_head"
    /// The answer is not HTTP, or over a limit.
    case garbage
    /// A second send of the same request was stopped.
    case resendStopped = "resend_stopped"
}
