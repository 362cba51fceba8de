import RevokeModel
import Testing

@testable import RevokeEngine

private let notFound = CallOutcome.rejected(status: 404, code: nil)
private let outage = CallOutcome.unavailable(status: 503, retryAfter: nil)
private let unauthorized = CallOutcome.unauthorized(keyVersion: 1)

/// What outcomes do to events, lanes and the account (invariants 5 and 8, and the failure policy).
@Suite struct OutcomeTests {
    // MARK: Streak

    @Test func invariant5TheFirstTwoContractsOfAStreakSettle() {
        let harness = EngineHarness.ready()
        harness.events(1, 2, 3, 4)
        for contract in Int64(1)...4 { harness.answer(contract, notFound) }
        #expect(harness.end(0) == .deadLettered(.rejected))
        #expect(harness.end(1) == .deadLettered(.rejected))
        #expect(harness.end(2) == nil)
        #expect(harness.end(3) == nil)
        #expect(harness.stored.map(\.status) == [404, 404])
        #expect(harness.notes.filter { $0 == .unproven }.count == 1)
    }

    @Test(arguments: [notFound, .rejected(status: 403, code: nil), .conflict(status: 409), unauthorized])
    func invariant5AWrongPathOrKeyNeverEmptiesTheTopic(outcome: CallOutcome) {
        let harness = EngineHarness.ready()
        harness.respond = { _ in outcome }
        harness.latency = 20
        for number in 1...Int64(12) { harness.world.event(number) }
        harness.advance(4_000_000)
        #expect(harness.stored.count <= 2)
        harness.respond = { _ in .revoked }
        harness.advance(300_000)
        #expect(harness.snapshot.openRecords == 0)
        #expect(harness.ends.values.count { $0 == .revoked } >= 10)
    }

    @Test func invariant5AGoodAnswerReleasesTheStreak() {
        let harness = EngineHarness.ready()
        harness.events(1, 2, 3, 4)
        for contract in Int64(1)...3 { harness.answer(contract, notFound) }
        harness.answer(4, .revoked)
        #expect(harness.notes.contains(.proven))
        #expect(harness.snapshot.streak == 0)
        // The answer that contract 3 got does not settle it; it is called again.
        #expect(harness.end(2) == nil)
        #expect(harness.callsFor == [3])
        harness.answer(3, notFound)
        #expect(harness.end(2) == .deadLettered(.rejected))
    }

    /// The call of contract 5 starts while the path is wrong; its 404 arrives after the mend's first 204. It belongs to the
    /// trouble that is over: it neither settles nor counts.
    @Test func invariant5AnAnswerToAnOlderCallDoesNotSettleAfterTheGoodOne() {
        let harness = EngineHarness.ready()
        harness.events(1, 2, 3, 4, 5)
        for contract in Int64(1)...3 { harness.answer(contract, notFound) }
        harness.answer(4, .revoked)
        harness.answer(5, notFound)
        #expect(harness.end(4) == nil)
        #expect(harness.snapshot.streak == 0)
        #expect(harness.stored.count == 2)
        harness.answer(5, .revoked)
        #expect(harness.end(4) == .revoked)
    }

    @Test func invariant5OneContractTwiceIsNoStreak() {
        let harness = EngineHarness.ready()
        for _ in 0..<10 {
            harness.events(1)
            harness.answer(1, notFound)
        }
        #expect(harness.stored.count == 10)
        #expect(harness.snapshot.streak == 1)
    }

    @Test func invariant5MisdirectedNeverDeadLetters() {
        let harness = EngineHarness.ready()
        harness.latency = 10
        harness.respond = { $0 == id(1) ? .misdirected(status: 302) : .revoked }
        harness.world.event(1)
        for number in Int64(2)...50 {
            harness.world.event(number)
            harness.advance(120_000)
        }
        #expect(harness.end(0) == nil)
        #expect(harness.stored.isEmpty)
        #expect(harness.notes.contains(.stuckContract(id(1))))
    }

    @Test func invariant5AnOutageNeverDeadLetters() {
        let harness = EngineHarness.ready()
        harness.latency = 10
        harness.respond = { _ in outage }
        for number in 1...Int64(50) { harness.world.event(number) }
        harness.advance(10_000_000)
        #expect(harness.stored.isEmpty)
        harness.respond = { _ in .revoked }
        harness.advance(60_000)
        #expect(harness.ends.count == 50)
    }

