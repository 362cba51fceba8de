import RevokeEngine
import RevokeModel

extension World {
    /// How long the open events may take after the last fault.
    /// A worker with one partition probes a hold by 429 or 401 once in `partitions` minutes, and a poisoned contract's
    /// answer does not end it.
    private var settleLimit: Int64 { 4 * 60_000 * Int64(profile.partitions) + longestWait }
    /// What a long Retry-After adds.
    private var longestWait: Int64 { profile.longRetryAfters.map { min($0, 3_600_000) + 100_000 }.max() ?? 0 }
    /// How long a fresh event may take in calm times: poison that gets no answer holds the only slot of a worker.
    private var calmLatency: Int64 { profile.engine.concurrency == 1 ? 8_000 + 2 * profile.requestDeadline : 8_000 }

    /// Looks once a second after the last fault whether the next phase can begin.
    func advancePhase() {
        switch phase {
        case .faults: break
        case .settling:
            if topic.openOrdinary == 0, isGroupCalm, !isAnyHeld {
                enter(.probing)
            } else if topic.openOrdinary == 0, isGroupCalm, now - phaseSince > settleLimit / 2 {
                // A worker with few partitions probes its hold so seldom that calm times do not come.
                if !profile.poisonStays { isPoisonHealed = true }
                enter(.healing)
            } else if now - phaseSince > settleLimit {
                reportOpen(
                    "progress.open", "an event is still open \(settleLimit) ms after the last fault", poison: false)
            } else if (now - phaseSince) / 1_000 % (now - phaseSince > 600_000 ? 60 : 3) == 0 {
                trickle(isProbe: false)
            }
        case .probing:
            if now - phaseSince < 8_000 {
                trickle(isProbe: true)
            } else if topic.openOrdinary == 0 {
                if !profile.poisonStays { isPoisonHealed = true }
                enter(.healing)
            }
        case .healing:
            let limit =
                (profile.poisonStays ? profile.engine.contractRetryLimit + 300_000 : 150_000) + longestWait
            if topic.openPoison == 0, topic.openOrdinary == 0, isAllCommitted {
                checkRest()
                enter(.stopping)
                for case let worker? in workers where worker.isAlive { stop(worker, restartAfter: -1) }
            } else if now - phaseSince > limit {
                if topic.openPoison + topic.openOrdinary > 0 {
                    reportOpen(
                        "progress.poison", "an event is open \(limit) ms after its contract healed", poison: true)
                } else {
                    reportUncommitted("progress.commit", "the group's offset stays below the log's end")
                }
            } else if (now - phaseSince) / 1_000 % (profile.poisonStays ? 20 : 3) == 0 {
                trickle(isProbe: false)
            }
        case .stopping:
            var isOver = true
            for case let worker? in workers where worker.isAlive { isOver = false }
            if isOver {
                if !isAllCommitted {
                    reportUncommitted("progress.commit", "the group's offset is below the log's end after a clean stop")
                }
                checkAllEnds()
                phase = .over
            } else if now - phaseSince > profile.engine.drainLimit + 5_000 {
                fail("shutdown.late", "a worker does not stop")
            }
        case .over: break
        }
        if phase != .over { agenda.add(at: now + 1_000, .phase) }
    }

    /// Whether every member works on its assignment and no crashed worker is a member still.
    private var isGroupCalm: Bool {
        // What was inherited at the last rebalances has left the windows.
        let window = min(profile.engine.budget.map(\.duration).max() ?? 0, 60_000)
        guard !group.isPreparing, now - phaseSince > 20_000 + window else { return false }
        var alive = 0
        for case let worker? in workers where worker.isAlive {
            guard worker.membership == .stable else { return false }
            alive += 1
        }
        return alive == group.members.count
    }

    private var isAnyHeld: Bool {
        for case let worker? in workers where worker.isAlive && worker.witness.isHeld { return true }
        return false
    }

    private func enter(_ next: Phase) {
        trace.line("\(now) phase \(next)")
        phase = next
        phaseSince = now
    }

