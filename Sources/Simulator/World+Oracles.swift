import RevokeEngine
import RevokeModel

/// The checks of what an engine does. The names of the oracles are listed in `docs/simulation.md`.
extension World {
    func check(_ worker: SimulatedWorker, _ action: EngineAction) {
        switch action {
        case .startCall(let id, let contract, let fresh): checkCall(worker, id, contract, freshConnection: fresh)
        case .produceDeadLetter(let order): checkDeadLetter(worker, order)
        case .commit(_, let parts): checkCommit(worker, parts)
        case .assign(let rebalance, let offsets): checkAssign(worker, rebalance, offsets)
        case .reassign(let rebalance, let offsets): checkReassign(worker, rebalance, offsets)
        case .rejoin: fail("rebalance.rejoin", "the group is joined again without a reason", worker: worker.index)
        case .unassign(let rebalance): checkUnassign(worker, rebalance)
        case .pause(let partitions): checkPause(worker, partitions, pauses: true)
        case .resume(let partitions): checkPause(worker, partitions, pauses: false)
        case .settled(let partition, let offset, let token, let end, _):
            checkSettled(worker, PartitionOffset(partition: partition, offset: offset), token, end)
        case .release(let token): checkRelease(worker, token)
        case .note(let news):
            switch news {
            case .holdBegan(let kind):
                checkHoldReason(worker, kind)
                if !worker.witness.isHeld { worker.witness.heldSince = now }
                worker.witness.isHeld = true
                worker.witness.hold = kind
                witnessHoldBegan(worker, kind)
                worker.witness.keyProbeDue = nil
                worker.witness.failing.removeAll()
            case .holdEnded(let kind):
                let isOver = worker.witness.mayEndHold
                worker.witness.heldBefore = heldTime(worker.witness)
                worker.witness.isHeld = false
                witnessHoldEnded(worker, kind)
                worker.witness.keyProbeDue = nil
                worker.witness.failing.removeAll()
                // A good answer starts every waiting lane at the account's pace.
                for index in worker.witness.retrySequence.indices { worker.witness.retrySequence[index] = -1 }
                if isOver { for index in worker.calls.indices { worker.calls[index].isProbe = false } }
            case .unproven, .proven: checkProof(worker, isUnproven: news == .unproven)
            case .stuckContract(let contract): checkStuck(worker, contract)
            case .retentionPassed, .logRestarted, .suspicion, .commitsFailingBegan, .commitsFailingEnded:
                checkNote(worker, news)
            case .undecodableBegan: checkUndecodable(worker, isUndecodable: true)
            case .undecodableEnded: checkUndecodable(worker, isUndecodable: false)
            case .foreignEvents, .unknownAccount, .drainLimitPassed, .metadataIgnored: break
            }
        case .shutdownComplete(let open): checkShutdown(worker, open)
        }
    }

    // MARK: Calls

