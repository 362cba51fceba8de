import RevokeEngine
import RevokeModel

/// What happens to a worker, as its witness writes it down.
extension World {
    /// An assign event came: what was held may be another's from now on.
    func witnessSuperseded(_ worker: SimulatedWorker) {
        worker.witness.pending = .none
        endEpochs(worker.witness)
    }

    func witnessAssigned(_ worker: SimulatedWorker, _ assigned: [AssignedPartition]) {
        let witness = worker.witness
        witness.grow(partitions: topic.logs.count)
        witness.grow(records: topic.records.count)
        witness.cycle += 1
        witnessInherits(witness, assigned)
        var expected: [Int64?] = Array(repeating: nil, count: topic.logs.count)
        for partition in assigned {
            let index = Int(partition.partition)
            guard partition.committedOffset != nil || partition.startOffset != nil else { continue }
            witnessBegins(worker, partition)
            expected[index] = witness.epochs[index]?.start
        }
        expectNotes(worker, assigned)
        witness.assignedAt = now
        witness.assignedSequence = sequence
        witness.topicPartitions = topic.logs.count
        witnessShareChanged(witness)
        witness.ended.removeAll()
        witness.pending = .assign(worker.rebalance, expected)
        witness.pendingSince = now
    }

    /// A partition is held from now on.
    private func witnessBegins(_ worker: SimulatedWorker, _ partition: AssignedPartition) {
        let witness = worker.witness
        let index = Int(partition.partition)
        let log = topic.logs[index]
        var start = log.start
        if let committed = partition.committedOffset {
            start = committed < log.start || committed > log.end ? log.start : committed
        }
        var epoch = Witness.Epoch(
            number: worker.rebalance, cycle: witness.cycle, incarnation: log.incarnation, start: start,
            readsFrom: start,
            metadataRead: partition.metadata, read: log.committed, confirmSerial: commitSerial + 1,
            lastCommit: start)
        epoch.checkedPlace = topic.place(index, atOrAbove: start)
        epoch.freshFrom = partition.log?.end ?? .max
        if let read = log.committed, read.isClean, !read.isDamaged, !profile.metadataIsCut, read.offset == start,
            read.incarnation == log.incarnation
        {
            epoch.freshFrom = min(epoch.freshFrom, max(start, read.mayBeCalled + 1))
        }
        epoch.assignedAt = now
        // What the others spent stood in what was damaged.
        if log.committed?.isDamaged == true { relaxBudget(until: now) }
        var firstOpen = epoch.checkedPlace
        while firstOpen < log.ids.count, topic.records[log.ids[firstOpen]].isGone { firstOpen += 1 }
        if let committed = log.committed, committed.offset == start {
            // Everything below the group's offset is settled, and so is what the metadata says.
            for place in log.firstPlace..<epoch.checkedPlace { witness.known[index].insert(place) }
            if committed.incarnation == log.incarnation {
                epoch.called = committed.called
                witness.known[index].formUnion(committed.known)
                if committed.firstOpen >= 0, committed.firstOpen == firstOpen, !profile.metadataIsCut {
                    epoch.must.formUnion(committed.must)
                }
            }
        }
        if let former = witness.former[index], former.cycle == witness.cycle - 1,
            former.incarnation == log.incarnation, former.firstOpenAtEnd == firstOpen, former.lastCommit == start,
            log.committed?.offset == start
        {
            epoch.must.formUnion(former.must)
            epoch.remembers = true
            epoch.remembered = former.number
        }
        witness.epochs[index] = epoch
    }

    /// A log's ends are known now, and with them where a partition without a commit starts. Before, the others' figures
    /// are of an assignment without it.
    func witnessFound(_ worker: SimulatedWorker, _ partition: AssignedPartition) {
        let witness = worker.witness
        let index = Int(partition.partition)
        guard let epoch = witness.epochs[index] else {
            witnessBegins(worker, partition)
            witnessShareChanged(witness)
            witness.isReassignDue = true
            return
        }
        if let log = partition.log, epoch.readsFrom < log.start, epoch.lastReceived < 0 {
            // The record that would tell the log is gone.
            witness.epochs[index]?.readsFrom = epoch.start
            witness.isReassignDue = true
        }
        let end = max(topic.logs[index].end, epoch.start, epoch.lastReceived + 1)
        witness.epochs[index]?.freshFrom = min(epoch.freshFrom, end)
    }

