public import RevokeModel

/// Starting calls, and what their outcomes mean.
extension Engine {
    // MARK: Starting

    /// Starts what concurrency, holds, budget and commits allow.
    mutating func startCalls(now: Int64) {
        guard case .active = phase, shutdownDeadline == nil, !isCommitsFailing, now >= account.notBefore,
            ledgers.contains(where: \.isConfirmed)
        else { return }
        let limit = concurrency
        while calls.count < limit {
            let isProbe = account.hold != nil
            if isProbe, account.probe != 0 || now < account.nextProbe { return }
            if isUnproven, now < account.nextUnproven { return }
            guard hasWaitingLane else { return }
            guard let ledger = ledgerToCharge(now: now) else { return }
            guard let (lane, laneClass) = isProbe ? nextProbeLane() : nextLane() else { return }
            start(lane, laneClass, ledger: ledger, isProbe: isProbe, now: now)
        }
    }

    private var concurrency: Int {
        guard configuration.budget.isEmpty else { return configuration.concurrency }
        return max(1, configuration.concurrency * pace / Account.fullPace)
    }

    /// The rate in 1/1024 of the budget: less after 429s, and a quarter while the streak is over its limit.
    private var pace: Int {
        isUnproven ? account.pace / 4 : account.pace
    }

    /// Whether the streak is over its limit: permanent answers do not settle.
    var isUnproven: Bool { account.isUnproven(limit: configuration.streakLimit) }

    var hasWaitingLane: Bool { !freshQueue.isEmpty || !backlogQueue.isEmpty || !retryQueue.isEmpty }

    /// The confirmed partition with the most left of its part of the budget.
    private mutating func ledgerToCharge(now: Int64) -> Int? {
        if configuration.budget.isEmpty { return ledgers.firstIndex(where: \.isConfirmed) }
        let pace = self.pace
        var best: Int?
        var most = 0
        for index in ledgers.indices where ledgers[index].isConfirmed {
            let left = ledgers[index].charges.left(now: now, pace: pace)
            if left > most {
                most = left
                best = index
            }
        }
        guard best == nil else { return best }
        for index in ledgers.indices where ledgers[index].isConfirmed {
            if ledgers[index].charges.leftInWindows(now: now, pace: pace) > 0 {
                isBlockedUnsaved = true
            } else if let free = ledgers[index].charges.nextFree(now: now, pace: pace) {
                budgetFreeAt = min(budgetFreeAt ?? free, free)
            }
        }
        return nil
    }

    private mutating func start(_ lane: Int32, _ laneClass: LaneClass, ledger: Int, isProbe: Bool, now: Int64) {
        let id = nextCall
        nextCall += 1
        starts += 1
        ledgers[ledger].charges.reserve()
        calls.append(
            Call(id: id, lane: lane, laneClass: laneClass, partition: ledgers[ledger].partition, epoch: epoch))
        setState(lane, .calling)
        let index = Int(lane)
        lanes[index].call = id
        lanes[index].boundary = nextSequence
        lanes[index].attempts += 1
        if isProbe {
            account.probe = id
            account.lastProbed = lanes[index].contract
        }
        if isUnproven { account.startedUnproven(now: now, share: share) }
        var entry = lanes[index].head
        while entry >= 0 {
            ledgers[Int(entries[Int(entry)].ledger)].called(entries[Int(entry)].offset)
            entry = entries[Int(entry)].next
        }
        actions.append(.startCall(id, lanes[index].contract, freshConnection: lanes[index].wantsFreshConnection))
    }

    // MARK: Order

    /// The next lane: fresh, then backlog, then retries; every fourth start goes to the oldest of the lower classes.
    private mutating func nextLane() -> (Int32, LaneClass)? {
        let slots = max(1, configuration.concurrency / 4)
        let retriesMayStart = calls.count { $0.laneClass == .retry } < slots
        if starts % 4 == 3 {
            let backlog = peek(.backlog)
            let retry = retriesMayStart ? peek(.retry) : nil
            if let lane = older(backlog, retry) { return take(lane) }
        }
        if let lane = peek(.fresh) { return take(lane) }
        if let lane = peek(.backlog) { return take(lane) }
        if retriesMayStart, let lane = peek(.retry) { return take(lane) }
        return nil
    }

