import RevokeEngine
import RevokeModel

extension World {
    func startCall(_ worker: SimulatedWorker, _ id: CallID, _ contract: ContractID) {
        let index = Int(contract.value - Topic.contractBase)
        guard profile.contracts.indices.contains(index) else { return }
        let call = witnessCallStarted(worker, id, index)
        worker.calls.append(call)
        apiCalls[index] += 1
        let key = apiCalls[index]
        if dice.chance(profile.connectionWaits, .connectDelay, Int64(index), key) {
            agenda.add(
                at: now + dice.between(100, 4_500, .connectDelay, Int64(index), key, 1), .gate, worker: worker.index,
                incarnation: worker.incarnation, number: id)
        } else {
            passGate(worker, id)
        }
    }

    /// The moment before the first byte is sent.
    func passGate(_ worker: SimulatedWorker, _ id: CallID) {
        guard let index = worker.calls.firstIndex(where: { $0.id == id }) else { return }
        let contract = worker.calls[index].contract
        if worker.calls[index].isWithheld || now - worker.lastTurn > profile.engine.sessionTimeout / 2 {
            worker.calls[index].outcome = .withheld
            agenda.add(at: now, .callEnd, worker: worker.index, incarnation: worker.incarnation, number: id)
            return
        }
        worker.calls[index].isGated = true
        let answer = self.answer(worker, contract)
        var delay = answer.latency
        if answer.isSent {
            worker.calls[index].sentAt = now
            requestSent(worker, contract)
            if answer.isApplied {
                beginRevocation(worker.calls[index], at: now + min(delay / 2, 4_000))
            }
        }
        var outcome = answer.outcome
        let deadline = worker.calls[index].startedAt + profile.requestDeadline
        if now + delay > deadline {
            delay = max(deadline - now, 0)
            outcome = answer.isSent ? .ambiguous(.deadline) : .unreachable(.timeout)
        }
        worker.calls[index].outcome = outcome
        agenda.add(at: now + delay, .callEnd, worker: worker.index, incarnation: worker.incarnation, number: id)
    }

    func callEnds(_ worker: SimulatedWorker, _ id: CallID) {
        guard let index = worker.calls.firstIndex(where: { $0.id == id }) else { return }
        let call = worker.calls.remove(at: index)
        trace.add("\(call.outcome)")
        trace.add(call.sentAt)
        trace.line(
            "\(now) w\(worker.index) call \(id) ends: \(call.outcome)",
            contract: Topic.contractBase + Int64(call.contract))
        witnessCallEnded(worker, call)
        worker.engine.callFinished(
            id, call.outcome, sentAt: call.sentAt < 0 ? nil : call.sentAt + worker.bootBase, now: worker.instant(now))
        drive(worker)
    }

    private struct Answer {
        var outcome: CallOutcome
        var latency: Int64
        var isSent = true
        var isApplied = false
    }