    func endEpochs(_ witness: Witness) {
        witness.isReassignDue = false
        // The end of the hold is not told with an assignment's end: nothing was saved.
        witness.saysCommitsFail = false
        witness.lastCommitStored = false
        if witness.held > 0 { witness.formerHeld = witness.held }
        for partition in witness.epochs.indices {
            guard var epoch = witness.epochs[partition] else { continue }
            epoch.firstOpenAtEnd = firstRead(witness, partition, epoch, from: epoch.lastCommit)
            witness.former[partition] = epoch
            witness.epochs[partition] = nil
        }
        for contract in witness.open.indices {
            if !witness.open[contract].isEmpty { witness.waiting[contract].lastOpen = now }
            witness.open[contract].removeAll { !witness.isCurrent($0, partition: topic.records[$0].partition) }
            leaveQueue(witness, contract)
        }
    }

    /// The place of the first record at an offset or above that was read in an epoch, or −1.
    private func firstRead(_ witness: Witness, _ partition: Int, _ epoch: Witness.Epoch, from offset: Int64) -> Int {
        let log = topic.logs[partition]
        guard epoch.incarnation == log.incarnation else { return -1 }
        for place in topic.place(partition, atOrAbove: offset)..<log.ids.count
        where witness.isCurrent(log.ids[place], partition: partition) {
            return place
        }
        return -1
    }

    func witnessRevoking(_ worker: SimulatedWorker, isLost: Bool) {
        let witness = worker.witness
        for partition in witness.epochs.indices where witness.epochs[partition] != nil {
            witness.epochs[partition]?.isDraining = true
            if isLost { witness.epochs[partition]?.isLost = true }
        }
        witness.pending = .revoke(worker.rebalance, isLost: isLost)
        witness.pendingSince = now
    }

    func witnessReceived(_ worker: SimulatedWorker, _ id: Int) {
        let witness = worker.witness
        let record = topic.records[id]
        sequence += 1
        witness.grow(partitions: topic.logs.count)
        witness.grow(records: id + 1)
        let isEvent = record.contract >= 0 && !record.isUnknownAccount
        if witness.firstRead[id] < 0 {
            witness.firstRead[id] = sequence
            witness.firstReadAt[id] = now
            if isEvent { witness.seen[record.contract].append(id) }
        }
        let former = (sequence: witness.lastRead[id], epoch: witness.lastEpoch[id])
        witness.readWall[id] = worker.instant(now).wall
        if isEvent, copyRead[copyKey(record)] == nil { copyRead[copyKey(record)] = sequence }
        witness.lastRead[id] = sequence
        witness.lastEpoch[id] = 0
        switch record.content {
        case .event: witness.decoded += 1
        case .failure(.unknownType): break
        case .failure: witness.undecodableRead += 1
        }
        guard let epoch = witness.epochs[record.partition] else { return }
        witness.lastEpoch[id] = epoch.number
        if epoch.isDraining || worker.isStopping { witness.readLate.insert(id) } else { witness.readLate.remove(id) }
        witness.epochs[record.partition]?.lastReceived = record.offset
        if epoch.passedAt == nil, witness.known[record.partition].contains(record.local) {
            witness.epochs[record.partition]?.passedAt = now
        }
        // A call or a dead letter of an assignment before may cover it.
        if worker.calls.contains(where: { $0.contract == record.contract })
            || worker.letters.contains(where: { $0.record == id })
        {
            witness.epochs[record.partition]?.maybeCalled = record.offset
        }
        witness.epochs[record.partition]?.openRecords += 1
        witness.epochs[record.partition]?.openBytes += record.size
        if isEvent, !witness.open[record.contract].contains(id) {
            witness.open[record.contract].append(id)
        }
        witnessWaits(worker, id, former: former)
    }

    func witnessCallStarted(_ worker: SimulatedWorker, _ id: CallID, _ contract: Int) -> SimulatedWorker.Call {
        sequence += 1
        let witness = worker.witness
        let waiting = witness.waiting[contract]
        witnessCalled(witness, contract)
        var call = SimulatedWorker.Call(id: id, contract: contract, startedAt: now, sequence: sequence)
        call.isProbe = witness.isHeld
        call.isRetry = isRetry(witness, contract)
        call.isFirst = waiting.isCertain && waiting.since >= 0
        return call
    }

