import RevokeEngine

extension World {
    func carryOut(_ item: ScheduleItem) {
        switch item.kind {
        case .produce(let record): append(record, number: item.number)
        case .fault(let fault): begin(fault, number: item.number)
        }
    }

    private func begin(_ fault: Fault, number: Int) {
        let target = workers[fault.worker].flatMap { $0.isAlive ? $0 : nil }
        var met: [EngineSnapshot] = []
        for case let worker? in workers where worker.isAlive && (!fault.kind.hitsOneWorker || worker === target) {
            met.append(worker.engine.snapshot(now: worker.instant(now)))
        }
        trace.line(
            "\(now) fault \(fault.kind) worker \(fault.worker) partition \(fault.partition) for \(fault.duration) ms")
        guard takesEffect(fault, number: number, target) else { return }
        for snapshot in met { coverage.hit(fault.kind, snapshot, streakLimit: profile.engine.streakLimit) }
    }

    /// Does what the fault says. Returns whether there was anything to do it to.
    private func takesEffect(_ fault: Fault, number: Int, _ target: SimulatedWorker?) -> Bool {
        let end = fault.kind == .outage ? profile.faultsEnd : profile.activityEnd
        let until = min(now + fault.duration, end)
        switch fault.kind {
        case .crash:
            guard let target else { return false }
            kill(target, restartAfter: max(until - now, 100))
        case .stop:
            guard let target, now >= target.suspendedUntil, !target.isStopping else { return false }
            stop(target, restartAfter: max(until - now, 100))
        case .pause, .stall:
            guard let target, now >= target.suspendedUntil else { return false }
            target.suspendedUntil = until
            target.suspensionStopsHeartbeats = fault.kind == .pause
        case .isolate:
            guard let target else { return false }
            target.isolatedUntil = until
        case .clockJump:
            let jumps: [Int64] = [-30_000, -5_000, -1_000, 2_000, 9_000, 60_000]
            guard let target else { return false }
            let jump = jumps[Int(fault.variant) % jumps.count]
            target.skew += jump
            // What a partition spent travels with dates: the clocks of the fleet are to agree. Most are set right again.
            if fault.variant / 6 % 8 == 0 {
                relaxBudget(until: .max)
            } else {
                relaxBudget(until: until)
                agenda.add(at: until, .clockMended, worker: target.index, extra: -jump)
            }
        case .scaleUp:
            let spare = profile.workers + Int(fault.variant) % profile.spares
            if let worker = workers[spare], worker.isAlive {
                guard now >= worker.suspendedUntil, !worker.isStopping else { return false }
                stop(worker, restartAfter: -1)
            } else {
                start(spare)
            }
        case .rebalance: return beginRebalance()
        case .earlyJoin:
            windows[fault.kind.rawValue] = World.Window(until: until, since: now, variant: fault.variant)
            beginRebalance()
        case .addPartitions:
            guard topic.logs.count < profile.partitions + 2 else { return false }
            topic.logs.append(PartitionLog())
            // Whoever holds partitions by the former number spends by it.
            relaxBudget(until: now + 6_000 + profile.rebalanceTimeout + profile.engine.sessionTimeout)
            windows[FaultKind.earlyJoin.rawValue] = World.Window(
                until: min(now + 4_000, profile.activityEnd), since: now, variant: 0)
            // Each member learns of the new partitions by itself; the group is assigned anew when its leader does.
            for case let worker? in workers where worker.isAlive {
                agenda.add(
                    at: now + dice.between(1, 3_000, .refresh, Int64(worker.index), Int64(number)), .refresh,
                    worker: worker.index, incarnation: worker.incarnation)
            }
        case .metadataDamaged:
            guard var commit = topic.logs[fault.partition].committed, !commit.metadata.isEmpty else { return false }
            // A second damage cuts the metadata, so that it cannot mend the first.
            if commit.isDamaged {
                commit.metadata.removeLast()
            } else {
                let at = Int(dice.roll(.damage, Int64(number)) % UInt64(commit.metadata.count))
                commit.metadata[at] = commit.metadata[at] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                commit.isDamaged = true
            }
            commit.known = BitSet()
            commit.must = BitSet()
            commit.firstOpen = -1
            topic.logs[fault.partition].committed = commit
        case .keyRotation:
            keyVersion += 1
            for case let worker? in workers where worker.isAlive {
                agenda.add(
                    at: now + dice.between(0, min(15_000, until - now), .keyDelay, Int64(worker.index), Int64(number)),
                    .keyChange, worker: worker.index, incarnation: worker.incarnation, number: keyVersion)
            }
        case .retention: return retain(fault)
        case .compaction: return compact(fault.partition)
        case .logRestart:
            if fault.variant % 2 == 0 { return restartLog(fault.partition) }
            guard topic.logs[fault.partition].committed != nil, !topic.logs[fault.partition].isBeingRecreated else {
                return false
            }
            topic.logs[fault.partition].isToBeReplaced = true
            beginRebalance()
        case .coordinatorHang, .coordinatorRestart, .commitsRefused, .commitAnswersLost, .commitsSlow,
            .nothingToCommit, .outage, .rateLimit, .wrongPath, .slowAPI, .flakyAPI, .deadLettersFail,
            .deadLetterAnswersLost:
            guard until >= windows[fault.kind.rawValue].until else { return false }
            windows[fault.kind.rawValue] = World.Window(until: until, since: now, variant: fault.variant)
            if fault.kind == .coordinatorRestart {
                // The sessions begin anew when the coordinator is back.
                group.beginSessions(at: until)
            }
            if fault.kind == .coordinatorHang || fault.kind == .coordinatorRestart {
                agenda.add(at: until + 20, .groupComplete)
            }
        }
        return true
    }

