import RevokeEngine
import RevokeModel

extension World {
    // MARK: Producers

    func append(_ record: ProducedRecord, number: Int) {
        let partition = record.partition
        if topic.logs[partition].isBeingRecreated {
            topic.logs[partition].waiting.append((record, number))
            return
        }
        let offset = topic.logs[partition].end + record.gap
        let id = topic.records.count
        let fingerprint = dice.roll(.fingerprint, Int64(id), Int64(number))
        let identity = EventIdentity(
            high: dice.roll(.identity, record.copy), low: dice.roll(.identity, record.copy, 1))
        var contract = record.contract
        var isUnknown = false
        let content: ReceivedRecord.Content
        var facts = EventFacts(
            contract: Self.contractID(contract), identity: identity,
            earliestTime: SimulatedWorker.epoch + now - record.age)
        switch record.shape {
        case .event: content = .event(facts)
        case .replay:
            facts.isReplay = true
            content = .event(facts)
        case .undated:
            facts.earliestTime = nil
            content = .event(facts)
        case .unknownAccount:
            facts.accountIsKnown = false
            isUnknown = true
            content = .event(facts)
        case .malformed(let failure):
            content = .failure(failure)
            contract = -1
        }
        topic.records.append(
            LogRecord(
                partition: partition, local: topic.logs[partition].ids.count, offset: offset,
                incarnation: topic.logs[partition].incarnation, fingerprint: fingerprint, content: content,
                contract: contract, copy: record.copy, size: record.size, appended: now,
                isUnknownAccount: isUnknown))
        topic.logs[partition].ids.append(id)
        topic.logs[partition].end = offset + 1
        if isPoison(topic.records[id]) { topic.openPoison += 1 } else { topic.openOrdinary += 1 }
        trace.line(
            "\(now) record \(partition)/\(offset) contract \(contract < 0 ? -1 : Topic.contractBase + Int64(contract))"
                + " copy \(record.copy) \(record.shape)",
            partition: partition, contract: contract < 0 ? -1 : Topic.contractBase + Int64(contract))
        for worker in workers {
            if let worker, worker.isAlive, partition < worker.nextPlace.count, worker.nextPlace[partition] >= 0 {
                schedulePoll(worker)
            }
        }
    }

    static func contractID(_ index: Int) -> ContractID {
        // The range of the index makes this id valid.
        ContractID(Topic.contractBase + Int64(index)) ?? smallestContract
    }

    private static let smallestContract: ContractID = {
        guard let id = ContractID(1) else { return contractID(0) }
        return id
    }()

    func isPoison(_ record: LogRecord) -> Bool {
        record.contract >= 0 && !record.isUnknownAccount && profile.contracts[record.contract].isPoison
    }

    /// Takes a record out of the open ones: it is settled or gone.
    func close(_ id: Int, gone: Bool) {
        let wasOpen = !topic.records[id].isSettled && !topic.records[id].isGone
        if gone { topic.records[id].isGone = true } else { topic.records[id].isSettled = true }
        guard wasOpen else { return }
        if isPoison(topic.records[id]) { topic.openPoison -= 1 } else { topic.openOrdinary -= 1 }
    }

    // MARK: Fetching

    func schedulePoll(_ worker: SimulatedWorker) {
        guard !worker.isPollScheduled else { return }
        worker.isPollScheduled = true
        agenda.add(
            at: now + dice.between(1, 3, .fetchDelay, now, Int64(worker.index)), .poll, worker: worker.index,
            incarnation: worker.incarnation)
    }

    func poll(_ worker: SimulatedWorker) {
        worker.isPollScheduled = false
        guard worker.membership == .stable else { return }
        if now < worker.isolatedUntil {
            worker.isPollScheduled = true
            agenda.add(at: worker.isolatedUntil, .poll, worker: worker.index, incarnation: worker.incarnation)
            return
        }
        var left = 16
        var hasMore = false
        let count = worker.nextPlace.count
        for step in 0..<count {
            let partition = (worker.pollTurn + step) % count
            guard worker.nextPlace[partition] >= 0, !worker.isPaused[partition] else { continue }
            checkRoom(worker, partition)
            while worker.nextPlace[partition] < topic.logs[partition].ids.count {
                guard left > 0 else {
                    hasMore = true
                    break
                }
                let id = topic.logs[partition].ids[worker.nextPlace[partition]]
                worker.nextPlace[partition] += 1
                guard !topic.records[id].isGone else { continue }
                left -= 1
                deliver(worker, id)
            }
        }
        worker.pollTurn += 1
        guard left < 16 else { return }
        drive(worker)
        if hasMore { fetchMore(worker) }
    }

