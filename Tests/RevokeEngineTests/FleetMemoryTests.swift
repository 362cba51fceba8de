import RevokeModel
import Testing

@testable import RevokeEngine

private let notFound = CallOutcome.rejected(status: 404, code: nil)

/// What a restart or a take-over must not forget: the streak's dead letters, and those of undecodable records.
@Suite struct FleetMemoryTests {
    private static func worker(_ world: World, seed: UInt64 = 1, _ outcome: CallOutcome = notFound) -> EngineHarness {
        let harness = EngineHarness(world, seed: seed)
        harness.latency = 10
        harness.respond = { _ in outcome }
        return harness
    }

    private static func world(partitions: Int, events: Int64) -> World {
        let world = World(topicPartitions: partitions)
        for number in 1...events { world.event(number, on: Int32(number % Int64(partitions))) }
        return world
    }

    /// Everything is refused, and each process lives for five seconds and dies without a drain.
    @Test(arguments: [1, 8]) func invariant5ARestartLoopCostsTwoDeadLettersInAll(partitions: Int) {
        let world = Self.world(partitions: partitions, events: 400)
        var letters = 0
        for life in 1...UInt64(20) {
            let harness = Self.worker(world, seed: life)
            harness.assign((0..<partitions).map { Int32($0) })
            harness.advance(5_000)
            letters += harness.stored.count
        }
        #expect(letters == 2)
        // The fix: everything is revoked, and a lone wrong contract is a dead letter again.
        let harness = Self.worker(world, .revoked)
        harness.assign((0..<partitions).map { Int32($0) })
        harness.advance(5_000)
        #expect(world.settled.values.reduce(0) { $0 + $1.count } == 400)
        harness.respond = { _ in notFound }
        world.event(1_001)
        harness.advance(5_000)
        #expect(harness.stored.count == 1)
    }

    /// The longest streak that can be configured travels whole.
    @Test func invariant5ALongStreakTravelsWhole() {
        let world = Self.world(partitions: 1, events: 100)
        var letters = 0
        for life in 1...UInt64(3) {
            let harness = EngineHarness(world, seed: life) { $0.streakLimit = 16 }
            harness.latency = 10
            harness.respond = { _ in notFound }
            harness.assign([0])
            harness.advance(5_000)
            letters += harness.stored.count
        }
        #expect(letters == 16)
    }

    @Test func invariant5ACleanRestartKnowsTheStreak() {
        let world = Self.world(partitions: 1, events: 10)
        let first = Self.worker(world)
        first.assign([0])
        first.advance(100)
        #expect(first.stored.count == 2)
        first.shutdown()
        first.advance(1_000)
        let second = Self.worker(world)
        second.assign([0])
        #expect(second.snapshot.streak == 2)
        second.advance(20_000)
        #expect(second.stored.isEmpty)
    }

    /// Two workers hold eight partitions when the trouble begins: each has a streak of its own, and who takes over knows the
    /// longer one.
    @Test func invariant5TwoWorkersCostTwoDeadLettersEachHoweverOftenTheyStart() {
        let world = Self.world(partitions: 8, events: 400)
        var letters = 0
        for life in 1...UInt64(10) {
            let pair = [Self.worker(world, seed: life), Self.worker(world, seed: life + 100)]
            let isSwapped = life % 2 == 0
            pair[isSwapped ? 1 : 0].assign([0, 1, 2, 3])
            pair[isSwapped ? 0 : 1].assign([4, 5, 6, 7])
            EngineHarness.advance(pair, 5_000)
            letters += pair[0].stored.count + pair[1].stored.count
        }
        #expect(letters == 4)
        let alone = Self.worker(world)
        alone.assign([0, 1, 2, 3, 4, 5, 6, 7])
        alone.advance(20_000)
        #expect(alone.stored.isEmpty)
    }