    /// The lane of the next probe: of another contract than the last one where there is one.
    private mutating func nextProbeLane() -> (Int32, LaneClass)? {
        var repeated: Int32?
        for laneClass in [LaneClass.fresh, .backlog, .retry] {
            guard let lane = peek(laneClass) else { continue }
            if lanes[Int(lane)].contract != account.lastProbed { return take(lane) }
            repeated = lane
            // The last probe's lane goes behind the others of its class.
            enqueue(lane, laneClass)
            if let next = peek(laneClass), next != lane { return take(next) }
        }
        return repeated.flatMap { take($0) }
    }

    private func older(_ left: Int32?, _ right: Int32?) -> Int32? {
        guard let left, let right else { return left ?? right }
        return oldestSequence(left) <= oldestSequence(right) ? left : right
    }

    private func oldestSequence(_ lane: Int32) -> UInt64 {
        let head = lanes[Int(lane)].head
        return head >= 0 ? entries[Int(head)].sequence : .max
    }

    private func take(_ lane: Int32) -> (Int32, LaneClass)? {
        guard case .queued(let laneClass) = lanes[Int(lane)].state else { return nil }
        return (lane, laneClass)
    }

    /// The first lane of a class that may start; void places are dropped, and lanes of unconfirmed partitions wait there.
    private mutating func peek(_ laneClass: LaneClass) -> Int32? {
        while let ticket = head(of: laneClass) {
            let lane = lanes[Int(ticket.lane)]
            if lane.stamp == ticket.stamp, lane.head >= 0 {
                let ledger = Int(entries[Int(lane.head)].ledger)
                if ledgers[ledger].isConfirmed { return ticket.lane }
                setState(ticket.lane, .unconfirmed)
                ledgers[ledger].waitingLanes.append(
                    LaneTicket(lane: ticket.lane, stamp: lanes[Int(ticket.lane)].stamp))
            }
            dropHead(of: laneClass)
        }
        return nil
    }

    private func head(of laneClass: LaneClass) -> LaneTicket? {
        switch laneClass {
        case .fresh: freshQueue.head
        case .backlog: backlogQueue.head
        case .retry: retryQueue.head
        }
    }

    private mutating func dropHead(of laneClass: LaneClass) {
        switch laneClass {
        case .fresh: freshQueue.popFirst()
        case .backlog: backlogQueue.popFirst()
        case .retry: retryQueue.popFirst()
        }
    }

    // MARK: Outcomes

    /// A call ended. `sentAt` is when the gate let the first byte pass, on the boot clock; nil when nothing was sent.
    public mutating func callFinished(_ call: CallID, _ outcome: CallOutcome, sentAt: Int64?, now: Instant) {
        guard let index = calls.firstIndex(where: { $0.id == call }) else { return }
        let ended = calls[index]
        calls.swapAt(index, calls.count - 1)
        calls.removeLast()
        account(for: ended, sentAt: sentAt)
        let wasProbe = account.probe == call
        if wasProbe { account.probe = 0 }
        let lane = ended.lane
        lanes[Int(lane)].call = 0
        if sentAt != nil, outcome != .revoked { countAttempt(lane) }
        decide(FailurePolicy(outcome), call: ended, lane: lane, wasProbe: wasProbe, now: now)
        if case .revoked = outcome {} else { forgetCovered(.call(call)) }
    }

    /// Stamps the call's charge, or gives it back. The charge of a former assignment went with it: the gate lets nothing
    /// pass after that.
    private mutating func account(for call: Call, sentAt: Int64?) {
        guard call.epoch == epoch, let ledger = ledgerIndex[call.partition] else { return }
        if let sentAt {
            ledgers[ledger].charges.stamp(sentAt: sentAt)
        } else {
            ledgers[ledger].charges.giveBack()
        }
    }