    // MARK: Retry limit

    @Test func invariant5OneContractsTroubleEndsAfterTheLimit() {
        let harness = EngineHarness.ready()
        harness.latency = 10
        harness.respond = { $0 == id(1) ? outage : .revoked }
        harness.world.event(1)
        harness.advance(3_000_000)
        #expect(harness.end(0) == nil)
        for number in Int64(2)...400 where harness.end(0) == nil {
            harness.world.event(number)
            harness.advance(60_000)
        }
        #expect(harness.end(0) == .deadLettered(.retryLimit))
        // Proof began with the first good answer: the hour before does not count.
        #expect(harness.ends.count >= 55)
    }

    @Test func invariant5WithoutProofTheTroubleNeverEnds() {
        let harness = EngineHarness.ready()
        harness.latency = 10
        harness.respond = { _ in outage }
        harness.events(1)
        harness.advance(20_000_000)
        #expect(harness.end(0) == nil)
        #expect(harness.notes.filter { $0 == .stuckContract(id(1)) }.count == 1)
    }

    // MARK: Conflict

    @Test func conflictIsPermanentAtTheFifthAttempt() {
        let harness = EngineHarness.ready()
        harness.events(1)
        for attempt in 1...5 {
            #expect(harness.end(0) == nil)
            harness.advance(20_001)
            #expect(harness.started.count == attempt)
            harness.answer(1, .conflict(status: 409))
        }
        #expect(harness.end(0) == .deadLettered(.rejected))
        #expect(harness.stored.first?.attempts == 5)
        #expect(harness.stored.first?.status == 409)
    }

    // MARK: 401