    /// The next fetch, which takes a while in some worlds.
    func fetchMore(_ worker: SimulatedWorker) {
        let index = Int64(worker.index)
        guard profile.isSticky, now < profile.activityEnd, dice.chance(500, .fetchDelay, now, index, 1) else {
            return schedulePoll(worker)
        }
        guard !worker.isPollScheduled else { return }
        worker.isPollScheduled = true
        agenda.add(
            at: now + dice.between(10, 3_000, .fetchDelay, now, index, 2), .poll, worker: worker.index,
            incarnation: worker.incarnation)
    }

    /// A record that was fetched before its partition was taken away.
    func lateRecord(_ worker: SimulatedWorker, _ id: Int) {
        guard worker.isAlive, !topic.records[id].isGone else { return }
        let partition = topic.records[id].partition
        // Only while the partition is not held: otherwise librdkafka drops it itself.
        guard worker.witness.epochs.indices.contains(partition), worker.witness.epochs[partition] == nil else { return }
        trace.line("\(now) w\(worker.index) gets a late record", partition: partition)
        deliver(worker, id)
        drive(worker)
    }

    private func deliver(_ worker: SimulatedWorker, _ id: Int) {
        let record = topic.records[id]
        let token = worker.token(for: id)
        trace.add(id)
        trace.line(
            "\(now) w\(worker.index) reads \(record.partition)/\(record.offset)", partition: record.partition,
            contract: record.contract < 0 ? -1 : Topic.contractBase + Int64(record.contract))
        let epochs = worker.witness.epochs
        let epoch = epochs.indices.contains(record.partition) ? epochs[record.partition] : nil
        if let epoch, record.offset < epoch.start {
            // Read again to tell the log; it is settled, and so it is released at once.
            worker.witness.below.insert(token)
        } else {
            witnessReceived(worker, id)
        }
        worker.engine.received(
            ReceivedRecord(
                partition: Int32(record.partition), offset: record.offset, token: token, size: record.size,
                fingerprint: record.fingerprint, content: record.content),
            now: worker.instant(now))
    }

    // MARK: Commits

    func sendCommit(_ worker: SimulatedWorker, _ id: CommitID, _ parts: [CommitPart]) {
        worker.commits += 1
        worker.commitInFlight = id
        worker.commitSentAt = now
        commitSerial += 1
        var pending = PendingCommit(
            serial: commitSerial, worker: worker.index, incarnation: worker.incarnation, id: id,
            member: worker.member, generation: worker.generation, parts: parts, stored: [], sentAt: now, isFirst: [])
        witnessCommitSent(worker, &pending)
        pendingCommits.append(pending)
        var delay = dice.between(1, 4, .commitUp, Int64(worker.index), Int64(worker.incarnation), worker.commits)
        if isActive(.commitsSlow) {
            delay += dice.between(100, 9_000, .commitUp, Int64(worker.index), worker.commits, 7)
        }
        agenda.add(at: now + delay, .commitArrives, number: pending.serial)
    }

    func commitArrives(_ serial: UInt64) {
        guard let index = pendingCommits.firstIndex(where: { $0.serial == serial }) else { return }
        let worker = workers[pendingCommits[index].worker]
        let isIsolated = worker.map { now < $0.isolatedUntil } ?? false
        if !coordinatorAnswers || isIsolated {
            // It hangs: a restarting broker's clients try again, a hanging broker works it off later; librdkafka
            // gives up after a while.
            var end: Int64 = 0
            if isActive(.coordinatorHang) { end = max(end, windows[FaultKind.coordinatorHang.rawValue].until) }
            if isActive(.coordinatorRestart) { end = max(end, windows[FaultKind.coordinatorRestart.rawValue].until) }
            if isIsolated, let worker { end = max(end, worker.isolatedUntil) }
            let givesUp = pendingCommits[index].sentAt + 15_500
            if !isActive(.coordinatorHang), end > givesUp {
                finishCommit(index, at: max(givesUp, now), [], result: .failed)
            } else {
                pendingCommits[index].isHeld = true
                agenda.add(at: end + 5, .commitArrives, number: serial)
            }
            return
        }
        apply(index)
    }

