import RevokeEngine
import RevokeModel

/// What the engine tells in notes, and how it repeats commits.
extension World {
    // MARK: Notes

    /// What an assignment has to tell: offsets below the log's start and above its end.
    func expectNotes(_ worker: SimulatedWorker, _ assigned: [AssignedPartition]) {
        let witness = worker.witness
        witness.notesDue = []
        guard !worker.isStopping else { return }
        for partition in assigned {
            guard let committed = partition.committedOffset, let log = partition.log else { continue }
            if committed < log.start {
                witness.notesDue.append(
                    .retentionPassed(partition: partition.partition, lost: log.start - committed))
            } else if committed > log.end {
                witness.notesDue.append(
                    .logRestarted(
                        partition: partition.partition, committed: committed, logEnd: log.end))
            }
        }
    }

    func checkNote(_ worker: SimulatedWorker, _ note: EngineNote) {
        let witness = worker.witness
        switch note {
        case .suspicion:
            if !witness.isSuspicionDue {
                fail("note.suspicion", "the engine tells of a gap that was none", worker: worker.index)
            }
            witness.isSuspicionDue = false
        case .commitsFailingBegan:
            // What was settled before and passed again is to be saved, too; a commit that failed or hangs shows the time.
            var mayFail = witness.lastCommitFailed || worker.commitInFlight != nil && now - worker.commitSentAt > 9_000
            for case let epoch? in witness.epochs where epoch.mayStop(at: now) { mayFail = true }
            if !mayFail || witness.saysCommitsFail {
                fail("note.commits", "the engine says that commits fail, which do not", worker: worker.index)
            }
            witness.saysCommitsFail = true
        case .commitsFailingEnded:
            if !witness.saysCommitsFail {
                fail("note.commits", "the engine says twice that commits succeed", worker: worker.index)
            }
            if !witness.lastCommitStored {
                fail("note.commits", "the engine says that commits succeed, and none did", worker: worker.index)
            }
            witness.saysCommitsFail = false
        default:
            guard let index = witness.notesDue.firstIndex(of: note) else {
                fail("note.assignment", "the engine tells what is not so: \(note)", worker: worker.index)
                return
            }
            witness.notesDue.remove(at: index)
        }
    }

    /// At the end of a turn.
    func checkNotesTold(_ worker: SimulatedWorker) {
        let witness = worker.witness
        if witness.isSuspicionDue {
            fail("note.suspicion", "the engine does not tell of a gap", worker: worker.index)
        }
        witness.isSuspicionDue = false
        let oldest = witness.epochs.compactMap { $0?.oldestUnsaved }.min()
        if !witness.saysCommitsFail,
            witness.epochs.contains(where: { ($0?.unsaved.first).map { now - $0 > 10_000 } ?? false })
        {
            fail("note.commits", "the engine does not say that commits fail", worker: worker.index)
        }
        if witness.saysCommitsFail, worker.commitInFlight == nil, !witness.lastCommitFailed,
            oldest.map({ now - $0 < 9_000 }) ?? true
        {
            fail("note.commits", "the engine goes on to say that commits fail", worker: worker.index)
        }
    }

    // MARK: Commits

    /// A commit that failed is not repeated at once.
    func checkCommitWaits(_ worker: SimulatedWorker) {
        let witness = worker.witness
        if witness.commitIsRepeated, now - witness.commitEndedAt < 200, witness.commitEndedAt > witness.assignedAt,
            worker.lastTurn >= witness.commitEndedAt, !isDrainAtLimit(worker)
        {
            fail("commit.flood", "a commit is repeated at once", worker: worker.index)
        }
    }

    /// A commit that failed is repeated within a second, while something is to be saved.
    func checkCommitRepeats(_ worker: SimulatedWorker) {
        let witness = worker.witness
        guard witness.commitIsRepeated, worker.commitInFlight == nil, now - witness.commitEndedAt > 1_100 else {
            return
        }
        for case let epoch? in witness.epochs
        where !epoch.unsaved.isEmpty && !epoch.isFenced && !epoch.isLost && epoch.hasStored {
            fail(
                "commit.repeat", "a commit that failed is not repeated for \(now - witness.commitEndedAt) ms",
                worker: worker.index)
            return
        }
    }