    private mutating func decide(
        _ policy: FailurePolicy, call: Call, lane: Int32, wasProbe: Bool, now: Instant
    ) {
        let contract = lanes[Int(lane)].contract
        switch policy {
        case .revoked:
            goodAnswer(call: call.id, now: now.boot)
            settleCovered(lane, now: now.boot)
            settleRemembered(.call(call.id))
            lanes[Int(lane)].forgetTrouble()
            settleLane(lane, now: now.boot)
        case .permanent(let status, let retryAfter):
            if let retryAfter, !lanes[Int(lane)].hasWaitedForAnswer {
                lanes[Int(lane)].hasWaitedForAnswer = true
                let wait = FailurePolicy.Retry(retryAfter: retryAfter, status: status, endsAlone: true)
                decide(.retry(wait), call: call, lane: lane, wasProbe: wasProbe, now: now)
            } else {
                permanentAnswer(status, call: call, lane: lane, wasProbe: wasProbe, now: now)
            }
        case .conflict(let status):
            lanes[Int(lane)].conflicts += 1
            if lanes[Int(lane)].conflicts >= configuration.conflictAttempts {
                permanentAnswer(status, call: call, lane: lane, wasProbe: wasProbe, now: now)
            } else {
                probeAnswered(call.id, wasProbe: wasProbe, now: now.boot)
                retry(lane, retryAfter: nil, now: now.boot)
            }
        case .unauthorized(let version):
            if version != account.keyVersion {
                lanes[Int(lane)].attempts -= 1
                requeue(lane, now: now.boot)
            } else if account.unauthorized(contract, now: now.boot) {
                beginHold(.unauthorized, wasProbe: wasProbe, now: now.boot)
                retry(lane, retryAfter: nil, now: now.boot)
            } else {
                if wasProbe { account.probeFailed(now: now.boot, share: share) }
                failAlone(lane, status: 401, retryAfter: nil, now: now)
            }
        case .rateLimited(let retryAfter):
            lanes[Int(lane)].attempts -= 1
            let jitter = generator.upTo(1_000)
            let until = account.rateLimited(
                call: call.id, nextCall: nextCall, retryAfter: retryAfter, now: now.boot, jitter: jitter)
            beginHold(.rateLimited, wasProbe: wasProbe, now: now.boot)
            if retryAfter == nil { account.delayProbe(until: until) } else { account.probe(at: until) }
            requeue(lane, now: now.boot)
        case .retry(let failure):
            if failure.freshConnection { lanes[Int(lane)].wantsFreshConnection = true }
            if failure.mayHaveApplied { markAmbiguous(lane) }
            let opens = account.failure(
                contract, call: call.id, nextCall: nextCall, lostConnection: failure.lostConnection,
                breaker: configuration.breaker)
            if failure.holds || opens || wasProbe {
                beginHold(wasProbe ? (account.hold ?? .unavailable) : .unavailable, wasProbe: wasProbe, now: now.boot)
                if let retryAfter = failure.retryAfter {
                    account.delayProbe(until: now.boot + min(retryAfter, Account.retryAfterCap))
                }
            }
            if failure.endsAlone {
                failAlone(lane, status: failure.status, retryAfter: failure.retryAfter, now: now)
            } else {
                noteTrouble(lane, now: now.boot)
                retry(lane, retryAfter: failure.retryAfter, now: now.boot)
            }
        case .again:
            lanes[Int(lane)].attempts -= 1
            requeue(lane, now: now.boot)
        }
    }

    /// The topic's partitions by the worker's, from 1 up; between assignments by those that it held last.
    var share: Int64 {
        let held = ledgers.isEmpty ? formerPartitions : ledgers.count
        return Int64(max(1, topicPartitions / max(1, held)))
    }

