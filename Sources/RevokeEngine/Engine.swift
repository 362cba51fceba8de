public import RevokeModel

/// All decisions of a worker, as a pure value: no I/O, no clock, no randomness of its own.
///
/// Inputs only change state; `turn(now:)` decides. Call it after each batch of inputs, at `nextWake`, and at least once
/// a second, then carry out what `takeActions(into:)` gives. All instants are of one pair of clocks and never go back
/// on the boot clock. Nothing here iterates a Dictionary or Set, so a seed gives the same actions in every process.
public struct Engine: Sendable {
    enum Phase: Sendable {
        /// No assignment.
        case none
        /// An assignment that is ours as far as is known. To: draining, fenced, none, active (assigned again).
        case active
        /// Revoked, or shutting down: nothing starts, what is in flight ends. To: none, closed, active, fenced.
        case draining(Drain)
        /// A commit's answer said that the assignment is not ours; its loss follows. To: none, closed, active.
        case fenced
        /// After the shutdown's drain.
        case closed
    }

    struct Drain: Sendable {
        /// The revoke event to answer; nil for a shutdown's drain.
        var rebalance: UInt64?
        var deadline: Int64
        var isCommitted = false
    }

    struct Call: Sendable {
        var id: CallID
        var lane: Int32
        var laneClass: LaneClass
        var partition: Int32
        var epoch: UInt64
    }

    struct DeadLetter: Sendable {
        var id: DeadLetterID
        var entry: EntryTicket
        var partition: Int32
        var offset: Int64
        var reason: DeadLetterReason
        var status: Int?
        /// Requests that were sent for the event.
        var attempts: Int
    }

    struct CommitInFlight: Sendable {
        struct Part: Sendable {
            var partition: Int32
            var suspicions: UInt64
            var isOpening: Bool
            var anchor: Anchor?
        }

        var id: CommitID
        var epoch: UInt64
        var isFinal: Bool
        var parts: [Part]
    }

    struct Former: Sendable {
        var partition: Int32
        var freshFrom: Int64
        /// The commits of this worker that may stand in the group.
        var committed: [CommitMark]
        var knowledge: [(committed: Int64, knowledge: PriorKnowledge)]
    }

    /// The oldest settled offset may be uncommitted for this long; then no call and no dead letter starts.
    static let commitAgeLimit: Int64 = 10_000
    static let commitRetry: Int64 = 500
    /// How long after an assignment a record is waited for that tells whether the log is the same.
    static let logComparison: Int64 = 5_000
    static let commitRepeat: Int64 = 1_000
    /// By how much the wall clocks of two workers may differ without a breach of the budget.
    static let clockTolerance: Int64 = 1_000
    static let tickInterval: Int64 = 1_000
    /// The most dead letters on their way at once.
    static let deadLetterLimit = 256
    /// What is remembered of former assignments, in bytes.
    static let formerLimit = 65_536
    /// How long, and for how many lanes, trouble is remembered after the lane's events went away with an assignment; of
    /// these lanes a Retry-After is remembered until it is over.
    static let orphanDuration: Int64 = 60_000
    static let orphanLimit = 1_024
    /// How many events of a lane are compared to find an identical copy.
    static let copySearch = 64

    let configuration: EngineConfiguration
    var generator: Generator
    var account = Account()
    var actions: [EngineAction] = []
    var phase = Phase.none
    var shutdownDeadline: Int64?
    var isShutdownReported = false

    var topicPartitions = 1
    /// What the whole group's commits say.
    var group = GroupFacts()
    var epoch: UInt64 = 0
    /// The number of the assign event that the partitions held came with.
    var assignment: UInt64 = 0
    var assignedAt: Int64 = 0
    /// Partitions of the assignment that are not read yet: it is not known where they start.
    var waitingPartitions: [Int32] = []
    /// Whether partitions are to be read from elsewhere than the shell was told.
    var arePositionsStale = false
    var ledgers: [Ledger] = []
    var ledgerIndex: [Int32: Int] = [:]
    var former: [Former] = []
    /// How many partitions the last assignment had.
    var formerPartitions = 0

    var entries: [Entry] = []
    var freeEntries: [Int32] = []
    var nextSequence: UInt64 = 1
    var alreadySettled: UInt64 = 0

