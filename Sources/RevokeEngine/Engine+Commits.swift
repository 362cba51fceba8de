public import RevokeModel

/// When and what to commit. One commit is in flight at a time; offsets never go back within an assignment.
extension Engine {
    /// Sends the commit that is due. A commit is due when a partition waits for its proof, when settled offsets wait for
    /// `commitInterval` or are many, when charges must be saved, and every second while commits fail.
    mutating func commitIfDue(now: Instant) {
        guard commit == nil, isHeld, !ledgers.isEmpty else { return }
        let memory = self.memory
        let isDirty = ledgers.contains { $0.isOpened && ($0.charges.isDirty || $0.storedMemory != memory) }
        dirtySince = isDirty ? dirtySince ?? now.boot : nil
        let isFinal = isQuiescentDrain
        guard isFinal || (commitDueAt().map { $0 <= now.boot } ?? false) else { return }
        guard now.boot >= commitNotBefore else { return }
        sendCommit(isFinal: isFinal, now: now)
    }

    /// Until when a record is waited for that tells whether a log is the same.
    private var logLimit: Int64 { assignedAt + Self.logComparison }

    /// Whether the group's assignment is ours as far as is known.
    private var isHeld: Bool {
        switch phase {
        case .active: true
        case .draining(let drain): !drain.isCommitted
        case .none, .fenced, .closed: false
        }
    }

    /// When the next commit is due, on the boot clock; nil when there is nothing to commit.
    func commitDueAt() -> Int64? {
        guard isHeld else { return nil }
        var due: Int64?
        func consider(_ time: Int64) { due = min(due ?? time, time) }
        for ledger in ledgers {
            if !ledger.isConfirmed, let from = ledger.mayCommit(from: logLimit) { consider(max(from, commitNotBefore)) }
            if let since = ledger.unsentSince { consider(since + configuration.commitInterval) }
        }
        if settledSinceCommit >= configuration.commitCount { consider(lastCommitAt) }
        if isBlockedUnsaved { consider(lastCommitAt) }
        if let since = dirtySince { consider(since + 5 * configuration.commitInterval) }
        if isCommitsFailing { consider(lastCommitAt + Self.commitRepeat) }
        return due.map { max($0, commitNotBefore) }
    }

    /// At the drain limit: what is settled is committed without waiting for the answer.
    mutating func commitWatermarks(now: Instant) {
        guard commit == nil, isHeld, !ledgers.isEmpty else { return }
        sendCommit(isFinal: false, now: now)
    }

    private mutating func sendCommit(isFinal: Bool, now: Instant) {
        var parts: [CommitPart] = []
        var sent: [CommitInFlight.Part] = []
        for index in ledgers.indices {
            guard let (part, sentPart) = makePart(index, isFinal: isFinal, now: now) else { continue }
            parts.append(part)
            sent.append(sentPart)
        }
        settledSinceCommit = 0
        guard !parts.isEmpty else {
            if isFinal { finishFinalCommit() }
            return
        }
        let id = nextCommit
        nextCommit += 1
        commit = CommitInFlight(id: id, epoch: epoch, isFinal: isFinal, parts: sent)
        lastCommitAt = now.boot
        dirtySince = nil
        actions.append(.commit(id, parts))
    }

    /// What every partition's commit tells.
    private var memory: FleetMemory {
        FleetMemory(
            streak: account.lettered(limit: configuration.streakLimit),
            undecodable: UInt32(clamping: hasDecoded ? 0 : undecodableLetters))
    }

