public import RevokeModel

/// The number of a call, unique in the engine's life.
public typealias CallID = UInt64
/// The number of an attempt to store a dead letter, unique in the engine's life.
public typealias DeadLetterID = UInt64
/// The number of a commit, unique in the engine's life.
public typealias CommitID = UInt64

/// A partition and an offset.
public struct PartitionOffset: Hashable, Sendable {
    /// The partition.
    public var partition: Int32
    /// The offset.
    public var offset: Int64

    /// Makes a pair.
    public init(partition: Int32, offset: Int64) {
        self.partition = partition
        self.offset = offset
    }
}

/// One partition's part of a commit.
public struct CommitPart: Hashable, Sendable {
    /// The partition.
    public var partition: Int32
    /// The offset: everything below it is settled.
    public var offset: Int64
    /// The metadata: ASCII, or bytes as they were read; at most `EngineConfiguration.metadataLimit`.
    public var metadata: [UInt8]

    /// Makes a part.
    public init(partition: Int32, offset: Int64, metadata: [UInt8]) {
        self.partition = partition
        self.offset = offset
        self.metadata = metadata
    }
}

/// A dead letter to be stored.
public struct DeadLetterOrder: Hashable, Sendable {
    /// The attempt's number; the answer carries it.
    public var id: DeadLetterID
    /// The record's partition.
    public var partition: Int32
    /// The record's offset.
    public var offset: Int64
    /// The shell's handle of the record's bytes.
    public var token: UInt32
    /// Why.
    public var reason: DeadLetterReason
    /// The last HTTP status of a permanent answer, or nil.
    public var status: Int?
    /// How many calls were made for the event's contract while the event was open.
    public var attempts: Int
    /// When this worker first read the record, in wall milliseconds.
    public var firstSeen: Int64
    /// When the decision was made, in wall milliseconds.
    public var failedAt: Int64
    /// Cut the value, since the whole record is too large.
    public var truncate: Bool
}

/// Why an account starts no calls but probes.
public enum HoldKind: Int, CaseIterable, Hashable, Sendable {
    /// 429.
    case rateLimited
    /// 401.
    case unauthorized
    /// An outage, or a certificate that is not trusted.
    case unavailable
}

/// News for logs and metrics; nothing has to be done. Contracts and offsets are not secret.
public enum EngineNote: Hashable, Sendable {
    /// The committed offset was below the log's start: retention passed, this many offsets are gone.
    case retentionPassed(partition: Int32, lost: Int64)
    /// The committed offset was above the log's end: the topic was recreated; reading starts at the log's start.
    case logRestarted(partition: Int32, committed: Int64, logEnd: Int64)
    /// An account's hold began.
    case holdBegan(HoldKind)
    /// An account's hold ended.
    case holdEnded(HoldKind)
    /// The streak passed its limit: permanent answers do not settle any more.
    case unproven
    /// A good answer ended a streak that had passed its limit.
    case proven
    /// No decoded event since the start and too many decoding failures: their dead letters wait.
    case undecodableBegan
    /// An event was decoded: the dead letters go on.
    case undecodableEnded
    /// Many events of another type in a row, and none of ours since the start.
    case foreignEvents
    /// An event names an account that the configuration does not have; it is parked. The token is that of its bytes.
    case unknownAccount(partition: Int32, offset: Int64, token: UInt32)
    /// The oldest settled offset is uncommitted for too long: no call and no dead letter starts.
    case commitsFailingBegan
    /// A commit succeeded again.
    case commitsFailingEnded
    /// The clocks show a gap of this many milliseconds: the assignment is suspect until a commit succeeds.
    case suspicion(gap: Int64)
    /// A contract has had trouble for an hour or more and cannot be settled.
    case stuckContract(ContractID)
    /// A revoked partition was fenced at the drain limit with this many calls in flight.
    case drainLimitPassed(callsInFlight: Int)
    /// The metadata of a commit was ignored, since it is not ours or belongs to another log.
    case metadataIgnored(partition: Int32)
}

/// What the shell has to do. The shell carries actions out in their order and decides nothing.
public enum EngineAction: Hashable, Sendable {
    /// Start the revoking POST for a contract. Answer: `callFinished`, exactly once.
    case startCall(CallID, ContractID, freshConnection: Bool)
    /// Store a dead letter. Answer: `deadLetterStored` or `deadLetterFailed`, exactly once.
    case produceDeadLetter(DeadLetterOrder)
    /// Commit. Answer: `commitFinished`, exactly once; one commit is in flight at a time.
    case commit(CommitID, [CommitPart])
    /// Answer the assign event with this number: read these partitions from these offsets, and forget earlier pauses.
    case assign(rebalance: UInt64, [PartitionOffset])
    /// Read these partitions from these offsets and none else, in the assignment whose assign event had this number and
    /// is answered. Pauses stay.
    case reassign(rebalance: UInt64, [PartitionOffset])
    /// Join the group again: what is held begins in a new assignment.
    case rejoin
    /// Answer the revoke event with this number: unassign. The gate lets no request of this assignment pass from here on.
    case unassign(rebalance: UInt64)
    /// Stop fetching from these partitions.
    case pause([Int32])
    /// Go on fetching from these partitions, which were paused.
    case resume([Int32])
    /// An event is settled. Its bytes are released by a `release` of its own.
    case settled(partition: Int32, offset: Int64, token: UInt32, end: EventEnd, receivedAt: Instant)
    /// The record's bytes are not needed any more; the token is free.
    case release(token: UInt32)
    /// News.
    case note(EngineNote)
    /// The shutdown's drain is over: close the consumer and the producer. Some calls may be left open.
    case shutdownComplete(openCalls: Int)
}
