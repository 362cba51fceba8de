import RevokeModel

/// A place in a queue; it counts only while the lane's stamp is the same.
struct LaneTicket: Sendable {
    var lane: Int32
    var stamp: UInt32
}

/// The classes of waiting lanes, in the order in which they start.
enum LaneClass: Int, Sendable {
    case fresh
    case backlog
    case retry
}

/// All open events of one contract: one call in flight at a time.
struct Lane: Sendable {
    enum State: Sendable {
        /// No open event that waits for a call.
        case idle
        /// In the queue of its class.
        case queued(LaneClass)
        /// Waits for its retry.
        case timed
        /// Waits until the partition of its oldest event is confirmed.
        case unconfirmed
        /// Its call is in flight.
        case calling
    }

    var contract: ContractID
    var state = State.idle
    /// Changes whenever the lane enters a queue, so that older places in queues are void.
    var stamp: UInt32 = 0
    /// The open events, oldest first.
    var head: Int32 = -1
    var tail: Int32 = -1
    var count = 0
    var freshCount = 0
    /// The call in flight; 0 when there is none.
    var call: CallID = 0
    /// The call in flight applies to the events whose sequence number is below this.
    var boundary: UInt64 = 0
    /// Calls since the lane's oldest event was read.
    var attempts = 0
    /// When its last call failed.
    var failedAt: Int64 = 0
    /// Failures since the last end of trouble; the exponent of the backoff.
    var backoffs = 0
    /// 409 and 423 in this trouble.
    var conflicts = 0
    /// The time of this contract's trouble that counts against the retry limit.
    var trouble: Int64 = 0
    var lastTroubleAt: Int64?
    var troubleSince: Int64?
    var isStuckNoted = false
    /// The answer was permanent, but the streak was over its limit: it did not settle.
    var isUnproven = false
    /// A permanent answer asked to wait, which is done once.
    var hasWaitedForAnswer = false
    /// The next request goes over a new connection.
    var wantsFreshConnection = false
    /// A server's Retry-After for this contract; no start before it.
    var notBefore: Int64 = 0
    /// When the lane lost its last event with trouble on record.
    var orphanedAt: Int64 = 0
    var isOrphan = false

    init(contract: ContractID) { self.contract = contract }

    var hasTrouble: Bool { attempts > 0 }

    mutating func forgetTrouble() {
        attempts = 0
        failedAt = 0
        backoffs = 0
        conflicts = 0
        trouble = 0
        lastTroubleAt = nil
        troubleSince = nil
        isStuckNoted = false
        isUnproven = false
        hasWaitedForAnswer = false
        wantsFreshConnection = false
        notBefore = 0
    }
}

/// An open record.
struct Entry: Sendable {
    enum State: Sendable {
        /// The place is free.
        case free
        /// An event in its lane.
        case inLane
        /// An event of an account that the configuration does not have.
        case parked
        /// Waits for its dead letter.
        case deadLetterWaiting(DeadLetterReason, status: Int?)
        /// Its dead letter is on its way.
        case deadLetterInFlight(DeadLetterID, DeadLetterReason, status: Int?)
    }

    var state: State
    /// Changes when the place is used again, so that older references are void.
    var stamp: UInt32 = 0
    var ledger: Int32
    var position: Int
    var offset: Int64
    var token: UInt32
    var size: Int64
    var fingerprint: UInt64
    /// The order of reading; an adopted event or an identical copy has that of the first reading.
    var sequence: UInt64
    var receivedAt: Instant
    /// The event's earliest plausible time in wall milliseconds, or when it was read.
    var eventTime: Int64
    var identity: EventIdentity
    var isFresh: Bool
    var lane: Int32 = -1
    var next: Int32 = -1
    var previous: Int32 = -1
    var attempts = 0
    var truncate = false
}

/// A reference to an open record that may be gone.
struct EntryTicket: Sendable {
    var entry: Int32
    var stamp: UInt32
}
