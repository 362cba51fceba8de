import RevokeEngine
import RevokeModel

/// Why holds begin, how long they last, and how long retries wait.
extension World {
    // MARK: Holds

    /// How long a worker's account has been held in its life.
    func heldTime(_ witness: Witness) -> Int64 {
        witness.heldBefore + (witness.isHeld ? now - witness.heldSince : 0)
    }

    /// A call ended: which holds its answer may begin, and which it must.
    func witnessReason(_ worker: SimulatedWorker, _ call: SimulatedWorker.Call, countsForBreaker: Bool) {
        let witness = worker.witness
        witness.endedCall = call
        switch call.outcome {
        case .revoked:
            witness.failingMost = []
            witness.refusedMaybe = -1
            witness.refusedSurely = -1
        case .rejected, .conflict: witness.refusedSurely = -1
        case .rateLimited:
            witness.mustHold = .rateLimited
            witness.refusedSurely = -1
        case .unauthorized(let version):
            guard version == worker.keyVersion else { break }
            let isOther = witness.refusedMaybe >= 0 && witness.refusedMaybe != call.contract
            let isUnproven = now - witness.lastGood > 600_000
            witness.refusalMayHold = isOther || isUnproven
            if isUnproven || (witness.refusedSurely >= 0 && witness.refusedSurely != call.contract) {
                witness.mustHold = .unauthorized
            }
            witness.refusedMaybe = call.contract
            witness.refusedSurely = call.contract
        case .transient, .unavailable, .misdirected, .unreachable, .ambiguous:
            witness.refusedSurely = -1
            if countsForBreaker, !witness.failingMost.contains(call.contract) {
                witness.failingMost.append(call.contract)
            }
            if case .unreachable(.untrustedCertificate) = call.outcome { witness.mustHold = .unavailable }
        case .withheld: break
        }
    }

    /// A hold begins by the answer of this turn alone, and by one that is a reason for it.
    func checkHoldReason(_ worker: SimulatedWorker, _ kind: HoldKind) {
        let witness = worker.witness
        guard let call = witness.endedCall else {
            fail("hold.reason", "a hold begins without an answer: \(kind)", worker: worker.index)
            return
        }
        let isReason: Bool
        switch (kind, call.outcome) {
        case (.rateLimited, .rateLimited): isReason = true
        case (.unauthorized, .unauthorized(let version)):
            isReason = version == worker.keyVersion && witness.refusalMayHold
        case (.unavailable, .unreachable(.untrustedCertificate)): isReason = true
        case (.unavailable, .transient), (.unavailable, .unavailable), (.unavailable, .misdirected),
            (.unavailable, .unreachable), (.unavailable, .ambiguous):
            isReason = witness.failingMost.count >= profile.engine.breaker
        default: isReason = false
        }
        if !isReason {
            fail(
                "hold.reason", "\(call.outcome) is no reason for the hold \(kind)", worker: worker.index,
                contract: call.contract)
        }
        witness.failingMost = []
    }

    /// What the answer of this turn has to hold is held.
    func checkHoldBegan(_ worker: SimulatedWorker) {
        let witness = worker.witness
        if let kind = witness.mustHold, !witness.isHeld || (kind == .rateLimited && witness.hold != kind) {
            fail("hold.missing", "an answer does not begin the hold \(kind)", worker: worker.index)
        }
        witness.mustHold = nil
        witness.endedCall = nil
    }

    // MARK: Backoff

    /// How long a retry may wait at the longest after so many backoffs: 200 ms, doubled each time, up to the cap.
    func longestBackoff(_ backoffs: Int) -> Int64 {
        let doublings = Int64(min(20, max(0, backoffs - 1)))
        return min(profile.engine.backoffCap, profile.engine.backoffBase << doublings)
    }

    /// A retry starts: over many of them the backoffs are spread, and they grow.
    func checkBackoff(_ worker: SimulatedWorker, _ contract: Int) {
        let witness = worker.witness
        let waiting = witness.waiting[contract]
        guard waiting.isRetry, !witness.isHeld else { return }
        defer { witness.waiting[contract].leastBackoffs += 1 }
        // Nothing but the backoff holds it back.
        guard waiting.hasPlainBackoff, worker.calls.isEmpty, profile.engine.budget.isEmpty,
            witness.noLaneCallBefore[contract] == .min
        else { return }
        let delay = now - waiting.retryFrom
        let longest = longestBackoff(waiting.mostBackoffs)
        guard delay <= longest + 10 else { return }
        backoffs.samples += 1
        if delay < longest * 9 / 10 { backoffs.isSpread = true }
        if backoffs.samples >= 30, !backoffs.isSpread {
            fail("backoff.spread", "30 retries wait for the longest backoff", worker: worker.index, contract: contract)
        }
        let least = longestBackoff(waiting.leastBackoffs + 1)
        guard least >= 16 * profile.engine.backoffBase else { return }
        backoffs.longSamples += 1
        if delay > least / 4 { backoffs.grow = true }
        if backoffs.longSamples >= 25, !backoffs.grow {
            fail("backoff.growth", "the backoff does not grow", worker: worker.index, contract: contract)
        }
    }
}

/// What the retries of a world show of their backoffs.
struct BackoffSamples {
    var samples = 0
    var longSamples = 0
    /// One waited for less than nine tenths of the longest time.
    var isSpread = false
    /// One of a lane that failed often waited for long.
    var grow = false
}
