import RevokeModel
import Testing

@testable import RevokeEngine

private let outage = CallOutcome.unavailable(status: 503, retryAfter: nil)
private let notFound = CallOutcome.rejected(status: 404, code: nil)

/// Drains, losses, hand-over, shutdown.
@Suite struct RebalanceTests {
    // MARK: Opening commit

    @Test(arguments: ["", "somebody else's", "p1IBAA"])
    func theOpeningCommitRepeatsTheMetadataByteForByte(text: String) {
        let world = World()
        for number in Int64(1)...5 { world.event(number) }
        world.settled[0] = [0, 1]
        world.committed[0] = (2, Array(text.utf8))
        let harness = EngineHarness(world)
        harness.assign([0])
        #expect(harness.commits.first == [CommitPart(partition: 0, offset: 2, metadata: Array(text.utf8))])
        #expect(Set(harness.startedFor) == [3, 4, 5])
    }

    @Test func aRefusedOpeningCommitIsSentWithLess() {
        let world = World()
        world.event(1)
        world.committed[0] = (0, [UInt8](repeating: 65, count: 4_000))
        let harness = EngineHarness(world)
        harness.commitAnswer = .metadataTooLarge
        harness.assign([0])
        #expect(harness.commits.last?.first?.metadata.isEmpty == true)
        harness.commitAnswer = .stored
        harness.advance(1_000)
        #expect(harness.started.count == 1)
    }

    @Test func metadataThatIsTooLargeShrinks() {
        let harness = EngineHarness.ready {
            $0.concurrency = 1_000; $0.breaker = 10_000
        }
        for number in Int64(1)...900 { harness.world.event(number) }
        harness.turn()
        for number in Int64(1)...450 { harness.answer(number * 2, .revoked) }
        harness.advance(1_000)
        let full = harness.commits.last?.first?.metadata.count ?? 0
        harness.answer(899, .revoked)
        harness.commitAnswer = nil
        harness.advance(250)
        harness.answerCommit(.metadataTooLarge)
        harness.advance(250)
        #expect((harness.commit?.parts.first?.metadata.count ?? .max) <= 2_048)
        #expect(full > 1_000)
        harness.commitAnswer = .stored
        harness.advance(1_000)
    }

    // MARK: Drain

    @Test func aRevokeWaitsForCallsDeadLettersAndTheCommit() {
        let harness = EngineHarness.ready()
        harness.storesDeadLetters = false
        harness.events(1, 2)
        harness.commitAnswer = nil
        let revoke = harness.revoke()
        harness.events(3)
        #expect(harness.started.count == 2)
        harness.answer(1, .revoked)
        harness.answer(2, notFound)
        #expect(harness.deadLetters.count == 1)
        #expect(harness.unassigned.isEmpty)
        if harness.commit != nil {
            harness.answerCommit(.stored)
            harness.turn()
        }
        #expect(harness.unassigned.isEmpty)
        harness.storeDeadLetters()
        harness.turn()
        #expect(harness.commit?.parts.first?.offset == 2)
        #expect(harness.unassigned.isEmpty)
        harness.answerCommit(.stored)
        harness.turn()
        #expect(harness.unassigned == [revoke])
        #expect(harness.committedMetadata()?.clean == true)
        #expect(harness.tokensHeld == 0)
    }

    @Test func aDrainStartsNoRetryAndNoMalformedDeadLetter() {
        let harness = EngineHarness.ready()
        harness.events(1, 2)
        harness.answer(1, outage)
        harness.revoke()
        harness.advance(3_000)
        #expect(harness.started.count == 2)
        harness.answer(2, .revoked)
        #expect(harness.unassigned.count == 1)
        #expect(harness.committedOffset() == 0)
        #expect(harness.committedMetadata()?.settled == [1..<2])
    }

    @Test func aDrainStartsNoDeadLetterOfAParkedEvent() {
        let harness = EngineHarness.ready()
        harness.world.event(1, known: false)
        harness.events(2)
        harness.advance(890_000)
        harness.revoke()
        harness.advance(12_000)
        #expect(harness.orders.isEmpty)
        harness.answer(2, .revoked)
        #expect(harness.unassigned.count == 1)
        #expect(harness.orders.isEmpty)
    }

