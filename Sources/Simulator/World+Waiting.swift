import RevokeEngine
import RevokeModel

/// The order in which calls start, and that they do start: fresh contracts first, then the backlog, then retries, the
/// oldest first, and every fourth start for the oldest of the lower classes. Only what the design says for certain is
/// asked for: contracts without trouble that nothing has moved in their queue, and retries since the last hold.
extension World {
    // MARK: What the witness knows

    /// An event was read: its contract waits for a call, unless one is in flight.
    func witnessWaits(_ worker: SimulatedWorker, _ id: Int, former: (sequence: Int, epoch: UInt64)) {
        let witness = worker.witness
        let record = topic.records[id]
        guard let epoch = witness.epochs[record.partition], witness.lastEpoch[id] == epoch.number else { return }
        // Also when the last assignment ended before it was read again.
        var isRemembered = false
        var readUntil = witness.assignedAt
        if epoch.remembers, former.epoch != 0, let last = witness.former[record.partition] {
            isRemembered = last.number == former.epoch
            if !isRemembered, last.remembers, last.remembered == former.epoch {
                isRemembered = true
                readUntil = last.assignedAt
            }
        }
        witness.adopted.remove(id)
        let isOnItsWay = worker.letters.contains { $0.record == id }
        if isOnItsWay, !isRemembered, witness.lettered.contains(id) { witness.mayBeLettered.insert(id) }
        if !isOnItsWay { witness.mayBeLettered.remove(id) }
        if !isOnItsWay || !isRemembered { witness.lettered.remove(id) }
        if !(isRemembered && isOnItsWay) {
            witness.attempts[id] = 0...(isOnItsWay ? witness.attempts[id].upperBound : 0)
        }
        guard case .event(let facts) = record.content, !record.isUnknownAccount else { return }
        witness.isFresh[id] = freshness(worker, id, facts, epoch)
        if epoch.must.contains(record.local) { return }
        witnessComesBack(witness, record)
        let contract = record.contract
        if let call = worker.calls.first(where: { $0.contract == contract }) {
            if call.sequence > witness.firstRead[id], witness.firstRead[id] != witness.lastRead[id] {
                witness.waiting[contract].isAdopted = true
                if isRemembered, former.sequence < call.sequence, call.startedAt < readUntil {
                    witness.adopted.insert(id)
                }
            }
            return
        }
        var waiting = witness.waiting[contract]
        let queue = classOf(witness, [id])
        if waiting.since < 0 {
            waiting.since = sequence
            waiting.queue = queue
            waiting.isCertain =
                (!waiting.hasTrouble || waiting.isFreed) && epoch.isOpen && !witness.isHeld
                && witness.open[contract].count == 1
        } else if waiting.queue == .backlog, queue != .backlog {
            waiting.since = sequence
            waiting.queue = queue
        }
        if isOnItsWay || !epoch.isOpen || epoch.isDraining || epoch.isFenced { waiting.isCertain = false }
        witness.waiting[contract] = waiting
    }

    /// A contract without events has one again: trouble is remembered for a minute, and for so many contracts.
    private func witnessComesBack(_ witness: Witness, _ record: LogRecord) {
        let contract = record.contract
        let isForgotten =
            now - witness.waiting[contract].lostAt > 58_000 || profile.contracts.count > 1_024
            || witness.known[record.partition].contains(record.local)
        if witness.waiting[contract].freshConnection == true, isForgotten {
            witness.waiting[contract].freshConnection = nil
        }
        witness.waiting[contract].lostAt = .max / 2
    }

    /// Whether an event is fresh when it is read, as far as the design says it.
    private func freshness(
        _ worker: SimulatedWorker, _ id: Int, _ facts: EventFacts, _ epoch: Witness.Epoch
    ) -> Bool? {
        guard !facts.isReplay, let earliest = facts.earliestTime else { return false }
        if worker.instant(now).wall - earliest >= profile.engine.freshness { return false }
        let record = topic.records[id]
        if record.offset >= epoch.freshFrom { return true }
        // Until the log's ends are known, any record may have been called before; but for what a clean predecessor left, and
        // what the worker knows of its own last assignment.
        let wasHeld = worker.witness.former[record.partition]?.cycle == epoch.cycle - 1
        if epoch.freshFrom == .max, !wasHeld, CommitMetadata(decoding: epoch.metadataRead)?.clean != true {
            return false
        }
        return epoch.called.contains(record.local) ? false : nil
    }

