public import RevokeModel

/// All decisions of a worker, as a pure value: no I/O, no clock, no randomness of its own.
///
/// Inputs only change state; `turn(now:)` decides. Call it after each batch of inputs, at `nextWake`, and at least once
/// a second, then carry out what `takeActions(into:)` gives. All instants are of one pair of clocks and never go back
/// on the boot clock.
public struct Engine: Sendable {
    /// Makes an engine that holds no partition.
    public init(configuration: EngineConfiguration, seed: UInt64, now: Instant) { fatalError() }

    // MARK: Inputs

    /// The group assigned these partitions; replaces the whole former assignment (eager protocol).
    ///
    /// The assign event is held until the answer `assign(rebalance:)`. `topicPartitions` is the number of partitions
    /// of the topic. Every assign, also one that comes while a revoke is drained, has a higher `rebalance` number; an
    /// answer to an older one is not given any more.
    public mutating func assigned(
        _ partitions: [AssignedPartition], topicPartitions: Int, rebalance: UInt64, now: Instant
    ) {}

    /// The group revokes the whole assignment; the revoke event is held until `unassign(rebalance:)`.
    public mutating func revoking(rebalance: UInt64, now: Instant) {}

    /// The assignment is lost: it belongs to others already. `unassign(rebalance:)` follows at once, without a commit.
    public mutating func lost(rebalance: UInt64, now: Instant) {}

    /// A record was read. Records of partitions that are not held are released at once.
    public mutating func received(_ record: ReceivedRecord, now: Instant) {}

    /// A call ended. `sentAt` is when the gate let the first byte pass, on the boot clock; nil when nothing was sent.
    public mutating func callFinished(_ call: CallID, _ outcome: CallOutcome, sentAt: Int64?, now: Instant) {}

    /// The broker acknowledged a dead letter (acks=all).
    public mutating func deadLetterStored(_ id: DeadLetterID, now: Instant) {}

    /// A dead letter was not stored, or may not have been.
    public mutating func deadLetterFailed(_ id: DeadLetterID, _ failure: DeadLetterFailure, now: Instant) {}

    /// A commit ended. Partitions that `results` does not name count as failed.
    public mutating func commitFinished(_ commit: CommitID, _ results: [CommitPartResult], now: Instant) {}

    /// The account's key changed; calls that start from now on carry this version.
    public mutating func keyChanged(version: UInt64, now: Instant) {}

    /// Begin the shutdown: drain everything, commit, then `shutdownComplete`.
    public mutating func shutdown(now: Instant) {}

    /// Decide: start calls and dead letters, commit, pause and resume, answer rebalances.
    public mutating func turn(now: Instant) {}

    // MARK: Outputs

    /// Moves the actions since the last call into `actions`, which is emptied first.
    public mutating func takeActions(into actions: inout [EngineAction]) {}

    /// When `turn(now:)` is due at the latest, on the boot clock.
    public var nextWake: Int64 { 0 }

    /// A copy of the figures that metrics and health show.
    public func snapshot(now: Instant) -> EngineSnapshot { EngineSnapshot() }
}