    private func checkCall(
        _ worker: SimulatedWorker, _ id: CallID, _ contract: ContractID, freshConnection: Bool
    ) {
        let witness = worker.witness
        let index = Int(contract.value - Topic.contractBase)
        guard profile.contracts.indices.contains(index) else {
            fail("call.unknown-contract", "a call for \(contract), which no event names", worker: worker.index)
            return
        }
        witness.keyProbeDue = nil
        var retries = 0
        for call in worker.calls {
            if call.contract == index {
                fail(
                    "lane.two-calls", "a second call in flight for one contract", worker: worker.index, contract: index)
            }
            if call.id == id {
                fail("call.number", "call number \(id) is used twice", worker: worker.index, contract: index)
            }
            if call.isProbe, witness.isHeld {
                fail(
                    "hold.two-probes", "a held account has two probes in flight", worker: worker.index, contract: index)
            }
            if call.isRetry { retries += 1 }
        }
        if worker.calls.count >= profile.engine.concurrency {
            fail("call.concurrency", "more calls in flight than allowed", worker: worker.index, contract: index)
        }
        if worker.isStopping {
            fail("drain.call", "a call starts after the stop began", worker: worker.index, contract: index)
        }
        if !witness.isHeld, witness.failing.count >= profile.engine.breaker {
            fail(
                "hold.breaker",
                "a call starts after transient failures in a row over \(witness.failing.count) contracts",
                worker: worker.index, contract: index)
        }
        if now < witness.noCallBefore {
            fail(
                "hold.retry-after",
                "a call starts \(witness.noCallBefore - now) ms before the 429's Retry-After has passed",
                worker: worker.index, contract: index)
        }
        if now < witness.noLaneCallBefore[index] {
            fail(
                "lane.retry-after",
                "a contract is called \(witness.noLaneCallBefore[index] - now) ms before its Retry-After has passed",
                worker: worker.index, contract: index)
        }
        checkCommitsDoNotFail(worker, "call", contract: index)
        justify(worker, index)
        checkOrder(worker, index)
        checkBackoff(worker, index)
        checkHold(worker, index)
        checkPace(worker, index)
        if let expected = witness.waiting[index].freshConnection, expected != freshConnection {
            fail(
                "call.connection",
                expected
                    ? "a retry goes over a connection that gave no answer"
                    : "a call asks for a new connection without need",
                worker: worker.index, contract: index)
        }
        if !witness.isHeld, isRetry(witness, index), retries >= max(1, profile.engine.concurrency / 4) {
            fail(
                "retry.share", "retries hold more than their share of the slots", worker: worker.index, contract: index)
        }
    }

    /// A call needs an open event of a partition that is held, confirmed and not draining.
    private func justify(_ worker: SimulatedWorker, _ contract: Int) {
        let witness = worker.witness
        var oracle = "call.without-event"
        var message = "no open event asks for the call"
        var partition = -1
        for id in witness.open[contract] {
            let record = topic.records[id]
            guard let epoch = witness.epochs[record.partition], witness.lastEpoch[id] == epoch.number else { continue }
            if epoch.must.contains(record.local) {
                (oracle, message) = ("call.repeat", "the call repeats what a commit says is settled")
            } else if epoch.isLost || epoch.isFenced {
                (oracle, message) = ("fence.call", "a call starts for a partition that is lost")
            } else if epoch.isDraining {
                (oracle, message) = ("drain.call", "a call starts for a partition that is revoked")
            } else if witness.lastRead[id] < witness.permanentPermit[contract] {
                (oracle, message) = (
                    "call.permanent", "the call asks again after a permanent answer within the streak limit"
                )
            } else if !epoch.isConfirmed {
                (oracle, message) = ("fence.unconfirmed", "a call starts before a commit has confirmed the assignment")
            } else {
                return
            }
            partition = record.partition
        }
        fail(oracle, message, worker: worker.index, partition: partition, contract: contract)
    }

    /// Invariant 9: while the oldest settled and uncommitted offset is older than 10 s nothing starts.
    private func checkCommitsDoNotFail(_ worker: SimulatedWorker, _ what: String, contract: Int) {
        for partition in worker.witness.epochs.indices {
            if let oldest = worker.witness.epochs[partition]?.unsaved.first, now - oldest > 10_000 {
                fail(
                    "commits-failing.\(what)", "a \(what) starts while an offset is uncommitted for \(now - oldest) ms",
                    worker: worker.index, partition: partition, contract: contract)
            }
        }
    }

    // MARK: Dead letters