    private func classOf(_ witness: Witness, _ ids: [Int]) -> Witness.Waiting.Class {
        var isKnown = true
        for id in ids {
            switch witness.isFresh[id] {
            case true?: return .fresh
            case false?: break
            case nil: isKnown = false
            }
        }
        return isKnown ? .backlog : .unknown
    }

    /// A call starts: what it covers counts as called.
    func witnessCalled(_ witness: Witness, _ contract: Int) {
        for id in witness.open[contract] where witness.isCurrent(id, partition: topic.records[id].partition) {
            let record = topic.records[id]
            witness.epochs[record.partition]?.called.insert(record.local)
            let highest = witness.epochs[record.partition]?.maybeCalled ?? -1
            witness.epochs[record.partition]?.maybeCalled = max(highest, record.offset)
        }
        witness.waiting[contract].since = -1
        witness.waiting[contract].isRetry = false
        witness.waiting[contract].isReleased = false
    }

    /// A contract without open events waits no more.
    func leaveQueue(_ witness: Witness, _ contract: Int) {
        guard witness.open[contract].isEmpty else { return }
        witness.waiting[contract].since = -1
        witness.waiting[contract].isRetry = false
        witness.waiting[contract].isAdopted = false
        witness.waiting[contract].aloneSince = -1
        if witness.waiting[contract].lostAt == .max / 2 { witness.waiting[contract].lostAt = now }
    }

    /// Lanes may have moved in their queues.
    func doubtOrder(_ witness: Witness) {
        for contract in witness.waiting.indices {
            witness.waiting[contract].isCertain = false
            witness.waiting[contract].isRetry = false
        }
        witness.freshRun = 0
        witness.backlogRun = 0
    }

    /// What a 204 has to settle at once: the events that were read before its call in this assignment, identical copies
    /// that were read since, and events that were read again while it was in flight.
    func oweSettling(_ worker: SimulatedWorker, _ call: SimulatedWorker.Call) {
        let witness = worker.witness
        let open = witness.open[call.contract]
        var copies: [Int64] = []
        let callable = open.filter { !witness.isOrMayBeLettered($0) && !isRejected(witness, $0) }
        for id in callable where witness.lastRead[id] < call.sequence { copies.append(topic.records[id].copy) }
        for id in callable
        where witness.lastRead[id] < call.sequence
            || (witness.adopted.contains(id) || open.count <= 64 && copies.contains(topic.records[id].copy))
                && !witness.readLate.contains(id)
        {
            witness.due.append(id)
        }
        // What the call covered in the last assignment is not called again when the partition comes back.
        for id in witness.seen[call.contract] where witness.lastRead[id] < call.sequence && !open.contains(id) {
            let record = topic.records[id]
            guard let former = witness.former[record.partition], former.number == witness.lastEpoch[id] else {
                continue
            }
            if witness.epochs[record.partition] == nil, former.cycle == witness.cycle {
                witness.former[record.partition]?.must.insert(record.local)
            } else if call.startedAt < witness.assignedAt, witness.epochs[record.partition]?.remembers == true {
                witness.epochs[record.partition]?.must.insert(record.local)
            }
        }
    }

