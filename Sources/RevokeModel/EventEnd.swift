/// How an event was settled. Closed; there is no other end.
public enum EventEnd: Hashable, Sendable {
    /// A 204 covered it.
    case revoked
    /// The broker acknowledged its dead letter.
    case deadLettered(DeadLetterReason)
    /// A rule that an operator switched on skipped it.
    case skipped(SkipReason)
}

/// A rule of the configuration that skips an event.
public enum SkipReason: String, CaseIterable, Hashable, Sendable {
    /// `unknown-types: skip`.
    case unknownType = "unknown_type"
}

/// Why an event is in the dead-letter topic: the closed list of the header `revoke-dlq-reason`.
public enum DeadLetterReason: Hashable, Sendable {
    /// The record is not an event.
    case malformed(DecodingFailure)
    /// The API gave an answer that is permanent for this contract.
    case rejected
    /// The trouble of this contract alone lasted longer than `contract-retry-limit`.
    case retryLimit
    /// The event names an account that the configuration does not have, and parking did not change that.
    case unknownAccount

    /// The header's value.
    public var text: String {
        switch self {
        case .malformed(let failure): failure.rawValue
        case .rejected: "rejected"
        case .retryLimit: "retry_limit"
        case .unknownAccount: "unknown_account"
        }
    }

    /// Finds the reason of a header's value.
    public init?(text: String) {
        switch text {
        case "rejected": self = .rejected
        case "retry_limit": self = .retryLimit
        case "unknown_account": self = .unknownAccount
        default:
            guard let failure = DecodingFailure(rawValue: text) else { return nil }
            self = .malformed(failure)
        }
    }
}