    var lanes: [Lane] = []
    var freeLanes: [Int32] = []
    var laneIndex: [ContractID: Int32] = [:]
    var freshQueue = RingQueue<LaneTicket>()
    var backlogQueue = RingQueue<LaneTicket>()
    var retryQueue = RingQueue<LaneTicket>()
    var timers = TimerHeap()
    var unprovenLanes = RingQueue<(lane: Int32, contract: ContractID)>()
    var orphans = RingQueue<(lane: Int32, contract: ContractID, at: Int64)>()
    var retryingLanes = 0
    var starts = 0

    var calls: [Call] = []
    var nextCall: CallID = 1

    var malformedQueue = RingQueue<EntryTicket>()
    /// Events of another type, whose dead letters wait for no event of ours.
    var foreignQueue = RingQueue<EntryTicket>()
    var deadLetterQueue = RingQueue<EntryTicket>()
    var parkedQueue = RingQueue<EntryTicket>()
    var deadLetters: [DeadLetter] = []
    var nextDeadLetter: DeadLetterID = 1
    var deadLetterNotBefore: Int64 = 0
    var deadLetterBackoff: Int64 = 0
    var hasDecoded = false
    var failuresInRow = 0
    var foreignInRow = 0
    /// Dead letters of undecodable records while nothing was decoded, those of former owners included.
    var undecodableLetters = 0
    var isUndecodable = false

    var commit: CommitInFlight?
    var nextCommit: CommitID = 1
    var commitNotBefore: Int64 = 0
    var lastCommitAt: Int64 = 0
    var settledSinceCommit = 0
    /// Since when the group holds less than what was charged, or what is remembered.
    var dirtySince: Int64?
    var isCommitsFailing = false
    /// A start waits for charges to be saved.
    var isBlockedUnsaved = false
    /// When the budget allows the next start; nil when no start waits for it.
    var budgetFreeAt: Int64?

    var lastTurn: Instant
    /// When `turn(now:)` is due at the latest, on the boot clock.
    public private(set) var nextWake: Int64

    /// Makes an engine that holds no partition.
    public init(configuration: EngineConfiguration, seed: UInt64, now: Instant) {
        self.configuration = configuration
        generator = Generator(seed: seed)
        lastTurn = now
        nextWake = now.boot
    }

    // MARK: Inputs

    /// A record was read. Records of partitions that are not held are released at once.
    public mutating func received(_ record: ReceivedRecord, now: Instant) {
        let anchor = Anchor(offset: record.offset, fingerprint: record.fingerprint)
        guard case .active = phase, let index = ledgerIndex[record.partition], isNew(anchor, index) else {
            actions.append(.release(token: record.token))
            return
        }
        if ledgers[index].prove(anchor) { actions.append(.note(.metadataIgnored(partition: record.partition))) }
        ledgers[index].sawRecord(anchor)
        if case .event = record.content { sawDecodedEvent() }
        if let prior = ledgers[index].prior {
            if prior.isSettled(record.offset) {
                ledgers[index].settleKnown(offset: record.offset, now: now.boot)
                alreadySettled += 1
                actions.append(.release(token: record.token))
                return
            }
            if let work = takeCovered(ledger: index, record), adopt(record, ledger: index, work: work, now: now) {
                return
            }
        }
        switch record.content {
        case .failure(let failure):
            if failure == .unknownType, configuration.skipUnknownTypes {
                let entry = makeEntry(record, ledger: index, now: now)
                settle(entry, .skipped(.unknownType), now: now.boot)
                return
            }
            countFailure(failure)
            let entry = makeEntry(record, ledger: index, now: now)
            entries[Int(entry)].state = .deadLetterWaiting(.malformed(failure), status: nil)
            enqueueDeadLetter(ticket(entry), .malformed(failure))
        case .event(let facts):
            let entry = makeEntry(record, ledger: index, now: now)
            guard facts.accountIsKnown else {
                entries[Int(entry)].state = .parked
                parkedQueue.append(ticket(entry))
                actions.append(
                    .note(.unknownAccount(partition: record.partition, offset: record.offset, token: record.token)))
                return
            }
            entries[Int(entry)].identity = facts.identity
            entries[Int(entry)].isFresh = isFresh(facts, offset: record.offset, ledger: index, now: now)
            join(entry, lane: laneOf(facts.contract), now: now.boot)
        }
    }

    /// The account's key changed; calls that start from now on carry this version.
    public mutating func keyChanged(version: UInt64, now: Instant) {
        account.keyChanged(version: version, now: now.boot)
    }

