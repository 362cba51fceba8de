import RevokeEngine
import RevokeModel

/// One life of a worker process: a real engine and a model of the shell around it.
final class SimulatedWorker {
    /// Where the consumer stands with its group.
    enum Membership: Hashable {
        /// Not a member, or waiting for the group to complete.
        case joining
        /// The assign event with this number is held.
        case assigning(UInt64)
        /// The assignment is in use.
        case stable
        /// The revoke event with this number is held.
        case revoking(UInt64)
        /// The revoke event with this number says that the assignment is lost.
        case losing(UInt64)
        /// The consumer is closed.
        case closed
    }

    /// A call that the shell was told to make.
    struct Call {
        var id: CallID
        /// The contract's index.
        var contract: Int
        var startedAt: Int64
        /// The world's sequence number at the start; records read before have lower ones.
        var sequence: Int
        /// Whether it stood before the gate.
        var isGated = false
        /// When the gate let it pass, in world time; −1 before.
        var sentAt: Int64 = -1
        var outcome: CallOutcome = .withheld
        /// The gate is not to let it pass: its partition went away while it waited for a connection.
        var isWithheld = false
        /// Whether it was started while a hold was on.
        var isProbe = false
        /// Whether an earlier attempt for an event of it had ended in trouble.
        var isRetry = false
        /// Whether it surely started as fresh or as backlog.
        var isFirst = false
    }

    /// A dead letter on its way.
    struct Letter {
        /// What becomes of it.
        enum Fate {
            case stored
            case failed
            case tooLarge
            /// Stored, and the answer says that it was not.
            case answerLost
        }

        var order: DeadLetterOrder
        var record: Int
        /// The assignment in which it was ordered.
        var epoch: UInt64
        var fate: Fate
    }

    let index: Int
    let incarnation: Int
    let witness: Witness
    var engine: Engine
    var actions: [EngineAction] = []
    var isAlive = true
    var diedAt: Int64 = .max
    /// What to add to the world's time to get this machine's boot clock.
    let bootBase: Int64
    /// What to add to the true date to get this machine's.
    var skew: Int64
    var suspendedUntil: Int64 = 0
    /// Whether a suspension stops the heartbeats too (SIGSTOP), or the loop alone (a stall).
    var suspensionStopsHeartbeats = false
    var isolatedUntil: Int64 = 0
    var lastTurn: Int64
    /// The wall clock at the last turn, since `epoch`.
    var lastTurnWallSinceEpoch: Int64
    var wakeAt: Int64 = .max
    var isPollScheduled = false
    var keyVersion: UInt64
    var isStopping = false
    var stopBegan: Int64 = 0
    var restartDelay: Int64 = -1
    var idleTurns = 0
    /// How many turns did nothing since a time.
    var emptyWakes = 0
    var emptyWakesSince: Int64 = 0

    var membership = Membership.joining
    var member: Int32 = 0
    var generation = 0
    var rebalance: UInt64 = 0
    var lastHeartbeat: Int64
    /// What the group's last generation gives it; the assign event is on its way.
    var pendingAssignment: [Int] = []
    /// The partitions of the newest assign event.
    var heldAssignment: [Int] = []
    var hasAssignment = false
    /// It joined the present round while a rebalance event was held.
    var joinedEarly = false
    var revokeBegan: Int64 = 0

    /// The next place to read by partition; −1 when not assigned, −2 when the log is gone.
    var nextPlace: [Int] = []
    var isPaused: [Bool] = []
    var pollTurn = 0

    /// The record of each token, −1 when the token is free.
    var tokens: [Int] = []
    var freeTokens: [UInt32] = []
    var calls: [Call] = []
    var letters: [Letter] = []
    var commits: Int64 = 0
    var commitInFlight: CommitID?
    var commitSentAt: Int64 = 0

    init(
        index: Int, incarnation: Int, engine: Engine, bootBase: Int64, skew: Int64, now: Int64, keyVersion: UInt64
    ) {
        self.index = index
        self.incarnation = incarnation
        self.engine = engine
        self.bootBase = bootBase
        self.skew = skew
        self.keyVersion = keyVersion
        lastTurn = now
        lastTurnWallSinceEpoch = now + skew
        lastHeartbeat = now
        witness = Witness()
    }

    /// The date at virtual time 0.
    static let epoch: Int64 = 1_790_000_000_000

    func instant(_ now: Int64) -> Instant {
        Instant(boot: now + bootBase, wall: Self.epoch + now + skew)
    }

    /// Stops the requests that wait for a connection, as the shell does when an assignment ends or is suspect.
    func withholdUnsent() {
        for index in calls.indices where !calls[index].isGated { calls[index].isWithheld = true }
    }

    func token(for record: Int) -> UInt32 {
        if let token = freeTokens.popLast() {
            tokens[Int(token)] = record
            return token
        }
        tokens.append(record)
        return UInt32(tokens.count - 1)
    }
}

/// What a commit carries on its way, and what the worker knew when it sent it.
struct PendingCommit {
    var serial: UInt64
    var worker: Int
    var incarnation: Int
    var id: CommitID
    var member: Int32
    var generation: Int
    var parts: [CommitPart]
    /// The knowledge behind each part.
    var stored: [StoredCommit]
    var sentAt: Int64
    /// Whether a part is the first of its epoch.
    var isFirst: [Bool]
    /// The epoch of each part, and how many settled events it saves.
    var epochs: [UInt64] = []
    var saves: [Int] = []
    var results: [CommitPartResult] = []
    var isHeld = false
}