    /// A breach of the budget whose cause ends at a time: it is kept again when the longest window has passed since.
    func relaxBudget(until time: Int64) {
        let longest = (profile.engine.budget.map(\.duration).max() ?? 0) + 3_000
        budgetRelaxedUntil = max(budgetRelaxedUntil, time > .max - longest ? .max : time + longest)
    }

    func mendClock(_ index: Int, by jump: Int64) {
        guard let worker = workers[index] else { return }
        worker.skew += jump
        trace.line("\(now) the clock of w\(index) is set by \(jump) ms")
    }

    /// Retention deletes the older part of a partition.
    private func retain(_ fault: Fault) -> Bool {
        let partition = fault.partition
        let log = topic.logs[partition]
        let count = log.ids.count - log.firstPlace
        guard count > 2 else { return false }
        let keep = Int(fault.variant) % min(count, 8)
        let last = log.ids.count - keep
        for place in log.firstPlace..<last { close(log.ids[place], gone: true) }
        forgetUnproven(partition)
        topic.logs[partition].start = keep == 0 ? log.end : topic.records[log.ids[last]].offset
        trace.line("\(now) log \(partition) starts at \(topic.logs[partition].start)", partition: partition)
        return true
    }

    /// Compaction deletes all but the last record of each contract in the older half of a partition.
    private func compact(_ partition: Int) -> Bool {
        let log = topic.logs[partition]
        let end = (log.firstPlace + log.ids.count) / 2
        guard end > log.firstPlace else { return false }
        forgetUnproven(partition)
        var isGone = false
        for place in log.firstPlace..<end {
            let contract = topic.records[log.ids[place]].contract
            var isShadowed = false
            for later in place + 1..<log.ids.count where topic.records[log.ids[later]].contract == contract {
                isShadowed = true
                break
            }
            if isShadowed {
                isGone = isGone || !topic.records[log.ids[place]].isGone
                close(log.ids[place], gone: true)
                trace.line(
                    "\(now) compaction of \(partition)/\(topic.records[log.ids[place]].offset)", partition: partition)
            }
        }
        return isGone
    }

    /// A record that would have proven the log is gone before it was read: neither what the metadata says nor what is
    /// remembered counts.
    private func forgetUnproven(_ partition: Int) {
        for case let worker? in workers where worker.isAlive && partition < worker.witness.epochs.count {
            if worker.witness.epochs[partition]?.lastReceived == -1 {
                worker.witness.epochs[partition]?.must = BitSet()
                worker.witness.epochs[partition]?.remembers = false
            }
        }
    }

    /// The partition's log is made anew: offsets begin at 0 again.
    private func restartLog(_ partition: Int) -> Bool {
        guard let committed = topic.logs[partition].committed, committed.offset >= 8, !group.members.isEmpty,
            !topic.logs[partition].isBeingRecreated
        else { return false }
        let log = topic.logs[partition]
        for id in log.ids[log.firstPlace...] { close(id, gone: true) }
        topic.logs[partition].firstPlace = log.ids.count
        topic.logs[partition].incarnation += 1
        topic.logs[partition].start = 0
        topic.logs[partition].end = 0
        trace.line("\(now) log \(partition) is made anew", partition: partition)
        for case let worker? in workers where partition < worker.nextPlace.count && worker.nextPlace[partition] >= 0 {
            worker.nextPlace[partition] = -2
        }
        // One record at once; the producers' others wait until the new log's start is committed.
        append(
            ProducedRecord(
                partition: partition, contract: 0, copy: -1_000 - Int64(topic.records.count), shape: .event, size: 300,
                age: 0, gap: 0),
            number: 1_000_000 + topic.records.count)
        topic.logs[partition].isBeingRecreated = true
        // Every member is assigned anew, also when a rebalance is in preparation already.
        beginRebalance()
        return true
    }

    /// Another log stands in the partition's place. What it has below the committed offset is lost to every consumer;
    /// so it has nothing there.
    func replaceLog(_ partition: Int) {
        topic.logs[partition].isToBeReplaced = false
        guard let committed = topic.logs[partition].committed, !topic.logs[partition].isBeingRecreated,
            committed.offset >= topic.logs[partition].start, committed.offset <= topic.logs[partition].end
        else { return }
        let log = topic.logs[partition]
        for id in log.ids[log.firstPlace...] { close(id, gone: true) }
        topic.logs[partition].firstPlace = log.ids.count
        topic.logs[partition].incarnation += 1
        topic.logs[partition].end = committed.offset
        trace.line("\(now) log \(partition) is replaced", partition: partition)
        for case let worker? in workers where partition < worker.nextPlace.count && worker.nextPlace[partition] >= 0 {
            worker.nextPlace[partition] = -2
        }
        for index in 0..<8 {
            append(
                ProducedRecord(
                    partition: partition, contract: index, copy: -1_000 - Int64(topic.records.count), shape: .event,
                    size: 300, age: 0, gap: 0),
                number: 3_000_000 + topic.records.count)
        }
    }

    func endFaults() {
        trace.line("\(now) all faults end")
        for index in windows.indices { windows[index].until = min(windows[index].until, now) }
        for case let worker? in workers where worker.isAlive {
            worker.isolatedUntil = min(worker.isolatedUntil, now)
            if worker.keyVersion != keyVersion {
                agenda.add(
                    at: now + 1, .keyChange, worker: worker.index, incarnation: worker.incarnation, number: keyVersion)
            }
        }
        if coordinatorAnswers { completeIfReady() }
        phase = .settling
        phaseSince = now
    }
}
