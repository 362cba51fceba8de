import RevokeModel

/// Open records, lanes and their queues.
extension Engine {
    // MARK: Entries

    mutating func makeEntry(_ record: ReceivedRecord, ledger: Int, now: Instant) -> Int32 {
        var eventTime = now.wall
        if case .event(let facts) = record.content, let earliest = facts.earliestTime {
            eventTime = min(eventTime, earliest)
        }
        var entry = Entry(
            state: .inLane, ledger: Int32(ledger), position: 0, offset: record.offset, token: record.token,
            size: record.size, fingerprint: record.fingerprint, sequence: nextSequence, receivedAt: now,
            eventTime: eventTime,
            identity: EventIdentity(high: 0, low: 0), isFresh: false)
        nextSequence += 1
        let index: Int32
        if let free = freeEntries.popLast() {
            index = free
            entry.stamp = entries[Int(free)].stamp
            entries[Int(free)] = entry
        } else {
            index = Int32(entries.count)
            entries.append(entry)
        }
        entries[Int(index)].position = ledgers[ledger].append(entry: index, offset: record.offset, size: record.size)
        return index
    }

    func ticket(_ entry: Int32) -> EntryTicket { EntryTicket(entry: entry, stamp: entries[Int(entry)].stamp) }

    func isCurrent(_ ticket: EntryTicket) -> Bool { entries[Int(ticket.entry)].stamp == ticket.stamp }

    /// The place is free again; older references become void.
    mutating func free(_ entry: Int32) {
        entries[Int(entry)].state = .free
        entries[Int(entry)].stamp &+= 1
        freeEntries.append(entry)
    }

    /// The record has an end: the ledger may commit beyond it.
    mutating func settle(_ entry: Int32, _ end: EventEnd, now: Int64) {
        let record = entries[Int(entry)]
        if record.lane >= 0 { unlink(entry) }
        let ledger = Int(record.ledger)
        ledgers[ledger].settle(
            position: record.position, size: record.size, fingerprint: record.fingerprint, now: now)
        settledSinceCommit += 1
        actions.append(
            .settled(
                partition: ledgers[ledger].partition, offset: record.offset, token: record.token, end: end,
                receivedAt: record.receivedAt))
        actions.append(.release(token: record.token))
        free(entry)
        if ledgers[ledger].wantsCompaction { ledgers[ledger].compact(&entries) }
    }

    // MARK: Lanes

    mutating func laneOf(_ contract: ContractID) -> Int32 {
        if let index = laneIndex[contract] { return index }
        let index: Int32
        if let free = freeLanes.popLast() {
            index = free
            let stamp = lanes[Int(free)].stamp
            lanes[Int(free)] = Lane(contract: contract)
            lanes[Int(free)].stamp = stamp &+ 1
        } else {
            index = Int32(lanes.count)
            lanes.append(Lane(contract: contract))
        }
        laneIndex[contract] = index
        return index
    }

    /// The event waits in its lane for the lane's next call, or for the one in flight when an identical copy is covered.
    mutating func join(_ entry: Int32, lane: Int32, now: Int64) {
        let index = Int(lane)
        if lanes[index].call != 0, let copied = coveredCopy(of: entry, lane: lane) {
            entries[Int(entry)].sequence = copied
            ledgers[Int(entries[Int(entry)].ledger)].called(entries[Int(entry)].offset)
        }
        link(entry, lane: lane)
        let isFresh = entries[Int(entry)].isFresh
        switch lanes[index].state {
        case .idle:
            if lanes[index].notBefore > now {
                scheduleRetry(lane, at: lanes[index].notBefore)
            } else {
                enqueue(lane, waitingClass(lane))
            }
        case .queued(.backlog): if isFresh { enqueue(lane, .fresh) }
        case .queued, .timed, .unconfirmed, .calling: break
        }
    }

    /// How the lane waits: as a retry while its trouble counts, which the end of a hold releases with events or without.
    func waitingClass(_ lane: Int32) -> LaneClass {
        let lane = lanes[Int(lane)]
        let isReleased = account.holdEndedAt.map { $0 > lane.failedAt } ?? false
        if lane.hasTrouble, lane.isUnproven || !isReleased { return .retry }
        return lane.freshCount > 0 ? .fresh : .backlog
    }

    private func coveredCopy(of entry: Int32, lane: Int32) -> UInt64? {
        let boundary = lanes[Int(lane)].boundary
        let identity = entries[Int(entry)].identity
        var other = lanes[Int(lane)].head
        var left = Self.copySearch
        while other >= 0, left > 0 {
            let candidate = entries[Int(other)]
            if candidate.sequence < boundary, candidate.identity == identity { return candidate.sequence }
            other = candidate.next
            left -= 1
        }
        return nil
    }

    mutating func link(_ entry: Int32, lane: Int32) {
        let index = Int(lane)
        let tail = lanes[index].tail
        entries[Int(entry)].lane = lane
        entries[Int(entry)].previous = tail
        entries[Int(entry)].next = -1
        if tail >= 0 { entries[Int(tail)].next = entry } else { lanes[index].head = entry }
        lanes[index].tail = entry
        lanes[index].count += 1
        if entries[Int(entry)].isFresh { lanes[index].freshCount += 1 }
        lanes[index].isOrphan = false
    }

