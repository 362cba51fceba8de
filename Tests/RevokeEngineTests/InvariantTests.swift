import RevokeModel
import Testing

@testable import RevokeEngine

/// The invariants of the engine by number, each clause for itself.
@Suite struct InvariantTests {
    // MARK: 1

    @Test func invariant1CommitStaysAtTheLowestUnsettled() {
        let harness = EngineHarness.ready()
        harness.events(1, 2, 3)
        harness.answer(2, .revoked)
        harness.answer(3, .revoked)
        harness.advance(1_000)
        #expect(harness.committedOffset() == 0)
        #expect(harness.committedMetadata()?.settled == [1..<3])
        harness.answer(1, .revoked)
        harness.advance(1_000)
        #expect(harness.committedOffset() == 3)
        #expect(harness.committedMetadata()?.settled == [])
    }

    @Test func invariant1HoldsWithGapsInTheLog() {
        let harness = EngineHarness.ready()
        harness.world.event(1, gap: 5)
        harness.world.event(2, gap: 7)
        harness.world.event(3, gap: 3)
        harness.turn()
        harness.answer(2, .revoked)
        harness.advance(1_000)
        #expect(harness.committedOffset() == 5)
        #expect(harness.committedMetadata()?.settled == [6..<17])
        harness.answer(1, .revoked)
        harness.advance(1_000)
        #expect(harness.committedOffset() == 17)
    }

    @Test func invariant1HoldsInARandomOrderOfAnswers() {
        for seed in UInt64(1)...6 {
            var generator = Generator(seed: seed)
            let harness = EngineHarness.ready(partitions: 2, seed: seed) { $0.concurrency = 16 }
            for number in 1...Int64(200) {
                harness.world.event(number % 37 + 1, on: Int32(number % 2), gap: generator.upTo(2))
            }
            harness.turn()
            var steps = 0
            while harness.snapshot.openRecords > 0, steps < 5_000 {
                steps += 1
                if let call = harness.calls.first { harness.answer(call.contract.value, .revoked) }
                if generator.upTo(3) == 0 { harness.advance(300) }
            }
            harness.advance(1_000)
            #expect(harness.committedOffset(0) == harness.world.end(0))
            #expect(harness.committedOffset(1) == harness.world.end(1))
            #expect(harness.tokensHeld == 0)
        }
    }

    // MARK: 2

