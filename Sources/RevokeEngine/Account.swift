import RevokeModel

/// The state of the account: its hold, its streak, its breaker, its pace.
struct Account: Sendable {
    /// Within this time of the last good answer a contract's trouble counts as its own.
    static let proofDuration: Int64 = 600_000
    /// The most contracts that a streak remembers by name.
    static let streakMemory = 64
    /// The longest Retry-After that is honoured: 1 h.
    static let retryAfterCap: Int64 = 3_600_000
    /// Between two requests of the fleet while the streak is over its limit, in milliseconds.
    static let unprovenInterval: Int64 = 250
    static let fullPace = 1_024
    static let leastPace = 64
    static let recoveryInterval: Int64 = 5_000

    private(set) var hold: HoldKind?
    private var holdBeganAt: Int64 = 0
    /// The calls from this one on were started after the hold began.
    private(set) var holdBeganAtCall: CallID = 0
    private(set) var holdEndedAt: Int64?
    /// When the next probe may start.
    var nextProbe: Int64 = 0
    var probeInterval: Int64 = 0
    /// When the interval to the next probe began, and what a Retry-After adds to it: no probe before.
    private var probeIntervalBegan: Int64 = 0
    private var probeFloor: Int64 = 0
    /// The probe in flight; 0 when there is none.
    var probe: CallID = 0
    var lastProbed: ContractID?

    private(set) var lastGoodAt: Int64?
    /// Hashes of the contracts that got a permanent answer since the last good one.
    private(set) var streak: [UInt32] = []
    /// The calls from this one on were started after the good answer that ended a streak over its limit.
    private(set) var provenFromCall: CallID = 0
    private(set) var lastUnauthorized: ContractID?
    private(set) var failuresInRow: [ContractID] = []
    /// The loss of its connection counts for a call from this one on: it started after the last loss that counted.
    private var countsLossFromCall: CallID = 0

    private(set) var pace = Account.fullPace
    /// A 429 to a call from this one on halves the rate again.
    private var halvesFromCall: CallID = 0
    private var paceChangedAt: Int64 = 0
    private var rateLimitsInRow = 0
    /// Of them the latest ones with a Retry-After of less than a second, or a time that has passed.
    private var briefWaitsInRow = 0

    var keyVersion: UInt64 = 1
    /// A 429's Retry-After: nothing starts before it.
    private(set) var notBefore: Int64 = 0

    func isUnproven(limit: Int) -> Bool { streak.count > limit }

    func goodWithinProofDuration(now: Int64) -> Bool {
        guard let lastGoodAt else { return false }
        return now - lastGoodAt <= Self.proofDuration
    }

    /// A good answer ended a streak over its limit: a permanent answer to a call that started before it may belong to the
    /// trouble that is over.
    mutating func proven(fromCall call: CallID) { provenFromCall = call }

    /// A good answer to a call. Returns the hold that it ended.
    mutating func good(call: CallID, now: Int64) -> HoldKind? {
        lastGoodAt = now
        streak = []
        failuresInRow = []
        lastUnauthorized = nil
        guard let hold, call >= holdBeganAtCall else { return nil }
        endHold(now: now)
        rateLimitsInRow = 0
        briefWaitsInRow = 0
        return hold
    }

    private mutating func endHold(now: Int64) {
        if hold == .rateLimited { paceChangedAt = now }
        hold = nil
        holdEndedAt = now
        probe = 0
        // The next hold's interval starts anew.
        nextProbe = 0
        probeFloor = 0
    }

    /// A contract got a permanent answer. Returns whether it may settle.
    mutating func permanentAnswer(_ contract: ContractID, limit: Int) -> Bool {
        failuresInRow = []
        lastUnauthorized = nil
        let hash = CommitMetadata.hash(of: contract)
        if !streak.contains(hash), streak.count < max(limit + 1, Self.streakMemory) { streak.append(hash) }
        return streak.count <= limit
    }

    /// The contracts of the streak that may have got a dead letter: what another owner of a partition must know.
    func lettered(limit: Int) -> [UInt32] { Array(streak.prefix(min(limit, CommitMetadata.streakLimit))) }

    /// Another owner's streak counts where it is longer than what is known here. It is never over the limit by itself, and
    /// the next good answer ends it: a streak of an old commit takes dead letters away from this one and nothing else.
    mutating func inherit(lettered: [UInt32], limit: Int) {
        let count = min(lettered.count, limit)
        for hash in lettered where streak.count < count && !streak.contains(hash) { streak.append(hash) }
    }

    /// A transient failure. Returns whether the breaker opens.
    ///
    /// - Parameter lostConnection: Whether the connection ended under the call. Of such failures only one counts of the
    ///   calls that were in flight at its time: a restart of the API is no outage.
    mutating func failure(
        _ contract: ContractID, call: CallID, nextCall: CallID, lostConnection: Bool, breaker: Int
    ) -> Bool {
        lastUnauthorized = nil
        if lostConnection {
            guard call >= countsLossFromCall else { return false }
            countsLossFromCall = nextCall
        }
        if !failuresInRow.contains(contract) { failuresInRow.append(contract) }
        return failuresInRow.count >= breaker
    }

