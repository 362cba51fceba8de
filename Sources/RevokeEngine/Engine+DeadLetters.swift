public import RevokeModel

/// Dead letters: first stored, then settled.
extension Engine {
    /// Starts the dead letters that wait. While commits fail none starts; while nothing was decoded, those of malformed
    /// records wait, but for events of another type; while an assignment drains, only those of calls that ended.
    mutating func startDeadLetters(now: Instant) {
        guard !isCommitsFailing, now.boot >= deadLetterNotBefore else { return }
        switch phase {
        case .active:
            start(from: \.deadLetterQueue, now: now)
            start(from: \.foreignQueue, now: now)
            if !isUndecodable { start(from: \.malformedQueue, now: now) }
        case .draining: start(from: \.deadLetterQueue, now: now)
        case .none, .fenced, .closed: break
        }
    }

    private mutating func start(from queue: WritableKeyPath<Engine, RingQueue<EntryTicket>>, now: Instant) {
        var unconfirmed: [EntryTicket] = []
        while deadLetters.count < Self.deadLetterLimit, let ticket = self[keyPath: queue].popFirst() {
            guard isCurrent(ticket), case .deadLetterWaiting(let reason, let status) = entries[Int(ticket.entry)].state
            else { continue }
            let entry = entries[Int(ticket.entry)]
            let ledger = Int(entry.ledger)
            guard ledgers[ledger].isConfirmed else {
                unconfirmed.append(ticket)
                continue
            }
            let id = nextDeadLetter
            nextDeadLetter += 1
            entries[Int(ticket.entry)].state = .deadLetterInFlight(id, reason, status: status)
            ledgers[ledger].called(entry.offset)
            deadLetters.append(
                DeadLetter(
                    id: id, entry: ticket, partition: ledgers[ledger].partition, offset: entry.offset, reason: reason,
                    status: status, attempts: entry.attempts))
            actions.append(
                .produceDeadLetter(
                    DeadLetterOrder(
                        id: id, partition: ledgers[ledger].partition, offset: entry.offset, token: entry.token,
                        reason: reason, status: status, attempts: entry.attempts,
                        firstSeen: entry.receivedAt.wall, failedAt: now.wall, truncate: entry.truncate)))
        }
        for ticket in unconfirmed { self[keyPath: queue].append(ticket) }
    }

    /// The broker acknowledged a dead letter (acks=all).
    public mutating func deadLetterStored(_ id: DeadLetterID, now: Instant) {
        guard let letter = takeDeadLetter(id) else { return }
        deadLetterBackoff = 0
        if !hasDecoded, case .malformed(let failure) = letter.reason, failure != .unknownType {
            undecodableLetters += 1
        }
        if isCurrent(letter.entry) {
            settle(letter.entry.entry, .deadLettered(letter.reason), now: now.boot)
        } else {
            settleRemembered(.deadLetter(id))
        }
    }

    /// A dead letter was not stored, or may not have been.
    public mutating func deadLetterFailed(_ id: DeadLetterID, _ failure: DeadLetterFailure, now: Instant) {
        guard let letter = takeDeadLetter(id) else { return }
        switch failure {
        case .tooLarge: break
        case .failed:
            deadLetterBackoff = min(5_000, max(200, deadLetterBackoff * 2))
            deadLetterNotBefore = now.boot + max(1, generator.upTo(deadLetterBackoff))
        }
        guard isCurrent(letter.entry) else {
            forgetCovered(.deadLetter(id))
            return
        }
        let entry = Int(letter.entry.entry)
        if failure == .tooLarge {
            if entries[entry].truncate {
                deadLetterBackoff = 5_000
                deadLetterNotBefore = now.boot + deadLetterBackoff
            }
            entries[entry].truncate = true
        }
        entries[entry].state = .deadLetterWaiting(letter.reason, status: letter.status)
        enqueueDeadLetter(letter.entry, letter.reason)
    }

    mutating func enqueueDeadLetter(_ ticket: EntryTicket, _ reason: DeadLetterReason) {
        switch reason {
        case .malformed(.unknownType): foreignQueue.append(ticket)
        case .malformed: malformedQueue.append(ticket)
        case .rejected, .retryLimit, .unknownAccount: deadLetterQueue.append(ticket)
        }
    }

    private mutating func takeDeadLetter(_ id: DeadLetterID) -> DeadLetter? {
        guard let index = deadLetters.firstIndex(where: { $0.id == id }) else { return nil }
        deadLetters.swapAt(index, deadLetters.count - 1)
        return deadLetters.removeLast()
    }

    // MARK: Former assignments

    /// A call or a dead letter of a former assignment succeeded: what it covered is known as settled.
    mutating func settleRemembered(_ work: PriorKnowledge.Work) {
        updateRemembered(work) { knowledge, offset in knowledge.settle(offset) }
    }

    /// A call or a dead letter of a former assignment failed: what it covered is open again.
    mutating func forgetCovered(_ work: PriorKnowledge.Work) {
        updateRemembered(work) { _, _ in }
    }

    private mutating func updateRemembered(
        _ work: PriorKnowledge.Work, _ update: (inout PriorKnowledge, Int64) -> Void
    ) {
        for index in former.indices {
            for item in former[index].knowledge.indices {
                former[index].knowledge[item].knowledge.workEnded(work, update)
            }
        }
        for index in ledgers.indices {
            ledgers[index].prior?.workEnded(work, update)
            ledgers[index].ownPrior?.workEnded(work, update)
        }
    }
}
