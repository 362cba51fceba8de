import RevokeEngine
import RevokeModel

/// What the oracles know of one life of a worker: what it was told, what it did. Written from the design's invariants;
/// it never looks into the engine.
final class Witness {
    /// One assignment of a partition.
    struct Epoch {
        /// The number of the assign event.
        var number: UInt64
        /// Which assign event of the worker's life.
        var cycle: Int
        /// Which log of the partition.
        var incarnation: Int
        var start: Int64
        /// Where reading begins: at the start, or at a record below it that tells the log.
        var readsFrom: Int64
        var metadataRead: [UInt8]
        /// The commit that the worker read at the assignment.
        var read: StoredCommit?
        /// What the worker must not call again: settled in this epoch, or said by the metadata that it read.
        var must = BitSet()
        var isDraining = false
        var isLost = false
        /// A commit was refused because the partition is not the worker's any more.
        var isFenced = false
        /// A commit of this epoch was stored.
        var hasStored = false
        /// The assignment is proven by a commit that was sent late enough.
        var isConfirmed = false
        /// The lowest serial number of a commit that confirms.
        var confirmSerial: UInt64
        /// What the worker settled in this epoch.
        var settledHere = BitSet()
        /// A commit with the worker's own metadata has confirmed it too.
        var isOpen = false
        var sawMetadataTooLarge = false
        var lastCommit: Int64
        var lastReceived: Int64 = -1
        /// The last commit of the partition was refused for a rebalance.
        var wasRefused = false
        /// The place of the first open record when the epoch ended, or −1.
        var firstOpenAtEnd = -1
        /// When each event was settled that no stored commit covers.
        var unsaved: [Int64] = []
        /// When the first record was read that was settled before and that no stored commit is past, which a commit is
        /// to save too.
        var passedAt: Int64?
        /// How many of `unsaved` are in a commit that was sent.
        var issued = 0
        /// Up to which place all records are known to be settled.
        var checkedPlace = 0
        /// What is settled behind the first open record surely does not fit into the metadata of the last commit.
        var isSurelyFull = false
        var openRecords = 0
        var openBytes: Int64 = 0
        /// What is not below this is surely not called by an owner before: the log's end, or what a clean one left.
        var freshFrom: Int64 = 0
        /// The highest offset that a call or a dead letter of the worker may have covered.
        var maybeCalled: Int64 = -1
        /// The places that a call or a dead letter of this epoch covered, or one before it as its commit says.
        var called = BitSet()
        /// Whether the worker knows the partition from its last assignment, and the log is the same.
        var remembers = false
        var assignedAt: Int64 = 0
        /// The number of the epoch that it remembers.
        var remembered: UInt64 = 0

        /// Whether commits may fail for so long that nothing starts any more.
        func mayStop(at now: Int64) -> Bool { oldestUnsaved.map { now - $0 > 9_000 } ?? false }

        /// Since when something may wait to be saved by a commit.
        var oldestUnsaved: Int64? { [unsaved.first, passedAt].compactMap(\.self).min() }

        /// Whether the worker surely knows that a place is settled.
        func isSurelySettled(_ place: Int) -> Bool { settledHere.contains(place) || must.contains(place) }
    }

    /// How the open events of a contract wait, as far as the design says it.
    struct Waiting {
        /// The class of a contract without trouble.
        enum Class {
            case fresh
            case backlog
            case unknown
        }