    private func answer(_ worker: SimulatedWorker, _ contract: Int) -> Answer {
        let a = Int64(contract)
        let n = apiCalls[contract]
        var latency = dice.between(5, 120, .latency, a, n)
        if isActive(.slowAPI) {
            latency +=
                variant(.slowAPI) % 2 == 0
                ? dice.between(300, 3_000, .latency, a, n, 1) : dice.between(1_000, 14_000, .latency, a, n, 1)
        }
        let retryAfter = retryAfter(contract, n)
        if isActive(.outage) {
            switch variant(.outage) % 9 {
            case 0: return Answer(outcome: .unavailable(status: 503, retryAfter: nil), latency: latency)
            case 1: return Answer(outcome: .unavailable(status: 503, retryAfter: retryAfter), latency: latency)
            case 2: return Answer(outcome: .unreachable(.connect), latency: latency, isSent: false)
            case 3: return Answer(outcome: .unreachable(.nameResolution), latency: latency + 1_000, isSent: false)
            case 4: return Answer(outcome: .ambiguous(.deadline), latency: 60_000)
            case 5:
                return Answer(
                    outcome: .unavailable(status: 500, retryAfter: nil), latency: latency,
                    isApplied: dice.chance(500, .applied, a, n))
            case 6: return Answer(outcome: .misdirected(status: 302), latency: latency)
            case 7: return Answer(outcome: .unreachable(.untrustedCertificate), latency: latency, isSent: false)
            default: return Answer(outcome: .transient(status: 408), latency: latency)
            }
        }
        let refusal = refusal(contract)
        if refusal.isRefused {
            return Answer(outcome: .rateLimited(retryAfter: refusal.retryAfter), latency: latency)
        }
        if limits.windows.isEmpty, isActive(.rateLimit), dice.chance(700, .answer, a, n) {
            return Answer(outcome: .rateLimited(retryAfter: retryAfter), latency: latency)
        }
        if worker.keyVersion != keyVersion {
            return Answer(outcome: .unauthorized(keyVersion: worker.keyVersion), latency: latency)
        }
        if isActive(.wrongPath) {
            return Answer(
                outcome: .rejected(status: variant(.wrongPath) % 2 == 0 ? 404 : 403, code: nil), latency: latency)
        }
        if isActive(.flakyAPI), variant(.flakyAPI) % 4 == 1 {
            // The API restarts every second: what is in flight then loses its connection in one moment.
            let restart = (now / 1_000 + 1) * 1_000
            if now + latency >= restart {
                let causes: [AmbiguousCause] = [.connectionClosed, .incompleteHead, .resendStopped]
                return Answer(
                    outcome: .ambiguous(causes[Int(dice.roll(.answer, a, n, 3) % 3)]), latency: restart - now,
                    isApplied: dice.chance(300, .applied, a, n))
            }
        } else if isActive(.flakyAPI) {
            switch dice.roll(.answer, a, n, 2) % 10 {
            case 0, 1:
                return Answer(
                    outcome: .ambiguous(.connectionClosed), latency: latency,
                    isApplied: dice.chance(600, .applied, a, n))
            case 2: return Answer(outcome: .unavailable(status: 502, retryAfter: retryAfter), latency: latency)
            case 3: return Answer(outcome: .transient(status: 425), latency: latency)
            case 4: return Answer(outcome: .unreachable(.connect), latency: latency, isSent: false)
            case 5: return Answer(outcome: .misdirected(status: 403, mayEndAlone: true), latency: latency)
            case 6 where !hasAskedToWait[contract]:
                hasAskedToWait[contract] = true
                let wait = dice.between(0, 8, .retryAfter, a, n, 5) * 1_000
                return Answer(outcome: .rejected(status: 403, code: nil, retryAfter: wait), latency: latency)
            default: break
            }
        }
        let kind = isPoisonHealed && profile.contracts[contract].isPoison ? .healthy : profile.contracts[contract]
        switch kind {
        case .healthy: return Answer(outcome: .revoked, latency: latency, isApplied: true)
        case .unknown: return Answer(outcome: .rejected(status: 404, code: nil), latency: latency)
        case .forbidden: return Answer(outcome: .rejected(status: 403, code: nil), latency: latency)
        case .conflicting: return Answer(outcome: .conflict(status: 409), latency: latency)
        case .busy:
            return n % 3 == 0
                ? Answer(outcome: .revoked, latency: latency, isApplied: true)
                : Answer(outcome: .conflict(status: 423), latency: latency)
        case .failing: return Answer(outcome: .unavailable(status: 500, retryAfter: nil), latency: latency)
        case .paged: return Answer(outcome: .misdirected(status: 403, mayEndAlone: true), latency: latency)
        case .silent: return Answer(outcome: .ambiguous(.deadline), latency: 60_000)
        case .refused: return Answer(outcome: .unauthorized(keyVersion: worker.keyVersion), latency: latency)
        }
    }
}
