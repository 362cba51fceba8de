public import RevokeModel

/// Assignments: begin, drain, end.
extension Engine {
    /// An assign event came though the former assignment was not given back: librdkafka 2.0.2 joins its group anew, without
    /// a revoke, when partitions are added while an earlier rebalance event is held.
    ///
    /// To be called when the event comes, before what the group committed is read for `assigned`: what is held may be
    /// another member's already, so it is fenced at once. Nothing is committed, and no revoke is answered any more.
    public mutating func superseded(now: Instant) {
        endEpoch(now: now.boot)
        phase = shutdownDeadline == nil ? .none : .closed
    }

    /// The group assigned these partitions; replaces the whole former assignment (eager protocol).
    ///
    /// The assign event is held until the answer `assign(rebalance:)`, and for no longer than until the committed offsets
    /// are known. A partition with a committed offset is read from there at once, and its events are not fresh until
    /// the log's ends are `found`; one without waits for `found`. `topicPartitions` is the number of partitions of the
    /// topic. Every assign, also one that comes while a revoke is drained, has a higher `rebalance` number; an answer to
    /// an older one is not given any more.
    public mutating func assigned(
        _ partitions: [AssignedPartition], topicPartitions: Int, group: GroupFacts = GroupFacts(), rebalance: UInt64,
        now: Instant
    ) {
        endEpoch(now: now.boot)
        self.group = group
        self.topicPartitions = max(1, topicPartitions)
        guard shutdownDeadline == nil else {
            phase = .closed
            former = []
            actions.append(.assign(rebalance: rebalance, []))
            return
        }
        epoch += 1
        assignment = rebalance
        assignedAt = now.boot
        for assigned in partitions where ledgerIndex[assigned.partition] == nil {
            if !begin(assigned, now: now) { waitingPartitions.append(assigned.partition) }
        }
        former = []
        account.shareChanged(share)
        commitNotBefore = now.boot
        dirtySince = nil
        phase = .active
        actions.append(.assign(rebalance: rebalance, positions))
    }

    /// What a log's leader says of a partition of this assignment, when that came after `assigned`; for a partition
    /// without a committed offset also where it starts.
    public mutating func found(
        _ log: LogEnds, startOffset: Int64?, of partition: Int32, rebalance: UInt64, now: Instant
    ) {
        guard case .active = phase, rebalance == assignment else { return }
        if let index = ledgerIndex[partition] {
            // What was read is in the log, and more may have come since the leader answered.
            if ledgers[index].hasRead {
                ledgers[index].found(log)
            } else {
                checkPosition(index, log, now: now.boot)
            }
        } else if let index = waitingPartitions.firstIndex(of: partition) {
            let assigned = AssignedPartition(
                partition: partition, committedOffset: nil, metadata: [], log: log, startOffset: startOffset)
            guard begin(assigned, now: now) else { return }
            waitingPartitions.remove(at: index)
            account.shareChanged(share)
            arePositionsStale = true
        }
    }

    /// Nothing is read from a partition any more, since its position seemed to be outside its log; its leader says now
    /// where the log begins and ends. `next` is the partition's `progress` when the leader was asked: if it has changed,
    /// the partition is read. It is read again from where it is, or from the log's start when its next record is gone.
    public mutating func positionLost(
        _ partition: Int32, log: LogEnds, next: Int64, rebalance: UInt64, now: Instant
    ) {
        guard case .active = phase, rebalance == assignment, let index = ledgerIndex[partition],
            ledgers[index].nextOffset == next
        else { return }
        arePositionsStale = true
        checkPosition(index, log, now: now.boot)
        // A position that is in its log was outside of it a moment ago: it may be another log, which has grown since.
        ledgers[index].compareAgain(in: log)
    }

    /// Whether a record is to be read. One that stands where another was read shows that the log is another one: then
    /// nothing of it is read before the log's start is known.
    mutating func isNew(_ anchor: Anchor, _ index: Int) -> Bool {
        switch ledgers[index].look(at: anchor) {
        case .new: return true
        case .known: return false
        case .replaced(let isNews):
            if ledgers[index].hasRead {
                // What is open of the former log ends with the assignment; the next one compares again.
                if isNews { actions.append(.rejoin) }
            } else if let log = ledgers[index].log {
                restart(index, log)
            }
            return false
        }
    }

