/// How a request ended, and what is left of the answer.
///
/// A value; it holds nothing that the caller sent. Texts and bytes are the server's own: judge them, never print them.
public struct TransferResult: Sendable {
    /// How it ended.
    public var end: TransferEnd
    /// When it was sent first, in CLOCK_BOOTTIME milliseconds; nil when nothing was sent.
    public var sentAt: Int64?
    /// Whether it went over a connection that had been used before. After an ambiguous end on such a connection the
    /// caller asks for a fresh one.
    public var wasReused: Bool
    /// The raw values of the header `Retry-After`, at most 8; one that is longer than 64 bytes is empty.
    public var retryAfter: [String]
    /// The raw value of the header `Date`.
    public var date: String?
    /// The value of the header `Content-Type` without its parameters; nil when there is none, more than one, or one that is
    /// longer than 64 bytes.
    public var mediaType: String?
    /// The body: at most 16 KiB, or what the request allows for a 200.
    public var body: [UInt8]
    /// libcurl's result code: for messages only, it does not tell what happened.
    public var code: Int32
    /// libcurl's sentence about a request that was not sent: at most 200 printable ASCII characters.
    public var detail: String?
}

/// The end of a request. libcurl's code alone never decides: the gate counts what was sent, and an answer is one whose
/// final head was seen to its blank line.
public enum TransferEnd: Hashable, Sendable {
    /// No byte of the request left.
    case notSent(NotSentCause)
    /// The final head is complete. A 204 is here only with a complete transfer.
    case answered(status: Int, isBodyComplete: Bool)
    /// It was sent, and there is no complete answer: the server may have acted on it.
    case ambiguous(AmbiguousTransferCause)
}

/// Why nothing was sent.
public enum NotSentCause: Hashable, Sendable {
    /// The host's or proxy's name was not resolved.
    case nameResolution
    /// The connection was refused, could not be made, or ended before the request.
    case connect
    /// The deadline or the connect timeout passed.
    case timeout
    /// The TLS handshake failed.
    case tls
    /// The server's certificate is not trusted, or the CA file cannot be used.
    case untrustedCertificate
    /// The gate: the loop had stood still for longer than its limit.
    case late
    /// The transfers were closed.
    case closed
    /// Something else.
    case other
}

/// Why there is no complete answer.
public enum AmbiguousTransferCause: Hashable, Sendable {
    /// The deadline passed.
    case deadline
    /// The connection was closed or reset before an answer began.
    case connectionClosed
    /// The head of the answer is cut off, or a 204 did not end well.
    case incompleteHead
    /// The answer is not HTTP/1.1 or HTTP/1.0, or its head is over 32 KiB.
    case garbage
    /// The gate stopped a second send of the same request.
    case resendStopped
    /// The transfers were closed.
    case closed
}