    private func apply(_ index: Int) {
        let pending = pendingCommits[index]
        let key = Int64(pending.serial)
        let verdict = group.verdict(
            member: pending.member, generation: pending.generation,
            refusesDuringJoin: profile.refusesCommitsDuringJoin)
        switch verdict {
        // A commit is a sign of life, as a heartbeat is.
        case .stored: group.heard(of: pending.member, at: now)
        case .rebalanceInProgress: return finishCommit(index, at: now + 1, [], result: .rebalanceInProgress)
        case .fenced: return finishCommit(index, at: now + 1, [], result: .fenced)
        }
        if isActive(.commitsRefused), dice.chance(800, .commitFate, key) {
            if variant(.commitsRefused) % 3 == 0 {
                // Some partitions only.
                var refused: Set<Int32> = []
                for part in pending.parts where dice.chance(500, .commitLoss, key, Int64(part.partition)) {
                    refused.insert(part.partition)
                }
                finishCommit(index, at: now + 2, store(pending, except: refused), result: nil)
            } else {
                finishCommit(index, at: now + 5, [], result: .failed)
            }
            return
        }
        if isActive(.nothingToCommit), !pending.isFirst.contains(false) {
            finishCommit(index, at: now + 1, [], result: .nothingToDo)
            return
        }
        let results = store(pending, except: [])
        if isActive(.commitAnswersLost), dice.chance(800, .commitFate, key) {
            finishCommit(index, at: now + (variant(.commitAnswersLost) % 2 == 0 ? 15_500 : 300), [], result: .failed)
            return
        }
        var delay = dice.between(1, 4, .commitDown, key)
        if isActive(.commitsSlow) { delay += dice.between(100, 9_000, .commitDown, key, 7) }
        finishCommit(index, at: now + delay, results, result: nil)
    }

    private func store(_ pending: PendingCommit, except refused: Set<Int32>) -> [CommitPartResult] {
        var results: [CommitPartResult] = []
        for index in pending.parts.indices {
            let part = pending.parts[index]
            guard !refused.contains(part.partition) else {
                results.append(CommitPartResult(partition: part.partition, result: .failed))
                continue
            }
            guard part.metadata.count <= profile.brokerMetadataLimit else {
                results.append(CommitPartResult(partition: part.partition, result: .metadataTooLarge))
                continue
            }
            let partition = Int(part.partition)
            guard partition < topic.logs.count else { continue }
            topic.logs[partition].committed = pending.stored[index]
            trace.line("\(now) stored \(part.partition) at \(part.offset) of w\(pending.worker)", partition: partition)
            results.append(CommitPartResult(partition: part.partition, result: .stored))
            if topic.logs[partition].isBeingRecreated,
                pending.stored[index].incarnation == topic.logs[partition].incarnation
            {
                topic.logs[partition].isBeingRecreated = false
                let waiting = topic.logs[partition].waiting
                topic.logs[partition].waiting = []
                for (record, number) in waiting { append(record, number: number) }
            }
        }
        return results
    }

    private func finishCommit(_ index: Int, at time: Int64, _ results: [CommitPartResult], result: CommitResult?) {
        let pending = pendingCommits[index]
        pendingCommits[index].results =
            result.map { result in pending.parts.map { CommitPartResult(partition: $0.partition, result: result) } }
            ?? results
        agenda.add(
            at: time, .commitEnd, worker: pending.worker, incarnation: pending.incarnation, number: pending.serial)
    }

    func commitEnds(_ worker: SimulatedWorker, _ serial: UInt64) {
        guard let index = pendingCommits.firstIndex(where: { $0.serial == serial }) else { return }
        let pending = pendingCommits.remove(at: index)
        worker.commitInFlight = nil
        for result in pending.results {
            trace.add(Int(result.partition))
            trace.add("\(result.result)")
            trace.line(
                "\(now) w\(worker.index) commit \(pending.id): \(result.partition) \(result.result)",
                partition: Int(result.partition))
        }
        for result in pending.results {
            record(
                worker, .commit, [Int(result.partition)], result: "\(result.result)", sent: pending.sentAt)
        }
        witnessCommitEnded(worker, pending)
        worker.engine.commitFinished(pending.id, pending.results, now: worker.instant(now))
        drive(worker)
    }
}