        /// Since which sequence number the contract has its place in the queue of its class; −1 when it does not wait.
        var since = -1
        var queue = Class.unknown
        /// Whether nothing has moved it since: holds and unconfirmed partitions do.
        var isCertain = false
        /// Its last call ended in trouble.
        var hasTrouble = false
        /// A good answer ended a hold since its last call, which starts every lane that waits.
        var isReleased = false
        /// A hold ended when it had no event: its next one waits as that of a contract without trouble.
        var isFreed = false
        /// It waits for a retry, and no hold began or ended since.
        var isRetry = false
        /// A call of an earlier assignment covers one of its events, so that the age of the oldest is not known.
        var isAdopted = false
        /// When its last call ended.
        var lastEnd: Int64 = .min / 2
        /// From when the backoff of its retry counts, and whether its answer was permanent and did not settle.
        var retryFrom: Int64 = .min / 2
        var isUnproven = false
        /// When it last had an open event or a call.
        var lastOpen: Int64 = .min / 2
        /// Whether the next request has to go over a new connection; nil when that is not known.
        var freshConnection: Bool? = false
        /// When it lost its last open event.
        var lostAt: Int64 = .max / 2
        /// Since when it alone is in trouble, and whether the engine said so.
        var aloneSince: Int64 = -1
        var aloneAt: Int64 = -1
        var isStuckNoted = false

        /// Forgets its trouble and its place.
        mutating func beginAnew() {
            let before = self
            self = Waiting()
            lastEnd = before.lastEnd
            lastOpen = before.lastOpen
        }

        /// How many backoffs its retry may have had, at most, and how many it had for certain.
        var mostBackoffs = 0
        var leastBackoffs = 0
        /// Its answer named no time, so that the backoff alone holds its retry back.
        var hasPlainBackoff = false

        /// Its call ended in trouble.
        mutating func fail() {
            hasTrouble = true
            isRetry = true
            isReleased = false
            isFreed = false
            mostBackoffs += 1
        }

        /// Its call ended in trouble that may be its own.
        mutating func failAlone(at time: Int64) {
            fail()
            aloneAt = time
            if aloneSince < 0 { aloneSince = time }
        }
    }

    /// A rebalance event that the engine has not answered.
    enum Pending {
        case none
        case assign(UInt64, [Int64?])
        case revoke(UInt64, isLost: Bool)
    }

    var epochs: [Epoch?] = []
    var former: [Epoch?] = []
    /// How many partitions are assigned.
    var held: Int { epochs.count { $0 != nil } }
    /// How many the last assignment had.
    var formerHeld = 0
    var pending = Pending.none
    /// A partition's start is known now: it is to be read.
    var isReassignDue = false
    var pendingSince: Int64 = 0
    /// Since when a drain has nothing in flight.
    var quietSince: Int64?
    /// When a dead letter last failed; it is tried again after 5 s at the latest.
    var letterFailedAt: Int64 = .min / 2
    var cycle = 0

    /// What the worker may know to be settled, by partition and place.
    var known: [BitSet] = []
    /// By record id: the sequence number of the first read, of the last read, and the epoch of the last read.
    var firstRead: [Int] = []
    var lastRead: [Int] = []
    var lastEpoch: [UInt64] = []
    var firstReadAt: [Int64] = []
    /// By record id: covered by a 204, acknowledged as a dead letter.
    var covered = BitSet()
    var acknowledged: [DeadLetterReason?] = []
    /// By contract: read in a present epoch and not released.
    var open: [[Int]] = []
    /// By contract: read at any time and covered by no 204.
    var seen: [[Int]] = []

    /// The contracts that count for the streak surely, and all that may.
    var streak: [Int] = []
    var longestStreak: [Int] = []
    var lastGood: Int64 = .min / 2
    /// The sequence number at the last good answer, and at the last one that ended a streak over its limit.
    var lastGoodSequence = -1
    var lastProvenSequence = -1
    /// The same as the engine tells it, which may know of a longer streak.
    var toldProvenSequence = -1