    /// A call ended: how the contract waits now.
    func witnessWaitsAgain(_ worker: SimulatedWorker, _ call: SimulatedWorker.Call) {
        let witness = worker.witness
        var waiting = witness.waiting[call.contract]
        waiting.lastEnd = now
        waiting.retryFrom = now
        waiting.isUnproven = false
        switch call.outcome {
        case .transient, .ambiguous, .unreachable, .misdirected, .unavailable(_, nil): waiting.hasPlainBackoff = true
        default: waiting.hasPlainBackoff = false
        }
        if call.sentAt >= witness.assignedAt, call.sequence > witness.assignedSequence {
            witness.ended.append((call.sentAt, now, call.sequence))
        }
        let open = witness.open[call.contract]
        if call.sentAt >= 0, call.outcome != .revoked {
            for id in open {
                if witness.lettered.contains(id) { continue }
                let range = witness.attempts[id]
                let isSure =
                    witness.lastRead[id] < call.sequence && !witness.mayBeLettered.contains(id)
                    && !isRejected(witness, id)
                witness.attempts[id] = (range.lowerBound + (isSure ? 1 : 0))...(range.upperBound + 1)
            }
        }
        var isAgain = false
        switch call.outcome {
        case .revoked:
            waiting.beginAnew()
            isAgain = true
        case .withheld: isAgain = !waiting.hasTrouble
        case .unauthorized(let version) where version != worker.keyVersion: isAgain = !waiting.hasTrouble
        case .rateLimited: break
        case .rejected where witness.rejectPermit[call.contract] >= call.sequence,
            .conflict where witness.rejectPermit[call.contract] >= call.sequence:
            // Its events end in dead letters; what was read since waits like the events of another contract.
            waiting.beginAnew()
            waiting.freshConnection = nil
            if witness.permanentPermit[call.contract] >= call.sequence {
                waiting.since = open.isEmpty ? -1 : sequence
            } else {
                // Or the streak was over its limit, and it waits for a retry.
                waiting.hasTrouble = true
                waiting.mostBackoffs = witness.waiting[call.contract].mostBackoffs + 1
            }
        case .rejected where witness.isBeforeProof(call): isAgain = !waiting.hasTrouble
        case .conflict where witness.isBeforeProof(call):
            waiting.fail()
            waiting.isRetry = false
        case .rejected:
            waiting.fail()
            waiting.isUnproven = true
        case .misdirected(_, mayEndAlone: true): waiting.failAlone(at: now)
        case .unauthorized, .conflict, .misdirected, .unreachable: waiting.fail()
        case .unavailable: waiting.failAlone(at: now)
        case .transient, .ambiguous:
            waiting.failAlone(at: now)
            waiting.freshConnection = true
        }
        if open.isEmpty {
            // The lane may be gone, or remember its trouble for a while.
            if waiting.hasTrouble { waiting.freshConnection = nil }
            waiting.isRetry = false
        }
        if isAgain {
            let left = open.filter { !witness.covered.contains($0) }
            waiting.since = left.isEmpty ? -1 : sequence
            waiting.queue = classOf(witness, left)
            waiting.isCertain = !witness.isHeld && isCallable(witness, left)
            // What was read again since the call started may be settled by it, or wait on.
            if open.contains(where: { witness.covered.contains($0) && !witness.due.contains($0) }) {
                waiting.since = sequence
                waiting.isCertain = false
            }
        }
        witness.waiting[call.contract] = waiting
    }

    /// Whether an earlier permanent answer may have ended the event.
    private func isRejected(_ witness: Witness, _ id: Int) -> Bool {
        witness.firstRead[id] < witness.rejectPermit[topic.records[id].contract]
    }

    /// Whether all these events are of partitions that are held, confirmed and not revoked.
    func isCallable(_ witness: Witness, _ ids: [Int]) -> Bool {
        for id in ids {
            guard let epoch = witness.epochs[topic.records[id].partition], witness.lastEpoch[id] == epoch.number,
                epoch.isOpen, !epoch.isDraining, !epoch.isFenced, !epoch.must.contains(topic.records[id].local)
            else { return false }
        }
        return !ids.isEmpty
    }

    /// When the oldest open event of a contract was read.
    private func oldest(_ witness: Witness, _ contract: Int) -> Int {
        var oldest = Int.max
        for id in witness.open[contract] { oldest = min(oldest, witness.lastRead[id]) }
        return oldest
    }

    /// Whether a contract's retry may start now: its backoff is over however it was drawn.
    private func isRetryReady(_ worker: SimulatedWorker, _ contract: Int, released: Bool = false) -> Bool {
        let witness = worker.witness
        let waiting = witness.waiting[contract]
        guard released ? waiting.isReleased : waiting.isRetry, witness.rejectPermit[contract] < 0,
            isCallable(witness, witness.open[contract]),
            released || now > waiting.retryFrom + longestBackoff(waiting.mostBackoffs) + 10,
            witness.noLaneCallBefore[contract] == .min
                || now > witness.noLaneCallBefore[contract] + profile.engine.backoffCap + 10
        else { return false }
        for id in witness.open[contract] where worker.letters.contains(where: { $0.record == id }) { return false }
        for call in worker.calls where call.contract == contract { return false }
        return true
    }

