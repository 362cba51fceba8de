/// One rolling window of a budget: at most `limit` requests in any `duration`.
public struct BudgetWindow: Hashable, Sendable {
    /// The most requests, from 1 up.
    public var limit: Int
    /// The window's length in milliseconds, from 1,000 up to 600,000.
    public var duration: Int64

    /// Makes a window.
    public init(limit: Int, duration: Int64) {
        self.limit = limit
        self.duration = duration
    }
}

/// What the engine is configured with. Durations are in milliseconds, sizes in bytes.
public struct EngineConfiguration: Sendable {
    /// The most calls in flight (1 to 1,024).
    public var concurrency = 8
    /// The budget of the account over the fleet; empty means unlimited.
    public var budget = [
        BudgetWindow(limit: 80, duration: 5_000), BudgetWindow(limit: 800, duration: 180_000),
    ]
    /// The group's session timeout. A gap of more than half of it between two ticks makes partitions suspect.
    public var sessionTimeout: Int64 = 15_000
    /// How long a revoked partition may take to drain.
    public var drainLimit: Int64 = 17_000
    /// The most open records in the worker. A partition's part is this by the number of partitions held, but at
    /// least `minimumPartitionRecords`.
    public var windowRecords = 20_000
    /// The most bytes of open records in the worker; a partition may always hold one record of any size.
    public var windowBytes: Int64 = 32 << 20
    /// The least part of a partition of `windowRecords`.
    public var minimumPartitionRecords = 256
    /// How long settled offsets may wait for the next commit.
    public var commitInterval: Int64 = 200
    /// How many settled events cause a commit at once.
    public var commitCount = 1_000
    /// An event is fresh for this long after its earliest time.
    public var freshness: Int64 = 3_600_000
    /// How long the trouble of one contract alone may last before its dead letter.
    public var contractRetryLimit: Int64 = 3_600_000
    /// How many contracts of a streak may settle by a permanent answer.
    public var streakLimit = 2
    /// How many transient failures in a row over different contracts make a hold.
    public var breaker = 5
    /// How long an event of an unknown account is parked before its dead letter.
    public var unknownAccountParking: Int64 = 900_000
    /// After how many attempts 409 and 423 count as a permanent answer.
    public var conflictAttempts = 5
    /// How many decoding failures in a row, with no decoded event since the start, stop the dead letters.
    public var undecodableLimit = 100
    /// The first backoff of a lane; it doubles with each attempt.
    public var backoffBase: Int64 = 200
    /// The longest backoff of a lane.
    public var backoffCap: Int64 = 20_000
    /// The most bytes of a commit's metadata (base64), the broker's `offset.metadata.max.bytes`.
    public var metadataLimit = 4_096
    /// Settle events of another type by a skip instead of a dead letter.
    public var skipUnknownTypes = false

    /// Makes the default configuration.
    public init() {}
}