    private mutating func makePart(
        _ index: Int, isFinal: Bool, now: Instant
    ) -> (CommitPart, CommitInFlight.Part)? {
        let ledger = ledgers[index]
        guard ledger.isOpened else {
            // Nothing was done with this partition yet; a drain leaves its commit as it is.
            guard !isFinal, let from = ledger.mayCommit(from: logLimit), from <= now.boot else { return nil }
            let text = openingMetadata(ledger)
            ledgers[index].sentOffset = ledger.position
            ledgers[index].sentAnchor = ledger.storedAnchor
            ledgers[index].sentMark = CommitMark(offset: ledger.position, metadata: text)
            return (
                CommitPart(partition: ledger.partition, offset: ledger.position, metadata: text),
                CommitInFlight.Part(
                    partition: ledger.partition, suspicions: ledger.suspicions, isOpening: true,
                    anchor: ledger.storedAnchor)
            )
        }
        let isDue =
            isFinal || !ledger.isConfirmed || ledger.unsentSince != nil || ledger.charges.isDirty || isCommitsFailing
            || ledger.storedMemory != memory
        guard isDue else { return nil }
        var (metadata, anchor) = makeMetadata(index, isFinal: isFinal, now: now)
        let memory = self.memory
        metadata.streak = memory.streak
        metadata.undecodable = memory.undecodable
        ledgers[index].sentMemory = memory
        metadata.before = ledger.anchor(below: metadata.watermark)
        metadata.cluster = group.cluster
        metadata.groupStart = group.start
        let limit = ledger.metadataLimit
        let (text, complete) = metadata.encoded(limit: limit)
        ledgers[index].isMetadataFull = !complete && limit == configuration.metadataLimit
        ledgers[index].sentOffset = metadata.watermark
        ledgers[index].sentAnchor = anchor
        ledgers[index].sentMark = CommitMark(offset: metadata.watermark, metadata: text)
        ledgers[index].sentSince = ledger.oldestUncommitted
        ledgers[index].unsentSince = nil
        return (
            CommitPart(partition: ledger.partition, offset: metadata.watermark, metadata: text),
            CommitInFlight.Part(
                partition: ledger.partition, suspicions: ledger.suspicions, isOpening: false, anchor: anchor)
        )
    }

    /// What was read, byte for byte; less where the broker does not take that any more.
    private func openingMetadata(_ ledger: Ledger) -> [UInt8] {
        let wasRefused = ledger.metadataLimit < configuration.metadataLimit
        guard wasRefused, ledger.openingMetadata.count > ledger.metadataLimit else { return ledger.openingMetadata }
        return group.ownMetadata(ledger.openingMetadata)?.encoded(limit: ledger.metadataLimit).text ?? []
    }

    /// The metadata of a commit now, and the first record at or above its offset where that is known.
    private mutating func makeMetadata(
        _ index: Int, isFinal: Bool, now: Instant
    ) -> (CommitMetadata, Anchor?) {
        let (charges, pending) = ledgers[index].charges.snapshot(now: now.boot, wall: now.wall)
        let ledger = ledgers[index]
        let pendingCalls = pending + callsOfFormerEpochs(partition: ledger.partition)
        var metadata = CommitMetadata(
            watermark: ledger.watermark, clean: isFinal && pendingCalls == 0, highestCalled: ledger.mayBeCalled,
            charges: charges, pendingCharges: pendingCalls)
        if let head = ledger.slots.head, head.entry >= 0 {
            let anchor = Anchor(offset: head.offset, fingerprint: entries[Int(head.entry)].fingerprint)
            metadata.settled = ledger.settledBeyond
            if !metadata.settled.isEmpty { metadata.fingerprint = anchor.fingerprint }
            return (metadata, anchor)
        }
        let unread = ledger.unreadRuns
        guard !unread.isEmpty else { return (metadata, nil) }
        guard let lastRead = ledger.lastRead else {
            // Nothing was read yet: what the predecessor wrote stays as it is.
            metadata.settled = unread
            metadata.fingerprint = ledger.prior?.anchor.fingerprint
            return (metadata, ledger.prior?.anchor)
        }
        // Everything that was read is settled, and more is known to be settled beyond. Only a record that was read can
        // prove that the log is the same, so the offset stays at the last one.
        guard lastRead.offset >= max(ledger.storedOffset, ledger.sentOffset ?? 0) else { return (metadata, nil) }
        metadata.watermark = lastRead.offset
        metadata.fingerprint = lastRead.fingerprint
        metadata.settled = [lastRead.offset..<lastRead.offset + 1]
        for run in unread {
            if let last = metadata.settled.last, last.upperBound == run.lowerBound {
                metadata.settled[metadata.settled.count - 1] = last.lowerBound..<run.upperBound
            } else {
                metadata.settled.append(run)
            }
        }
        return (metadata, lastRead)
    }

    /// Calls that are charged to the partition and were started in a former assignment: they may be sent in this one.
    private func callsOfFormerEpochs(partition: Int32) -> Int {
        guard !configuration.budget.isEmpty else { return 0 }
        return calls.count { $0.partition == partition && $0.epoch != epoch }
    }