    // MARK: Order

    func checkOrder(_ worker: SimulatedWorker, _ contract: Int) {
        let witness = worker.witness
        let number = witness.starts
        witness.starts += 1
        guard !witness.isHeld else {
            witness.freshRun = 0
            witness.backlogRun = 0
            return
        }
        let mine = witness.waiting[contract]
        let isRetry = mine.isRetry && !mine.isAdopted
        let isFresh = mine.since >= 0 && mine.isCertain && mine.queue == .fresh
        let isBacklog = mine.since >= 0 && mine.isCertain && mine.queue == .backlog
        let myAge = oldest(witness, contract)
        var passesOver = false
        var lowerWaits = false
        for other in witness.waiting.indices where other != contract {
            let waiting = witness.waiting[other]
            guard waiting.since >= 0, waiting.isCertain, isCallable(witness, witness.open[other]) else { continue }
            switch waiting.queue {
            case .fresh:
                if isBacklog || isRetry { passesOver = true }
                if isFresh, waiting.since < mine.since {
                    fail(
                        "order.age",
                        "a fresh contract starts before \(Topic.contractBase + Int64(other)), which waits for longer",
                        worker: worker.index, contract: contract)
                }
            case .backlog:
                lowerWaits = true
                if isBacklog, waiting.since < mine.since {
                    fail(
                        "order.age",
                        "a contract of the backlog starts before \(Topic.contractBase + Int64(other)), which waits for longer",
                        worker: worker.index, contract: contract)
                }
                if isRetry { passesOver = true }
            case .unknown: break
            }
        }
        if isRetry, let other = olderBacklog(worker, contract, than: myAge) {
            fail(
                "order.retry",
                "a retry starts before \(Topic.contractBase + Int64(other)) of the backlog, whose event is older",
                worker: worker.index, contract: contract)
        }
        if passesOver {
            if number - witness.lastInversion < 4 {
                fail(
                    "order.class", "two of four starts in a row pass over a higher class", worker: worker.index,
                    contract: contract)
            }
            witness.lastInversion = number
        }
        witness.freshRun = isFresh && lowerWaits ? witness.freshRun + 1 : 0
        if witness.freshRun > 3 {
            fail(
                "order.starved", "four fresh contracts in a row start while the backlog waits", worker: worker.index,
                contract: contract)
        }
        var olderRetryWaits = false
        if isBacklog || isFresh, !mine.isAdopted,
            worker.calls.count(where: { !$0.isFirst }) < max(1, profile.engine.concurrency / 4)
        {
            // Retries wait from the end of their backoffs on, which is drawn: any of them may be the first.
            for other in witness.waiting.indices
            where other != contract && witness.waiting[other].hasTrouble && !witness.open[other].isEmpty {
                if oldest(witness, other) > myAge, !worker.calls.contains(where: { $0.contract == other }) {
                    olderRetryWaits = false
                    break
                }
                if isRetryReady(worker, other), !witness.waiting[other].isAdopted { olderRetryWaits = true }
            }
        }
        witness.backlogRun = olderRetryWaits ? witness.backlogRun + 1 : 0
        if witness.backlogRun > 3 {
            fail(
                "order.starved", "four contracts in a row start while an older retry waits", worker: worker.index,
                contract: contract)
        }
    }

    /// The first contract of the backlog if its oldest event is surely older than a retry's: those behind it wait for
    /// less, however old their events are, and one whose class is not known may stand before it.
    private func olderBacklog(_ worker: SimulatedWorker, _ contract: Int, than age: Int) -> Int? {
        let witness = worker.witness
        var first: Int?
        for other in witness.waiting.indices where other != contract && !witness.open[other].isEmpty {
            let waiting = witness.waiting[other]
            if waiting.isRetry { continue }
            if waiting.since >= 0, waiting.isCertain, isCallable(witness, witness.open[other]) {
                if waiting.queue == .fresh { continue }
                if waiting.queue == .backlog {
                    if first.map({ waiting.since < witness.waiting[$0].since }) ?? true { first = other }
                    continue
                }
            }
            if oldest(witness, other) > age, !worker.calls.contains(where: { $0.contract == other }) { return nil }
        }
        guard let first, oldest(witness, first) < age else { return nil }
        return first
    }