    /// Whether a call for a contract repeats one that ended in trouble. Events that a permanent answer ends do not count.
    func isRetry(_ witness: Witness, _ contract: Int) -> Bool {
        let last = witness.retrySequence[contract]
        guard last >= 0 else { return false }
        for id in witness.open[contract]
        where witness.lastRead[id] < last && witness.firstRead[id] > witness.rejectPermit[contract] {
            return true
        }
        return false
    }

    /// What the commits tell a worker that begins: the streak and the undecodable records of its predecessors.
    private func witnessInherits(_ witness: Witness, _ assigned: [AssignedPartition]) {
        let isFirst = witness.cycle == 1
        var longest: [Int] = []
        for partition in assigned {
            guard let metadata = CommitMetadata(decoding: partition.metadata) else { continue }
            let contracts = profile.contracts.indices.filter { index in
                guard let contract = ContractID(Topic.contractBase + Int64(index)) else { return false }
                return metadata.streak.contains(CommitMetadata.hash(of: contract))
            }
            for contract in contracts where !witness.longestStreak.contains(contract) {
                witness.longestStreak.append(contract)
            }
            if contracts.count > longest.count { longest = contracts }
            witness.undecodableRead = max(witness.undecodableRead, Int(metadata.undecodable))
            if isFirst { witness.malformedCount = max(witness.malformedCount, Int(metadata.undecodable)) }
        }
        if isFirst, longest.count == witness.longestStreak.count { witness.streak = longest }
    }

    /// A request passes its gate: the budget's oracle.
    func requestSent(_ worker: SimulatedWorker, _ contract: Int) {
        sends.append(now)
        if now > budgetRelaxedUntil, !profile.engine.budget.isEmpty { watchedSends += 1 }
        for (index, window) in profile.engine.budget.enumerated() {
            while sends[sendHeads[index]] <= now - window.duration { sendHeads[index] += 1 }
            let count = sends.count - sendHeads[index]
            if count > window.limit, now > budgetRelaxedUntil {
                fail(
                    "budget", "\(count) requests in \(window.duration) ms, the budget is \(window.limit)",
                    worker: worker.index, contract: contract)
            }
        }
        if isActive(.outage), variant(.outage) % 9 != 4, now - windows[FaultKind.outage.rawValue].since > 40_000 {
            // The contracts in trouble are fewer than the breaker asks for, and each has its backoff.
            let limit = 15 * max(1, profile.engine.breaker - 1)
            worker.witness.outageSends.append(now)
            if worker.witness.outageSends.count > limit,
                worker.witness.outageSends[worker.witness.outageSends.count - limit - 1] > now - 10_000
            {
                fail(
                    "hold.flood", "more than \(limit) requests in 10 s after 40 s of an outage", worker: worker.index)
            }
        }
        if worker.keyVersion != keyVersion, !isActive(.outage), !isActive(.rateLimit) {
            worker.witness.staleKeySends += 1
            if worker.witness.staleKeySends > profile.engine.concurrency + 12 {
                fail(
                    "hold.stale-key", "\(worker.witness.staleKeySends) requests with a key that is refused",
                    worker: worker.index)
            }
        } else if worker.keyVersion == keyVersion {
            worker.witness.staleKeySends = 0
        }
    }