    private func checkDeadLetter(_ worker: SimulatedWorker, _ order: DeadLetterOrder) {
        let witness = worker.witness
        guard let id = record(worker, order.token), topic.records[id].partition == Int(order.partition),
            topic.records[id].offset == order.offset
        else {
            fail(
                "token", "a dead letter has a token of another record", worker: worker.index,
                partition: Int(order.partition))
            return
        }
        let record = topic.records[id]
        func broken(_ oracle: String, _ message: @autoclosure () -> String) {
            fail(oracle, message(), worker: worker.index, partition: record.partition, contract: record.contract)
        }
        guard let epoch = witness.epochs[record.partition], witness.lastEpoch[id] == epoch.number, !epoch.isLost,
            !epoch.isFenced
        else { return broken("fence.dead-letter", "a dead letter for a partition that is not held") }
        if !epoch.isConfirmed {
            broken("fence.dead-letter", "a dead letter before a commit has confirmed the assignment")
        }
        checkCommitsDoNotFail(worker, "dead-letter", contract: record.contract)
        if epoch.must.contains(record.local) {
            broken("dead-letter.settled", "a dead letter for an event that is settled")
        }
        for letter in worker.letters where letter.record == id && letter.epoch == epoch.number {
            broken("dead-letter.twice", "two dead letters in flight for one event")
        }
        if !witness.attempts[id].contains(order.attempts) {
            broken(
                "dead-letter.attempts",
                "the dead letter says \(order.attempts) attempts, \(witness.attempts[id]) were made")
        }
        checkLetterBound(worker)
        checkLetterContents(worker, id, order)
        witness.epochs[record.partition]?.called.insert(record.local)
        witness.epochs[record.partition]?.maybeCalled = max(epoch.maybeCalled, record.offset)
        let isFirst = !witness.isOrMayBeLettered(id)
        witness.lettered.insert(id)
        witness.mayBeLettered.remove(id)
        if order.truncate, record.size <= profile.deadLetterLimit {
            broken("dead-letter.cut", "a dead letter is cut that was never too large")
        }
        switch order.reason {
        case .malformed(let failure):
            guard case .failure(failure) = record.content else {
                return broken("dead-letter.reason", "the record is not malformed in this way")
            }
            if failure == .unknownType, profile.engine.skipUnknownTypes {
                broken("dead-letter.reason", "unknown types are to be skipped")
            }
            if failure == .unknownType { break }
            if witness.malformedLetters.insert(id) { witness.malformedCount += 1 }
            if witness.decoded == 0, witness.malformedCount > profile.engine.undecodableLimit {
                broken(
                    "dead-letter.undecodable", "\(witness.malformedCount) dead letters though nothing was ever decoded")
            }
        case .rejected:
            guard record.contract >= 0 else { return broken("dead-letter.reason", "the record is malformed") }
            if !isRead(witness, id, before: witness.rejectPermit[record.contract]) {
                broken("dead-letter.rejected", "no permanent answer within the streak limit covers the event")
            }
            // A dead letter that is tried again says nothing of the answers since.
            if isFirst, witness.conflictGoods[record.contract] == witness.goods,
                !witness.streak.contains(record.contract)
            {
                witness.streak.append(record.contract)
            }
        case .retryLimit:
            guard record.contract >= 0 else { return broken("dead-letter.reason", "the record is malformed") }
            let first = witness.firstTrouble[record.contract]
            if !profile.contracts[record.contract].isPoison {
                broken("dead-letter.retry-limit", "the account's trouble ends an event")
            }
            let held = heldTime(witness) - witness.heldAtTrouble[record.contract]
            if first < 0 || now - first - held < profile.engine.contractRetryLimit {
                broken("dead-letter.retry-limit", "the trouble is younger than the limit")
            }
            if witness.lastTrouble[record.contract] - witness.lastGood > 600_000 {
                broken("dead-letter.retry-limit", "nothing was good within 10 min of the attempt")
            }
        case .unknownAccount:
            if !record.isUnknownAccount { broken("dead-letter.reason", "the event's account is known") }
            if now - witness.firstReadAt[id] < profile.engine.unknownAccountParking {
                broken("dead-letter.parking", "the event was parked for \(now - witness.firstReadAt[id]) ms only")
            }
        }
    }

    /// Whether the record, or an identical copy that is open, was first read before a moment.
    private func isRead(_ witness: Witness, _ id: Int, before sequence: Int) -> Bool {
        if witness.firstRead[id] < sequence { return true }
        let record = topic.records[id]
        for other in witness.firstRead.indices
        where witness.firstRead[other] >= 0 && witness.firstRead[other] < sequence
            && topic.records[other].copy == record.copy && topic.records[other].contract == record.contract
        {
            return true
        }
        return false
    }