    // MARK: What has to happen in a turn

    /// What a 204 covers is settled before the turn ends; what a contract's trouble tells is told.
    func checkDue(_ worker: SimulatedWorker) {
        let witness = worker.witness
        for id in witness.due {
            let record = topic.records[id]
            guard let epoch = witness.epochs[record.partition], witness.lastEpoch[id] == epoch.number,
                !epoch.isLost, !epoch.isFenced, !epoch.must.contains(record.local)
            else { continue }
            fail(
                "settle.late", "a 204 covers \(record.partition)/\(record.offset) and it is not settled",
                worker: worker.index,
                partition: record.partition, contract: record.contract)
        }
        witness.due.removeAll()
    }

    /// Nothing that may start waits: the time from an event to its 204 is short.
    func checkIdle(_ worker: SimulatedWorker) {
        let witness = worker.witness
        guard !witness.isHeld, !worker.isStopping, case .none = witness.pending, now > witness.notBeforeHigh,
            !witness.isUnproven, worker.calls.count < max(1, profile.engine.concurrency * witness.paceLow / 1_024),
            hasRoom(worker), !witness.lastCommitFailed
        else { return }
        for case let epoch? in witness.epochs where epoch.mayStop(at: now) { return }
        for contract in witness.waiting.indices {
            let waiting = witness.waiting[contract]
            if waiting.since >= 0, waiting.isCertain, isCallable(witness, witness.open[contract]),
                !worker.letters.contains(where: { topic.records[$0.record].contract == contract })
            {
                fail("progress.idle", "a contract waits that may be called", worker: worker.index, contract: contract)
            }
            if worker.calls.isEmpty,
                isRetryReady(worker, contract) || isRetryReady(worker, contract, released: true)
            {
                fail(
                    "progress.idle", "a retry waits though its backoff is over", worker: worker.index,
                    contract: contract)
            }
        }
    }

    // MARK: Notes and figures

    func checkProof(_ worker: SimulatedWorker, isUnproven: Bool) {
        if worker.witness.isUnproven == isUnproven {
            fail("note.proof", "the engine says twice whether the account is proven", worker: worker.index)
        }
        worker.witness.isUnproven = isUnproven
        if !isUnproven { worker.witness.toldProvenSequence = sequence }
        // A good answer calls the contracts again whose permanent answers did not settle.
        for contract in worker.witness.waiting.indices
        where !isUnproven && worker.witness.waiting[contract].isUnproven {
            worker.witness.waiting[contract].retryFrom = .min / 2
        }
    }

    /// Events of another type are no undecodable records.
    func checkUndecodable(_ worker: SimulatedWorker, isUndecodable: Bool) {
        let witness = worker.witness
        witness.saysUndecodable = isUndecodable
        if isUndecodable, witness.undecodableRead <= profile.engine.undecodableLimit {
            fail(
                "note.undecodable", "only \(witness.undecodableRead) undecodable records were read",
                worker: worker.index)
        }
    }

    /// While undecodable records wait, those of another type do not.
    func checkForeignEvents(_ worker: SimulatedWorker) {
        let witness = worker.witness
        guard witness.saysUndecodable, worker.letters.isEmpty, now - witness.letterFailedAt > 6_000,
            !witness.saysCommitsFail, !worker.isStopping, case .none = witness.pending
        else { return }
        for case let epoch? in witness.epochs where epoch.mayStop(at: now) { return }
        for partition in witness.epochs.indices {
            guard let epoch = witness.epochs[partition], epoch.isOpen, !epoch.isDraining, !epoch.isFenced,
                !epoch.isLost, epoch.incarnation == topic.logs[partition].incarnation
            else { continue }
            let log = topic.logs[partition]
            for place in topic.place(partition, atOrAbove: epoch.start)..<log.ids.count {
                let record = topic.records[log.ids[place]]
                guard record.offset <= epoch.lastReceived else { break }
                guard case .failure(.unknownType) = record.content, !profile.engine.skipUnknownTypes,
                    witness.isCurrent(log.ids[place], partition: partition), !witness.known[partition].contains(place),
                    !witness.lettered.contains(log.ids[place]), !witness.mayBeLettered.contains(log.ids[place])
                else { continue }
                fail(
                    "dead-letter.foreign", "an event of another type waits for one of ours",
                    worker: worker.index, partition: partition)
                return
            }
        }
    }