    /// Whether a permanent answer to a call may belong to the trouble before a good answer.
    func isBeforeProof(_ call: SimulatedWorker.Call) -> Bool {
        call.sequence <= max(lastProvenSequence, toldProvenSequence)
    }
    /// By contract: records read before this sequence number may become dead letters as rejected.
    var rejectPermit: [Int] = []
    /// By contract: the same for answers that are permanent by themselves; such events are not called again.
    var permanentPermit: [Int] = []
    var conflicts: [Int] = []
    /// How many answers were good, and how many had been when the contract's conflicts became permanent.
    var goods = 0
    var conflictGoods: [Int] = []
    var firstTrouble: [Int64] = []
    var lastTrouble: [Int64] = []
    /// By contract: the start of the last attempt that ended in trouble; −1 when the lane is not retrying.
    var retrySequence: [Int] = []
    var noCallBefore: Int64 = .min
    var noLaneCallBefore: [Int64] = []
    var isHeld = false
    /// Which hold is on.
    var hold: HoldKind?
    /// Since when the account is held, and for how long it was before.
    var heldSince: Int64 = 0
    var heldBefore: Int64 = 0
    /// By contract: how long the account had been held when its trouble began.
    var heldAtTrouble: [Int64] = []
    /// The call that ended in this turn.
    var endedCall: SimulatedWorker.Call?
    /// Which hold the answer of this turn has to begin.
    var mustHold: HoldKind?
    /// The contract of the last 401 with the current key: as far as it may count, and as far as it does for certain.
    var refusedMaybe = -1
    var refusedSurely = -1
    /// Whether the last 401 followed one of another contract, or no good answer within 10 min.
    var refusalMayHold = false
    /// The contracts of all transient failures since the last good answer or hold.
    var failingMost: [Int] = []
    /// Until when a held worker has to try its new key; nil when it need not.
    var keyProbeDue: Int64?
    /// The contracts of the transient failures in a row.
    var failing: [Int] = []
    var decoded = 0
    var malformedLetters = BitSet()
    var malformedCount = 0
    /// How many undecodable records were read, those that became dead letters before this process included; and whether the
    /// engine says that they wait.
    var undecodableRead = 0
    var saysUndecodable = false
    /// How many dead letters of undecodable records were acknowledged.
    var undecodableStored = 0
    var staleKeySends = 0
    /// When requests were sent during outages.
    var outageSends: [Int64] = []

    var lastCommitFailed = false
    /// Whether a part of the last commit of this assignment was stored, or was stored already.
    var lastCommitStored = false
    /// When the last commit had its answer, and whether that was a failure that is repeated after a while.
    var commitEndedAt: Int64 = .min / 2
    var commitIsRepeated = false
    /// What the engine has to tell of the assignment, and whether it has to tell of a gap.
    var notesDue: [EngineNote] = []
    var isSuspicionDue = false
    /// Whether the engine says that commits fail.
    var saysCommitsFail = false

    /// By contract.
    var waiting: [Waiting] = []
    /// By record id: whether the event was fresh when it was read; nil where the design leaves it open.
    var isFresh: [Bool?] = []
    /// By record id: how many requests for the event were sent in this epoch, at least and at most.
    var attempts: [ClosedRange<Int>] = []
    /// By record id: read again while a call of the last assignment covers it.
    var adopted = BitSet()
    /// By record id: read when a drain had begun, which drops it.
    var readLate = BitSet()
    /// By record id: a dead letter was ordered in this epoch, so that calls do not count for it any more.
    var lettered = BitSet()
    /// By record id: read again in another assignment while its dead letter is on its way; the engine may keep that, or
    /// call the contract again.
    var mayBeLettered = BitSet()
    /// By record id: the date of this machine at the last read; the epoch in which its dead letter was refused as too large,
    /// and whether the dead letter was of that epoch.
    var readWall: [Int64] = []
    var refusedIn: [UInt64] = []
    var isRefusalSure: [Bool] = []
    /// By contract: the statuses of the answers that can end it, nil for one without an answer.
    var statuses: [[Int?]] = []
    /// What a 204, or an acknowledged dead letter, has to settle before the turn is over.
    var due: [Int] = []
    /// Calls started, and the number of the last one that was put before a fresh contract.
    var starts = 0
    var lastInversion = -4
    /// How many starts in a row were of a higher class while one of a lower class waited.
    var freshRun = 0
    var backlogRun = 0
    /// When the partitions were assigned, and how many the topic had.
    var assignedAt: Int64 = 0
    var assignedSequence = 0
    var topicPartitions = 1
    /// When calls ended that were sent in this assignment, with the time of their sending and the number of their start.
    var ended: [(sent: Int64, end: Int64, sequence: Int)] = []

