import RevokeModel
import Testing

@testable import RevokeEngine

/// What stands between the worker and the API, and what is done about it: pages of a firewall, restarts, refusals of
/// everything, keys that are gone for a while.
@Suite struct SurroundingsTests {
    private static let page = CallOutcome.misdirected(status: 403, mayEndAlone: true)
    private static let notFound = CallOutcome.rejected(status: 404, code: nil)
    private static let lost = CallOutcome.ambiguous(.connectionClosed)

    private func ready(_ contracts: ClosedRange<Int64>, _ configure: (inout EngineConfiguration) -> Void = { _ in })
        -> EngineHarness
    {
        let harness = EngineHarness.ready(partitions: 1, seed: 1, configure)
        for contract in contracts { harness.world.event(contract) }
        return harness
    }

    // MARK: Pages and answers that ask to wait

    @Test func invariant5PagesBetweenGoodAnswersEndNothing() {
        let harness = ready(1...200)
        var answers = 0
        harness.latency = 20
        harness.respond = { _ in
            answers += 1
            return answers % 3 == 0 ? Self.page : .revoked
        }
        harness.advance(600_000)
        #expect(harness.stored.isEmpty)
        #expect(harness.ends.count == 200)
    }

    @Test func aPageForOneContractAloneEndsAfterTheRetryLimit() {
        let harness = ready(1...1)
        harness.latency = 10
        harness.respond = { $0 == id(1) ? Self.page : .revoked }
        for number in Int64(2)...400 where harness.end(0) == nil {
            harness.world.event(number)
            harness.advance(60_000)
        }
        #expect(harness.end(0) == .deadLettered(.retryLimit))
        #expect(harness.stored.map(\.status) == [403])
    }

    @Test func aPermanentAnswerThatAsksToWaitIsJudgedAfterIt() {
        let harness = ready(1...1)
        harness.turn()
        harness.answer(1, .rejected(status: 403, code: nil, retryAfter: 5_000))
        harness.advance(4_999)
        #expect(harness.end(0) == nil)
        #expect(harness.starts(of: 1) == 1)
        harness.advance(1_001)
        #expect(harness.starts(of: 1) == 2)
        harness.answer(1, .rejected(status: 403, code: nil, retryAfter: 5_000))
        #expect(harness.end(0) == .deadLettered(.rejected))
    }

    // MARK: The breaker

    @Test(arguments: [AmbiguousCause.connectionClosed, .incompleteHead, .resendStopped])
    func callsThatLoseTheirConnectionsTogetherAreOneFailure(cause: AmbiguousCause) {
        let harness = ready(1...5)
        harness.turn()
        for contract in Int64(1)...5 { harness.answer(contract, .ambiguous(cause)) }
        #expect(harness.snapshot.hold == nil)
        harness.respond = { _ in .revoked }
        harness.advance(1_000)
        #expect(harness.ends.count == 5)
    }

    /// A deadline says something of each call.
    @Test func deadlinesOfCallsThatWereInFlightTogetherAreAnOutage() {
        let harness = ready(1...5)
        harness.turn()
        for contract in Int64(1)...5 { harness.answer(contract, .ambiguous(.deadline)) }
        #expect(harness.snapshot.hold == .unavailable)
    }

    /// The API restarts every second, and 50 events a second come: all flows on.
    @Test func aRestartEverySecondHoldsNothing() {
        let harness = ready(1...1)
        harness.latency = 150
        for second in 0..<Int64(10) {
            for number in 0..<Int64(50) {
                harness.world.event(second * 50 + number + 2)
                harness.respond = { _ in number == 25 ? Self.lost : .revoked }
                harness.advance(20)
            }
        }
        harness.respond = { _ in .revoked }
        harness.advance(2_000)
        #expect(harness.ends.count == 501)
        #expect(harness.notes.isEmpty)
    }

    @Test func connectionsThatAreLostAgainAndAgainAreAnOutage() {
        let harness = ready(1...20)
        harness.latency = 10
        harness.respond = { _ in Self.lost }
        harness.advance(2_000)
        #expect(harness.snapshot.hold == .unavailable)
    }

    @Test func aNewHoldProbesAsSoonAsTheFirst() {
        let harness = ready(1...60)
        harness.latency = 1
        harness.respond = { _ in .rateLimited(retryAfter: 600_000) }
        harness.advance(10)
        #expect(harness.snapshot.hold == .rateLimited)
        // A call of before the hold's begin does not end it; the probe in ten minutes does.
        harness.respond = { _ in .revoked }
        harness.advance(601_100)
        #expect(harness.snapshot.hold == nil)
        harness.respond = { _ in .unavailable(status: 503, retryAfter: nil) }
        for contract in Int64(100)...120 { harness.world.event(contract) }
        harness.advance(50)
        #expect(harness.snapshot.hold == .unavailable)
        #expect((harness.snapshot.nextProbe ?? .max) <= harness.world.now.boot + 1_000)
    }

    // MARK: 429

    @Test func aRetryAfterOfNothingIsProbedMoreAndMoreSeldom() {
        let harness = ready(1...40)
        harness.latency = 5
        harness.respond = { _ in .rateLimited(retryAfter: 0) }
        harness.advance(60_000)
        // 8 in flight, then probes after 1, 2, 4, 8, 16 and 32 s with their jitter.
        #expect(harness.started.count <= 8 + 7)
        harness.respond = { _ in .revoked }
        harness.advance(120_000)
        #expect(harness.ends.count == 40)
    }

    // MARK: Nothing proven

    @Test func invariant5ARefusalOfEverythingIsNoFlood() {
        let harness = ready(1...2_000) { $0.budget = [] }
        harness.latency = 20
        harness.respond = { _ in Self.notFound }
        harness.advance(20_000)
        #expect(harness.started.count <= 200)
        #expect(harness.stored.count == 2)
        harness.latency = 1
        harness.respond = { _ in .revoked }
        harness.advance(2_000)
        #expect(harness.ends.count == 2_000)
    }

    // MARK: 401

    @Test func aKeyThatIsGoneForAWhileIsFoundSoonAfterItIsBack() {
        let harness = ready(1...100)
        harness.latency = 20
        harness.respond = { _ in .unauthorized(keyVersion: 1) }
        harness.advance(20_000)
        #expect(harness.started.count <= 8 + 10)
        harness.respond = { _ in .revoked }
        harness.advance(5_500)
        #expect(harness.snapshot.hold == nil)
        #expect(harness.ends.values.contains(.revoked))
    }

    @Test func aKeyThatStaysWrongIsProbedOnceAMinute() {
        let harness = ready(1...100)
        harness.latency = 20
        harness.respond = { _ in .unauthorized(keyVersion: 1) }
        harness.advance(600_000)
        let before = harness.started.count
        harness.advance(600_000)
        #expect((9...11).contains(harness.started.count - before))
    }
}