    func checkStuck(_ worker: SimulatedWorker, _ contract: ContractID) {
        let index = Int(contract.value - Topic.contractBase)
        guard worker.witness.waiting.indices.contains(index) else { return }
        if worker.witness.waiting[index].isStuckNoted {
            fail("note.stuck", "a stuck contract is told twice", worker: worker.index, contract: index)
        }
        worker.witness.waiting[index].isStuckNoted = true
    }

    /// Invariant 7, and that the figures are no nonsense.
    func checkFigures(_ worker: SimulatedWorker) {
        let witness = worker.witness
        let snapshot = worker.engine.snapshot(now: worker.instant(now))
        var lanes = 0
        for contract in witness.waiting.indices {
            if !witness.open[contract].isEmpty || worker.calls.contains(where: { $0.contract == contract }) {
                witness.waiting[contract].lastOpen = now
            }
            // A lane is remembered for a minute, and longer while its Retry-After is not over.
            let last = max(witness.waiting[contract].lastOpen, witness.waiting[contract].lastEnd)
            if now - max(last, witness.noLaneCallBefore[contract]) <= 62_000 { lanes += 1 }
            let waiting = witness.waiting[contract]
            if waiting.aloneSince >= 0, !waiting.isStuckNoted, waiting.aloneAt == now, waiting.isRetry,
                now - waiting.aloneSince > profile.engine.contractRetryLimit, !witness.open[contract].isEmpty
            {
                fail("note.stuck", "a stuck contract is not told", worker: worker.index, contract: contract)
            }
        }
        var open = 0
        for case let epoch? in witness.epochs { open += epoch.openRecords }
        if snapshot.lanes > lanes {
            fail(
                "memory.lanes", "\(snapshot.lanes) lanes, \(lanes) contracts had an event lately", worker: worker.index)
        }
        if snapshot.lanesRetrying < 0 || snapshot.lanesRetrying > snapshot.lanes {
            fail("figures", "\(snapshot.lanesRetrying) of \(snapshot.lanes) lanes retry", worker: worker.index)
        }
        if snapshot.places > 2 * open + 64 * witness.held + 16 {
            fail("memory.places", "\(snapshot.places) places for \(open) open records", worker: worker.index)
        }
        if snapshot.hold != (witness.isHeld ? witness.hold : nil)
            || snapshot.deadLettersInFlight != worker.letters.count
            || snapshot.commitInFlight != (worker.commitInFlight != nil) || snapshot.shuttingDown != worker.isStopping
            || snapshot.commitsFailing != witness.saysCommitsFail
        {
            fail("figures", "hold, dead letters, commit or stop are not so: \(snapshot)", worker: worker.index)
        }
        if snapshot.callsInFlight != worker.calls.count {
            fail("figures", "\(snapshot.callsInFlight) calls, there are \(worker.calls.count)", worker: worker.index)
        }
    }

    func checkFiguresAtRest(_ worker: SimulatedWorker) {
        let snapshot = worker.engine.snapshot(now: worker.instant(now))
        var withoutBudget = 0
        for partition in worker.witness.epochs.indices where worker.witness.epochs[partition] != nil {
            if partLimits(worker.witness, partition).contains(0) { withoutBudget += 1 }
        }
        if snapshot.openRecords != 0 || snapshot.openBytes != 0 || snapshot.lanesRetrying != 0
            || snapshot.callsInFlight != 0 || snapshot.deadLettersInFlight != 0 || snapshot.pausedPartitions != 0
            || snapshot.partitionsWithoutBudget != withoutBudget
        {
            fail("figures", "everything is settled and the figures say otherwise: \(snapshot)", worker: worker.index)
        }
    }
}
