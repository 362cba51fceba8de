/// The engine's figures at one moment, for metrics, health and tests.
public struct EngineSnapshot: Hashable, Sendable {
    /// Events and malformed records that are read and not settled.
    public var openRecords = 0
    /// Their bytes.
    public var openBytes: Int64 = 0
    /// Calls in flight.
    public var callsInFlight = 0
    /// Lanes that wait to start their first attempt.
    public var lanesReady = 0
    /// Lanes that wait for a retry.
    public var lanesRetrying = 0
    /// All lanes: those of open events, and those whose trouble is remembered for a while.
    public var lanes = 0
    /// Places in the ledgers: open records, and settled ones among them that are not compacted yet.
    public var places = 0
    /// Dead letters on their way to the broker.
    public var deadLettersInFlight = 0
    /// Partitions held.
    public var partitions = 0
    /// Partitions of the assignment that are not read yet: nobody has said where they start.
    public var waitingPartitions: [Int32] = []
    /// Whether the streak is over its limit.
    public var unproven = false
    /// Partitions paused.
    public var pausedPartitions = 0
    /// Partitions whose assignment waits for its confirming commit.
    public var unconfirmedPartitions = 0
    /// When the oldest open record was read, in boot milliseconds; nil when none is open.
    public var oldestOpenSince: Int64?
    /// The earliest time of an event among the oldest open ones of the partitions, in wall milliseconds.
    public var oldestEventTime: Int64?
    /// When the oldest settled, uncommitted offset was settled, in boot milliseconds.
    public var oldestUncommittedSince: Int64?
    /// How many different contracts got a permanent answer since the last good one.
    public var streak = 0
    /// The account's hold.
    public var hold: HoldKind?
    /// When the hold's next probe may start, in boot milliseconds.
    public var nextProbe: Int64?
    /// Whether commits fail.
    public var commitsFailing = false
    /// Whether dead letters of malformed records wait, since nothing was decoded yet.
    public var undecodable = false
    /// Events of accounts that the configuration does not have.
    public var parked = 0
    /// Whether a revoked assignment is draining.
    public var draining = false
    /// Whether a commit is in flight.
    public var commitInFlight = false
    /// Whether a shutdown was begun.
    public var shuttingDown = false
    /// Records that were settled before they were read: by a former owner of the partition, or in a former assignment.
    public var alreadySettled: UInt64 = 0
    /// The rate after 429s, in 1/1024 of the budget.
    public var pace = 1_024

    /// Partitions whose part of a budget's window is 0: nothing can start for them alone.
    public var partitionsWithoutBudget = 0

    /// Makes an empty snapshot.
    public init() {}
}