    /// A 401 with the current key. Returns whether it is the account's trouble.
    mutating func unauthorized(_ contract: ContractID, now: Int64) -> Bool {
        failuresInRow = []
        let other = lastUnauthorized.map { $0 != contract } ?? false
        lastUnauthorized = contract
        return other || !goodWithinProofDuration(now: now)
    }

    /// Begins a hold, or goes on with it after a failed probe. Returns whether it is new.
    ///
    /// - Parameter share: the topic's partitions by the worker's: probes of the fleet together keep the interval.
    mutating func beginHold(_ kind: HoldKind, nextCall: CallID, now: Int64, share: Int64) -> Bool {
        let isNew = hold != kind
        if isNew {
            // The rate recovers from the end of a 429's hold on, whatever ends it.
            if hold == .rateLimited { paceChangedAt = now }
            hold = kind
            holdBeganAt = now
            holdBeganAtCall = nextCall
            probeInterval = kind == .rateLimited ? 5_000 : 1_000
            waitForProbe(now: now, share: share)
        }
        failuresInRow = []
        return isNew
    }

    /// A probe failed: the next one is later.
    mutating func probeFailed(now: Int64, share: Int64) {
        guard let hold else { return }
        let cap: Int64 =
            switch hold {
            case .unavailable: 5_000
            // A key is often back within a minute.
            case .unauthorized: now - holdBeganAt < 60_000 ? 5_000 : 60_000
            case .rateLimited: 60_000
            }
        probeInterval = min(probeInterval * 2, cap)
        waitForProbe(now: now, share: share)
    }

    private mutating func waitForProbe(now: Int64, share: Int64) {
        probeIntervalBegan = now
        nextProbe = max(nextProbe, now + probeInterval * share)
    }

    /// The worker holds another part of the topic: with more partitions the next probe is due earlier.
    mutating func shareChanged(_ share: Int64) {
        guard hold != nil else { return }
        nextProbe = min(nextProbe, max(probeFloor, probeIntervalBegan + probeInterval * share))
    }

    /// The server named the time: the probe waits for that, and for nothing else.
    mutating func probe(at time: Int64) {
        probeFloor = time
        nextProbe = time
    }

    mutating func delayProbe(until: Int64) {
        probeFloor = max(probeFloor, until)
        nextProbe = max(nextProbe, until)
    }

    /// An answer about a contract (404, 409 and their like) proves that the rate is right again. Returns the hold that it ended.
    mutating func endRateLimit(call: CallID, now: Int64) -> HoldKind? {
        guard hold == .rateLimited, call >= holdBeganAtCall else { return nil }
        endHold(now: now)
        return .rateLimited
    }

    /// A 429: returns when the next request may start. Halves the rate, unless the call started before the last halving.
    mutating func rateLimited(call: CallID, nextCall: CallID, retryAfter: Int64?, now: Int64, jitter: Int64) -> Int64 {
        if call >= halvesFromCall {
            pace = max(Self.leastPace, pace / 2)
            halvesFromCall = nextCall
            paceChangedAt = now
            rateLimitsInRow += 1
            briefWaitsInRow = retryAfter.map { $0 < 1_000 } ?? false ? briefWaitsInRow + 1 : 0
        }
        let fallback = Self.doubled(5_000, times: rateLimitsInRow - 1)
        // "At once" while it goes on refusing is no time to wait for.
        let floor = briefWaitsInRow > 0 ? Self.doubled(1_000, times: briefWaitsInRow - 1) : 0
        notBefore = max(notBefore, now + min(max(retryAfter ?? fallback, floor), Self.retryAfterCap) + jitter)
        return notBefore
    }

    /// A time that doubles up to 1 min.
    private static func doubled(_ time: Int64, times: Int) -> Int64 {
        min(60_000, time << Int64(min(6, max(0, times))))
    }

    // MARK: Unproven

    /// While the streak is over its limit, no request starts before this.
    private(set) var nextUnproven: Int64 = 0

    /// A request started while the streak is over its limit: the fleet starts 4 a second at most.
    ///
    /// - Parameter share: the topic's partitions by the worker's.
    mutating func startedUnproven(now: Int64, share: Int64) {
        nextUnproven = now + Self.unprovenInterval * share
    }

    /// When the rate next recovers; nil when it does not.
    var recoveryDue: Int64? {
        pace < Self.fullPace && hold != .rateLimited ? paceChangedAt + Self.recoveryInterval : nil
    }

    /// The rate recovers by a tenth of the budget every 5 s.
    mutating func recover(now: Int64) {
        guard let due = recoveryDue, due <= now else { return }
        pace = min(Self.fullPace, pace + Self.fullPace / 10)
        paceChangedAt = now
    }

    mutating func keyChanged(version: UInt64, now: Int64) {
        keyVersion = version
        lastUnauthorized = nil
        if hold == .unauthorized { nextProbe = now }
    }
}
