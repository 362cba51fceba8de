/// What a consumer tells besides records. On the loop's thread.
public enum KafkaConsumerEvent: Hashable, Sendable {
    /// The group assigned these partitions in place of all former ones. Held: nothing is read until
    /// `KafkaConsumer.assign(rebalance:_:)` answers it. The number rises with each rebalance event; only the newest
    /// may be answered.
    case assign(rebalance: UInt64, partitions: [Int32])
    /// The group takes these partitions back, which are all of them. Held: nothing is read and they stay this
    /// consumer's until `KafkaConsumer.unassign(rebalance:)` answers it; commits are accepted until then. With `lost`
    /// they belong to others already: answer at once, commit nothing.
    case revoke(rebalance: UInt64, partitions: [Int32], lost: Bool)
    /// A commit ended.
    case committed(KafkaCommitResult)
    /// Trouble. News, which librdkafka goes on to repair by itself, unless `fatal`: then the consumer is dead.
    case error(KafkaError, partition: Int32?, fatal: Bool)
    /// A partition's offset is not in its log, or has no committed one (`_AUTO_OFFSET_RESET`): nothing is read from it
    /// until it is assigned again with another offset. librdkafka may not say which partition it is.
    case offsetReset(KafkaError, partition: Int32?)
    /// How far each partition of the assignment is, every `statistics.interval.ms`.
    case statistics([KafkaPartitionProgress])
    /// All that was in a partition was read, up to this offset; only without a group.
    case endOfPartition(partition: Int32, offset: Int64)
    /// The records and events of one turn of the loop are through, at most 256.
    case batchEnded
}

/// How a commit ended. A success has neither a top-level error nor a partition's; either can be set alone.
///
/// When only some partitions fail, librdkafka gives the others the error of the last one that failed, though the broker
/// has kept their offsets: so an error means "not known to be committed", and its code may be another partition's.
public struct KafkaCommitResult: Hashable, Sendable {
    /// The caller's number.
    public var id: UInt64
    /// The error of the whole commit; `_NO_OFFSET` means that there was nothing to do.
    public var error: KafkaError?
    /// Each partition of the commit with its own error.
    public var partitions: [KafkaPartitionResult]

    /// Makes a result.
    public init(id: UInt64, error: KafkaError?, partitions: [KafkaPartitionResult]) {
        self.id = id
        self.error = error
        self.partitions = partitions
    }
}

/// How something ended for one partition.
public struct KafkaPartitionResult: Hashable, Sendable {
    /// The partition.
    public var partition: Int32
    /// The error; nil for a success.
    public var error: KafkaError?

    /// Makes a result.
    public init(partition: Int32, error: KafkaError?) {
        self.partition = partition
        self.error = error
    }
}

/// How far a partition is, as librdkafka last heard. What it has not heard yet is nil.
public struct KafkaPartitionProgress: Hashable, Sendable {
    /// The partition.
    public var partition: Int32
    /// The first offset of the log.
    public var logStart: Int64?
    /// The offset behind the last record of the log, transaction markers included.
    public var logEnd: Int64?
    /// The offset behind the last record that was read.
    public var position: Int64?

    /// Makes a progress.
    public init(partition: Int32, logStart: Int64?, logEnd: Int64?, position: Int64?) {
        self.partition = partition
        self.logStart = logStart
        self.logEnd = logEnd
        self.position = position
    }

    /// How many offsets are in the log behind the position; nil when either is unknown.
    public var lag: Int64? {
        guard let logEnd, let position else { return nil }
        return max(0, logEnd - position)
    }
}

/// What became of the answer to a rebalance event.
public enum KafkaRebalanceAnswer: Hashable, Sendable {
    /// It is done.
    case done
    /// A newer rebalance event has come, or this one was answered before: nothing was done.
    case outdated
    /// The newest event is of the other kind: nothing was done.
    case wrongKind
}