    /// The commits of all partitions tell the streak, not only those where something was settled.
    @Test func everyPartitionTellsTheStreak() {
        let world = World(topicPartitions: 4)
        let harness = Self.worker(world)
        harness.assign([0, 1, 2, 3])
        for number in Int64(1)...2 { world.event(number, on: 2) }
        harness.advance(5_000)
        let hashes = [Int64(1), 2].map { CommitMetadata.hash(of: id($0)) }
        for partition in Int32(0)..<4 {
            #expect(harness.committedMetadata(partition).map { Set($0.streak) } == Set(hashes))
        }
        harness.respond = { _ in .revoked }
        world.event(3, on: 1)
        harness.advance(5_000)
        for partition in Int32(0)..<4 { #expect(harness.committedMetadata(partition)?.streak == []) }
        // Nothing more is to be told.
        let commits = harness.commits.count
        harness.advance(60_000)
        #expect(harness.commits.count == commits)
    }

    /// A streak of long ago in one partition's commit takes dead letters away, and is no trouble by itself.
    @Test func aStaleStreakEndsWithTheNextGoodAnswer() {
        let world = World(topicPartitions: 2)
        var stale = CommitMetadata(watermark: 0)
        stale.streak = [7, 8, 9, 10, 11]
        world.committed[1] = (0, stale.encoded(limit: 4_096).text)
        let harness = Self.worker(world)
        harness.assign([0, 1])
        #expect(harness.snapshot.streak == 2)
        #expect(!harness.notes.contains(.unproven))
        world.event(1)
        harness.advance(1_000)
        #expect(harness.stored.isEmpty)
        harness.respond = { $0 == id(1) ? notFound : .revoked }
        world.event(2)
        harness.advance(5_000)
        #expect(harness.end(0) == .deadLettered(.rejected))
        #expect(harness.end(1) == .revoked)
    }

    /// A good answer ended the streak after the commit that tells of it: the worker knows its own commit, and better.
    @Test func aWorkersOwnOldStreakDoesNotComeBack() {
        let world = World()
        let harness = Self.worker(world)
        harness.assign([0])
        world.event(1)
        harness.advance(3_000)
        #expect(harness.committedMetadata()?.streak.count == 1)
        harness.commitAnswer = nil
        harness.respond = { _ in .revoked }
        world.event(2)
        harness.advance(100)
        #expect(harness.snapshot.streak == 0)
        harness.lose()
        harness.commitAnswer = .stored
        harness.assign([0])
        #expect(harness.snapshot.streak == 0)
    }

    // MARK: Undecodable

    /// Each process reads 30 more of them: after the third life there are 90 dead letters, and with the next batch the count
    /// passes the limit.
    @Test func aRestartLoopStopsAtAHundredUndecodableRecordsInAll() {
        let world = World()
        var letters = 0
        for life in 1...UInt64(20) {
            for _ in 0..<30 { world.malformed() }
            let harness = Self.worker(world, seed: life)
            harness.assign([0])
            harness.advance(2_000)
            letters += harness.stored.count
            #expect(harness.snapshot.undecodable == (life > 3))
        }
        #expect(letters == 90)
        world.event(1)
        let harness = Self.worker(world, .revoked)
        harness.assign([0])
        harness.advance(5_000)
        #expect(world.settled[0]?.count == 601)
        #expect(harness.committedMetadata()?.undecodable == 0)
    }

    // MARK: Events of another type

    @Test func eventsOfAnotherTypeDoNotKeepOursBack() {
        let world = World()
        for _ in 0..<1_500 { world.malformed(.unknownType) }
        world.event(1)
        let harness = EngineHarness(world) { $0.windowRecords = 400 }
        harness.respond = { _ in .revoked }
        harness.assign([0])
        harness.advance(10_000)
        #expect(harness.end(1_500) == .revoked)
        #expect(harness.stored.count == 1_500)
        #expect(!harness.notes.contains(.undecodableBegan))
        #expect(harness.notes.filter { $0 == .foreignEvents }.count == 1)
    }

    @Test func skippedEventsOfAnotherTypeDoNotKeepOursBack() {
        let world = World()
        for _ in 0..<1_500 { world.malformed(.unknownType) }
        world.event(1)
        let harness = EngineHarness(world) {
            $0.windowRecords = 400
            $0.skipUnknownTypes = true
        }
        harness.respond = { _ in .revoked }
        harness.assign([0])
        harness.advance(10_000)
        #expect(harness.end(1_500) == .revoked)
        #expect(harness.stored.isEmpty)
        #expect(harness.notes.isEmpty)
    }

    /// Undecodable records wait, and events of another type among them do not.
    @Test func eventsOfAnotherTypeEndWhileUndecodableRecordsWait() {
        let world = World()
        for _ in 0..<150 { world.malformed() }
        for _ in 0..<50 { world.malformed(.unknownType) }
        let harness = Self.worker(world, .revoked)
        harness.assign([0])
        harness.advance(5_000)
        #expect(harness.snapshot.undecodable)
        #expect(harness.stored.map(\.reason) == Array(repeating: .malformed(.unknownType), count: 50))
        // They are no dead letters of calls: a drain does not wait for those that have not started.
        harness.revoke()
        harness.advance(1_000)
        #expect(harness.unassigned.count == 1)
    }

    // MARK: Unknown accounts

    @Test func anEventOfAnUnknownAccountIsToldAtOnce() {
        let harness = EngineHarness.ready()
        harness.world.event(1, known: false)
        harness.world.event(2, known: false)
        harness.turn()
        let told = harness.notes.filter { if case .unknownAccount = $0 { true } else { false } }
        #expect(told.count == 2)
        #expect(harness.snapshot.parked == 2)
        harness.advance(900_001)
        #expect(harness.snapshot.parked == 0)
        #expect(harness.ends.count == 2)
    }
}
