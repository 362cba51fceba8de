/// A decoded `revoke-credentials` CloudEvent.
public struct RevokeEvent: Hashable, Sendable {
    /// The CloudEvents attribute `id`; not empty.
    public var id: String
    /// The CloudEvents attribute `source`; not empty.
    public var source: String
    /// The contract whose credentials are revoked.
    public var contract: ContractID
    /// The account that the event names; nil means the default account.
    public var account: String?
    /// Why the credentials are revoked, as the producer says it.
    public var reason: String?
    /// Who found the leak, as the producer says it.
    public var reportedBy: String?
    /// The latest plausible one of `detected_at`, `time` and the record's timestamp, in wall milliseconds.
    public var leakTime: Int64?
    /// The earliest plausible one of these times, in wall milliseconds; nil means that the event is not fresh.
    public var earliestTime: Int64?
    /// What was odd about the event without making it invalid.
    public var warnings: EventWarnings
    /// Whether the record is a replay of a dead letter.
    public var isReplay: Bool

    /// Makes an event of its parts.
    public init(
        id: String, source: String, contract: ContractID, account: String? = nil, reason: String? = nil,
        reportedBy: String? = nil, leakTime: Int64? = nil, earliestTime: Int64? = nil,
        warnings: EventWarnings = [], isReplay: Bool = false
    ) {
        self.id = id
        self.source = source
        self.contract = contract
        self.account = account
        self.reason = reason
        self.reportedBy = reportedBy
        self.leakTime = leakTime
        self.earliestTime = earliestTime
        self.warnings = warnings
        self.isReplay = isReplay
    }
}

/// What was odd about a valid event; counted by the metrics.
public struct EventWarnings: OptionSet, Hashable, Sendable {
    /// The set as bits.
    public let rawValue: UInt8

    /// Makes a set of bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The record's key is there and is not the contract id in decimal.
    public static let keyDiffers = EventWarnings(rawValue: 1)
    /// The attribute `subject` is there and is not the contract id in decimal.
    public static let subjectDiffers = EventWarnings(rawValue: 2)
    /// A time was ignored, since it is not RFC 3339 or not plausible.
    public static let implausibleTime = EventWarnings(rawValue: 4)
}
