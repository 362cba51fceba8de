import RevokeEngine
import RevokeModel

/// Holds, probes, and the rate after 429s.
extension World {
    private func share(_ witness: Witness) -> Int64 {
        let held = witness.held > 0 ? witness.held : witness.formerHeld
        return Int64(max(1, witness.topicPartitions / max(1, held)))
    }

    /// A call ended: what it means for the hold and for the rate.
    func witnessHold(_ worker: SimulatedWorker, _ call: SimulatedWorker.Call) {
        let witness = worker.witness
        witness.formerProbe = (witness.probeLow, witness.probeHigh)
        witness.cause = nil
        let isAfterHold = witness.isHeld && call.sequence > witness.holdSequence
        let counts = call.sequence > witness.lastProvenSequence
        var hasFailed = true
        switch call.outcome {
        case .revoked:
            hasFailed = false
            witness.mayEndHold = true
            if isAfterHold { witness.mustEndHold = true }
        case .withheld: hasFailed = false
        case .unauthorized(let version):
            hasFailed = version == worker.keyVersion
            witness.cause = (nil, false)
        case .rejected, .conflict:
            if witness.hold == .rateLimited, isAfterHold {
                witness.mayEndHold = true
                if counts { witness.mustEndHold = true }
                hasFailed = false
                // One that does not count may end the hold or not.
                waitAtMost(witness, until: now + 60_000 * share(witness))
            } else if !counts {
                hasFailed = false
                waitAtMost(witness, until: now + 60_000 * share(witness))
            }
        case .rateLimited(let delay):
            witness.cause = (delay, true)
            rateLimited(worker, call, delay)
        case .unavailable(_, let delay): witness.cause = (delay, false)
        case .transient, .misdirected, .unreachable, .ambiguous: witness.cause = (nil, false)
        }
        guard witness.isHeld else { return }
        if call.isProbe, hasFailed {
            let isShort =
                witness.hold == .unavailable || (witness.hold == .unauthorized && now - witness.holdBegan < 60_000)
            witness.probeInterval = min(witness.probeInterval * 2, isShort ? 5_000 : 60_000)
            waitForProbe(witness)
        }
        applyDelay(witness, isProbe: call.isProbe)
    }

    private func waitAtMost(_ witness: Witness, until time: Int64) {
        witness.probeHigh = max(witness.probeHigh, time)
        witness.probeFloor.high = max(witness.probeFloor.high, time)
    }

    private func waitForProbe(_ witness: Witness) {
        let due = now + witness.probeInterval * share(witness)
        witness.probeIntervalBegan = now
        witness.probeLow = max(witness.probeLow, due)
        witness.probeHigh = max(witness.probeHigh, due)
    }

    /// A worker with more partitions than before probes earlier.
    func witnessShareChanged(_ witness: Witness) {
        let due = witness.probeIntervalBegan + witness.probeInterval * share(witness)
        witness.probeLow = min(witness.probeLow, max(witness.probeFloor.low, due))
        witness.probeHigh = min(witness.probeHigh, max(witness.probeFloor.high, due))
    }

    /// A Retry-After moves the next probe.
    private func applyDelay(_ witness: Witness, isProbe: Bool) {
        guard let cause = witness.cause else { return }
        if cause.isRateLimit {
            if let delay = cause.delay {
                witness.probeFloor = (max(now + min(delay, 3_600_000), witness.noCallBefore), witness.notBeforeHigh)
                (witness.probeLow, witness.probeHigh) = witness.probeFloor
            } else {
                delayProbe(witness, low: now + 5_000, high: witness.notBeforeHigh)
            }
        } else if let delay = cause.delay {
            let until = now + min(delay, 3_600_000)
            delayProbe(witness, low: isProbe ? until : .min, high: until)
        }
    }

    private func delayProbe(_ witness: Witness, low: Int64, high: Int64) {
        witness.probeFloor = (max(witness.probeFloor.low, low), max(witness.probeFloor.high, high))
        witness.probeLow = max(witness.probeLow, low)
        witness.probeHigh = max(witness.probeHigh, high)
    }