    @Test func a401WithoutProofHoldsAtOnce() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.answer(1, unauthorized)
        #expect(harness.snapshot.hold == .unauthorized)
        harness.advance(999)
        #expect(harness.started.count == 1)
        harness.advance(1)
        #expect(harness.started.count == 2)
    }

    @Test func a401AfterGoodAnswersNeedsTwoContracts() {
        let harness = EngineHarness.ready()
        harness.events(1, 2, 3)
        harness.answer(1, .revoked)
        harness.answer(2, unauthorized)
        #expect(harness.snapshot.hold == nil)
        harness.answer(3, unauthorized)
        #expect(harness.snapshot.hold == .unauthorized)
        #expect(harness.stored.isEmpty)
    }

    @Test func a401OfAnOlderKeyIsRetriedAtOnce() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.engine.keyChanged(version: 2, now: harness.world.now)
        harness.answer(1, unauthorized)
        #expect(harness.snapshot.hold == nil)
        #expect(harness.started.count == 2)
        harness.answer(1, .unauthorized(keyVersion: 2))
        #expect(harness.snapshot.hold == .unauthorized)
        harness.engine.keyChanged(version: 3, now: harness.world.now)
        harness.turn()
        #expect(harness.started.count == 3)
        harness.answer(1, .revoked)
        #expect(harness.snapshot.hold == nil)
        #expect(harness.stored.isEmpty)
    }

    @Test func aLone401EndsAtTheRetryLimitWithProof() {
        let harness = EngineHarness.ready()
        harness.latency = 10
        harness.respond = { $0 == id(1) ? unauthorized : .revoked }
        harness.world.event(2)
        harness.turn()
        harness.advance(1_000)
        harness.world.event(1)
        for number in Int64(3)...400 where harness.end(1) == nil {
            harness.world.event(number)
            harness.advance(60_000)
        }
        #expect(harness.end(1) == .deadLettered(.retryLimit))
    }

    // MARK: 429

    /// Another hold that takes the place of the 429's is no reason to go faster: the rate recovers from its end on.
    @Test func theRateRecoversFromTheEndOfTheHoldThatA429Began() {
        let harness = EngineHarness.ready()
        harness.events(1, 2)
        harness.answer(1, .rateLimited(retryAfter: 60_000))
        harness.advance(10_000)
        harness.answer(2, unauthorized)
        #expect(harness.snapshot.hold == .unauthorized)
        harness.advance(4_900)
        #expect(harness.snapshot.pace == 512)
        harness.advance(1_200)
        #expect(harness.snapshot.pace == 512 + 102)
    }

    /// An engine with some of eight partitions that holds its account: the certificate is not trusted.
    private func heldHarness(_ partitions: [Int32]) -> EngineHarness {
        let harness = EngineHarness(World(topicPartitions: 8))
        harness.assign(partitions)
        harness.events(1)
        harness.answer(1, .unreachable(.untrustedCertificate))
        return harness
    }

    /// A probe that fails between two assignments counts with the share of the former one, not as that of a worker which
    /// holds next to nothing.
    @Test func aProbeThatFailsBetweenAssignmentsKeepsTheShare() {
        let harness = heldHarness([0, 1, 2, 3])
        harness.advance(2_000)
        harness.lose()
        harness.answer(1, .unreachable(.untrustedCertificate))
        harness.assign([0, 1, 2, 3])
        harness.advance(3_999)
        #expect(harness.callsFor.isEmpty)
        harness.advance(1)
        #expect(harness.callsFor == [1])
    }

    /// With one of eight partitions the next probe is due after 8 × 2 s; with four of them after 2 × 2 s.
    @Test func aProbeIsDueEarlierWithMorePartitions() {
        let harness = heldHarness([0])
        harness.advance(8_000)
        harness.answer(1, .unreachable(.untrustedCertificate))
        harness.advance(1_000)
        harness.lose()
        harness.assign([0, 1, 2, 3])
        harness.advance(2_999)
        #expect(harness.callsFor.isEmpty)
        harness.advance(1)
        #expect(harness.callsFor == [1])
    }

    @Test func morePartitionsDoNotPassOverARetryAfter() {
        let harness = heldHarness([0])
        harness.advance(8_000)
        harness.answer(1, .unavailable(status: 503, retryAfter: 30_000))
        harness.events(2)
        harness.lose()
        harness.assign([0, 1, 2, 3, 4, 5, 6, 7])
        harness.advance(29_999)
        #expect(harness.callsFor.isEmpty)
        harness.advance(40_000)
        #expect(harness.callsFor.count == 1)
    }

    /// The answer comes when the assignment is lost, and the event comes again at once.
    @Test func aRetryAfterOutlivesALoss() {
        let harness = EngineHarness.ready()
        harness.events(2)
        harness.answer(2, .revoked)
        harness.events(1)
        harness.lose()
        harness.answer(1, .unavailable(status: 502, retryAfter: 8_000))
        harness.assign([0])
        harness.advance(7_999)
        #expect(harness.callsFor.isEmpty)
        harness.advance(30_000)
        #expect(harness.callsFor == [1])
    }

    /// Contract 1 has a Retry-After of 600 s, and its events went away with the assignment.
    private func toldToWait(_ configure: (inout EngineConfiguration) -> Void = { _ in }) -> EngineHarness {
        let harness = EngineHarness.ready(configure)
        harness.events(1)
        harness.answer(1, .unavailable(status: 503, retryAfter: 600_000))
        harness.lose()
        return harness
    }

    /// Trouble without events is forgotten after a minute, but the server named a later time.
    @Test func aRetryAfterOutlivesALossOfMinutes() {
        let harness = toldToWait()
        harness.advance(300_000)
        harness.assign([0])
        harness.advance(299_999)
        #expect(harness.starts(of: 1) == 1)
        harness.advance(30_000)
        #expect(harness.starts(of: 1) == 2)
    }

    /// The hour in which another worker had the contract is not its trouble.
    @Test func anAbsenceIsNoTrouble() {
        let harness = toldToWait { $0.contractRetryLimit = 300_000 }
        harness.advance(590_000)
        harness.assign([0])
        harness.events(2)
        harness.answer(2, .revoked)
        harness.advance(30_000)
        harness.answer(1, .unavailable(status: 503, retryAfter: nil))
        #expect(harness.deadLetters.isEmpty)
        #expect(!harness.notes.contains { if case .stuckContract = $0 { true } else { false } })
    }

    @Test func aRetryAfterThatIsOverIsForgotten() {
        let harness = toldToWait()
        harness.advance(599_000)
        #expect(harness.snapshot.lanes == 1)
        harness.advance(62_000)
        #expect(harness.snapshot.lanes == 0)
    }

    /// The trouble was the account's: an event that comes again does not wait behind the retries of others.
    @Test func theEndOfAHoldReleasesLanesWithoutEvents() {
        let harness = EngineHarness.ready { $0.concurrency = 2 }
        harness.events(1)
        harness.answer(1, .unreachable(.untrustedCertificate))
        harness.lose()
        harness.world.logStart[0] = harness.world.end(0)
        harness.assign([0])
        harness.events(2)
        harness.advance(2_000)
        harness.answer(2, .revoked)
        #expect(harness.snapshot.hold == nil)
        harness.events(3)
        harness.answer(3, outage)
        harness.advance(1_000)
        #expect(harness.callsFor == [3])
        harness.events(1)
        #expect(Set(harness.callsFor) == [3, 1])
    }

    /// As a 404 does: the API looked at the contract, so the rate is right again.
    @Test func aConflictEndsTheHoldThatA429Began() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.answer(1, .rateLimited(retryAfter: 1_000))
        harness.advance(2_001)
        harness.answer(1, .conflict(status: 409))
        #expect(harness.snapshot.hold == nil)
        #expect(harness.notes.contains(.holdEnded(.rateLimited)))
        #expect(harness.end(0) == nil)
        harness.events(2)
        #expect(harness.callsFor.contains(2))
    }

    @Test func a429HoldsUntilRetryAfterAndHalvesOnce() {
        let harness = EngineHarness.ready { $0.concurrency = 4 }
        harness.events(1, 2, 3, 4, 5, 6)
        let begin = harness.world.now.boot
        for contract in Int64(1)...4 { harness.answer(contract, .rateLimited(retryAfter: 7_000)) }
        #expect(harness.snapshot.hold == .rateLimited)
        #expect(harness.snapshot.pace == 512)
        harness.advance(6_999)
        #expect(harness.started.count == 4)
        harness.advance(1_001)
        #expect(harness.started.count == 5)
        #expect(harness.started[4].startedAt >= begin + 7_000)
        // The call of the probe began after the halving: another 429 halves again.
        harness.answerAll(.rateLimited(retryAfter: 2_000))
        #expect(harness.snapshot.pace == 256)
        harness.advance(3_001)
        harness.answerAll(.revoked)
        #expect(harness.snapshot.hold == nil)
        #expect(harness.snapshot.pace == 256)
        harness.advance(4_000)
        #expect(harness.snapshot.pace == 256)
        harness.advance(60_000)
        #expect(harness.snapshot.pace == 1_024)
    }

    @Test func a429CountsNoAttempt() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.answer(1, .rateLimited(retryAfter: 1_000))
        #expect(harness.snapshot.lanesRetrying == 0)
        harness.advance(2_001)
        #expect(harness.callsFor == [1])
        #expect(harness.stored.isEmpty)
    }

    @Test func a429WithoutRetryAfterWaitsAndBacksOff() {
        let harness = EngineHarness.ready()
        harness.respond = { _ in .rateLimited(retryAfter: nil) }
        harness.latency = 1
        harness.events(1)
        harness.advance(600_000)
        let times = harness.started.map(\.startedAt)
        for (before, after) in zip(times, times.dropFirst()) { #expect(after - before >= 5_000) }
        #expect((8...30).contains(times.count))
    }

    @Test func aHalvedPaceHalvesTheBudget() {
        let harness = EngineHarness.ready { $0.budget = [BudgetWindow(limit: 80, duration: 5_000)] }
        harness.respond = { _ in .revoked }
        for number in 1...Int64(400) { harness.world.event(number) }
        harness.advance(1)
        #expect(harness.started.count == 80)
        harness.respond = nil
        harness.advance(5_100)
        harness.answerAll(.rateLimited(retryAfter: 0))
        harness.respond = { _ in .revoked }
        let before = harness.started.count
        harness.advance(10_000)
        // Half of 80, with the steps of the recovery.
        #expect(harness.started.count - before <= 2 * 48)
    }

    // MARK: Retry-After of 503

    @Test func a503sRetryAfterCountsInFullForItsContractAlone() {
        let harness = EngineHarness.ready()
        harness.events(1, 2)
        let begin = harness.world.now.boot
        harness.answer(1, .unavailable(status: 503, retryAfter: 60_000))
        harness.answer(2, .revoked)
        #expect(harness.snapshot.hold == nil)
        harness.events(1)
        harness.advance(59_999)
        #expect(harness.starts(of: 1) == 1)
        harness.advance(1_000)
        #expect(harness.starts(of: 1) == 2)
        #expect((harness.started.last?.startedAt ?? 0) > begin + 60_000)
    }

    @Test func aRetryAfterIsCappedAtOneHour() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.answer(1, .unavailable(status: 503, retryAfter: .max / 4))
        harness.advance(3_600_300)
        #expect(harness.started.count == 2)
    }

    // MARK: Backoff

    @Test func backoffIsFullJitterWithDoublingBounds() {
        var seen: [[Int64]] = Array(repeating: [], count: 10)
        for seed in UInt64(1)...60 {
            let harness = EngineHarness.ready(seed: seed)
            harness.latency = 0
            harness.events(1)
            for attempt in 0..<10 {
                let ended = harness.world.now.boot
                harness.answer(1, outage)
                harness.advance(20_001)
                guard harness.started.count == attempt + 2, let start = harness.started.last?.startedAt else {
                    Issue.record("no retry within the cap")
                    return
                }
                seen[attempt].append(start - ended)
            }
        }
        for (attempt, delays) in seen.enumerated() {
            let bound = min(20_000, Int64(200) << Int64(attempt))
            #expect(delays.allSatisfy { $0 >= 1 && $0 <= bound })
            // Full jitter: from near nothing to near the bound.
            #expect((delays.min() ?? bound) < bound / 4)
            #expect((delays.max() ?? 0) > bound * 3 / 4)
        }
    }

    @Test func anAmbiguousCallIsRetriedOnANewConnectionAndIsNotFresh() {
        let harness = EngineHarness.ready { $0.concurrency = 1 }
        harness.events(1)
        harness.answer(1, .ambiguous(.deadline))
        harness.advance(1_000)
        #expect(harness.started.last?.freshConnection == true)
        #expect(harness.started.first?.freshConnection == false)
        harness.answer(1, .revoked)
        harness.events(1)
        #expect(harness.started.last?.freshConnection == false)
    }

    @Test func whatWasNotSentIsNoAttempt() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.answer(1, .withheld)
        #expect(harness.started.count == 2)
        #expect(harness.snapshot.lanesRetrying == 0)
    }

    // MARK: Breaker and probes

    @Test func theBreakerNeedsFiveDifferentContracts() {
        let harness = EngineHarness.ready()
        harness.events(1, 2, 3, 4, 5)
        harness.answer(1, outage)
        for _ in 0..<10 {
            harness.advance(20_001)
            harness.answer(1, outage)
        }
        #expect(harness.snapshot.hold == nil)
        for contract in Int64(2)...4 { harness.answer(contract, outage) }
        #expect(harness.snapshot.hold == nil)
        harness.answer(5, outage)
        #expect(harness.snapshot.hold == .unavailable)
    }

    @Test func anUntrustedCertificateHoldsAtOnce() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.answer(1, .unreachable(.untrustedCertificate))
        #expect(harness.snapshot.hold == .unavailable)
    }

    @Test func probesRotateOverContracts() {
        let harness = EngineHarness.ready()
        harness.latency = 5
        harness.respond = { _ in outage }
        harness.events(1, 2, 3, 4, 5)
        harness.advance(30_000)
        let probes = Array(harness.startedFor.dropFirst(5))
        #expect(probes.count >= 5)
        for (before, after) in zip(probes, probes.dropFirst()) { #expect(before != after) }
        #expect(Set(probes).count == 5)
    }

    @Test func probesBackOffWithTheShareOfThePartitions() {
        let harness = EngineHarness(World(topicPartitions: 4))
        harness.assign([0])
        harness.latency = 1
        harness.respond = { _ in outage }
        harness.events(1, 2, 3, 4, 5)
        harness.advance(200_000)
        let times = harness.started.dropFirst(5).map(\.startedAt)
        for (before, after) in zip(times, times.dropFirst()) { #expect(after - before >= 4_000) }
        #expect((8...14).contains(times.count))
    }

    @Test func aGoodProbeStartsEveryWaitingLane() {
        let harness = EngineHarness.ready()
        harness.events(1, 2, 3, 4, 5)
        harness.answerAll(outage)
        #expect(harness.snapshot.hold == .unavailable)
        harness.advance(1_000)
        #expect(harness.calls.count == 1)
        harness.answerAll(.revoked)
        #expect(harness.calls.count == 4)
    }

    @Test func aHoldWithNothingToProbeDoesNotSpin() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.answer(1, unauthorized)
        harness.advance(5_000)
        harness.revoke()
        harness.answerAll(unauthorized)
        harness.advance(1_000)
        let turns = harness.turns
        harness.advance(60_000)
        #expect(harness.turns - turns <= 130)
    }

    // MARK: Undecodable

    @Test func aHundredFailuresInARowWithoutAnEventStop() {
        let harness = EngineHarness.ready()
        harness.storesDeadLetters = false
        for _ in 0..<100 { harness.world.malformed() }
        harness.turn()
        #expect(harness.orders.count == 100)
        harness.world.malformed()
        harness.world.malformed()
        harness.turn()
        #expect(harness.orders.count == 100)
        #expect(harness.snapshot.undecodable)
        let turns = harness.turns
        harness.advance(10_000)
        #expect(harness.turns - turns <= 40)
        harness.storesDeadLetters = true
        harness.events(1)
        #expect(harness.orders.count == 102)
        #expect(!harness.snapshot.undecodable)
        for _ in 0..<300 { harness.world.malformed() }
        harness.turn()
        #expect(harness.orders.count == 402)
    }

    // MARK: Parking

    @Test func anUnknownAccountIsParkedThenADeadLetter() {
        let harness = EngineHarness.ready()
        harness.world.event(1, known: false)
        harness.turn()
        harness.advance(899_999)
        #expect(harness.end(0) == nil)
        #expect(harness.started.isEmpty)
        harness.advance(1)
        #expect(harness.end(0) == .deadLettered(.unknownAccount))
    }

    // MARK: Order and slots

    @Test func aLaneCoalescesDuplicates() {
        let harness = EngineHarness.ready()
        harness.events(1)
        for _ in 0..<99 { harness.world.event(1) }
        harness.turn()
        harness.answer(1, .revoked)
        harness.answer(1, .revoked)
        #expect(harness.started.count == 2)
        #expect(harness.ends.count == 100)
    }

    @Test func freshGoesFirstAndEveryFourthStartIsOfTheLowerClasses() {
        let harness = EngineHarness(World())
        for number in Int64(101)...120 { harness.world.event(number) }
        harness.delivers = false
        harness.commitAnswer = nil
        harness.assign([0])
        harness.delivers = true
        for number in Int64(1)...20 { harness.world.event(number) }
        harness.turn()
        harness.commitAnswer = .stored
        harness.respond = { _ in .revoked }
        harness.turn()
        let first = harness.startedFor.prefix(24)
        #expect(first.filter { $0 < 100 } == Array(1...18))
        #expect(first.filter { $0 > 100 } == Array(101...106))
        for (index, contract) in first.enumerated() { #expect((contract > 100) == (index % 4 == 3)) }
    }

    @Test func oldEventsReplaysAndThoseWithoutATimeAreNotFresh() {
        let harness = EngineHarness.ready { $0.concurrency = 1 }
        harness.events(9)
        harness.world.event(1, age: 3_600_001)
        harness.world.event(2, age: nil)
        harness.world.event(3, isReplay: true)
        harness.world.event(4)
        harness.turn()
        harness.respond = { _ in .revoked }
        harness.turn()
        #expect(harness.startedFor.prefix(2) == [9, 4])
        #expect(harness.startedFor.dropFirst(2) == [1, 2, 3])
    }

    @Test func invariant8RetriesHoldAQuarterOfTheSlots() {
        let harness = EngineHarness.ready { $0.breaker = 1_000 }
        for number in Int64(1)...100 { harness.world.event(number) }
        harness.respond = { _ in outage }
        harness.turn()
        harness.respond = nil
        harness.advance(1_000)
        #expect(harness.calls.count == 2)
        harness.events(101, 102, 103, 104, 105, 106)
        #expect(harness.calls.count == 8)
    }

    @Test func invariant8APoisonedContractDoesNotDelayOthers() {
        let harness = EngineHarness.ready { $0.concurrency = 2 }
        harness.latency = 10
        harness.respond = { $0 == id(1) ? .ambiguous(.deadline) : .revoked }
        harness.world.event(1)
        for number in Int64(2)...100 {
            harness.events(number)
            harness.advance(100)
            #expect(harness.end(number - 1) == .revoked)
        }
    }
}