    private mutating func beginHold(_ kind: HoldKind, wasProbe: Bool, now: Int64) {
        let former = account.hold
        if account.beginHold(kind, nextCall: nextCall, now: now, share: share) {
            if let former { actions.append(.note(.holdEnded(former))) }
            actions.append(.note(.holdBegan(kind)))
        } else if wasProbe {
            account.probeFailed(now: now, share: share)
        }
    }

    /// An answer about the contract: it ends a hold by 429, and is no proof for any other.
    private mutating func probeAnswered(_ call: CallID, wasProbe: Bool, now: Int64) {
        if let ended = account.endRateLimit(call: call, now: now) {
            holdEnded(ended, now: now)
        } else if wasProbe {
            account.probeFailed(now: now, share: share)
        }
    }

    private mutating func goodAnswer(call: CallID, now: Int64) {
        let wasUnproven = isUnproven
        if let ended = account.good(call: call, now: now) { holdEnded(ended, now: now) }
        guard wasUnproven else { return }
        account.proven(fromCall: nextCall)
        actions.append(.note(.proven))
        while let (lane, contract) = unprovenLanes.popFirst() {
            guard lanes[Int(lane)].contract == contract, lanes[Int(lane)].isUnproven else { continue }
            lanes[Int(lane)].isUnproven = false
            if case .timed = lanes[Int(lane)].state, lanes[Int(lane)].notBefore <= now {
                enqueue(lane, waitingClass(lane))
            }
        }
    }

    /// Every lane that waits because of the hold starts at the account's pace; a contract's own Retry-After still counts.
    private mutating func holdEnded(_ kind: HoldKind, now: Int64) {
        actions.append(.note(.holdEnded(kind)))
        var later: [TimerHeap.Item] = []
        while let item = timers.popFirst() {
            guard lanes[Int(item.ticket.lane)].stamp == item.ticket.stamp else { continue }
            if lanes[Int(item.ticket.lane)].notBefore > now || lanes[Int(item.ticket.lane)].isUnproven {
                later.append(item)
            } else {
                enqueue(item.ticket.lane, .backlog)
            }
        }
        for item in later { timers.insert(due: item.due, item.ticket) }
        while let ticket = retryQueue.popFirst() {
            if lanes[Int(ticket.lane)].stamp == ticket.stamp { enqueue(ticket.lane, .backlog) }
        }
    }

    /// 404 and its like: a dead letter, unless too many contracts got one since the last good answer.
    private mutating func permanentAnswer(_ status: Int, call: Call, lane: Int32, wasProbe: Bool, now: Instant) {
        let contract = lanes[Int(lane)].contract
        guard call.id >= account.provenFromCall else {
            lanes[Int(lane)].attempts -= 1
            return requeue(lane, now: now.boot)
        }
        let wasUnproven = isUnproven
        let settles = account.permanentAnswer(contract, limit: configuration.streakLimit)
        probeAnswered(call.id, wasProbe: wasProbe, now: now.boot)
        if settles {
            deadLetterCovered(lane, .rejected, status: status, now: now)
            lanes[Int(lane)].forgetTrouble()
            settleLane(lane, now: now.boot)
            return
        }
        if !wasUnproven { actions.append(.note(.unproven)) }
        if !lanes[Int(lane)].isUnproven {
            lanes[Int(lane)].isUnproven = true
            unprovenLanes.append((lane, contract))
        }
        noteTrouble(lane, now: now.boot)
        retry(lane, retryAfter: nil, now: now.boot)
    }

    /// Trouble that may be this contract's alone: a dead letter after the retry limit, counted only while the account
    /// is proven to work.
    private mutating func failAlone(_ lane: Int32, status: Int?, retryAfter: Int64?, now: Instant) {
        let index = Int(lane)
        noteTrouble(lane, now: now.boot)
        if account.hold == nil, account.goodWithinProofDuration(now: now.boot) {
            if let last = lanes[index].lastTroubleAt {
                let from = max(last, account.holdEndedAt ?? last)
                lanes[index].trouble += min(max(0, now.boot - from), Account.proofDuration)
            }
            if lanes[index].trouble >= configuration.contractRetryLimit {
                deadLetterCovered(lane, .retryLimit, status: status, now: now)
                lanes[index].forgetTrouble()
                settleLane(lane, now: now.boot)
                return
            }
        }
        lanes[index].lastTroubleAt = now.boot
        retry(lane, retryAfter: retryAfter, now: now.boot)
    }