    // MARK: Commits

    /// Invariant 5 across processes: a commit tells of the streak and of the undecodable records what its worker knows.
    private func checkMemory(_ worker: SimulatedWorker, _ part: CommitPart) {
        let witness = worker.witness
        guard let metadata = CommitMetadata(decoding: part.metadata) else { return }
        let told = metadata.streak.count
        let limit = min(profile.engine.streakLimit, CommitMetadata.streakLimit)
        if told < min(limit, witness.streak.count) || told > min(limit, witness.longestStreak.count) {
            fail(
                "commit.streak", "a commit tells of \(told) contracts of a streak of \(witness.streak.count)",
                worker: worker.index, partition: Int(part.partition))
        }
        if witness.decoded == 0, metadata.undecodable < witness.undecodableStored {
            fail(
                "commit.undecodable",
                "a commit tells of \(metadata.undecodable) undecodable records of \(witness.undecodableStored)",
                worker: worker.index, partition: Int(part.partition))
        }
    }

    private func checkCommit(_ worker: SimulatedWorker, _ parts: [CommitPart]) {
        let witness = worker.witness
        if worker.commitInFlight != nil { fail("commit.two-in-flight", "two commits in flight", worker: worker.index) }
        checkCommitWaits(worker)
        if parts.isEmpty { fail("commit.empty", "a commit of nothing", worker: worker.index) }
        for (index, part) in parts.enumerated() {
            let partition = Int(part.partition)
            func broken(_ oracle: String, _ message: @autoclosure () -> String) {
                fail(oracle, message(), worker: worker.index, partition: partition)
            }
            for other in parts[..<index] where other.partition == part.partition {
                broken("commit.twice", "a partition stands twice in a commit")
            }
            guard witness.epochs.indices.contains(partition), var epoch = witness.epochs[partition], !epoch.isLost,
                !epoch.isFenced
            else {
                broken("commit.old-epoch", "a commit for a partition that is not held")
                return
            }
            if part.metadata.count > profile.engine.metadataLimit, part.metadata != epoch.metadataRead {
                broken("commit.metadata-size", "\(part.metadata.count) bytes of metadata")
            }
            if !epoch.hasStored,
                part.offset != epoch.start || (epoch.read != nil && part.metadata != epoch.metadataRead),
                !(epoch.sawMetadataTooLarge && part.offset == epoch.start)
            {
                broken("commit.first", "the first commit of the epoch is not its start with the metadata that was read")
            }
            if epoch.hasStored, part.metadata != epoch.metadataRead, !epoch.sawMetadataTooLarge {
                checkMemory(worker, part)
            }
            if part.offset < epoch.lastCommit {
                broken("commit.backwards", "\(part.offset) after \(epoch.lastCommit)")
            }
            if part.offset > max(epoch.start, epoch.lastReceived + 1) {
                broken("commit.unread", "\(part.offset), but only \(epoch.lastReceived) was read")
            }
            // Invariant 1, over what this worker can know.
            let log = topic.logs[partition]
            var place = epoch.checkedPlace
            while place < log.ids.count {
                let record = topic.records[log.ids[place]]
                guard record.incarnation == epoch.incarnation, record.offset < part.offset else { break }
                if !record.isGone, !witness.known[partition].contains(place) {
                    fail(
                        "commit.above-unsettled",
                        "a commit at \(part.offset) passes \(record.offset), which is not settled",
                        worker: worker.index, partition: partition, contract: record.contract)
                    return
                }
                place += 1
            }
            epoch.checkedPlace = place
            epoch.isSurelyFull =
                part.metadata != epoch.metadataRead && isSurelyFull(epoch, partition, known: witness.known[partition])
            witness.epochs[partition] = epoch
        }
    }

    // MARK: Events' ends