    /// Between which times the next probe of a held account is due.
    var probeLow: Int64 = .min / 2
    var probeHigh: Int64 = .min / 2
    /// The same before the call that ended last.
    var formerProbe: (low: Int64, high: Int64) = (.min / 2, .min / 2)
    var probeInterval: Int64 = 0
    /// When the interval began, and between which times a Retry-After lets the next probe start.
    var probeIntervalBegan: Int64 = 0
    var probeFloor: (low: Int64, high: Int64) = (.min / 2, .min / 2)
    var holdSequence = 0
    /// Tokens of records below the start of their epoch.
    var below: Set<UInt32> = []
    /// 429s in a row with a Retry-After of less than a second.
    var briefWaits = 0
    var holdBegan: Int64 = 0
    /// A lost connection counts for the breaker for calls from here on.
    var lossSequence = 0
    /// No call before this while the streak is over its limit.
    var nextUnproven: Int64 = 0
    /// The Retry-After of the call that ended last, and whether it was a 429.
    var cause: (delay: Int64?, isRateLimit: Bool)?
    var mayEndHold = false
    var mustEndHold = false
    var hasEndedHold = false
    var lastProbed = -1
    /// Whether the streak is over its limit, as the engine said.
    var isUnproven = false
    /// The rate after 429s, in 1/1024 of the budget: what it is at least and at most.
    var paceLow = 1_024
    var paceHigh = 1_024
    var paceLowChanged: Int64 = 0
    var paceHighChanged: Int64 = 0
    var halvedSequence = -1
    /// No call starts before this time, at the latest; it outlasts the hold.
    var notBeforeHigh: Int64 = .min / 2

    func prepare(contracts: Int) {
        open = Array(repeating: [], count: contracts)
        seen = open
        rejectPermit = Array(repeating: -1, count: contracts)
        permanentPermit = rejectPermit
        conflicts = Array(repeating: 0, count: contracts)
        conflictGoods = Array(repeating: -1, count: contracts)
        firstTrouble = Array(repeating: -1, count: contracts)
        lastTrouble = Array(repeating: -1, count: contracts)
        heldAtTrouble = Array(repeating: 0, count: contracts)
        retrySequence = Array(repeating: -1, count: contracts)
        noLaneCallBefore = Array(repeating: .min, count: contracts)
        waiting = Array(repeating: Waiting(), count: contracts)
        statuses = Array(repeating: [], count: contracts)
    }

    func grow(partitions: Int) {
        while epochs.count < partitions {
            epochs.append(nil)
            former.append(nil)
            known.append(BitSet())
        }
    }

    func grow(records: Int) {
        while firstRead.count < records {
            firstRead.append(-1)
            lastRead.append(-1)
            lastEpoch.append(0)
            firstReadAt.append(0)
            acknowledged.append(nil)
            isFresh.append(nil)
            attempts.append(0...0)
            readWall.append(0)
            refusedIn.append(0)
            isRefusalSure.append(false)
        }
    }

    /// A contract whose last open event is settled begins anew.
    func forget(_ contract: Int, with last: Int) {
        for id in open[contract] where id != last { return }
        conflicts[contract] = 0
        firstTrouble[contract] = -1
        retrySequence[contract] = -1
        let connection = waiting[contract].freshConnection
        let backoffs = waiting[contract].mostBackoffs
        waiting[contract].beginAnew()
        waiting[contract].mostBackoffs = backoffs
        // A dead letter settled it; the lane may remember its last call for a while.
        if connection != false { waiting[contract].freshConnection = nil }
    }

    /// Whether a dead letter for a record is ordered, or one from before its assignment may count for it.
    func isOrMayBeLettered(_ id: Int) -> Bool { lettered.contains(id) || mayBeLettered.contains(id) }

    /// Whether a record was read in the present epoch of its partition.
    func isCurrent(_ id: Int, partition: Int) -> Bool {
        guard partition < epochs.count, let epoch = epochs[partition] else { return false }
        return id < lastEpoch.count && lastEpoch[id] == epoch.number
    }
}
