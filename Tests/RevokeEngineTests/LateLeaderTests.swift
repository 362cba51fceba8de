import RevokeEngine
import RevokeModel
import Testing

/// A log's leader answers after the assign was answered, or never.
@Suite struct LateLeaderTests {
    /// Partition 1 was never committed and its leader is away; 0 has a commit.
    private func oneWaits() -> EngineHarness {
        let world = World(topicPartitions: 2)
        world.committed[0] = (0, [])
        let harness = EngineHarness(world)
        harness.assign([0, 1], late: [0, 1])
        return harness
    }

    @Test("A partition with a commit is read at once; one without waits for its leader and holds up no other")
    func eachStartsByItself() {
        let harness = oneWaits()
        #expect(harness.assigns.map(\.positions) == [[PartitionOffset(partition: 0, offset: 0)]])
        #expect(harness.snapshot.waitingPartitions == [1])
        harness.events(7)
        harness.answer(7, .revoked)
        #expect(harness.end(0) == .revoked)
        #expect(harness.reassigns.isEmpty)

        harness.world.event(8, on: 1)
        harness.find(1)
        #expect(
            harness.reassigns.map(\.positions) == [
                [PartitionOffset(partition: 0, offset: 1), PartitionOffset(partition: 1, offset: 0)]
            ])
        #expect(harness.snapshot.waitingPartitions.isEmpty)
        // The opening commit, then the own one, then the call.
        harness.turn()
        harness.answer(8, .revoked)
        #expect(harness.end(0, on: 1) == .revoked)
    }

    @Test("Until the log's ends are known no event is fresh")
    func notFreshBefore() {
        let world = World(topicPartitions: 1)
        world.committed[0] = (0, [])
        let harness = EngineHarness(world) { $0.concurrency = 1 }
        harness.assign([0], late: [0])
        harness.events(1, 2)
        harness.find(0)
        harness.events(3)
        // The backlog's first is in flight; the fresh one passes the other.
        harness.answer(1, .revoked)
        #expect(harness.startedFor == [1, 3])
    }

    @Test("What a cleanly drained predecessor had not called is fresh without the log's ends")
    func cleanMetadataIsEnough() {
        let world = World(topicPartitions: 1)
        world.committed[0] = (
            0, CommitMetadata(watermark: 0, clean: true, highestCalled: nil).encoded(limit: 4_096).text
        )
        let harness = EngineHarness(world) { $0.concurrency = 1 }
        for contract in 1...2 { world.event(Int64(contract), age: 7_200_000) }
        world.event(3)
        harness.assign([0], late: [0])
        harness.turn()
        #expect(harness.startedFor == [3])
    }

    @Test("Records that retention removed are told when the leader answers, and reading goes on at the log's start")
    func retentionPassed() {
        let world = World(topicPartitions: 1)
        for contract in 1...6 { world.event(Int64(contract)) }
        world.committed[0] = (1, [])
        world.logStart[0] = 4
        let harness = EngineHarness(world)
        // librdkafka reads nothing from there.
        harness.delivers = false
        harness.assign([0], late: [0])
        harness.find(0)
        #expect(harness.notes.contains(.retentionPassed(partition: 0, lost: 3)))
        #expect(harness.reassigns.last?.positions == [PartitionOffset(partition: 0, offset: 4)])
        #expect(harness.committedOffset() == 4)
        harness.delivers = true
        harness.turn()
        #expect(harness.startedFor == [5, 6])
    }

    @Test("A log that ends before the commit is read from its start")
    func logRestarted() {
        let world = World(topicPartitions: 1)
        for contract in 1...3 { world.event(Int64(contract)) }
        world.committed[0] = (500, [])
        let harness = EngineHarness(world)
        harness.delivers = false
        harness.assign([0], late: [0])
        harness.find(0)
        #expect(harness.notes.contains(.logRestarted(partition: 0, committed: 500, logEnd: 3)))
        #expect(harness.reassigns.last?.positions == [PartitionOffset(partition: 0, offset: 0)])
        #expect(harness.rejoins == 0)
        #expect(harness.committedOffset() == 0)
        harness.delivers = true
        harness.turn()
        #expect(harness.startedFor == [1, 2, 3])
    }

    @Test("A position that was lost goes on where it was, and behind what retention removed")
    func positionLost() {
        let harness = EngineHarness.ready()
        harness.events(1, 2)
        harness.losePosition(0)
        #expect(harness.reassigns.last?.positions == [PartitionOffset(partition: 0, offset: 2)])
        #expect(harness.notes.isEmpty)
        harness.delivers = false
        for contract in 3...6 { harness.world.event(Int64(contract)) }
        harness.world.logStart[0] = 5
        harness.losePosition(0)
        #expect(harness.notes == [.retentionPassed(partition: 0, lost: 3)])
        #expect(harness.reassigns.last?.positions == [PartitionOffset(partition: 0, offset: 5)])
        harness.delivers = true
        harness.turn()
        harness.answerAll(.revoked)
        #expect(harness.end(0) == .revoked)
        #expect(harness.end(5) == .revoked)
        #expect(harness.rejoins == 0)
    }

    @Test("A partition that was read since its leader was asked is left alone")
    func readMeanwhile() {
        let harness = EngineHarness.ready()
        harness.events(1, 2)
        harness.losePosition(0, next: 1)
        #expect(harness.reassigns.isEmpty)
    }

    @Test("A log that ends before what was read of it is another one: the group is joined again")
    func shrunk() {
        let harness = EngineHarness.ready()
        harness.events(1, 2)
        harness.world.logs[0] = []
        harness.world.logEnd[0] = 0
        harness.losePosition(0)
        #expect(harness.rejoins == 1)
    }

    @Test("An answer for an assignment that ended changes nothing")
    func outdated() {
        let harness = oneWaits()
        harness.revoke()
        harness.find(1)
        #expect(harness.reassigns.isEmpty)
        harness.assign([0], late: [0])
        harness.find(1, in: 1)
        harness.find(0, in: 1)
        #expect(harness.reassigns.isEmpty)
        #expect(harness.snapshot.waitingPartitions.isEmpty)
    }
}