    /// A log that was recreated is read from its start.
    private mutating func restart(_ index: Int, _ log: LogEnds) {
        actions.append(
            .note(
                .logRestarted(
                    partition: ledgers[index].partition, committed: ledgers[index].position, logEnd: log.end)))
        ledgers[index].restart(log)
        arePositionsStale = true
    }

    /// A partition whose next record is gone goes on at the log's start. A log that ends before it is another one, which
    /// is read from its start.
    private mutating func checkPosition(_ index: Int, _ log: LogEnds, now: Int64) {
        if ledgers[index].found(log) { arePositionsStale = true }
        guard !ledgers[index].isReplaced else { return restart(index, log) }
        let partition = ledgers[index].partition
        let next = ledgers[index].lastReceived + 1
        if next < log.start {
            actions.append(.note(.retentionPassed(partition: partition, lost: log.start - next)))
            ledgers[index].jump(to: log.start, now: now)
            arePositionsStale = true
        } else if next > log.end {
            // What is open of the former log ends with the assignment; the next one compares again.
            guard !ledgers[index].hasRead else { return actions.append(.rejoin) }
            restart(index, log)
        }
    }

    /// Where each partition goes on.
    private var positions: [PartitionOffset] {
        ledgers.map { PartitionOffset(partition: $0.partition, offset: $0.nextOffset) }
    }

    /// Partitions joined the assignment, or go on elsewhere: what is read is said again as a whole (eager protocol).
    mutating func reassignIfStale() {
        guard arePositionsStale, case .active = phase else { return }
        arePositionsStale = false
        for index in ledgers.indices { ledgers[index].moved() }
        actions.append(.reassign(rebalance: assignment, positions))
    }

    /// Holds the partition from now on; false when it is not known where to start.
    private mutating func begin(_ assigned: AssignedPartition, now: Instant) -> Bool {
        guard let position = startPosition(assigned) else { return false }
        ledgerIndex[assigned.partition] = ledgers.count
        ledgers.append(makeLedger(assigned, position: position, now: now))
        return true
    }

    private mutating func startPosition(_ assigned: AssignedPartition) -> Int64? {
        guard let committed = assigned.committedOffset else { return assigned.startOffset }
        guard let log = assigned.log else { return committed }
        if committed < log.start {
            actions.append(.note(.retentionPassed(partition: assigned.partition, lost: log.start - committed)))
            return log.start
        }
        if committed > log.end {
            actions.append(
                .note(.logRestarted(partition: assigned.partition, committed: committed, logEnd: log.end)))
            return log.start
        }
        return committed
    }

    private mutating func makeLedger(_ assigned: AssignedPartition, position: Int64, now: Instant) -> Ledger {
        let metadata = group.ownMetadata(assigned.metadata)
        if metadata == nil, !assigned.metadata.isEmpty {
            actions.append(.note(.metadataIgnored(partition: assigned.partition)))
        }
        var charges = ChargeBook(
            budget: configuration.budget, partition: assigned.partition, topicPartitions: topicPartitions)
        inherit(metadata, hasCommit: assigned.committedOffset != nil, into: &charges, now: now)

        let memory = FleetMemory(streak: metadata?.streak ?? [], undecodable: metadata?.undecodable ?? 0)
        inherit(memory, of: assigned)

        var freshFrom = Int64.max
        var before: Anchor?
        var prior: PriorKnowledge?
        var ownPrior: PriorKnowledge?
        if position == assigned.committedOffset {
            if let metadata, metadata.watermark == position {
                before = metadata.before
                if metadata.clean {
                    freshFrom = min(freshFrom, max(position, (metadata.highestCalled ?? position - 1) + 1))
                }
                if let fingerprint = metadata.fingerprint, !metadata.settled.isEmpty {
                    prior = PriorKnowledge(
                        anchor: Anchor(offset: position, fingerprint: fingerprint), settled: metadata.settled)
                }
            }
            if let own = former.first(where: { $0.partition == assigned.partition }) {
                let mark = CommitMark(offset: position, metadata: assigned.metadata)
                if own.committed.contains(mark) { freshFrom = min(freshFrom, own.freshFrom) }
                if let known = own.knowledge.first(where: { $0.committed == position })?.knowledge {
                    if let metadata = prior, metadata.anchor.fingerprint != known.anchor.fingerprint {
                        ownPrior = known
                    } else {
                        prior = known.joined(with: prior)
                    }
                }
            }
        }
        // A first commit says when the group began: for others the group has commits from then on.
        let opening = assigned.committedOffset == nil ? beginning(position) : assigned.metadata
        var ledger = Ledger(
            partition: assigned.partition, position: position, freshFrom: freshFrom, charges: charges,
            openingMetadata: opening, prior: prior, before: before,
            metadataLimit: configuration.metadataLimit)
        ledger.ownPrior = ownPrior
        ledger.storedMemory = memory
        if let log = assigned.log { ledger.found(log) }
        return ledger
    }

