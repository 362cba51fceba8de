import RevokeModel
import Testing

@testable import RevokeEngine

/// The engine names the time of its next turn: what is due before the tick of each second does not wait for it.
@Suite struct WakeTests {
    @Test func aPartOfTheBudgetThatFreesIsUsedThoughAnotherWaitsForACommit() {
        // Parts of 4 and 3 requests, and one start of each may be unsaved.
        let harness = EngineHarness.ready(partitions: 2) { $0.budget = [BudgetWindow(limit: 7, duration: 5_000)] }
        let start = harness.world.now.boot
        harness.events(1, 2)
        harness.answerAll(.revoked)
        harness.advance(3_000)
        harness.events(3, 4, 5)
        harness.answerAll(.revoked)
        harness.commitAnswer = nil
        harness.events(6)
        harness.answerAll(.revoked)
        harness.events(7, 8)
        harness.answerAll(.revoked)
        #expect(harness.started.count == 6)
        // The starts of the second partition alone are saved; its part is used up until the first one is 5 s old.
        harness.advance(300)
        harness.answerCommit(.stored, others: [0: .failed])
        harness.turn()
        harness.advance(start + 4_500 - harness.world.now.boot)
        #expect(harness.started.count == 6)
        #expect(harness.engine.nextWake == start + 5_001)
        harness.advance(501)
        #expect(harness.started.count == 7)
    }

    @Test func theRateThatRecoversIsUsedAtOnce() {
        let harness = EngineHarness.ready {
            $0.budget = []
            $0.concurrency = 2
        }
        harness.events(1)
        harness.answer(1, .rateLimited(retryAfter: 1_000))
        harness.advance(3_000)
        harness.answerAll(.revoked)
        let ended = harness.world.now.boot
        #expect(harness.snapshot.hold == nil)
        harness.events(2, 3)
        #expect(harness.calls.count == 1)
        while harness.calls.count == 1, harness.world.now.boot < ended + 60_000 {
            let wake = harness.engine.nextWake
            let isStep = (wake - ended) % 5_000 == 0
            harness.advance(wake - harness.world.now.boot)
            if harness.calls.count == 2 { #expect(isStep, "the second call starts when the rate allows it") }
        }
        #expect(harness.calls.count == 2)
    }

    @Test func theLastCommitOfADrainWaitsForNoTick() {
        let harness = EngineHarness.ready { $0.budget = [BudgetWindow(limit: 100, duration: 5_000)] }
        harness.commitAnswer = nil
        harness.events(1)
        harness.advance(1_000)
        let revoke = harness.revoke()
        // The charge alone was to be saved.
        harness.answerCommit(.rebalanceInProgress)
        harness.turn()
        harness.answer(1, .unavailable(status: 503, retryAfter: nil))
        // Past the time of the retry, which does not start in a drain.
        harness.advance(195)
        harness.commitAnswer = .stored
        #expect(harness.engine.nextWake == harness.world.now.boot + 5)
        harness.advance(5)
        #expect(harness.unassigned == [revoke])
    }
}