    func witnessCallEnded(_ worker: SimulatedWorker, _ ended: SimulatedWorker.Call) {
        let witness = worker.witness
        var call = ended
        // The API asks to wait once for each contract; such an answer is not judged.
        if case .rejected(let status, _, let delay?) = ended.outcome {
            call.outcome = .unavailable(status: status, retryAfter: delay)
        }
        let contract = call.contract
        sequence += 1
        // Calls that were in flight together lose their connections together.
        var countsForBreaker = true
        switch call.outcome {
        case .ambiguous(.connectionClosed), .ambiguous(.incompleteHead), .ambiguous(.resendStopped):
            countsForBreaker = call.sequence > witness.lossSequence
            if countsForBreaker { witness.lossSequence = sequence }
        default: break
        }
        witnessStatus(witness, call)
        witnessReason(worker, call, countsForBreaker: countsForBreaker)
        witnessHold(worker, call)
        defer { witnessWaitsAgain(worker, call) }
        var isTrouble = true
        switch call.outcome {
        case .revoked:
            isTrouble = false
            if witness.streak.count > profile.engine.streakLimit { witness.lastProvenSequence = sequence }
            witness.streak.removeAll()
            witness.longestStreak.removeAll()
            witness.lastGood = now
            witness.lastGoodSequence = sequence
            witness.goods += 1
            witness.noCallBefore = .min
            witness.noLaneCallBefore[contract] = .min
            witness.conflicts[contract] = 0
            witness.firstTrouble[contract] = -1
            witness.retrySequence[contract] = -1
            cover(worker, call)
        case .rejected: countPermanent(witness, call)
        case .conflict:
            witness.conflicts[contract] += 1
            if witness.conflicts[contract] >= profile.engine.conflictAttempts, !witness.longestStreak.contains(contract)
            {
                witness.longestStreak.append(contract)
            }
            // It counts for the streak when the engine takes it as permanent, which its dead letter shows.
            let others = witness.streak.count - (witness.streak.contains(contract) ? 1 : 0)
            if witness.conflicts[contract] >= profile.engine.conflictAttempts, others < profile.engine.streakLimit {
                witness.rejectPermit[contract] = max(witness.rejectPermit[contract], call.sequence)
                witness.conflictGoods[contract] = witness.goods
            }
        case .rateLimited: isTrouble = false
        case .unavailable(_, let delay):
            if let delay { witness.noLaneCallBefore[contract] = now + min(delay, 3_600_000) }
        case .unauthorized(let version): isTrouble = version == worker.keyVersion
        case .withheld: isTrouble = false
        case .transient, .misdirected, .unreachable, .ambiguous: break
        }
        switch call.outcome {
        case .transient, .unavailable, .misdirected, .unreachable, .ambiguous:
            if countsForBreaker, !witness.failing.contains(contract) { witness.failing.append(contract) }
        case .withheld: break
        case .revoked, .rejected, .conflict, .rateLimited, .unauthorized: witness.failing.removeAll()
        }
        if isTrouble {
            if witness.firstTrouble[contract] < 0 {
                witness.firstTrouble[contract] = now
                witness.heldAtTrouble[contract] = heldTime(witness)
            }
            witness.lastTrouble[contract] = now
            // An answer that does not count leaves the contract as it was before the call.
            switch call.outcome {
            case .rejected where witness.isBeforeProof(call), .conflict where witness.isBeforeProof(call): break
            default: witness.retrySequence[contract] = call.sequence
            }
        }
    }

    private func countPermanent(_ witness: Witness, _ call: SimulatedWorker.Call) {
        // An answer to a call that started before the good answer that ended the streak never settles.
        guard call.sequence > witness.lastProvenSequence else { return }
        let contract = call.contract
        if !witness.longestStreak.contains(contract) { witness.longestStreak.append(contract) }
        let isNew = !witness.streak.contains(contract)
        if witness.streak.count + (isNew ? 1 : 0) <= profile.engine.streakLimit {
            witness.rejectPermit[contract] = max(witness.rejectPermit[contract], call.sequence)
        }
        // One to a call that started before another good answer may count or not.
        guard call.sequence > witness.lastGoodSequence else { return }
        if isNew { witness.streak.append(contract) }
        if witness.longestStreak.count <= profile.engine.streakLimit {
            witness.permanentPermit[contract] = max(witness.permanentPermit[contract], call.sequence)
        }
    }

    /// Invariant 2a: what a 204 settles.
    private func cover(_ worker: SimulatedWorker, _ call: SimulatedWorker.Call) {
        let witness = worker.witness
        var copies: [Int64] = []
        // A copy may have been read in the last assignment, like the event that the call covers.
        let read = witness.seen[call.contract] + witness.open[call.contract]
        for id in read where witness.firstRead[id] < call.sequence { copies.append(topic.records[id].copy) }
        oweSettling(worker, call)
        for id in read where witness.firstRead[id] < call.sequence || copies.contains(topic.records[id].copy) {
            settleByCall(witness, id)
        }
        witness.seen[call.contract].removeAll { witness.covered.contains($0) }
    }

    private func settleByCall(_ witness: Witness, _ id: Int) {
        witness.covered.insert(id)
        let record = topic.records[id]
        witness.known[record.partition].insert(record.local)
        close(id, gone: false)
    }

