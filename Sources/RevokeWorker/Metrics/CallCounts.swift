public import RevokeModel

/// How many calls ended with which outcome.
public struct CallCounts: Hashable, Sendable {
    /// The outcomes without their details.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        /// 204.
        case revoked
        /// 400, 403, 404, 410, 422.
        case rejected
        /// 401.
        case unauthorized
        /// 409, 423.
        case conflict
        /// 429.
        case rateLimited = "rate_limited"
        /// 408, 421, 425.
        case transient
        /// 5xx.
        case unavailable
        /// Another status.
        case misdirected
        /// Nothing was sent.
        case unreachable
        /// Sent, without a complete answer.
        case ambiguous
        /// Nothing was sent: stopped at the gate.
        case withheld

        /// The kind of an outcome.
        public init(_ outcome: CallOutcome) {
            switch outcome {
            case .revoked: self = .revoked
            case .rejected: self = .rejected
            case .unauthorized: self = .unauthorized
            case .conflict: self = .conflict
            case .rateLimited: self = .rateLimited
            case .transient: self = .transient
            case .unavailable: self = .unavailable
            case .misdirected: self = .misdirected
            case .unreachable: self = .unreachable
            case .ambiguous: self = .ambiguous
            case .withheld: self = .withheld
            }
        }
    }

    /// By outcome.
    public private(set) var byKind: [Kind: UInt64] = [:]
    /// By the status of the answer, 100 to 599, where there was one.
    public private(set) var byStatus: [Int: UInt64] = [:]
    /// By the cause, of those that were not sent.
    public private(set) var byUnreachableCause: [UnreachableCause: UInt64] = [:]
    /// By the cause, of those without a complete answer.
    public private(set) var byAmbiguousCause: [AmbiguousCause: UInt64] = [:]

    /// Makes empty counts.
    public init() {}

    /// Counts a call's outcome.
    public mutating func count(_ outcome: CallOutcome) {
        byKind[Kind(outcome), default: 0] += 1
        switch outcome {
        case .revoked: countStatus(204)
        case .unauthorized: countStatus(401)
        case .rateLimited: countStatus(429)
        case .rejected(let status, _, _), .conflict(let status), .transient(let status), .unavailable(let status, _),
            .misdirected(let status, _):
            countStatus(status)
        case .unreachable(let cause): byUnreachableCause[cause, default: 0] += 1
        case .ambiguous(let cause): byAmbiguousCause[cause, default: 0] += 1
        case .withheld: break
        }
    }

    private mutating func countStatus(_ status: Int) {
        // What a server sends must not make the number of series grow without a bound.
        guard (100...599).contains(status) else { return }
        byStatus[status, default: 0] += 1
    }

    /// Calls with an outcome of a kind.
    public subscript(kind: Kind) -> UInt64 { byKind[kind] ?? 0 }
}