    private func record(_ worker: SimulatedWorker, _ token: UInt32) -> Int? {
        guard worker.tokens.indices.contains(Int(token)), worker.tokens[Int(token)] >= 0 else { return nil }
        return worker.tokens[Int(token)]
    }

    private func checkSettled(
        _ worker: SimulatedWorker, _ position: PartitionOffset, _ token: UInt32, _ end: EventEnd
    ) {
        let witness = worker.witness
        guard let id = record(worker, token), topic.records[id].partition == Int(position.partition),
            topic.records[id].offset == position.offset
        else {
            fail(
                "token", "an event is settled by a token of another record", worker: worker.index,
                partition: Int(position.partition))
            return
        }
        let record = topic.records[id]
        func broken(_ oracle: String, _ message: @autoclosure () -> String) {
            fail(oracle, message(), worker: worker.index, partition: record.partition, contract: record.contract)
        }
        guard let epoch = witness.epochs[record.partition], witness.lastEpoch[id] == epoch.number, !epoch.isLost else {
            return broken("settle.old-epoch", "an event of a partition that is not held is settled")
        }
        if epoch.must.contains(record.local) {
            broken("settle.twice", "an event is settled that is known to be settled")
        }
        switch end {
        case .revoked:
            if !witness.covered.contains(id) {
                broken("settle.unjustified", "no 204 of a call that started after the read covers the event")
            }
            if isLeakActive(id) {
                broken("settle.not-revoked", "a credential is active that was so when the event was written")
            }
            if !isRevokedSinceRead(id) {
                broken("settle.not-revoked", "no call that started after the event was read was applied")
            }
        case .deadLettered(let reason):
            if witness.acknowledged[id] != reason {
                broken("settle.unjustified", "no dead letter with this reason is acknowledged")
            }
            checkInTopic(worker, id, reason)
        case .skipped(.unknownType):
            guard case .failure(.unknownType) = record.content, profile.engine.skipUnknownTypes else {
                return broken("settle.unjustified", "no rule skips the event")
            }
            witness.known[record.partition].insert(record.local)
            close(id, gone: false)
        }
        witness.epochs[record.partition]?.must.insert(record.local)
        witness.epochs[record.partition]?.settledHere.insert(record.local)
        witness.epochs[record.partition]?.unsaved.append(now)
        if record.contract >= 0, !record.isUnknownAccount { witness.forget(record.contract, with: id) }
    }

    /// When the first identical copy of a record was written.
    func oldestCopy(_ record: LogRecord) -> Int64 {
        for other in topic.records where other.copy == record.copy && other.contract == record.contract {
            return other.appended
        }
        return record.appended
    }

    private func checkRelease(_ worker: SimulatedWorker, _ token: UInt32) {
        let witness = worker.witness
        guard let id = record(worker, token) else {
            fail("token", "a token is released that is free", worker: worker.index)
            return
        }
        if witness.below.remove(token) != nil { return }
        let record = topic.records[id]
        guard let epoch = witness.epochs[record.partition], witness.lastEpoch[id] == epoch.number else { return }
        // At a drain's end the open records are released before the answer: they are looked at with the answer.
        let isAtDrain =
            (epoch.isDraining || worker.isStopping) && !witness.known[record.partition].contains(record.local)
        if record.contract >= 0, !isAtDrain {
            witness.open[record.contract].removeAll { $0 == id }
            // The event that gave the contract its place was settled before it was read, and gave none.
            if witness.waiting[record.contract].since == witness.lastRead[id] {
                witness.waiting[record.contract].isCertain = false
            }
            leaveQueue(witness, record.contract)
        }
        witness.epochs[record.partition]?.openRecords -= 1
        witness.epochs[record.partition]?.openBytes -= record.size
        if epoch.must.contains(record.local), !epoch.settledHere.contains(record.local), !epoch.isDraining,
            !worker.isStopping
        {
            // It was settled before it was read: the offset moves all the same, and is committed.
            witness.epochs[record.partition]?.settledHere.insert(record.local)
            witness.epochs[record.partition]?.unsaved.append(now)
        }
        if epoch.isDraining || epoch.isFenced || worker.isStopping
            || witness.known[record.partition].contains(record.local)
        {
            return
        }
        fail(
            "release.open", "an open event of a held partition is dropped", worker: worker.index,
            partition: record.partition, contract: record.contract)
    }