    private func rateLimited(_ worker: SimulatedWorker, _ call: SimulatedWorker.Call, _ delay: Int64?) {
        let witness = worker.witness
        let isBrief = delay.map { $0 < 1_000 } ?? false
        let halves = call.sequence > witness.halvedSequence
        if halves { witness.briefWaits = isBrief ? witness.briefWaits + 1 : 0 }
        let floor = witness.briefWaits == 0 ? 0 : min(60_000, Int64(1_000) << Int64(min(6, witness.briefWaits - 1)))
        let least = max(delay ?? 0, floor)
        if delay != nil { witness.noCallBefore = max(witness.noCallBefore, now + min(least, 3_600_000)) }
        let most = delay == nil ? max(60_000, floor) : least
        witness.notBeforeHigh = max(witness.notBeforeHigh, now + min(most, 3_600_000) + 1_000)
        recoverPace(witness)
        guard halves else { return }
        witness.paceLow = max(64, witness.paceLow / 2)
        witness.paceHigh = max(64, witness.paceHigh / 2)
        witness.halvedSequence = sequence
        witness.paceLowChanged = now
        witness.paceHighChanged = now
    }

    func witnessHoldBegan(_ worker: SimulatedWorker, _ kind: HoldKind) {
        let witness = worker.witness
        witness.holdSequence = sequence
        witness.mayEndHold = false
        witness.mustEndHold = false
        witness.hasEndedHold = false
        (witness.probeLow, witness.probeHigh) = witness.formerProbe
        witness.holdBegan = now
        witness.probeInterval = kind == .rateLimited ? 5_000 : 1_000
        waitForProbe(witness)
        applyDelay(witness, isProbe: true)
        doubtOrder(witness)
        for index in witness.waiting.indices {
            witness.waiting[index].isReleased = false
            witness.waiting[index].isFreed = false
        }
    }

    func witnessHoldEnded(_ worker: SimulatedWorker, _ kind: HoldKind) {
        let witness = worker.witness
        if kind != witness.hold {
            fail("hold.end", "a hold ends that was not on: \(kind)", worker: worker.index)
        }
        if kind == .rateLimited {
            witness.paceLowChanged = now
            witness.paceHighChanged = now
        }
        let isOver = witness.mayEndHold
        if isOver {
            // The next hold's interval starts anew.
            (witness.probeLow, witness.probeHigh) = (0, 0)
            witness.probeFloor = (0, 0)
            witness.formerProbe = (0, 0)
            if witness.endedCall?.outcome == .revoked { witness.briefWaits = 0 }
        }
        witness.mustEndHold = false
        witness.hasEndedHold = true
        doubtOrder(witness)
        // The contract whose answer ended the hold waits for its own backoff.
        for index in witness.waiting.indices {
            let waiting = witness.waiting[index]
            witness.waiting[index].isReleased =
                isOver && waiting.hasTrouble && !waiting.isUnproven && witness.endedCall?.contract != index
            witness.waiting[index].isFreed =
                witness.waiting[index].isReleased && witness.open[index].isEmpty && waiting.lastEnd < now
                && witness.noLaneCallBefore[index] == .min
        }
    }

    /// A good answer ends a hold, and nothing else does but another hold.
    func checkHoldStays(_ worker: SimulatedWorker) {
        let witness = worker.witness
        if witness.mustEndHold {
            fail("hold.end", "a good answer does not end the hold", worker: worker.index)
        }
        if witness.hasEndedHold, !witness.isHeld, !witness.mayEndHold {
            fail("hold.end", "a hold ends without a good answer", worker: worker.index)
        }
        witness.hasEndedHold = false
        witness.mayEndHold = false
        // A 429's Retry-After with its jitter outlasts the hold that it began; probes too are few while nothing is proven.
        let unproven = witness.isUnproven ? witness.nextUnproven : 0
        if witness.isHeld, now > max(witness.probeHigh, witness.notBeforeHigh, unproven) + 5, canCall(worker) {
            fail("hold.probe-late", "no probe starts though it is due", worker: worker.index)
        }
    }

    /// A probe that starts.
    func checkHold(_ worker: SimulatedWorker, _ contract: Int) {
        let witness = worker.witness
        guard witness.isHeld else { return }
        if now < witness.probeLow {
            fail(
                "hold.probe-early", "a probe starts \(witness.probeLow - now) ms before it is due",
                worker: worker.index,
                contract: contract)
        }
        if contract == witness.lastProbed {
            for other in witness.waiting.indices where other != contract && witness.waiting[other].since >= 0 {
                guard !witness.waiting[other].hasTrouble, witness.rejectPermit[other] < 0,
                    isCallable(witness, witness.open[other])
                else { continue }
                fail(
                    "hold.probe-again", "a probe takes the last one's contract though another waits",
                    worker: worker.index, contract: contract)
                break
            }
        }
        witness.lastProbed = contract
    }

    // MARK: The rate