    /// Begin the shutdown: drain everything, commit, then `shutdownComplete`.
    public mutating func shutdown(now: Instant) {
        guard shutdownDeadline == nil else { return }
        shutdownDeadline = now.boot + configuration.drainLimit
        switch phase {
        case .active: phase = .draining(Drain(rebalance: nil, deadline: now.boot + configuration.drainLimit))
        case .none, .fenced:
            endEpoch(now: now.boot)
            phase = .closed
        case .draining, .closed: break
        }
    }

    /// Decide: start calls and dead letters, commit, pause and resume, answer rebalances.
    public mutating func turn(now: Instant) {
        suspectAfterGap(now: now)
        lastTurn = now
        reassignIfStale()
        account.recover(now: now.boot)
        while let due = timers.firstDue, due <= now.boot, let item = timers.popFirst() {
            retryTimerFired(item.ticket)
        }
        expireParked(now: now.boot)
        updateCommitsFailing(now: now.boot)
        startDeadLetters(now: now)
        isBlockedUnsaved = false
        budgetFreeAt = nil
        startCalls(now: now.boot)
        commitIfDue(now: now)
        progressDrain(now: now)
        pauseAndResume()
        forgetOrphans(now: now.boot)
        nextWake = wakeTime(now: now.boot)
    }

    // MARK: Outputs

    /// Up to where a partition is settled, whether a record of it is open, and the offset behind the last record that
    /// was read; nil when it is not held.
    public func progress(of partition: Int32) -> (watermark: Int64, hasOpen: Bool, next: Int64)? {
        guard let index = ledgerIndex[partition] else { return nil }
        return (ledgers[index].watermark, ledgers[index].openCount > 0, ledgers[index].nextOffset)
    }

    /// Moves the actions since the last call into `actions`, which is emptied first.
    public mutating func takeActions(into actions: inout [EngineAction]) {
        actions.removeAll(keepingCapacity: true)
        swap(&actions, &self.actions)
    }

    /// A copy of the figures that metrics and health show.
    public func snapshot(now: Instant) -> EngineSnapshot {
        var snapshot = EngineSnapshot()
        for ledger in ledgers {
            snapshot.openRecords += ledger.openCount
            snapshot.openBytes += ledger.openBytes
            snapshot.places += ledger.slots.count
            if ledger.charges.hasNoPart { snapshot.partitionsWithoutBudget += 1 }
            if ledger.isPaused { snapshot.pausedPartitions += 1 }
            if !ledger.isConfirmed { snapshot.unconfirmedPartitions += 1 }
            if let head = ledger.slots.head, head.entry >= 0 {
                let since = entries[Int(head.entry)].receivedAt.boot
                snapshot.oldestOpenSince = min(snapshot.oldestOpenSince ?? since, since)
                let time = entries[Int(head.entry)].eventTime
                snapshot.oldestEventTime = min(snapshot.oldestEventTime ?? time, time)
            }
            if let since = ledger.oldestUncommitted {
                snapshot.oldestUncommittedSince = min(snapshot.oldestUncommittedSince ?? since, since)
            }
        }
        snapshot.callsInFlight = calls.count
        snapshot.lanesReady = max(0, laneIndex.count - retryingLanes - calls.count - orphans.count)
        snapshot.lanesRetrying = retryingLanes
        snapshot.lanes = laneIndex.count
        snapshot.deadLettersInFlight = deadLetters.count
        snapshot.partitions = ledgers.count
        snapshot.waitingPartitions = waitingPartitions
        snapshot.streak = account.streak.count
        snapshot.unproven = isUnproven
        snapshot.hold = account.hold
        if account.hold != nil { snapshot.nextProbe = max(account.nextProbe, account.notBefore) }
        snapshot.commitsFailing = isCommitsFailing
        snapshot.undecodable = isUndecodable
        snapshot.parked = parkedQueue.count
        if case .draining = phase { snapshot.draining = true }
        snapshot.commitInFlight = commit != nil
        snapshot.shuttingDown = shutdownDeadline != nil
        snapshot.pace = account.pace
        snapshot.alreadySettled = alreadySettled
        return snapshot
    }

    // MARK: Parts of a turn

    /// A gap in either clock of more than half the session: another member may own the partitions by now. Nothing
    /// starts until a commit that is sent after the gap is stored.
    private mutating func suspectAfterGap(now: Instant) {
        let gap = max(now.boot - lastTurn.boot, now.wall - lastTurn.wall)
        guard gap > configuration.sessionTimeout / 2, !ledgers.isEmpty else { return }
        actions.append(.note(.suspicion(gap: gap)))
        for index in ledgers.indices {
            ledgers[index].isConfirmed = false
            ledgers[index].suspicions += 1
        }
        commitNotBefore = 0
    }