    mutating func unlink(_ entry: Int32) {
        let record = entries[Int(entry)]
        let lane = Int(record.lane)
        if record.previous >= 0 {
            entries[Int(record.previous)].next = record.next
        } else {
            lanes[lane].head = record.next
        }
        if record.next >= 0 {
            entries[Int(record.next)].previous = record.previous
        } else {
            lanes[lane].tail = record.previous
        }
        lanes[lane].count -= 1
        if record.isFresh { lanes[lane].freshCount -= 1 }
        entries[Int(entry)].lane = -1
        entries[Int(entry)].next = -1
        entries[Int(entry)].previous = -1
    }

    /// Puts the lane into a queue; its older places become void.
    mutating func enqueue(_ lane: Int32, _ laneClass: LaneClass) {
        setState(lane, .queued(laneClass))
        let ticket = LaneTicket(lane: lane, stamp: lanes[Int(lane)].stamp)
        switch laneClass {
        case .fresh: freshQueue.append(ticket)
        case .backlog: backlogQueue.append(ticket)
        case .retry: retryQueue.append(ticket)
        }
    }

    mutating func scheduleRetry(_ lane: Int32, at due: Int64) {
        setState(lane, .timed)
        timers.insert(due: due, LaneTicket(lane: lane, stamp: lanes[Int(lane)].stamp))
    }

    mutating func setState(_ lane: Int32, _ state: Lane.State) {
        let index = Int(lane)
        if Self.isRetrying(lanes[index].state) { retryingLanes -= 1 }
        if Self.isRetrying(state) { retryingLanes += 1 }
        lanes[index].state = state
        lanes[index].stamp &+= 1
    }

    private static func isRetrying(_ state: Lane.State) -> Bool {
        switch state {
        case .timed, .queued(.retry): true
        case .idle, .queued, .unconfirmed, .calling: false
        }
    }

    mutating func retryTimerFired(_ ticket: LaneTicket) {
        guard lanes[Int(ticket.lane)].stamp == ticket.stamp else { return }
        enqueue(ticket.lane, waitingClass(ticket.lane))
    }

    /// The lane waits again by the class of its events, or goes away when it has none.
    mutating func settleLane(_ lane: Int32, now: Int64) {
        let index = Int(lane)
        guard lanes[index].call == 0 else { return }
        if lanes[index].count > 0 {
            enqueue(lane, lanes[index].freshCount > 0 ? .fresh : .backlog)
        } else if lanes[index].hasTrouble || lanes[index].notBefore > now {
            setState(lane, .idle)
            guard !lanes[index].isOrphan else { return }
            lanes[index].isOrphan = true
            lanes[index].orphanedAt = now
            orphans.append((lane, lanes[index].contract, now))
        } else {
            removeLane(lane)
        }
    }

    mutating func removeLane(_ lane: Int32) {
        setState(lane, .idle)
        laneIndex[lanes[Int(lane)].contract] = nil
        freeLanes.append(lane)
    }

    /// Trouble without events is remembered for a while only, a Retry-After until it is over, and for so many lanes.
    mutating func forgetOrphans(now: Int64) {
        while let head = orphans.head {
            let lane = lanes[Int(head.lane)]
            // A lane that got events again and lost them again has a later place.
            let isStill =
                lane.isOrphan && lane.orphanedAt == head.at && lane.contract == head.contract
                && laneIndex[head.contract] == head.lane
            if isStill, now - head.at < Self.orphanDuration, orphans.count <= Self.orphanLimit { break }
            orphans.popFirst()
            guard isStill, lane.count == 0, lane.call == 0 else { continue }
            if lane.notBefore > now, orphans.count < Self.orphanLimit {
                // Its trouble is forgotten: for all that is known another owner has called the contract since.
                lanes[Int(head.lane)].forgetTrouble()
                lanes[Int(head.lane)].notBefore = lane.notBefore
                lanes[Int(head.lane)].orphanedAt = now
                orphans.append((head.lane, head.contract, now))
            } else {
                lanes[Int(head.lane)].isOrphan = false
                removeLane(head.lane)
            }
        }
    }

    // MARK: Adoption

    /// What a call or a dead letter in flight covers at this offset, when the record is the same.
    mutating func takeCovered(ledger: Int, _ record: ReceivedRecord) -> PriorKnowledge.Work? {
        guard let covered = ledgers[ledger].prior?.covered, !covered.isEmpty,
            let index = covered.firstIndex(where: { $0.offset == record.offset })
        else { return nil }
        let found = covered[index]
        ledgers[ledger].prior?.covered.remove(at: index)
        return found.fingerprint == record.fingerprint ? found.work : nil
    }

    /// A record that came again while its call or dead letter is still in flight keeps it. Returns false when there is
    /// nothing to keep.
    mutating func adopt(_ record: ReceivedRecord, ledger: Int, work: PriorKnowledge.Work, now: Instant) -> Bool {
        switch (work, record.content) {
        case (.call(let id), .event(let facts)):
            guard let lane = laneIndex[facts.contract], lanes[Int(lane)].call == id else { return false }
            let entry = makeEntry(record, ledger: ledger, now: now)
            ledgers[ledger].called(record.offset)
            entries[Int(entry)].identity = facts.identity
            entries[Int(entry)].sequence = 0
            join(entry, lane: lane, now: now.boot)
            return true
        case (.deadLetter(let id), _):
            guard let index = deadLetters.firstIndex(where: { $0.id == id }) else { return false }
            let letter = deadLetters[index]
            let entry = makeEntry(record, ledger: ledger, now: now)
            ledgers[ledger].called(record.offset)
            entries[Int(entry)].state = .deadLetterInFlight(id, letter.reason, status: letter.status)
            entries[Int(entry)].attempts = letter.attempts
            deadLetters[index].entry = ticket(entry)
            return true
        case (.call, .failure): return false
        }
    }
}