    // MARK: Rebalances

    private func checkAssign(_ worker: SimulatedWorker, _ rebalance: UInt64, _ offsets: [PartitionOffset]) {
        guard case .assign(rebalance, let expected) = worker.witness.pending else {
            fail("rebalance.answer", "assign \(rebalance) answers no open event", worker: worker.index)
            return
        }
        worker.witness.pending = .none
        if let missing = worker.witness.notesDue.first {
            fail("note.assignment", "the engine does not tell: \(missing)", worker: worker.index)
        }
        var left = expected
        for offset in offsets {
            let partition = Int(offset.partition)
            guard left.indices.contains(partition), let start = left[partition] else {
                fail(
                    "rebalance.partitions", "assign names a partition that was not assigned", worker: worker.index,
                    partition: partition)
                return
            }
            // Below the start with a commit alone, whose metadata names a record there.
            let mayBeBelow = worker.witness.epochs[partition]?.read != nil
            worker.witness.epochs[partition]?.readsFrom = offset.offset
            if offset.offset > start || (offset.offset < start && !mayBeBelow) {
                fail(
                    "rebalance.start", "reading starts at \(offset.offset) and not at \(start)", worker: worker.index,
                    partition: partition)
            }
            left[partition] = nil
        }
        // A worker that is stopping need not read any more.
        for partition in left.indices where left[partition] != nil && !worker.isStopping {
            fail("rebalance.partitions", "assign leaves a partition out", worker: worker.index, partition: partition)
        }
    }

    /// What is read is said again as a whole: each partition goes on where it is.
    private func checkReassign(_ worker: SimulatedWorker, _ rebalance: UInt64, _ offsets: [PartitionOffset]) {
        let witness = worker.witness
        guard worker.rebalance == rebalance, worker.membership == .stable, witness.isReassignDue else {
            fail("rebalance.reassign", "reassign \(rebalance) has no cause", worker: worker.index)
            return
        }
        witness.isReassignDue = false
        var left = witness.epochs.map { epoch in
            epoch.map { $0.lastReceived < 0 ? $0.readsFrom : max($0.start, $0.lastReceived + 1) }
        }
        for offset in offsets {
            let partition = Int(offset.partition)
            guard left.indices.contains(partition), let next = left[partition] else {
                fail(
                    "rebalance.partitions", "reassign names a partition that is not held", worker: worker.index,
                    partition: partition)
                return
            }
            // The record that tells the log may have been read meanwhile, or be gone.
            let isBelow = witness.epochs[partition].map { $0.lastReceived < 0 && offset.offset == $0.start } ?? false
            if next != offset.offset, !isBelow {
                fail(
                    "rebalance.start", "reading goes on at \(offset.offset) and not at \(next)", worker: worker.index,
                    partition: partition)
            }
            left[partition] = nil
        }
        for partition in left.indices where left[partition] != nil {
            fail("rebalance.partitions", "reassign leaves a partition out", worker: worker.index, partition: partition)
        }
    }

    private func checkUnassign(_ worker: SimulatedWorker, _ rebalance: UInt64) {
        let witness = worker.witness
        guard case .revoke(rebalance, let isLost) = witness.pending else {
            fail("rebalance.answer", "unassign \(rebalance) answers no open event", worker: worker.index)
            return
        }
        witness.pending = .none
        // A revoke during a stop's drain has the stop's limit.
        let began = worker.isStopping ? min(worker.stopBegan, witness.pendingSince) : witness.pendingSince
        if !isLost, now - began < profile.engine.drainLimit { checkDrained(worker) }
        endEpochs(witness)
    }