    /// A fresh event of a healthy contract.
    private func trickle(isProbe: Bool) {
        trickles += 1
        var contract = Int(dice.roll(.trickle, trickles) % UInt64(profile.contracts.count))
        for _ in profile.contracts.indices where profile.contracts[contract] != .healthy || isToldToWait(contract) {
            contract = (contract + 1) % profile.contracts.count
        }
        guard profile.contracts[contract] == .healthy else { return }
        let partition = Int(trickles) % topic.logs.count
        guard !topic.logs[partition].isBeingRecreated else { return }
        let record = topic.records.count
        append(
            ProducedRecord(
                partition: partition, contract: contract, copy: 1_000_000 + trickles, shape: .event, size: 300, age: 0,
                gap: 0),
            number: 2_000_000 + Int(trickles))
        if isProbe {
            probes.append((record, now))
            for case let worker? in workers where worker.isAlive {
                agenda.add(
                    at: now + calmLatency, .probeCheck, worker: worker.index, incarnation: worker.incarnation,
                    number: UInt64(record))
                break
            }
        }
    }

    /// Whether the API told a worker to leave the contract alone for a while.
    private func isToldToWait(_ contract: Int) -> Bool {
        for case let worker? in workers where worker.isAlive && worker.witness.noLaneCallBefore[contract] > now {
            return true
        }
        return false
    }

    func probeCheck(_ worker: SimulatedWorker, _ record: Int) {
        guard !topic.records[record].isSettled else { return }
        if mayWaitForBudget(record) {
            agenda.add(
                at: now + 1_000, .probeCheck, worker: worker.index, incarnation: worker.incarnation,
                number: UInt64(record))
            return
        }
        fail(
            "progress.latency", "a fresh event of a healthy contract takes longer than \(calmLatency) ms in calm times",
            partition: topic.records[record].partition, contract: topic.records[record].contract)
    }

    /// Whether the worker's part of the budget may be used up, or was until a moment ago; after the longest window
    /// it is not.
    private func mayWaitForBudget(_ id: Int) -> Bool {
        let record = topic.records[id]
        let limit = calmLatency + (profile.engine.budget.map(\.duration).max() ?? 0)
        guard now - record.appended < limit else { return false }
        for case let worker? in workers where worker.isAlive {
            guard worker.witness.open[record.contract].contains(id) else { continue }
            if !windowsHaveRoom(worker) { return true }
            guard now - record.appended > calmLatency else { return false }
            return worker.calls.contains { $0.contract == record.contract && now - $0.startedAt < calmLatency }
        }
        return false
    }

    /// Whether the group's offsets are past every record.
    private var isAllCommitted: Bool {
        for log in topic.logs {
            var last: Int64 = -1
            for id in log.ids[log.firstPlace...].reversed() where !topic.records[id].isGone {
                last = topic.records[id].offset
                break
            }
            if last >= 0, (log.committed?.offset ?? 0) <= last { return false }
        }
        return true
    }

    private func reportUncommitted(_ oracle: String, _ message: String) {
        for partition in topic.logs.indices {
            let log = topic.logs[partition]
            for id in log.ids[log.firstPlace...].reversed() where !topic.records[id].isGone {
                let record = topic.records[id]
                if (log.committed?.offset ?? 0) <= record.offset {
                    fail(
                        oracle, "\(message): \(log.committed?.offset ?? -1), last record \(record.offset)",
                        partition: partition)
                }
                break
            }
        }
        fail(oracle, message)
    }

    private func reportOpen(_ oracle: String, _ message: String, poison: Bool) {
        for record in topic.records where !record.isSettled && !record.isGone && (poison || !isPoison(record)) {
            fail(
                oracle,
                "\(message): \(record.partition)/\(record.offset), contract kind \(record.contract < 0 ? "none" : "\(profile.contracts[record.contract])")",
                partition: record.partition, contract: record.contract)
            return
        }
        fail(oracle, message)
    }

    /// When all is settled and committed, nothing may be left in the engines.
    private func checkRest() {
        for case let worker? in workers where worker.isAlive {
            checkFiguresAtRest(worker)
            let used = worker.tokens.count - worker.freeTokens.count
            if used > 0, topic.openOrdinary + topic.openPoison == 0 {
                fail(
                    "release.leak", "\(used) tokens are not released though everything is settled", worker: worker.index
                )
            }
        }
    }
}