    /// The rate recovers by a tenth of the budget every 5 s; a turn may be a second late.
    private func recoverPace(_ witness: Witness) {
        if witness.hold == .rateLimited, witness.isHeld { return }
        while witness.paceHigh < 1_024, now - witness.paceHighChanged >= 5_000 {
            witness.paceHigh = min(1_024, witness.paceHigh + 102)
            witness.paceHighChanged += 5_000
        }
        // One step a turn: a loop that stood still catches up with none of those it missed.
        if witness.paceLow < 1_024, now - witness.paceLowChanged >= 6_050 {
            witness.paceLow = min(1_024, witness.paceLow + 102)
            witness.paceLowChanged = now
        }
    }

    /// A partition's part of each window.
    func partLimits(_ witness: Witness, _ partition: Int) -> [Int] {
        profile.engine.budget.map { window in
            window.limit / witness.topicPartitions + (partition < window.limit % witness.topicPartitions ? 1 : 0)
        }
    }

    /// What the rate leaves of each partition's part of a window, for those that surely may start calls.
    private func parts(_ witness: Witness, window: Int, pace: Int) -> [Int] {
        witness.epochs.indices.filter { witness.epochs[$0]?.isOpen == true }.map { partition in
            paced(partLimits(witness, partition)[window], pace)
        }
    }

    /// What the rate leaves of a partition's part: one request at the least.
    private func paced(_ limit: Int, _ pace: Int) -> Int { max(min(limit, 1), limit * pace / 1_024) }

    /// A call that starts keeps the rate.
    func checkPace(_ worker: SimulatedWorker, _ contract: Int) {
        let witness = worker.witness
        recoverPace(witness)
        if witness.isUnproven {
            if now < witness.nextUnproven {
                fail(
                    "pace.unproven", "a call starts \(witness.nextUnproven - now) ms early while nothing is proven",
                    worker: worker.index, contract: contract)
            }
            witness.nextUnproven = now + 250 * share(witness)
        }
        let pace = witness.isUnproven ? witness.paceHigh / 4 : witness.paceHigh
        guard witness.paceHigh < 1_024 || witness.isUnproven else { return }
        guard profile.engine.budget.isEmpty else {
            return checkPaceOfWindows(worker, contract, pace: witness.paceHigh)
        }
        if worker.calls.count >= max(1, profile.engine.concurrency * pace / 1_024) {
            fail("pace", "more calls in flight than the rate allows", worker: worker.index, contract: contract)
        }
    }

    /// Since the last halving no window got more than the rate leaves of the parts of all partitions.
    private func checkPaceOfWindows(_ worker: SimulatedWorker, _ contract: Int, pace: Int) {
        let witness = worker.witness
        for (index, window) in profile.engine.budget.enumerated() {
            var used = 0
            for call in worker.calls
            where call.sequence > witness.halvedSequence && call.sequence > witness.assignedSequence { used += 1 }
            for call in witness.ended
            where call.sequence > witness.halvedSequence && call.sent > now - window.duration { used += 1 }
            var most = 0
            for partition in witness.epochs.indices where witness.epochs[partition] != nil {
                most += paced(partLimits(witness, partition)[index], pace)
            }
            if used >= most {
                fail(
                    "pace", "\(used + 1) requests in \(window.duration) ms, the rate after a 429 allows \(most)",
                    worker: worker.index, contract: contract)
            }
        }
    }

    /// Whether the budget surely allows a request now.
    func hasRoom(_ worker: SimulatedWorker) -> Bool {
        let witness = worker.witness
        guard !profile.engine.budget.isEmpty else { return true }
        guard worker.commitInFlight == nil, !witness.lastCommitFailed, !profile.metadataIsCut else { return false }
        return windowsHaveRoom(worker)
    }

    /// Whether the windows of the budget surely have room, whatever is saved of what was spent.
    func windowsHaveRoom(_ worker: SimulatedWorker) -> Bool {
        let witness = worker.witness
        recoverPace(witness)
        let longest = profile.engine.budget.map(\.duration).max() ?? 0
        witness.ended.removeAll { $0.end < now - longest - 2_000 }
        let pace = witness.isUnproven ? witness.paceLow / 4 : witness.paceLow
        for (index, window) in profile.engine.budget.enumerated() {
            guard now - witness.assignedAt > window.duration + 2_500 else { return false }
            var used = worker.calls.count
            for call in witness.ended where call.end > now - window.duration - 1_100 { used += 1 }
            // In one window some partition has room when not all is used; in the others each surely has.
            let parts = parts(witness, window: index, pace: pace)
            if used >= (index == 0 ? parts.reduce(0, +) : parts.min() ?? .max) { return false }
        }
        return true
    }
}
