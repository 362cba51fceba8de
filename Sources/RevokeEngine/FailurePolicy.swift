public import RevokeModel

/// What an outcome means, before the state of account and lane is looked at: the rows of the table in the README.
public enum FailurePolicy: Hashable, Sendable {
    /// Settles the covered events; a good answer.
    case revoked
    /// Settles by a dead letter within the streak limit.
    case permanent(status: Int)
    /// Tried again; after `conflictAttempts` as `permanent`.
    case conflict(status: Int)
    /// Judged by the version of the key: the account's trouble or the contract's.
    case unauthorized(keyVersion: UInt64)
    /// Holds the account; counts no attempt.
    case rateLimited(retryAfter: Int64?)
    /// Tried again with backoff; counts for the breaker. `endsAlone`: the trouble of one contract alone may end in a
    /// dead letter after `contractRetryLimit`. `holds`: holds the account at once. `freshConnection`: the retry goes over
    /// a new connection.
    case retry(retryAfter: Int64?, status: Int?, endsAlone: Bool, holds: Bool, freshConnection: Bool)
    /// Nothing was sent, and it was nobody's fault: started again, counts no attempt.
    case again

    /// The policy for an outcome.
    public init(_ outcome: CallOutcome) {
        switch outcome {
        case .revoked: self = .revoked
        case .rejected(let status, _, _): self = .permanent(status: status)
        case .unauthorized(let version): self = .unauthorized(keyVersion: version)
        case .conflict(let status): self = .conflict(status: status)
        case .rateLimited(let retryAfter): self = .rateLimited(retryAfter: retryAfter)
        case .transient(let status):
            self = .retry(retryAfter: nil, status: status, endsAlone: true, holds: false, freshConnection: true)
        case .unavailable(let status, let retryAfter):
            self = .retry(retryAfter: retryAfter, status: status, endsAlone: true, holds: false, freshConnection: false)
        case .misdirected(let status, _):
            self = .retry(retryAfter: nil, status: status, endsAlone: false, holds: false, freshConnection: false)
        case .unreachable(let cause):
            self = .retry(
                retryAfter: nil, status: nil, endsAlone: false, holds: cause == .untrustedCertificate,
                freshConnection: false)
        case .ambiguous:
            self = .retry(retryAfter: nil, status: nil, endsAlone: true, holds: false, freshConnection: true)
        case .withheld: self = .again
        }
    }
}
