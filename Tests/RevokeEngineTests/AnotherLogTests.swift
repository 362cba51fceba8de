import RevokeModel
import Testing

@testable import RevokeEngine

/// Commits that belong to another log than the one that is read: a topic that was recreated, or copied from another
/// cluster.
@Suite struct AnotherLogTests {
    private static let cluster: UInt64 = 11

    /// A group that has settled the first 20 records, all events of different contracts.
    private func settled(cluster: UInt64? = nil) -> World {
        let world = World()
        for contract in Int64(1)...20 { world.event(contract) }
        let harness = owner(of: world, cluster: cluster)
        harness.respond = { _ in .revoked }
        harness.assign([0])
        harness.advance(1_000)
        #expect(harness.committedOffset() == 20)
        harness.revoke()
        harness.advance(1_000)
        return world
    }

    private func owner(of world: World, cluster: UInt64? = nil, seed: UInt64 = 2) -> EngineHarness {
        let harness = EngineHarness(world, seed: seed)
        harness.group = GroupFacts(
            commits: world.committed.values.map(\.metadata), cluster: cluster, topicPartitions: 1, now: world.now.wall)
        harness.latency = 1
        harness.respond = { _ in .revoked }
        return harness
    }

    private func calls(_ harness: EngineHarness) -> [Int64] { harness.startedFor.sorted() }

    // MARK: Recreated

    /// The new log is longer than the old commit, so nothing but the record before the commit tells.
    @Test(arguments: [21, 40, 400])
    func aRecreatedLogIsReadFromItsStart(count: Int64) {
        let world = settled()
        world.restart(0)
        for contract in Int64(1_001)...(1_000 + count) { world.event(contract) }
        let harness = owner(of: world)
        harness.assign([0])
        harness.advance(10_000)
        #expect(calls(harness) == Array(1_001...(1_000 + count)))
        #expect(harness.notes.contains(.logRestarted(partition: 0, committed: 20, logEnd: count)))
        #expect(harness.committedOffset() == count)
    }

    @Test func aShorterLogIsReadFromItsStart() {
        let world = settled()
        world.restart(0)
        for contract in Int64(1_001)...1_005 { world.event(contract) }
        let harness = owner(of: world)
        harness.assign([0])
        harness.advance(10_000)
        #expect(calls(harness) == Array(1_001...1_005))
    }

    /// The log's leader answers after records came: what came is read again from the log's start.
    @Test func aRecreatedLogWhoseStartIsNotKnownYetWaitsForIt() {
        let world = settled()
        world.restart(0)
        for contract in Int64(1_001)...1_040 { world.event(contract) }
        let harness = owner(of: world)
        harness.assign([0], late: [0])
        harness.advance(1_000)
        #expect(harness.started.isEmpty)
        harness.find(0)
        harness.advance(10_000)
        #expect(calls(harness) == Array(1_001...1_040))
    }

    /// A second owner that takes over after a crash in the middle of the new log repeats nothing that is settled there.
    @Test func theNextOwnerGoesOnInTheNewLog() {
        let world = settled()
        world.restart(0)
        for contract in Int64(1_001)...1_040 { world.event(contract) }
        let first = owner(of: world)
        first.assign([0])
        first.advance(10_000)
        for contract in Int64(1_041)...1_050 { world.event(contract) }
        let second = owner(of: world, seed: 3)
        second.assign([0])
        second.advance(10_000)
        #expect(calls(second) == Array(1_041...1_050))
        #expect(!second.notes.contains { if case .logRestarted = $0 { true } else { false } })
    }

    /// Kafka gave up the position, and when the log's leader is asked the new log has grown past it.
    @Test func aPositionThatIsBackInItsLogIsCompared() {
        let world = World()
        for contract in Int64(1)...20 { world.event(contract) }
        let harness = owner(of: world)
        harness.assign([0])
        harness.advance(1_000)
        #expect(harness.committedOffset() == 20)
        // The same log: nothing is read twice.
        harness.losePosition(0)
        harness.advance(1_000)
        #expect(harness.rejoins == 0)
        #expect(calls(harness) == Array(1...20))
        world.restart(0)
        for contract in Int64(1_001)...1_040 { world.event(contract) }
        harness.losePosition(0)
        harness.advance(1_000)
        #expect(harness.rejoins == 1)
        #expect(calls(harness) == Array(1...20))
        harness.lose()
        harness.advance(1_000)
        let next = owner(of: world, seed: 4)
        next.assign([0])
        next.advance(10_000)
        #expect(calls(next) == Array(1_001...1_040))
    }

    // MARK: The same log

    @Test func theSameLogIsReadFromTheCommit() {
        let world = settled()
        for contract in Int64(21)...25 { world.event(contract) }
        let harness = owner(of: world)
        harness.assign([0])
        harness.advance(1_000)
        #expect(harness.assigns.last?.positions == [PartitionOffset(partition: 0, offset: 19)])
        #expect(calls(harness) == Array(21...25))
        #expect(harness.notes.isEmpty)
    }