    /// What another owner knew counts here too; what this worker wrote itself it knows better.
    private mutating func inherit(_ memory: FleetMemory, of assigned: AssignedPartition) {
        let own = former.first { $0.partition == assigned.partition }?.committed ?? []
        guard let offset = assigned.committedOffset,
            !own.contains(CommitMark(offset: offset, metadata: assigned.metadata))
        else { return }
        account.inherit(lettered: memory.streak, limit: configuration.streakLimit)
        guard !hasDecoded else { return }
        let letters = Int(memory.undecodable)
        undecodableLetters = max(undecodableLetters, letters)
        failuresInRow = max(failuresInRow, letters)
    }

    private func beginning(_ position: Int64) -> [UInt8] {
        var metadata = CommitMetadata(watermark: position)
        metadata.cluster = group.cluster
        metadata.groupStart = group.start
        return metadata.encoded(limit: configuration.metadataLimit).text
    }

    /// What the predecessor spent counts for the new owner too. After an unclean end, what it may have spent without a
    /// commit counts as spent now. The wall clocks of two workers may differ by a second.
    private func inherit(
        _ metadata: CommitMetadata?, hasCommit: Bool, into charges: inout ChargeBook, now: Instant
    ) {
        let longest = configuration.budget.map(\.duration).max() ?? 0
        for charge in metadata?.charges ?? [] {
            let age = max(0, now.wall - (charge.second + 1) * 1_000 - Self.clockTolerance)
            if age <= longest { charges.inherit(at: now.boot - age, count: charge.count) }
        }
        if hasCommit, metadata?.clean != true {
            charges.inherit(at: now.boot, count: charges.allowance + (metadata?.pendingCharges ?? 0))
        }
    }

    /// The group revokes the whole assignment; the revoke event is held until `unassign(rebalance:)`.
    public mutating func revoking(rebalance: UInt64, now: Instant) {
        switch phase {
        case .active:
            phase = .draining(Drain(rebalance: rebalance, deadline: now.boot + configuration.drainLimit))
        case .draining(var drain):
            drain.rebalance = rebalance
            phase = .draining(drain)
        case .none, .fenced, .closed:
            endEpoch(now: now.boot)
            phase = shutdownDeadline == nil ? .none : .closed
            actions.append(.unassign(rebalance: rebalance))
        }
    }

    /// The assignment is lost: it belongs to others already. `unassign(rebalance:)` follows at once, without a commit.
    public mutating func lost(rebalance: UInt64, now: Instant) {
        endEpoch(now: now.boot)
        phase = shutdownDeadline == nil ? .none : .closed
        actions.append(.unassign(rebalance: rebalance))
    }

    // MARK: Drain

    /// Whether a drain has nothing in flight any more, so that its last commit can be sent.
    var isQuiescentDrain: Bool {
        guard case .draining(let drain) = phase, !drain.isCommitted else { return false }
        for call in calls {
            if call.epoch == epoch { return false }
            let head = lanes[Int(call.lane)].head
            if head >= 0, entries[Int(head)].sequence < lanes[Int(call.lane)].boundary { return false }
        }
        for letter in deadLetters where isCurrent(letter.entry) { return false }
        var position = deadLetterQueue.first
        while let ticket = deadLetterQueue[position] {
            if isCurrent(ticket), case .deadLetterWaiting = entries[Int(ticket.entry)].state { return false }
            position += 1
        }
        return true
    }