    private mutating func noteTrouble(_ lane: Int32, now: Int64) {
        let index = Int(lane)
        let since = lanes[index].troubleSince ?? now
        lanes[index].troubleSince = since
        if now - since >= configuration.contractRetryLimit, !lanes[index].isStuckNoted {
            lanes[index].isStuckNoted = true
            actions.append(.note(.stuckContract(lanes[index].contract)))
        }
    }

    /// Full-jitter exponential backoff; a Retry-After counts in full, with the jitter on top.
    private mutating func retry(_ lane: Int32, retryAfter: Int64?, now: Int64) {
        let index = Int(lane)
        lanes[index].failedAt = now
        if let retryAfter { lanes[index].notBefore = now + min(retryAfter, Account.retryAfterCap) }
        guard lanes[index].count > 0 else {
            settleLane(lane, now: now)
            return
        }
        let exponent = Int64(min(20, lanes[index].backoffs))
        let bound = min(configuration.backoffCap, configuration.backoffBase << exponent)
        var delay = max(1, generator.upTo(bound))
        if let retryAfter { delay += min(retryAfter, Account.retryAfterCap) }
        if account.hold != nil, retryAfter == nil {
            // Waits for the hold's end or its turn as a probe; the hold's own interval is the backoff.
            enqueue(lane, .retry)
            return
        }
        lanes[index].backoffs += 1
        scheduleRetry(lane, at: now + delay)
    }

    /// Back into the queue at once; no attempt was made.
    private mutating func requeue(_ lane: Int32, now: Int64) {
        guard lanes[Int(lane)].count > 0 else {
            settleLane(lane, now: now)
            return
        }
        enqueue(lane, waitingClass(lane))
    }

    // MARK: Covered events

    /// A request for these events was sent: the dead letter tells how many were.
    private mutating func countAttempt(_ lane: Int32) {
        let boundary = lanes[Int(lane)].boundary
        var entry = lanes[Int(lane)].head
        while entry >= 0 {
            if entries[Int(entry)].sequence < boundary { entries[Int(entry)].attempts += 1 }
            entry = entries[Int(entry)].next
        }
    }

    private mutating func settleCovered(_ lane: Int32, now: Int64) {
        let boundary = lanes[Int(lane)].boundary
        var entry = lanes[Int(lane)].head
        while entry >= 0 {
            let next = entries[Int(entry)].next
            if entries[Int(entry)].sequence < boundary { settle(entry, .revoked, now: now) }
            entry = next
        }
    }

    private mutating func deadLetterCovered(_ lane: Int32, _ reason: DeadLetterReason, status: Int?, now: Instant) {
        let boundary = lanes[Int(lane)].boundary
        var entry = lanes[Int(lane)].head
        while entry >= 0 {
            let next = entries[Int(entry)].next
            if entries[Int(entry)].sequence < boundary {
                unlink(entry)
                entries[Int(entry)].state = .deadLetterWaiting(reason, status: status)
                deadLetterQueue.append(ticket(entry))
            }
            entry = next
        }
    }

    /// The call may have been applied: its events are not fresh any more.
    private mutating func markAmbiguous(_ lane: Int32) {
        let boundary = lanes[Int(lane)].boundary
        var entry = lanes[Int(lane)].head
        while entry >= 0 {
            if entries[Int(entry)].sequence < boundary, entries[Int(entry)].isFresh {
                entries[Int(entry)].isFresh = false
                lanes[Int(lane)].freshCount -= 1
            }
            entry = entries[Int(entry)].next
        }
    }
}
