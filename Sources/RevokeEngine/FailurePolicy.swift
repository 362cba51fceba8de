public import RevokeModel

/// What an outcome means, before the state of account and lane is looked at: the rows of the table in the README.
public enum FailurePolicy: Hashable, Sendable {
    /// Settles the covered events; a good answer.
    case revoked
    /// Settles by a dead letter within the streak limit. With a Retry-After (milliseconds) it waits for that once, and the
    /// next permanent answer is judged.
    case permanent(status: Int, retryAfter: Int64?)
    /// Tried again; after `conflictAttempts` as `permanent`.
    case conflict(status: Int)
    /// Judged by the version of the key: the account's trouble or the contract's.
    case unauthorized(keyVersion: UInt64)
    /// Holds the account; counts no attempt.
    case rateLimited(retryAfter: Int64?)
    /// Tried again with backoff; counts for the breaker.
    case retry(Retry)
    /// Nothing was sent, and it was nobody's fault: started again, counts no attempt.
    case again

    /// How a call is tried again.
    public struct Retry: Hashable, Sendable {
        /// What the server asks for, in milliseconds.
        public var retryAfter: Int64?
        /// The HTTP status of the answer, for the dead letter.
        public var status: Int?
        /// Whether the trouble of one contract alone may end in a dead letter after `contractRetryLimit`.
        public var endsAlone = false
        /// Whether it holds the account at once.
        public var holds = false
        /// Whether the retry goes over a new connection.
        public var freshConnection = false
        /// Whether the request may have been applied.
        public var mayHaveApplied = false
        /// Whether the connection ended under the call. One end of the API takes all connections with it, so such failures
        /// of calls that were in flight together count once for the breaker.
        public var lostConnection = false
    }

    /// The policy for an outcome.
    public init(_ outcome: CallOutcome) {
        switch outcome {
        case .revoked: self = .revoked
        case .rejected(let status, _, let retryAfter): self = .permanent(status: status, retryAfter: retryAfter)
        case .unauthorized(let version): self = .unauthorized(keyVersion: version)
        case .conflict(let status): self = .conflict(status: status)
        case .rateLimited(let retryAfter): self = .rateLimited(retryAfter: retryAfter)
        case .transient(let status):
            self = .retry(Retry(status: status, endsAlone: true, freshConnection: true))
        case .unavailable(let status, let retryAfter):
            self = .retry(Retry(retryAfter: retryAfter, status: status, endsAlone: true))
        case .misdirected(let status, let mayEndAlone):
            self = .retry(Retry(status: status, endsAlone: mayEndAlone))
        case .unreachable(let cause):
            self = .retry(Retry(holds: cause == .untrustedCertificate))
        case .ambiguous(let cause):
            self = .retry(
                Retry(
                    endsAlone: true, freshConnection: true, mayHaveApplied: true,
                    lostConnection: cause.isLostConnection))
        case .withheld: self = .again
        }
    }
}

extension AmbiguousCause {
    /// Whether the connection ended under the request, before an answer or within its head. A reused connection that ends
    /// so makes libcurl send again, which is stopped. Deadlines and garbage say something about each of the calls.
    fileprivate var isLostConnection: Bool {
        switch self {
        case .connectionClosed, .incompleteHead, .resendStopped: true
        case .deadline, .garbage: false
        }
    }
}