    /// Before the drain limit nothing may be left undone.
    private func checkDrained(_ worker: SimulatedWorker) {
        let witness = worker.witness
        for call in worker.calls {
            for id in witness.open[call.contract] {
                let record = topic.records[id]
                guard let epoch = witness.epochs[record.partition], witness.lastEpoch[id] == epoch.number,
                    witness.lastRead[id] < call.sequence, !epoch.isFenced
                else { continue }
                fail(
                    "drain.call-abandoned", "the drain ends with a call in flight", worker: worker.index,
                    partition: record.partition, contract: call.contract)
            }
        }
        for letter in worker.letters {
            let record = topic.records[letter.record]
            guard let epoch = witness.epochs[record.partition], witness.lastEpoch[letter.record] == epoch.number,
                !epoch.isFenced
            else { continue }
            // A letter of an assignment before the last one is not known any more, and nothing is adopted in a drain.
            let isAdopted =
                witness.lettered.contains(letter.record) && !witness.readLate.contains(letter.record)
                && !epoch.settledHere.contains(record.local)
                && !worker.letters.contains { $0.record == letter.record && $0.epoch == epoch.number }
            guard letter.epoch == epoch.number || isAdopted else { continue }
            fail(
                "drain.dead-letter-abandoned", "the drain ends with a dead letter in flight", worker: worker.index,
                partition: record.partition, contract: record.contract)
        }
        for partition in witness.epochs.indices {
            // Before its opening commit is stored nothing but a skip can have settled an event.
            guard let epoch = witness.epochs[partition], epoch.hasStored, !epoch.isFenced, !epoch.wasRefused else {
                continue
            }
            if !epoch.unsaved.isEmpty {
                fail(
                    "drain.uncommitted", "the drain ends before its last commit is stored", worker: worker.index,
                    partition: partition)
            }
        }
    }

    private func checkPause(_ worker: SimulatedWorker, _ partitions: [Int32], pauses: Bool) {
        for partition in partitions {
            let index = Int(partition)
            guard worker.witness.epochs.indices.contains(index), worker.witness.epochs[index] != nil else {
                fail(
                    "pause.not-held", "a partition is paused or resumed that is not held", worker: worker.index,
                    partition: index)
                return
            }
            if worker.isPaused[index] == pauses {
                fail(
                    "pause.twice",
                    pauses ? "a paused partition is paused" : "a partition is resumed that was not paused",
                    worker: worker.index, partition: index)
            }
        }
    }

    private func checkShutdown(_ worker: SimulatedWorker, _ open: Int) {
        if !worker.isStopping { fail("shutdown.unasked", "a shutdown ends that nobody began", worker: worker.index) }
        if open != worker.calls.count {
            fail(
                "shutdown.count", "\(open) open calls are reported, there are \(worker.calls.count)",
                worker: worker.index)
        }
        guard now - worker.stopBegan < profile.engine.drainLimit else { return }
        if open > 0 { fail("shutdown.calls", "the shutdown ends with \(open) calls in flight", worker: worker.index) }
        checkDrained(worker)
    }

    /// Invariant 7: a partition whose part of the window is full is paused.
    func checkRoom(_ worker: SimulatedWorker, _ partition: Int) {
        let witness = worker.witness
        guard witness.epochs.indices.contains(partition), let epoch = witness.epochs[partition] else { return }
        let part = max(profile.engine.minimumPartitionRecords, profile.engine.windowRecords / witness.held)
        if epoch.openRecords >= part {
            fail(
                "memory.records", "\(epoch.openRecords) records are open and the partition is not paused",
                worker: worker.index, partition: partition)
        }
        if epoch.openBytes >= max(1, profile.engine.windowBytes / Int64(witness.held)), epoch.openRecords > 0 {
            fail(
                "memory.bytes", "\(epoch.openBytes) bytes are open and the partition is not paused",
                worker: worker.index, partition: partition)
        }
    }