    /// Whether nothing of an assignment that ends is in flight, so that its commit is the last one.
    func isQuietDrain(_ worker: SimulatedWorker, _ epoch: Witness.Epoch) -> Bool {
        (epoch.isDraining || worker.isStopping) && isQuiet(worker) && !isDrainAtLimit(worker)
    }

    /// Whether no call and no dead letter is in flight, and no dead letter waits: for its backoff, for the proof of its
    /// partition, or for the end of the time in which commits fail.
    func isQuiet(_ worker: SimulatedWorker) -> Bool {
        let witness = worker.witness
        guard worker.calls.isEmpty, worker.letters.isEmpty, now - witness.letterFailedAt > 6_000 else { return false }
        for partition in witness.epochs.indices {
            guard let epoch = witness.epochs[partition], witness.saysCommitsFail || !epoch.isOpen else { continue }
            if letterMayWait(witness, epoch, partition) { return false }
        }
        return true
    }

    /// Whether an open record of a partition may be in the queue of dead letters: its parking is over, or an answer to its
    /// contract was permanent.
    private func letterMayWait(_ witness: Witness, _ epoch: Witness.Epoch, _ partition: Int) -> Bool {
        let log = topic.logs[partition]
        for place in topic.place(partition, atOrAbove: epoch.start)..<log.ids.count {
            let id = log.ids[place]
            let record = topic.records[id]
            guard record.offset <= epoch.lastReceived else { return false }
            if record.contract < 0 || epoch.settledHere.contains(place) { continue }
            if record.isUnknownAccount {
                if now - witness.firstReadAt[id] >= profile.engine.unknownAccountParking { return true }
            } else if witness.rejectPermit[record.contract] >= 0 {
                return true
            }
        }
        return false
    }

    /// Whether a drain is at its limit, where what is settled is committed without waiting.
    private func isDrainAtLimit(_ worker: SimulatedWorker) -> Bool {
        let began = worker.isStopping ? min(worker.stopBegan, worker.witness.pendingSince) : worker.witness.pendingSince
        return now - began >= profile.engine.drainLimit
    }

    // MARK: Metadata

    /// Whether more runs are settled behind the first open record than the metadata holds: each takes two bytes at least,
    /// and the rest of the text 12, before base64.
    func isSurelyFull(_ epoch: Witness.Epoch, _ partition: Int, known: BitSet) -> Bool {
        guard profile.engine.metadataLimit < 400 else { return false }
        let log = topic.logs[partition]
        var runs = 0
        var hasOpen = false
        var isRun = false
        for place in topic.place(partition, atOrAbove: epoch.start)..<log.ids.count {
            let record = topic.records[log.ids[place]]
            guard record.offset <= epoch.lastReceived else { break }
            if record.isGone { continue }
            let isSettled = epoch.isSurelySettled(place)
            // What the worker may know, and may not, neither makes a run nor ends one.
            if !isSettled, known.contains(place) { continue }
            if isSettled, hasOpen, !isRun { runs += 1 }
            if !isSettled { hasOpen = true }
            isRun = isSettled
        }
        return 2 * runs > profile.engine.metadataLimit / 4 * 3 - 4 - 12
    }

    /// A partition whose metadata holds no more is not read on: what is settled behind an open record would be lost with
    /// its owner.
    func checkFullPauses(_ worker: SimulatedWorker) {
        let witness = worker.witness
        for partition in witness.epochs.indices {
            guard let epoch = witness.epochs[partition], epoch.isSurelyFull, !epoch.isDraining, !worker.isStopping,
                !epoch.isFenced, !worker.isPaused[partition]
            else { continue }
            let log = topic.logs[partition]
            var hasOpen = false
            var hasUnread = false
            for place in topic.place(partition, atOrAbove: epoch.start)..<log.ids.count {
                let record = topic.records[log.ids[place]]
                if record.offset > epoch.lastReceived {
                    if epoch.must.contains(place) { hasUnread = true }
                } else if !record.isGone, !witness.known[partition].contains(place), !epoch.isSurelySettled(place) {
                    hasOpen = true
                }
            }
            if hasOpen, !hasUnread {
                fail(
                    "pause.full", "reading goes on though the metadata is full", worker: worker.index,
                    partition: partition)
            }
        }
    }
}