    // MARK: Results

    /// A commit ended. Partitions that `results` does not name count as failed.
    public mutating func commitFinished(_ id: CommitID, _ results: [CommitPartResult], now: Instant) {
        guard let ended = commit, ended.id == id else { return }
        commit = nil
        guard ended.epoch == epoch else { return }
        // What was settled since the commit was sent needs another one.
        var isDone = !ledgers.contains { $0.unsentSince != nil }
        var isFenced = false
        for part in ended.parts {
            guard let index = ledgerIndex[part.partition] else { continue }
            let result = results.first { $0.partition == part.partition }?.result ?? .failed
            switch result {
            case .stored: stored(index, part, isProof: true)
            case .nothingToDo:
                stored(index, part, isProof: false)
                if !ledgers[index].isConfirmed { commitNotBefore = now.boot + Self.commitRetry }
            case .rebalanceInProgress:
                notStored(index)
                commitNotBefore = now.boot + configuration.commitInterval
                // A shutdown goes on until it is stored, or until the rebalance's revoke asks for the partitions.
                if case .draining(let drain) = phase, drain.rebalance == nil { isDone = false }
            case .fenced:
                notStored(index)
                isFenced = true
            case .metadataTooLarge:
                notStored(index)
                // A broker that refuses even an empty text is not asked again at once.
                if ledgers[index].metadataLimit == 0 { commitNotBefore = now.boot + Self.commitRetry }
                ledgers[index].metadataLimit /= 2
                isDone = false
            case .failed:
                notStored(index)
                commitNotBefore = now.boot + Self.commitRetry
                isDone = false
            }
        }
        if isFenced {
            switch phase {
            case .active: phase = .fenced
            case .draining: finishFinalCommit()
            case .none, .fenced, .closed: break
            }
        } else if ended.isFinal, isDone, isQuiescentDrain {
            finishFinalCommit()
        }
        updateCommitsFailing(now: now.boot)
    }

    private mutating func stored(_ index: Int, _ part: CommitInFlight.Part, isProof: Bool) {
        ledgers[index].sentSince = nil
        if part.isOpening {
            guard isProof else { return }
            ledgers[index].isOpened = true
        } else {
            ledgers[index].charges.snapshotStored()
            ledgers[index].storedMemory = ledgers[index].sentMemory
        }
        if let offset = ledgers[index].sentOffset {
            ledgers[index].storedOffset = offset
            ledgers[index].storedAnchor = ledgers[index].sentAnchor
            ledgers[index].storedMark = ledgers[index].sentMark
        }
        ledgers[index].sentOffset = nil
        ledgers[index].sentAnchor = nil
        ledgers[index].sentMark = nil
        guard isProof, part.suspicions == ledgers[index].suspicions, !ledgers[index].isConfirmed else { return }
        // The opening commit repeats the predecessor's metadata, which knows nothing of this owner's charges and calls.
        // Nothing starts before a commit of its own is stored: a crash right after it is an unclean end of this owner.
        if part.isOpening { return }
        ledgers[index].isConfirmed = true
        let waiting = ledgers[index].waitingLanes
        ledgers[index].waitingLanes = []
        for ticket in waiting where lanes[Int(ticket.lane)].stamp == ticket.stamp {
            enqueue(ticket.lane, waitingClass(ticket.lane))
        }
    }

    private mutating func notStored(_ index: Int) {
        ledgers[index].unsentSince = ledgers[index].oldestUncommitted
        ledgers[index].sentSince = nil
        ledgers[index].charges.snapshotLost()
    }

    /// The drain's commit has its answer: only the unassign is left.
    private mutating func finishFinalCommit() {
        guard case .draining(var drain) = phase else { return }
        drain.isCommitted = true
        phase = .draining(drain)
    }

    /// The oldest settled offset is uncommitted for 10 s: nothing starts until a commit succeeds.
    mutating func updateCommitsFailing(now: Int64) {
        var oldest: Int64?
        for ledger in ledgers {
            if let since = ledger.oldestUncommitted { oldest = min(oldest ?? since, since) }
        }
        let fails = oldest.map { now - $0 >= Self.commitAgeLimit } ?? false
        guard fails != isCommitsFailing else { return }
        isCommitsFailing = fails
        actions.append(.note(fails ? .commitsFailingBegan : .commitsFailingEnded))
    }
}