    @Test func invariant2ACallSettlesOnlyWhatWasReadBeforeItsStart() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.events(1)
        #expect(harness.started.count == 1)
        harness.answer(1, .revoked)
        #expect(harness.end(0) == .revoked)
        #expect(harness.end(1) == nil)
        #expect(harness.started.count == 2)
        harness.answer(1, .revoked)
        #expect(harness.end(1) == .revoked)
    }

    @Test func invariant2AnIdenticalCopyIsCoveredByTheCallInFlight() {
        let harness = EngineHarness.ready()
        harness.world.event(1, copy: 7)
        harness.turn()
        for _ in 0..<10 { harness.world.event(1, copy: 7) }
        harness.turn()
        harness.answer(1, .revoked)
        #expect(harness.started.count == 1)
        #expect(harness.ends.count == 11)
    }

    @Test func invariant2ACopyOfASettledEventNeedsACallOfItsOwn() {
        let harness = EngineHarness.ready()
        harness.world.event(1, copy: 7)
        harness.turn()
        harness.answer(1, .revoked)
        harness.world.event(1, copy: 7)
        harness.turn()
        #expect(harness.end(1) == nil)
        #expect(harness.started.count == 2)
    }

    @Test func invariant2ACopyOfAnEventThatTheCallDoesNotCoverWaits() {
        let harness = EngineHarness.ready()
        harness.world.event(1, copy: 7)
        harness.turn()
        harness.world.event(1, copy: 8)
        harness.world.event(1, copy: 8)
        harness.turn()
        harness.answer(1, .revoked)
        #expect(harness.ends.count == 1)
    }

    @Test func invariant2ADeadLetterSettlesWhenItIsStored() {
        let harness = EngineHarness.ready()
        harness.storesDeadLetters = false
        harness.world.malformed()
        harness.turn()
        #expect(harness.deadLetters.count == 1)
        #expect(harness.end(0) == nil)
        harness.advance(1_000)
        #expect(harness.committedOffset() == 0)
        harness.storeDeadLetters()
        harness.advance(1_000)
        #expect(harness.end(0) == .deadLettered(.malformed(.notJSON)))
        #expect(harness.committedOffset() == 1)
    }

    @Test func invariant2AFailedDeadLetterIsTriedForEver() {
        let harness = EngineHarness.ready()
        harness.storesDeadLetters = false
        harness.world.malformed()
        harness.turn()
        for _ in 0..<20 {
            harness.failDeadLetters(.failed)
            #expect(harness.end(0) == nil)
            harness.advance(6_000)
            #expect(harness.deadLetters.count == 1)
        }
        #expect(harness.committedOffset() == 0)
        #expect(harness.orders.allSatisfy { !$0.truncate })
        harness.failDeadLetters(.tooLarge)
        #expect(harness.deadLetters.first?.truncate == true)
    }

    @Test func invariant2SkipsNeedARule() {
        let without = EngineHarness.ready()
        without.world.malformed(.unknownType)
        without.turn()
        #expect(without.end(0) == .deadLettered(.malformed(.unknownType)))
        let with = EngineHarness.ready { $0.skipUnknownTypes = true }
        with.world.malformed(.unknownType)
        with.world.malformed(.notJSON)
        with.turn()
        #expect(with.end(0) == .skipped(.unknownType))
        #expect(with.end(1) == .deadLettered(.malformed(.notJSON)))
        #expect(with.stored.count == 1)
    }

    // MARK: 3

    @Test func invariant3OneCallForALaneAcrossAssignments() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.lose()
        harness.assign([0])
        harness.events(1)
        harness.advance(1_000)
        // The harness records a second call for a contract by itself.
        #expect(harness.started.count == 1)
        harness.answer(1, .unavailable(status: 500, retryAfter: nil))
        harness.advance(1_000)
        #expect(harness.started.count == 2)
    }

    // MARK: 4

    @Test func invariant4NothingStartsBeforeTheOpeningCommit() {
        let harness = EngineHarness(World())
        harness.commitAnswer = nil
        harness.world.event(1)
        harness.world.malformed()
        harness.assign([0])
        harness.advance(5_000)
        #expect(harness.started.isEmpty)
        #expect(harness.orders.isEmpty)
        for answer in [CommitResult.nothingToDo, .failed, .rebalanceInProgress] {
            harness.answerCommit(answer)
            harness.advance(5_000)
            #expect(harness.started.isEmpty, "\(answer)")
            #expect(harness.orders.isEmpty, "\(answer)")
        }
        // The opening commit repeats what the predecessor wrote; a commit of the engine's own follows it.
        harness.answerCommit(.stored)
        harness.turn()
        #expect(harness.started.isEmpty)
        #expect(harness.orders.isEmpty)
        harness.answerCommit(.stored)
        harness.turn()
        #expect(harness.started.count == 1)
        #expect(harness.orders.count == 1)
    }

    @Test(arguments: [true, false])
    func invariant4AGapInEitherClockMakesTheAssignmentSuspect(boot: Bool) {
        let harness = EngineHarness.ready()
        harness.commitAnswer = nil
        harness.world.event(1)
        harness.world.malformed()
        harness.jump(boot: boot ? 7_501 : 0, wall: boot ? 0 : 7_501)
        harness.turn()
        #expect(harness.started.isEmpty)
        #expect(harness.orders.isEmpty)
        #expect(harness.notes.contains(.suspicion(gap: 7_501)))
        harness.answerCommit(.stored)
        harness.turn()
        #expect(harness.started.count == 1)
        #expect(harness.orders.count == 1)
    }

    @Test func invariant4EachPartitionIsConfirmedForItself() {
        let harness = EngineHarness(World(topicPartitions: 2))
        harness.commitAnswer = nil
        harness.world.event(1, on: 0)
        harness.world.event(2, on: 1)
        harness.assign([0, 1])
        for _ in 0..<3 where harness.commit != nil {
            harness.answerCommit(.stored, others: [1: .failed])
            harness.turn()
            harness.advance(600)
        }
        #expect(harness.startedFor == [1])
        harness.commitAnswer = .stored
        harness.advance(600)
        #expect(harness.startedFor == [1] || harness.startedFor == [1, 2])
        harness.advance(2_000)
        #expect(harness.startedFor == [1, 2])
    }

    @Test func invariant4ASmallerGapIsNone() {
        let harness = EngineHarness.ready()
        harness.jump(boot: 7_500, wall: 7_500)
        harness.events(1)
        #expect(harness.started.count == 1)
        #expect(!harness.notes.contains { if case .suspicion = $0 { true } else { false } })
    }

    @Test func invariant4ACommitFromBeforeTheGapConfirmsNothing() {
        let harness = EngineHarness.ready()
        harness.commitAnswer = nil
        harness.events(1)
        harness.answer(1, .revoked)
        harness.advance(300)
        #expect(harness.commit != nil)
        harness.jump(boot: 20_000, wall: 20_000)
        harness.events(2)
        harness.answerCommit(.stored)
        harness.turn()
        #expect(harness.started.count == 1)
        harness.answerCommit(.stored)
        harness.turn()
        #expect(harness.started.count == 2)
    }

    @Test func invariant4AFencedCommitStopsEverything() {
        let harness = EngineHarness.ready()
        harness.commitAnswer = nil
        harness.events(1, 2)
        harness.answer(1, .revoked)
        harness.advance(300)
        harness.answerCommit(.fenced)
        harness.turn()
        harness.events(3)
        harness.advance(5_000)
        #expect(harness.started.count == 2)
        #expect(harness.commit == nil)
        harness.commitAnswer = .stored
        harness.lose()
        harness.assign([0])
        // Contract 1 is known as settled, the call for 2 is still in flight.
        #expect(harness.started.count == 3)
    }

    @Test func invariant4NoCommitOfAnOldEpoch() {
        let harness = EngineHarness.ready(partitions: 2)
        harness.events(1)
        harness.answer(1, .revoked)
        harness.lose()
        let count = harness.commits.count
        harness.advance(5_000)
        #expect(harness.commits.count == count)
        harness.assign([1])
        harness.advance(5_000)
        #expect(harness.commits[count...].allSatisfy { $0.allSatisfy { $0.partition == 1 } })
    }

    @Test func invariant4ALateAnswerOfAnOldCommitDoesNotConfirm() {
        let harness = EngineHarness.ready()
        harness.commitAnswer = nil
        harness.events(1)
        harness.answer(1, .revoked)
        harness.advance(300)
        harness.lose()
        harness.assign([0])
        harness.events(2)
        for _ in 0..<2 {
            harness.answerCommit(.stored)
            harness.turn()
            #expect(harness.started.count == 1)
        }
        harness.answerCommit(.stored)
        harness.turn()
        #expect(harness.started.count > 1)
    }

    // MARK: 9

    @Test func invariant9CommitsAreAtMostOneSecondBehind() {
        let harness = EngineHarness.ready()
        harness.latency = 35
        harness.respond = { _ in .revoked }
        for number in 1...Int64(100) {
            harness.world.event(number)
            harness.advance(50)
            if let since = harness.snapshot.oldestUncommittedSince {
                #expect(harness.world.now.boot - since <= 1_000)
            }
        }
        harness.advance(1_000)
        #expect(harness.committedOffset() == 100)
    }

    @Test func invariant9ManySettledEventsCommitAtOnce() {
        let harness = EngineHarness.ready { $0.concurrency = 64 }
        harness.respond = { _ in .revoked }
        for number in 1...Int64(2_000) { harness.world.event(number) }
        harness.turn()
        #expect((harness.committedOffset() ?? 0) >= 1_000)
    }

    @Test func invariant9NothingStartsWhileCommitsFail() {
        let harness = EngineHarness.ready()
        harness.commitAnswer = .failed
        harness.events(1)
        harness.answer(1, .revoked)
        harness.advance(9_900)
        harness.events(2)
        #expect(harness.started.count == 2)
        harness.answer(2, .revoked)
        harness.advance(200)
        #expect(harness.notes.contains(.commitsFailingBegan))
        harness.world.event(3)
        harness.world.malformed()
        harness.turn()
        let commits = harness.commits.count
        harness.advance(30_000)
        #expect(harness.started.count == 2)
        #expect(harness.orders.isEmpty)
        #expect((29...62).contains(harness.commits.count - commits))
        harness.commitAnswer = .stored
        harness.advance(1_500)
        #expect(harness.notes.contains(.commitsFailingEnded))
        #expect(harness.started.count == 3)
        #expect(harness.orders.count == 1)
    }

    /// A lost assignment ends the hold, since nothing is left to save; that is no success of a commit.
    @Test func invariant9FailingCommitsEndWithoutAWordWhenTheAssignmentIsLost() {
        let harness = EngineHarness.ready()
        harness.commitAnswer = .failed
        harness.events(1)
        harness.answer(1, .revoked)
        harness.advance(10_100)
        #expect(harness.notes.contains(.commitsFailingBegan))
        harness.lose()
        harness.advance(1_000)
        #expect(!harness.snapshot.commitsFailing)
        #expect(!harness.notes.contains(.commitsFailingEnded))
        // The next assignment begins without the hold, and a commit that is stored in it ends nothing.
        harness.commitAnswer = .stored
        harness.assign([0])
        harness.advance(1_000)
        #expect(!harness.notes.contains(.commitsFailingEnded))
    }

    @Test func invariant9CountsAnUnansweredCommitToo() {
        let harness = EngineHarness.ready()
        harness.commitAnswer = nil
        harness.events(1)
        harness.answer(1, .revoked)
        harness.advance(10_300)
        harness.events(2)
        #expect(harness.snapshot.commitsFailing)
        #expect(harness.started.count == 1)
    }

    @Test func invariant9ACrashRepeatsOnlyWhatWasNotCommitted() {
        let harness = EngineHarness.ready { $0.concurrency = 64 }
        for number in 1...Int64(40) { harness.world.event(number) }
        harness.turn()
        for number in Int64(2)...30 { harness.answer(number, .revoked) }
        harness.advance(1_000)
        for number in Int64(31)...35 { harness.answer(number, .revoked) }
        // A crash: another engine reads what the broker has.
        let next = EngineHarness(harness.world) { $0.concurrency = 64 }
        next.assign([0])
        #expect(Set(next.startedFor) == Set([1] + Array(Int64(31)...40)))
    }
}
