public import RevokeModel

/// The identity of an event for identical copies: a 128-bit hash of source, id and value.
public struct EventIdentity: Hashable, Sendable {
    /// The upper half.
    public var high: UInt64
    /// The lower half.
    public var low: UInt64

    /// Makes an identity of its halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// What the engine must know of a decoded event.
public struct EventFacts: Hashable, Sendable {
    /// The contract to revoke.
    public var contract: ContractID
    /// Whether the configuration has the account that the event names (or the event names none).
    public var accountIsKnown: Bool
    /// Tells identical copies.
    public var identity: EventIdentity
    /// The earliest plausible time of the event in wall milliseconds; nil means that it is not fresh.
    public var earliestTime: Int64?
    /// Whether the record is a replay of a dead letter; then it is not fresh.
    public var isReplay: Bool

    /// Makes the facts.
    public init(
        contract: ContractID, accountIsKnown: Bool = true, identity: EventIdentity, earliestTime: Int64?,
        isReplay: Bool = false
    ) {
        self.contract = contract
        self.accountIsKnown = accountIsKnown
        self.identity = identity
        self.earliestTime = earliestTime
        self.isReplay = isReplay
    }
}

/// A record as the engine sees it. The shell keeps the bytes under `token` until the engine releases it.
public struct ReceivedRecord: Hashable, Sendable {
    /// What the record's value is.
    public enum Content: Hashable, Sendable {
        /// A valid event.
        case event(EventFacts)
        /// Not an event.
        case failure(DecodingFailure)
    }

    /// The partition.
    public var partition: Int32
    /// The offset; rises within an assignment, with gaps.
    public var offset: Int64
    /// The shell's handle of the record's bytes; given back by `EngineAction.release`.
    public var token: UInt32
    /// The bytes that the shell keeps for the record.
    public var size: Int64
    /// A 64-bit hash of timestamp, key and value, the same in every process.
    public var fingerprint: UInt64
    /// What the value is.
    public var content: Content

    /// Makes a record.
    public init(
        partition: Int32, offset: Int64, token: UInt32, size: Int64, fingerprint: UInt64, content: Content
    ) {
        self.partition = partition
        self.offset = offset
        self.token = token
        self.size = size
        self.fingerprint = fingerprint
        self.content = content
    }
}

/// The ends of a partition's log, as its leader says.
public struct LogEnds: Hashable, Sendable {
    /// The log's first offset.
    public var start: Int64
    /// The next offset to be written; with open transactions the first of the oldest one.
    public var end: Int64

    /// Makes the ends of a log.
    public init(start: Int64, end: Int64) {
        self.start = start
        self.end = end
    }
}

/// A partition of a new assignment, with what the group's coordinator says of it, and the log's leader where that has
/// answered.
public struct AssignedPartition: Hashable, Sendable {
    /// The partition.
    public var partition: Int32
    /// The group's committed offset; nil when there is none.
    public var committedOffset: Int64?
    /// The metadata of that commit; empty when there is none.
    public var metadata: [UInt8]
    /// The log's ends; nil while they are not known.
    public var log: LogEnds?
    /// Where to start when the group has no committed offset here; nil while that is not known.
    public var startOffset: Int64?

    /// Makes a partition of an assignment.
    public init(
        partition: Int32, committedOffset: Int64?, metadata: [UInt8], log: LogEnds?, startOffset: Int64?
    ) {
        self.partition = partition
        self.committedOffset = committedOffset
        self.metadata = metadata
        self.log = log
        self.startOffset = startOffset
    }
}

/// What became of one partition's part of a commit.
public enum CommitResult: Hashable, Sendable {
    /// The broker stored the offset and the metadata.
    case stored
    /// librdkafka had nothing to commit (`_NO_OFFSET`): success, but no proof that commits work.
    case nothingToDo
    /// REBALANCE_IN_PROGRESS: dropped; what was settled stays known.
    case rebalanceInProgress
    /// ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID: the partition is not ours.
    case fenced
    /// OFFSET_METADATA_TOO_LARGE: commit again with less.
    case metadataTooLarge
    /// Another failure, or a part without an answer.
    case failed
}

/// One partition's part of a finished commit.
public struct CommitPartResult: Hashable, Sendable {
    /// The partition.
    public var partition: Int32
    /// What became of it.
    public var result: CommitResult

    /// Makes a result.
    public init(partition: Int32, result: CommitResult) {
        self.partition = partition
        self.result = result
    }
}

/// Why a dead letter was not stored.
public enum DeadLetterFailure: Hashable, Sendable {
    /// MSG_SIZE_TOO_LARGE: try again with the value cut.
    case tooLarge
    /// Any other failure; the record may have been stored all the same.
    case failed
}