    func witnessCommitSent(_ worker: SimulatedWorker, _ pending: inout PendingCommit) {
        let witness = worker.witness
        for part in pending.parts {
            let partition = Int(part.partition)
            guard let epoch = witness.epochs[partition] else { continue }
            var stored = StoredCommit(
                offset: part.offset, metadata: part.metadata, known: BitSet(), firstOpen: -1,
                incarnation: epoch.incarnation)
            if !epoch.hasStored {
                // The metadata that was read says what it said before.
                if let read = epoch.read, read.incarnation == epoch.incarnation, part.metadata == read.metadata {
                    stored.isDamaged = read.isDamaged
                    stored.mayBeCalled = read.mayBeCalled
                    stored.known = read.known
                    // It is of another offset when retention took the records between.
                    if read.offset == part.offset {
                        stored.isClean = read.isClean
                        stored.must = read.must
                    }
                    stored.called = read.called
                    stored.firstOpen = read.firstOpen
                }
                pending.saves.append(0)
            } else {
                stored.known = witness.known[partition]
                stored.must = epoch.must
                stored.called = epoch.called
                stored.mayBeCalled = max(epoch.freshFrom - 1, epoch.maybeCalled)
                stored.isClean = isQuietDrain(worker, epoch)
                stored.firstOpen = firstRead(witness, partition, epoch, from: part.offset)
                pending.saves.append(epoch.unsaved.count)
            }
            pending.isFirst.append(!epoch.hasStored)
            pending.epochs.append(epoch.number)
            pending.stored.append(stored)
            witness.epochs[partition]?.issued = epoch.unsaved.count
            witness.epochs[partition]?.lastCommit = part.offset
        }
    }

    func witnessCommitEnded(_ worker: SimulatedWorker, _ pending: PendingCommit) {
        let witness = worker.witness
        var isFenced = false
        witness.lastCommitFailed = pending.results.count < pending.parts.count
        witness.lastCommitStored = false
        witness.commitEndedAt = now
        witness.commitIsRepeated = false
        for index in pending.parts.indices {
            let partition = Int(pending.parts[index].partition)
            var result = CommitResult.failed
            for answer in pending.results where Int(answer.partition) == partition { result = answer.result }
            if result != .stored { witness.lastCommitFailed = true }
            guard var epoch = witness.epochs[partition], epoch.number == pending.epochs[index] else { continue }
            if result == .stored || result == .nothingToDo { witness.lastCommitStored = true }
            if result == .failed { witness.commitIsRepeated = true }
            epoch.wasRefused = result == .rebalanceInProgress
            switch result {
            case .stored, .nothingToDo:
                epoch.unsaved.removeFirst(pending.saves[index])
                if let passed = epoch.passedAt, passed < pending.sentAt, !pending.isFirst[index] {
                    epoch.passedAt = nil
                }
                if result == .stored {
                    epoch.hasStored = true
                    if pending.serial >= epoch.confirmSerial {
                        epoch.isConfirmed = true
                        if !pending.isFirst[index] { epoch.isOpen = true }
                    }
                }
            case .fenced:
                epoch.isFenced = true
                isFenced = true
            case .metadataTooLarge: epoch.sawMetadataTooLarge = true
            case .rebalanceInProgress, .failed: break
            }
            epoch.issued = 0
            witness.epochs[partition] = epoch
        }
        // The member's generation is over, for all its partitions.
        guard isFenced else { return }
        for partition in witness.epochs.indices where witness.epochs[partition] != nil {
            witness.epochs[partition]?.isFenced = true
        }
    }

    func turnBegins(_ worker: SimulatedWorker, _ instant: Instant) {
        let limit = profile.engine.sessionTimeout / 2
        guard
            now - worker.lastTurn > limit
                || instant.wall - SimulatedWorker.epoch - worker.lastTurnWallSinceEpoch > limit
        else { return }
        let witness = worker.witness
        witness.commitIsRepeated = false
        // A worker that is stopping takes nothing any more.
        if worker.isStopping, case .assign = witness.pending { return }
        witness.isSuspicionDue = witness.epochs.contains { $0.map { !$0.isLost } ?? false }
        for partition in witness.epochs.indices where witness.epochs[partition] != nil {
            witness.epochs[partition]?.isConfirmed = false
            witness.epochs[partition]?.isOpen = false
            witness.epochs[partition]?.confirmSerial = commitSerial + 1
        }
        doubtOrder(witness)
    }
}