    /// Retention or compaction took the record that would tell: the commit counts.
    @Test(arguments: [true, false])
    func aRecordThatIsGoneSaysNothing(byRetention: Bool) {
        let world = settled()
        for contract in Int64(21)...25 { world.event(contract) }
        world.logs[0]?.removeAll { $0.offset < 20 }
        if byRetention { world.logStart[0] = 20 }
        let harness = owner(of: world)
        harness.assign([0])
        harness.advance(1_000)
        #expect(calls(harness) == Array(21...25))
        #expect(harness.notes.isEmpty)
    }

    // MARK: Copied

    /// Contract 1 is open, 2 is malformed, 3 and 4 are settled, 5 is open. The copy lacks the malformed record, so that the
    /// offsets behind it shift while the first record is the same.
    @Test(arguments: [cluster, 12])
    func settledOffsetsOfAnotherClusterDoNotCount(other: UInt64) {
        let world = World()
        world.event(1)
        world.malformed()
        for contract in Int64(3)...5 { world.event(contract) }
        let first = owner(of: world, cluster: Self.cluster)
        first.respond = { [3, 4].contains($0.value) ? .revoked : nil }
        first.assign([0])
        first.advance(1_000)
        first.storeDeadLetters()
        first.advance(1_000)
        #expect(first.committedMetadata()?.settled == [1..<4])
        if other != Self.cluster {
            world.logs[0] = world.logs[0]?.filter { $0.offset != 1 }.map { record in
                var copy = record
                if copy.offset > 1 { copy.offset -= 1 }
                return copy
            }
            world.logEnd[0] = 4
            world.settled[0] = []
        }
        let second = owner(of: world, cluster: other, seed: 3)
        second.assign([0])
        second.advance(1_000)
        #expect(calls(second) == (other == Self.cluster ? [1, 5] : [1, 3, 4, 5]))
    }

    // MARK: Where a partition without a commit starts

    @Test func aGroupThatBeginsStartsAsConfigured() {
        let facts = GroupFacts(commits: [], cluster: nil, topicPartitions: 4, now: 5_000)
        #expect(facts.start(of: 0) == .configured)
        #expect(facts.start == .init(time: 4_000, partitions: 4))
    }

    /// The opening commits of the first worker are there when the second one asks.
    @Test func aSecondWorkerOfAGroupThatBeginsStartsWhereTheGroupBegan() {
        let world = World(topicPartitions: 2)
        for contract in Int64(1)...5 { world.event(contract) }
        let first = EngineHarness(world, seed: 1)
        first.group = GroupFacts(commits: [], cluster: nil, topicPartitions: 2, now: world.now.wall)
        let began = world.now.wall - 1_000
        // Its first commit is the opening one, before anything is read.
        first.commitAnswer = nil
        first.assign([0])
        let commits = first.commits.flatMap(\.self).map(\.metadata)
        #expect(commits.count == 1)
        let second = GroupFacts(commits: commits, cluster: nil, topicPartitions: 3, now: world.now.wall + 60_000)
        #expect(second.start(of: 1) == .groupBegan(began))
        #expect(second.start(of: 2) == .logStart)
        #expect(second.start == first.group.start)
    }

    /// The broker drops a group's commits together with the topic.
    @Test func aGroupThatLostItsCommitsIsNoNewOne() {
        let known = GroupFacts(commits: [], cluster: nil, topicPartitions: 4, now: 5_000).start
        let facts = GroupFacts(
            commits: [], cluster: nil, known: known, hadCommits: true, topicPartitions: 4, now: 9_000)
        #expect(facts.hasLostCommits)
        #expect(facts.start(of: 1) == .logStart)
        // Another worker finds the opening commits, which say so too.
        var metadata = CommitMetadata(watermark: 0)
        metadata.groupStart = facts.start
        let other = GroupFacts(
            commits: [metadata.encoded(limit: 4_096).text], cluster: nil, topicPartitions: 4, now: 9_000)
        #expect(other.start(of: 3) == .logStart)
    }

    /// A second worker joins before the first one's opening commits are stored: nothing is lost, and nothing is old.
    @Test func aGroupWithoutAStoredCommitStillBegins() {
        let known = GroupFacts(commits: [], cluster: nil, topicPartitions: 4, now: 5_000).start
        let facts = GroupFacts(commits: [], cluster: nil, known: known, topicPartitions: 5, now: 9_000)
        #expect(!facts.hasLostCommits)
        #expect(facts.start == known)
        #expect(facts.start(of: 1) == .groupBegan(4_000))
        #expect(facts.start(of: 4) == .logStart)
    }

    /// Retention passes what was read while the position is lost: reading goes on at the log's start, once.
    @Test func aLostPositionBelowTheLogIsNotComparedWithWhatIsGone() {
        let world = World()
        for contract in Int64(1)...20 { world.event(contract) }
        let harness = owner(of: world)
        harness.assign([0])
        harness.advance(1_000)
        for contract in Int64(21)...30 { world.event(contract) }
        world.logs[0]?.removeAll { $0.offset < 25 }
        world.logStart[0] = 25
        harness.delivers = false
        harness.losePosition(0)
        #expect(harness.reassigns.last?.positions == [PartitionOffset(partition: 0, offset: 25)])
    }

    @Test func commitsThatSayNothingOfTheBeginningLoseNoEvent() {
        let facts = GroupFacts(commits: [[], Array("foreign".utf8)], cluster: nil, topicPartitions: 4, now: 5_000)
        #expect(facts.start(of: 1) == .logStart)
    }
}