    /// Whether a worker has an open event that it may call now, as far as can be told.
    func canCall(_ worker: SimulatedWorker) -> Bool {
        let witness = worker.witness
        guard hasRoom(worker), worker.calls.isEmpty, !worker.isStopping, now >= witness.noCallBefore
        else {
            return false
        }
        for case let epoch? in witness.epochs where epoch.mayStop(at: now) { return false }
        for contract in witness.open.indices where now >= witness.noLaneCallBefore[contract] {
            let waiting = witness.waiting[contract]
            if waiting.hasTrouble, now <= waiting.lastEnd + profile.engine.backoffCap + 10 { continue }
            guard witness.rejectPermit[contract] < 0 else { continue }
            var waits = false
            for id in witness.open[contract] {
                let record = topic.records[id]
                // A contract waits until the partition of its oldest event is confirmed.
                guard let epoch = witness.epochs[record.partition], epoch.isOpen, !epoch.isDraining, !epoch.isFenced
                else {
                    waits = false
                    break
                }
                if !epoch.must.contains(record.local), !worker.letters.contains(where: { $0.record == id }) {
                    waits = true
                }
            }
            if waits { return true }
        }
        return false
    }

    // MARK: After each turn

    func turnEnds(_ worker: SimulatedWorker) {
        let witness = worker.witness
        switch witness.pending {
        case .none: break
        case .assign:
            if now - witness.pendingSince > 2_000 {
                fail("rebalance.assign-late", "an assign event is not answered", worker: worker.index)
            }
        case .revoke(_, let isLost):
            if isLost {
                fail("rebalance.lost-late", "a lost assignment is not given up at once", worker: worker.index)
            } else if now - witness.pendingSince > profile.engine.drainLimit + 50 {
                fail("drain.late", "the drain takes longer than its limit", worker: worker.index)
            }
        }
        if worker.isStopping, now - worker.stopBegan > profile.engine.drainLimit + 50 {
            fail("shutdown.late", "the shutdown takes longer than the drain limit", worker: worker.index)
        }
        if witness.isReassignDue {
            fail("rebalance.reassign", "a partition that can be read now is not", worker: worker.index)
        }
        checkFullPauses(worker)
        checkNotesTold(worker)
        checkCommitRepeats(worker)
        checkDrainEnds(worker)
        checkHoldBegan(worker)
        checkDue(worker)
        checkOrphanBound(worker)
        checkHoldStays(worker)
        checkIdle(worker)
        checkForeignEvents(worker)
        checkFigures(worker)
        if let due = witness.keyProbeDue {
            if !canCall(worker) {
                witness.keyProbeDue = nil
            } else if now > due {
                fail("hold.key-probe", "a new key is not tried at once", worker: worker.index)
            }
        }
        var held = 0
        for case let epoch? in witness.epochs where !epoch.isLost { held += 1 }
        let part = max(profile.engine.minimumPartitionRecords, profile.engine.windowRecords / max(held, 1))
        var bytes: Int64 = 0
        for partition in witness.epochs.indices {
            guard let epoch = witness.epochs[partition] else { continue }
            bytes += epoch.openBytes
            // One batch of 16 records may be read before the pause.
            if epoch.openRecords > part + 16 {
                fail(
                    "memory.records", "\(epoch.openRecords) open records, the part is \(part)", worker: worker.index,
                    partition: partition)
            }
            // Invariant 9: commits are at most 1 s behind while they succeed.
            if worker.commitInFlight == nil, !witness.lastCommitFailed, epoch.hasStored, !epoch.isFenced, !epoch.isLost,
                let oldest = epoch.unsaved.first, now - oldest > 1_000
            {
                fail(
                    "commit.late", "an event is settled for \(now - oldest) ms and no commit was sent",
                    worker: worker.index, partition: partition)
            }
        }
        if bytes > profile.engine.windowBytes + Int64(held) * 20_000 + 16 * 20_000 {
            fail("memory.bytes", "\(bytes) bytes of open records", worker: worker.index)
        }
    }
}