    /// Not while an assignment drains: what has not started stays for the next owner.
    private mutating func expireParked(now: Int64) {
        guard case .active = phase else { return }
        while let head = parkedQueue.head {
            guard isCurrent(head), case .parked = entries[Int(head.entry)].state else {
                parkedQueue.popFirst()
                continue
            }
            guard now - entries[Int(head.entry)].receivedAt.boot >= configuration.unknownAccountParking else { break }
            parkedQueue.popFirst()
            entries[Int(head.entry)].state = .deadLetterWaiting(.unknownAccount, status: nil)
            deadLetterQueue.append(head)
        }
    }

    /// A partition pauses when its part of the window is full, and goes on when half of it is free.
    private mutating func pauseAndResume() {
        guard case .active = phase, !ledgers.isEmpty else { return }
        let records = max(configuration.minimumPartitionRecords, configuration.windowRecords / ledgers.count)
        let bytes = max(1, configuration.windowBytes / Int64(ledgers.count))
        var paused: [Int32] = []
        var resumed: [Int32] = []
        for index in ledgers.indices {
            let count = ledgers[index].openCount
            let size = ledgers[index].openBytes
            let isFull = ledgers[index].isFull
            if !ledgers[index].isPaused {
                if count >= records || size >= bytes || isFull {
                    ledgers[index].isPaused = true
                    paused.append(ledgers[index].partition)
                }
            } else if count <= records / 2, size <= bytes / 2, !isFull {
                ledgers[index].isPaused = false
                resumed.append(ledgers[index].partition)
            }
        }
        if !paused.isEmpty { actions.append(.pause(paused)) }
        if !resumed.isEmpty { actions.append(.resume(resumed)) }
    }

    private func wakeTime(now: Int64) -> Int64 {
        var wake = now + Self.tickInterval
        func consider(_ time: Int64?) {
            if let time { wake = min(wake, max(time, now + 1)) }
        }
        consider(timers.firstDue)
        // A time that has passed is no reason to wake: what could start has started, the rest waits for an input.
        if account.hold != nil, account.probe == 0, account.nextProbe > now { consider(account.nextProbe) }
        if account.notBefore > now { consider(account.notBefore) }
        if isUnproven, hasWaitingLane, account.nextUnproven > now { consider(account.nextUnproven) }
        consider(budgetFreeAt)
        if hasWaitingLane { consider(account.recoveryDue) }
        if case .active = phase, let head = parkedQueue.head, isCurrent(head) {
            consider(entries[Int(head.entry)].receivedAt.boot + configuration.unknownAccountParking)
        }
        if deadLetterNotBefore > now, !malformedQueue.isEmpty || !foreignQueue.isEmpty || !deadLetterQueue.isEmpty {
            consider(deadLetterNotBefore)
        }
        if commit == nil, !ledgers.isEmpty { consider(isQuiescentDrain ? commitNotBefore : commitDueAt()) }
        if case .draining(let drain) = phase { consider(drain.deadline) }
        if !isShutdownReported { consider(shutdownDeadline) }
        return wake
    }

    // MARK: Freshness and decoding

    private func isFresh(_ facts: EventFacts, offset: Int64, ledger: Int, now: Instant) -> Bool {
        guard !facts.isReplay, let earliest = facts.earliestTime else { return false }
        return now.wall - earliest < configuration.freshness && offset >= ledgers[ledger].freshFrom
    }

    private mutating func sawDecodedEvent() {
        hasDecoded = true
        failuresInRow = 0
        foreignInRow = 0
        guard isUndecodable else { return }
        isUndecodable = false
        actions.append(.note(.undecodableEnded))
    }

    /// A valid event of another type is not undecodable: the topic has other readers, and may have events of ours.
    private mutating func countFailure(_ failure: DecodingFailure) {
        guard !hasDecoded else { return }
        if failure == .unknownType {
            foreignInRow += 1
            if foreignInRow == configuration.undecodableLimit { actions.append(.note(.foreignEvents)) }
            return
        }
        failuresInRow += 1
        guard failuresInRow > configuration.undecodableLimit, !isUndecodable else { return }
        isUndecodable = true
        actions.append(.note(.undecodableBegan))
    }
}
