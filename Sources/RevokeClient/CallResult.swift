public import RevokeModel

/// How a call ended.
public struct CallResult: Hashable, Sendable {
    /// What it ended with.
    public var outcome: CallOutcome
    /// When the request was sent first, in CLOCK_BOOTTIME milliseconds; nil when nothing was sent.
    public var sentAt: Int64?
    /// The version of the key that it was made with: 1 for the first, one more with each change.
    public var keyVersion: UInt64
    /// How long it took, from the start to the end, in milliseconds.
    public var duration: Int64
    /// What libcurl says of a connection that was not made, such as "certificate has expired": at most 200 printable
    /// characters, nothing of the key. nil when something was sent.
    public var detail: String?

    /// Makes a result of its parts.
    public init(
        outcome: CallOutcome, sentAt: Int64?, keyVersion: UInt64, duration: Int64, detail: String? = nil
    ) {
        self.outcome = outcome
        self.sentAt = sentAt
        self.keyVersion = keyVersion
        self.duration = duration
        self.detail = detail
    }
}

/// A credential of a contract, as the API lists it.
public struct Credential: Hashable, Sendable {
    /// The credential's id.
    public var id: Int64
    /// Whether it can still be used.
    public var isActive: Bool
    /// When it was made, as the API prints it: `2026-06-01 14:00:00`, without a time zone.
    public var createdAt: String

    /// Makes a credential of its parts.
    public init(id: Int64, isActive: Bool, createdAt: String) {
        self.id = id
        self.isActive = isActive
        self.createdAt = createdAt
    }
}

/// What a request for a contract's credentials ended with.
public enum ListOutcome: Hashable, Sendable {
    /// A complete 200 with valid JSON: key and URL work.
    case listed([Credential])
    /// Another end, by the same table as a call's; `misdirected(status: 200)` when a 200 cannot be read.
    case failed(CallOutcome)
}

/// How a request for a contract's credentials ended.
public struct ListResult: Hashable, Sendable {
    /// What it ended with.
    public var outcome: ListOutcome
    /// See `CallResult.sentAt`.
    public var sentAt: Int64?
    /// See `CallResult.keyVersion`.
    public var keyVersion: UInt64
    /// See `CallResult.duration`.
    public var duration: Int64
    /// See `CallResult.detail`.
    public var detail: String?

    /// Makes a result of its parts.
    public init(
        outcome: ListOutcome, sentAt: Int64?, keyVersion: UInt64, duration: Int64, detail: String? = nil
    ) {
        self.outcome = outcome
        self.sentAt = sentAt
        self.keyVersion = keyVersion
        self.duration = duration
        self.detail = detail
    }
}