    @Test func theDrainLimitFences() {
        let harness = EngineHarness.ready()
        harness.events(1, 2)
        harness.answer(2, .revoked)
        harness.revoke()
        harness.advance(16_999)
        #expect(harness.unassigned.isEmpty)
        harness.advance(1)
        #expect(harness.unassigned.count == 1)
        #expect(harness.notes.contains(.drainLimitPassed(callsInFlight: 1)))
        #expect(harness.committedMetadata()?.clean == false)
        harness.answer(1, .revoked)
        #expect(harness.end(0) == nil)
    }

    @Test func aRefusedLastCommitIsTriedUntilTheLimit() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.commitAnswer = .failed
        harness.revoke()
        harness.answer(1, .revoked)
        harness.advance(5_000)
        #expect(harness.unassigned.isEmpty)
        harness.commitAnswer = .stored
        harness.advance(1_000)
        #expect(harness.unassigned.count == 1)
        #expect(harness.committedOffset() == 1)
    }

    @Test(arguments: [CommitResult.rebalanceInProgress, .fenced, .nothingToDo])
    func aDroppedLastCommitEndsTheDrain(result: CommitResult) {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.revoke()
        harness.commitAnswer = result
        harness.answer(1, .revoked)
        harness.advance(600)
        #expect(harness.unassigned.count == 1)
    }

    @Test func anUnansweredLastCommitEndsAtTheLimit() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.commitAnswer = nil
        harness.answer(1, .revoked)
        harness.revoke()
        harness.advance(17_000)
        #expect(harness.unassigned.count == 1)
    }

    @Test func aRevokeOfNothingIsAnsweredAtOnce() {
        let harness = EngineHarness(World())
        #expect(harness.revoke() == harness.unassigned.last)
    }

    @Test func aRevokeOfAnEmptyAssignmentIsAnsweredAtOnce() {
        let harness = EngineHarness(World())
        harness.assign([])
        #expect(harness.revoke() == harness.unassigned.last)
        harness.assign([])
        harness.shutdown()
        #expect(harness.openCallsAtEnd == 0)
    }

    @Test func anAssignDuringADrainGoesOnInANewEpoch() {
        let world = World(topicPartitions: 2)
        let harness = EngineHarness(world)
        harness.assign([0])
        harness.events(1, 2)
        harness.revoke()
        harness.assign([0, 1])
        harness.events(3, on: 1)
        #expect(harness.unassigned.isEmpty)
        #expect(harness.starts(of: 3) == 1)
        #expect(harness.starts(of: 1) == 1)
        harness.answerAll(.revoked)
        harness.advance(1_000)
        #expect(harness.committedOffset(0) == 2)
        #expect(harness.committedOffset(1) == 1)
        #expect(harness.started.count == 3)
    }

    /// librdkafka 2.0.2 joins anew, without a revoke, when partitions are added while an assign is held.
    @Test func anAssignEventEndsTheFormerAssignmentBeforeItsOffsetsAreRead() {
        let world = World(topicPartitions: 2)
        let harness = EngineHarness(world)
        harness.assign([0])
        harness.events(1, 2)
        harness.answer(1, .revoked)
        harness.supersede()
        let commits = harness.commits.count
        harness.events(3)
        harness.advance(3_000)
        #expect(harness.started.count == 2)
        #expect(harness.commits.count == commits)
        #expect(harness.tokensHeld == 0)
        // The partition comes back, and its call is still in flight.
        harness.assign([0, 1])
        harness.advance(100)
        #expect(harness.starts(of: 2) == 1)
        #expect(harness.starts(of: 3) == 1)
        harness.answerAll(.revoked)
        harness.advance(1_000)
        #expect(harness.committedOffset(0) == 3)
        #expect(harness.starts(of: 1) == 1)
    }

    @Test func anAssignEventEndsADrainWithoutACommit() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.revoke()
        let commits = harness.commits.count
        harness.supersede()
        harness.answer(1, .revoked)
        harness.advance(20_000)
        #expect(harness.unassigned.isEmpty)
        #expect(harness.commits.count == commits)
    }

    // MARK: Lost

    @Test func aLateAnswerIsKnowledge() {
        let harness = EngineHarness.ready()
        harness.events(1, 2)
        let commits = harness.commits.count
        let lost = harness.lose()
        #expect(harness.unassigned == [lost])
        #expect(harness.commits.count == commits)
        #expect(harness.tokensHeld == 0)
        harness.answer(2, .revoked)
        #expect(harness.end(1) == nil)
        harness.world.settled[0] = [1]
        harness.answer(1, outage)
        harness.assign([0])
        harness.advance(1_000)
        #expect(harness.starts(of: 2) == 1)
        #expect(harness.starts(of: 1) == 2)
        harness.answer(1, .revoked)
        harness.advance(1_000)
        #expect(harness.committedOffset() == 2)
    }

    @Test func aCallInFlightIsAdoptedWhenThePartitionComesBack() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.lose()
        harness.assign([0])
        harness.advance(1_000)
        harness.answer(1, .revoked)
        #expect(harness.end(0) == .revoked)
        #expect(harness.started.count == 1)
        harness.advance(1_000)
        #expect(harness.committedOffset() == 1)
    }

    @Test func anAnswerBetweenAssignAndReadingIsKnowledgeToo() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.lose()
        harness.delivers = false
        harness.assign([0])
        harness.answer(1, .revoked)
        harness.world.settled[0] = [0]
        harness.delivers = true
        harness.turn()
        harness.advance(1_000)
        #expect(harness.started.count == 1)
        #expect(harness.committedOffset() == 1)
    }

    /// The partition's log was replaced and no commit of this worker was stored since: what it knows of the new log
    /// is not in the metadata, which speaks of the old one.
    @Test(arguments: [false, true])
    func ownKnowledgeOutlivesMetadataOfAnotherLog(comesBackTwice: Bool) {
        let harness = EngineHarness()
        let old = CommitMetadata(watermark: 0, clean: true, fingerprint: 0xBAD, settled: [2..<3])
        harness.world.committed[0] = (0, old.encoded(limit: 4_096).text)
        harness.assign([0])
        harness.events(1, 2, 3)
        harness.commitAnswer = .rebalanceInProgress
        harness.answer(2, .revoked)
        harness.answer(3, outage)
        harness.advance(300)
        harness.lose()
        harness.commitAnswer = .stored
        harness.world.committed[0] = (0, old.encoded(limit: 4_096).text)
        harness.delivers = false
        harness.assign([0])
        if comesBackTwice {
            harness.lose()
            harness.assign([0])
        }
        harness.answer(1, .revoked)
        harness.world.settled[0] = [0, 1]
        harness.delivers = true
        harness.turn()
        harness.advance(60_000)
        #expect(harness.starts(of: 1) == 1)
        #expect(harness.starts(of: 2) == 1)
        #expect(harness.starts(of: 3) >= 2)
        harness.answer(3, .revoked)
        harness.advance(1_000)
        #expect(harness.committedOffset() == 3)
    }

    @Test func aDeadLetterInFlightIsAdoptedToo() {
        let harness = EngineHarness.ready()
        harness.storesDeadLetters = false
        harness.world.malformed()
        harness.turn()
        harness.lose()
        harness.assign([0])
        harness.advance(1_000)
        #expect(harness.orders.count == 1)
        harness.storeDeadLetters()
        #expect(harness.end(0) == .deadLettered(.malformed(.notJSON)))
    }

    @Test func anAdoptedDeadLetterThatFailsIsOrderedAgainWithItsAttempts() {
        let harness = EngineHarness.ready()
        harness.storesDeadLetters = false
        harness.events(1)
        harness.answer(1, .rejected(status: 404, code: nil))
        #expect(harness.deadLetters.map(\.attempts) == [1])
        harness.lose()
        harness.assign([0])
        harness.failDeadLetters(.failed)
        harness.advance(6_000)
        #expect(harness.deadLetters.map(\.attempts) == [1])
        #expect(harness.started.count == 1)
    }

    @Test func nothingIsAdoptedFromAnotherLog() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.lose()
        harness.world.restart(0)
        harness.world.event(1)
        harness.assign([0])
        harness.answer(1, .revoked)
        #expect(harness.end(0) == nil)
        #expect(harness.starts(of: 1) == 2)
        #expect(harness.notes.contains(.metadataIgnored(partition: 0)))
    }

    // MARK: Hand-over

    @Test func theNextOwnerKnowsWhatIsSettled() {
        let first = EngineHarness.ready()
        first.events(1, 2, 3, 4)
        first.answer(2, .revoked)
        first.answer(4, .revoked)
        first.advance(1_000)
        let next = EngineHarness(first.world)
        next.assign([0])
        #expect(Set(next.startedFor) == [1, 3])
        next.answerAll(.revoked)
        next.advance(1_000)
        #expect(next.committedOffset() == 4)
    }

    @Test func theSettledSetOfAnotherLogIsIgnored() {
        let first = EngineHarness.ready()
        first.events(1, 2, 3)
        first.answer(2, .revoked)
        first.advance(1_000)
        first.world.restart(0)
        for number in Int64(11)...13 { first.world.event(number) }
        let next = EngineHarness(first.world)
        next.assign([0])
        #expect(Set(next.startedFor) == [11, 12, 13])
        #expect(next.notes.contains(.metadataIgnored(partition: 0)))
    }

    @Test func knowledgeBeyondAllThatWasReadStaysWithTheLastRecord() {
        let first = EngineHarness.ready()
        first.events(1, 2, 3, 4)
        for contract in Int64(2)...4 { first.answer(contract, .revoked) }
        first.advance(1_000)
        #expect(first.committedMetadata()?.settled == [1..<4])
        // The next owner reads only the first record, settles it, and crashes.
        let log = first.world.logs[0] ?? []
        let second = EngineHarness(first.world)
        second.delivers = false
        second.assign([0])
        second.world.logs[0] = [log[0]]
        second.deliver()
        second.turn()
        second.answer(1, .revoked)
        second.advance(1_000)
        #expect(second.committedOffset() == 0)
        #expect(second.committedMetadata()?.settled == [0..<4])
        first.world.logs[0] = log
        let third = EngineHarness(first.world)
        third.assign([0])
        third.advance(1_000)
        #expect(third.started.isEmpty)
        #expect(third.committedOffset() == 4)
    }

    @Test func aCleanHandoverKeepsFreshness() {
        let first = EngineHarness.ready { $0.concurrency = 1 }
        first.events(1, 2, 3, 4)
        first.revoke()
        first.answer(1, outage)
        #expect(first.committedMetadata()?.clean == true)
        #expect(first.committedMetadata()?.highestCalled == 0)
        let next = EngineHarness(first.world) { $0.concurrency = 1 }
        next.assign([0])
        next.events(5)
        next.respond = { _ in .revoked }
        next.turn()
        // Contract 1 was called: it is backlog, the others are fresh.
        #expect(next.startedFor == [2, 3, 4, 1, 5] || next.startedFor == [1, 2, 3, 4, 5])
        #expect(next.engine.snapshot(now: next.world.now).openRecords == 0)
    }

    @Test func freshnessIsNotRegainedByAnOwnerThatCalledNothing() {
        let first = EngineHarness.ready()
        first.events(1)
        first.advance(1_000)
        // A crash; the second owner starts nothing and leaves cleanly.
        let second = EngineHarness(first.world)
        second.delivers = false
        second.assign([0])
        second.revoke()
        let third = EngineHarness(first.world)
        third.delivers = false
        third.assign([0])
        #expect((third.engine.ledgers.first?.freshFrom ?? 0) >= 1)
    }

    @Test func aCrashRightAfterTakingOverFromACleanOwnerIsNotClean() {
        let first = EngineHarness.ready()
        first.events(1, 2)
        first.revoke()
        first.answerAll(outage)
        #expect(first.committedMetadata()?.clean == true)
        let second = EngineHarness(first.world)
        second.assign([0])
        #expect(second.started.count == 2)
        #expect(second.committedMetadata()?.clean == false)
    }

    @Test func aPartitionThatComesBackKeepsItsFreshness() {
        let harness = EngineHarness.ready { $0.concurrency = 1 }
        harness.events(1, 2, 3)
        harness.lose()
        harness.delivers = false
        harness.assign([0])
        #expect(harness.engine.ledgers.first?.freshFrom == 1)
    }

    @Test func aReturningPartitionBringsWhatAnotherOwnerSettled() {
        let first = EngineHarness.ready()
        first.events(1, 2, 3, 4)
        first.answer(2, .revoked)
        first.advance(1_000)
        first.lose()
        first.answerAll(outage)
        let second = EngineHarness(first.world)
        second.assign([0])
        #expect(Set(second.startedFor) == [1, 3, 4])
        second.answer(3, .revoked)
        second.advance(1_000)
        second.isAlive = false
        first.assign([0])
        first.advance(1_000)
        #expect(first.starts(of: 2) == 1)
        #expect(first.starts(of: 3) == 1)
        #expect(first.starts(of: 4) == 2)
        // The second owner called contract 4 meanwhile, so nothing of the log is fresh any more.
        #expect(first.engine.ledgers.first?.freshFrom == 4)
    }

    // MARK: Odd offsets

    @Test func anExpiredOffsetGoesOnAtTheLogsStart() {
        let world = World()
        for number in Int64(1)...10 { world.event(number) }
        world.committed[0] = (2, [])
        world.settled[0] = [0, 1]
        world.logStart[0] = 6
        world.logs[0]?.removeFirst(6)
        let harness = EngineHarness(world)
        harness.assign([0])
        #expect(harness.notes.contains(.retentionPassed(partition: 0, lost: 4)))
        #expect(harness.assigns.first?.positions == [PartitionOffset(partition: 0, offset: 6)])
        harness.respond = { _ in .revoked }
        harness.turn()
        #expect(harness.ends.count == 4)
    }

    @Test func aLogMadeAnewIsReadFromItsStart() {
        let world = World()
        for number in Int64(1)...3 { world.event(number) }
        world.committed[0] = (500, [])
        let harness = EngineHarness(world)
        harness.respond = { _ in .revoked }
        harness.assign([0])
        #expect(harness.notes.contains(.logRestarted(partition: 0, committed: 500, logEnd: 3)))
        harness.advance(1_000)
        #expect(harness.ends.count == 3)
        #expect(harness.committedOffset() == 3)
    }

    // MARK: Shutdown

    @Test func aShutdownDrainsAndCommits() {
        let harness = EngineHarness.ready()
        harness.events(1, 2)
        harness.shutdown()
        harness.answer(1, .revoked)
        #expect(harness.openCallsAtEnd == nil)
        harness.answer(2, .revoked)
        #expect(harness.openCallsAtEnd == 0)
        #expect(harness.committedOffset() == 2)
        #expect(harness.committedMetadata()?.clean == true)
        #expect(harness.revoke() == harness.unassigned.last)
    }

    @Test func aShutdownWithoutAssignmentEndsAtOnce() {
        let harness = EngineHarness(World())
        harness.shutdown()
        #expect(harness.openCallsAtEnd == 0)
    }

    @Test func aShutdownWhileFencedEndsAtOnce() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.answer(1, .revoked)
        harness.commitAnswer = .fenced
        harness.advance(300)
        harness.shutdown()
        #expect(harness.openCallsAtEnd == 0)
    }

    @Test func aShutdownReportsOpenCallsAtTheDeadline() {
        let harness = EngineHarness.ready()
        harness.events(1, 2, 3)
        harness.shutdown()
        harness.answer(1, .revoked)
        harness.advance(16_999)
        #expect(harness.openCallsAtEnd == nil)
        harness.advance(1)
        #expect(harness.openCallsAtEnd == 2)
        harness.advance(10_000)
        #expect(harness.actions.count { if case .shutdownComplete = $0 { true } else { false } } == 1)
    }

    @Test func aShutdownDuringADrainAnswersTheRevokeToo() {
        let harness = EngineHarness.ready()
        harness.events(1)
        let revoke = harness.revoke()
        harness.shutdown()
        #expect(harness.openCallsAtEnd == nil)
        harness.answer(1, .revoked)
        #expect(harness.unassigned == [revoke])
        #expect(harness.openCallsAtEnd == 0)
    }

    @Test func aRevokeDuringAShutdownIsAnswered() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.shutdown()
        let revoke = harness.revoke()
        harness.answer(1, .revoked)
        #expect(harness.unassigned == [revoke])
        #expect(harness.openCallsAtEnd == 0)
    }

    @Test func anAssignDuringAShutdownGetsNothing() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.shutdown()
        harness.assign([0])
        #expect(harness.assigns.last?.positions == [])
        harness.advance(1_000)
        #expect(harness.started.count == 1)
        harness.answer(1, .revoked)
        #expect(harness.openCallsAtEnd == 0)
    }

    @Test func aShutdownDuringALossWaitsForCalls() {
        let harness = EngineHarness.ready()
        harness.events(1)
        harness.shutdown()
        harness.lose()
        #expect(harness.openCallsAtEnd == nil)
        harness.answer(1, .revoked)
        #expect(harness.openCallsAtEnd == 0)
    }
}