    /// Ends the drain when its last commit has its answer, or at its limit; then the shutdown, when nothing is open.
    mutating func progressDrain(now: Instant) {
        if case .draining(let drain) = phase {
            // Without a partition there is nothing to wait for: the group waits for this answer.
            if drain.isCommitted || ledgers.isEmpty {
                endDrain(drain, now: now.boot)
            } else if now.boot >= drain.deadline {
                let open = calls.count { $0.epoch == epoch }
                if open > 0 { actions.append(.note(.drainLimitPassed(callsInFlight: open))) }
                commitWatermarks(now: now)
                endDrain(drain, now: now.boot)
            }
        }
        guard let shutdownDeadline, !isShutdownReported, case .closed = phase else { return }
        guard calls.isEmpty || now.boot >= shutdownDeadline else { return }
        isShutdownReported = true
        actions.append(.shutdownComplete(openCalls: calls.count))
    }

    private mutating func endDrain(_ drain: Drain, now: Int64) {
        endEpoch(now: now)
        phase = shutdownDeadline == nil ? .none : .closed
        if let rebalance = drain.rebalance { actions.append(.unassign(rebalance: rebalance)) }
    }

    // MARK: End of an assignment

    /// Releases the open records; remembers what was settled, and what is still covered by work in flight, for the case
    /// that the partition comes back in the next assignment.
    mutating func endEpoch(now: Int64) {
        waitingPartitions = []
        arePositionsStale = false
        guard !ledgers.isEmpty else { return }
        former = []
        var weight = 0
        for index in ledgers.indices {
            var covered: [PriorKnowledge.Covered] = []
            var position = ledgers[index].slots.first
            while let slot = ledgers[index].slots[position] {
                position += 1
                if slot.entry >= 0, let work = drop(slot.entry, now: now) {
                    let fingerprint = entries[Int(slot.entry)].fingerprint
                    covered.append(.init(offset: slot.offset, fingerprint: fingerprint, work: work))
                }
            }
            let ledger = ledgers[index]
            let remembered = Former(
                partition: ledger.partition,
                freshFrom: max(ledger.freshFrom, (ledger.highestCalled ?? -1) + 1),
                committed: [ledger.storedMark, ledger.sentMark].compactMap(\.self),
                knowledge: ledger.knowledge(covered: covered))
            weight += 32 + remembered.knowledge.reduce(0) { $0 + $1.knowledge.weight }
            if weight <= Self.formerLimit { former.append(remembered) }
        }
        formerPartitions = ledgers.count
        ledgers = []
        ledgerIndex = [:]
        deadLetterQueue.removeAll()
        malformedQueue.removeAll()
        foreignQueue.removeAll()
        parkedQueue.removeAll()
        settledSinceCommit = 0
        forgetVoidPlaces()
        // Without a word: the offsets go to another owner, and no commit has succeeded.
        isCommitsFailing = false
    }

    /// Drops the places of lanes that went away, so that many assignments in a row do not pile them up.
    private mutating func forgetVoidPlaces() {
        for _ in 0..<unprovenLanes.count {
            guard let (lane, contract) = unprovenLanes.popFirst() else { break }
            if lanes[Int(lane)].contract == contract, lanes[Int(lane)].isUnproven {
                unprovenLanes.append((lane, contract))
            }
        }
        let lanes = self.lanes
        func isValid(_ ticket: LaneTicket) -> Bool { lanes[Int(ticket.lane)].stamp == ticket.stamp }
        timers.removeAll { !isValid($0) }
        freshQueue.keep(where: isValid)
        backlogQueue.keep(where: isValid)
        retryQueue.keep(where: isValid)
    }

    /// Takes an open record out of its lane and releases it. Returns the work in flight that covers it.
    private mutating func drop(_ entry: Int32, now: Int64) -> PriorKnowledge.Work? {
        let record = entries[Int(entry)]
        var work: PriorKnowledge.Work?
        switch record.state {
        case .inLane:
            let lane = record.lane
            unlink(entry)
            if lanes[Int(lane)].call != 0 {
                if record.sequence < lanes[Int(lane)].boundary { work = .call(lanes[Int(lane)].call) }
            } else if lanes[Int(lane)].count == 0 {
                settleLane(lane, now: now)
            }
        case .deadLetterInFlight(let id, _, _): work = .deadLetter(id)
        case .parked, .deadLetterWaiting, .free: break
        }
        actions.append(.release(token: record.token))
        free(entry)
        return work
    }
}
