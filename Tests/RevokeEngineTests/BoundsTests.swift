import RevokeModel
import Testing

@testable import RevokeEngine

private let outage = CallOutcome.unavailable(status: 503, retryAfter: nil)

/// Budgets (invariant 6) and memory (invariant 7).
@Suite struct BoundsTests {
    private static let budget = [
        BudgetWindow(limit: 80, duration: 5_000), BudgetWindow(limit: 800, duration: 180_000),
    ]

    private func checkBudget(_ world: World) {
        for window in Self.budget { #expect(world.mostRequests(in: window.duration) <= window.limit) }
    }

    // MARK: Budget

    @Test func invariant6ABurstMayUseTheBudgetAtOnceAndNoMore() {
        let harness = EngineHarness.ready { $0.budget = Self.budget }
        harness.respond = { _ in .revoked }
        for number in Int64(1)...1_500 { harness.world.event(number) }
        harness.turn()
        #expect(harness.started.count == 80)
        harness.advance(200_000)
        checkBudget(harness.world)
        // The budget is used, not only kept.
        #expect(harness.started.count >= 880)
    }

    @Test func invariant6ASteadyStreamGetsItsRate() {
        let harness = EngineHarness.ready { $0.budget = [BudgetWindow(limit: 500, duration: 10_000)] }
        harness.respond = { _ in .revoked }
        for number in Int64(1)...4_000 {
            harness.world.event(number)
            if number % 2 == 0 { harness.advance(25) }
        }
        #expect(harness.started.count >= 2_000)
        #expect(harness.world.mostRequests(in: 10_000) <= 500)
    }

    @Test func invariant6SeveralWorkersShareTheBudget() {
        let world = World(topicPartitions: 8)
        let workers = (0..<3).map { seed in
            EngineHarness(world, seed: UInt64(seed)) {
                $0.budget = Self.budget
                $0.concurrency = 64
            }
        }
        for worker in workers { worker.respond = { _ in .revoked } }
        workers[0].assign([0, 1, 2])
        workers[1].assign([3, 4, 5])
        workers[2].assign([6, 7])
        for number in Int64(1)...3_000 { world.event(number, on: Int32(number % 8)) }
        EngineHarness.advance(workers, 190_000)
        checkBudget(world)
        #expect(world.requests.count >= 840)
    }

    @Test func invariant6AHandoverGrantsNothingTwice() {
        for seed in UInt64(1)...4 {
            let world = World(topicPartitions: 8)
            var generator = Generator(seed: seed)
            func make(_ number: UInt64) -> EngineHarness {
                let harness = EngineHarness(world, seed: seed &* 100 &+ number) {
                    $0.budget = Self.budget
                    $0.concurrency = 32
                }
                harness.respond = { _ in .revoked }
                return harness
            }
            var workers = [make(1), make(2)]
            workers[0].assign([0, 1, 2, 3])
            workers[1].assign([4, 5, 6, 7])
            for number in Int64(1)...2_000 { world.event(number, on: Int32(number % 8)) }
            for round in UInt64(0)..<20 {
                EngineHarness.advance(workers, generator.upTo(3_000))
                switch generator.upTo(2) {
                case 0:
                    // A crash: the other one takes all over, a new one comes.
                    workers[0].isAlive = false
                    workers[1].lose()
                    workers = [workers[1], make(round + 10)]
                case 1: for worker in workers { worker.revoke() }
                default: for worker in workers { worker.lose() }
                }
                let split = Int32(generator.upTo(8))
                workers[0].assign((0..<8).filter { $0 < split })
                workers[1].assign((0..<8).filter { $0 >= split })
            }
            EngineHarness.advance(workers, 20_000)
            checkBudget(world)
        }
    }

    @Test func invariant6ChargesOfCallsInFlightAreInherited() {
        let world = World()
        let first = EngineHarness(world) { $0.budget = [BudgetWindow(limit: 10, duration: 5_000)] }
        first.assign([0])
        for number in Int64(1)...40 { world.event(number) }
        first.turn()
        #expect(first.calls.count == 8)
        // A crash with eight calls in flight.
        let next = EngineHarness(world) { $0.budget = [BudgetWindow(limit: 10, duration: 5_000)] }
        next.respond = { _ in .revoked }
        next.assign([0])
        #expect(next.started.count <= 2)
        next.advance(5_100)
        #expect(next.started.count >= 9)
    }

    @Test func invariant6ManyCrashesInARowLoseNoCharge() {
        let world = World()
        for number in Int64(1)...200 { world.event(number) }
        func make(_ seed: UInt64) -> EngineHarness {
            let worker = EngineHarness(world, seed: seed) { $0.budget = [BudgetWindow(limit: 20, duration: 5_000)] }
            worker.respond = { _ in .revoked }
            return worker
        }
        for seed in UInt64(1)...20 {
            // Only the opening commit is stored, then the worker crashes.
            let worker = make(seed)
            worker.commitAnswer = nil
            worker.assign([0])
            worker.answerCommit(.stored)
            worker.turn()
            worker.advance(20)
        }
        #expect(world.mostRequests(in: 5_000) <= 20)
        let last = make(21)
        last.assign([0])
        last.advance(10_000)
        #expect(last.started.count >= 20)
        #expect(world.mostRequests(in: 5_000) <= 20)
    }

    @Test func invariant6WhatWasNotSentIsGivenBack() {
        let harness = EngineHarness.ready {
            $0.budget = [BudgetWindow(limit: 4, duration: 5_000)]; $0.breaker = 100
        }
        harness.respond = { _ in .unreachable(.connect) }
        harness.latency = 1
        for number in Int64(1)...20 { harness.world.event(number) }
        harness.advance(1_000)
        #expect(harness.started.count >= 20)
    }

    @Test func invariant6AtMostATenthIsUnsaved() {
        let harness = EngineHarness.ready { $0.budget = Self.budget }
        harness.commitAnswer = nil
        for number in Int64(1)...40 { harness.world.event(number) }
        harness.turn()
        harness.answerAll(.revoked)
        #expect(harness.started.count == 8)
        #expect(harness.commit != nil)
        harness.answerCommit(.stored)
        harness.turn()
        #expect(harness.started.count == 16)
    }

    @Test func unlimitedHasNoBudget() {
        let harness = EngineHarness.ready { $0.concurrency = 1_024 }
        for number in Int64(1)...1_024 { harness.world.event(number) }
        harness.turn()
        #expect(harness.started.count == 1_024)
    }

    @Test func onePartitionOfMoreIsItsShareOfTheBudget() {
        let harness = EngineHarness(World(topicPartitions: 8)) { $0.budget = Self.budget }
        harness.assign([0, 1])
        harness.respond = { _ in .revoked }
        for number in Int64(1)...100 { harness.world.event(number) }
        harness.turn()
        #expect(harness.started.count == 20)
    }

    // MARK: Window

    @Test func invariant7APartitionPausesAtItsRecordsAndResumesAtHalf() {
        let harness = EngineHarness.ready(partitions: 2) { $0.windowRecords = 600 }
        for number in Int64(1)...1_000 { harness.world.event(number) }
        harness.world.event(5_000, on: 1)
        harness.turn()
        #expect(harness.paused == [0])
        #expect(harness.snapshot.openRecords <= 513)
        while harness.paused == [0], let call = harness.calls.first { harness.answer(call.contract.value, .revoked) }
        #expect(harness.paused.isEmpty || harness.snapshot.openRecords > 150)
        harness.respond = { _ in .revoked }
        harness.turn()
        #expect(harness.ends.count == 1_001)
        #expect(harness.mostOpenRecords <= 600)
    }

    @Test func invariant7APartitionPausesAtItsBytes() {
        let harness = EngineHarness.ready { $0.windowBytes = 10_000 }
        for number in Int64(1)...20 { harness.world.event(number, size: 600) }
        harness.turn()
        #expect(harness.paused == [0])
        for number in Int64(1)...11 { harness.answer(number, .revoked) }
        #expect(harness.paused == [0])
        harness.answer(12, .revoked)
        #expect(harness.paused.isEmpty)
    }

    @Test func invariant7OneBigRecordPasses() {
        let harness = EngineHarness.ready { $0.windowBytes = 1_000 }
        harness.world.event(1, size: 1_000_000)
        harness.turn()
        #expect(harness.paused == [0])
        harness.answer(1, .revoked)
        #expect(harness.paused.isEmpty)
    }

    @Test func invariant7AHeldAccountPausesAndPollingGoesOn() {
        let harness = EngineHarness.ready { $0.windowRecords = 300 }
        harness.latency = 1
        harness.respond = { _ in outage }
        for number in Int64(1)...2_000 { harness.world.event(number) }
        harness.advance(60_000)
        #expect(harness.paused == [0])
        #expect(harness.mostOpenRecords <= 300 + 256)
        harness.respond = { _ in .revoked }
        harness.advance(60_000)
        #expect(harness.ends.count == 2_000)
    }

    @Test func invariant7FullMetadataPauses() {
        let harness = EngineHarness.ready {
            $0.metadataLimit = 100; $0.concurrency = 1_000; $0.breaker = 10_000
        }
        for number in Int64(1)...200 { harness.world.event(number) }
        harness.turn()
        for number in Int64(1)...100 { harness.answer(number * 2, .revoked) }
        harness.advance(1_000)
        #expect(harness.paused == [0])
        for number in Int64(0)..<100 { harness.answer(number * 2 + 1, .revoked) }
        harness.advance(1_000)
        #expect(harness.paused.isEmpty)
        #expect(harness.committedOffset() == 200)
    }

    /// A partition whose predecessor's metadata alone is too much: before anything was read, or behind an event that stays
    /// open, nothing that is settled could make room.
    @Test(arguments: [0, 256])
    func invariant7MetadataThatIsFullOfUnreadRunsDoesNotStopTheReading(firstRun: Int64) {
        let harness = EngineHarness(World()) { $0.metadataLimit = 100 }
        for number in Int64(1)...600 { harness.world.event(number) }
        let runs = (0..<100).map { firstRun + 1 + 2 * $0..<firstRun + 2 + 2 * $0 }
        let predecessor = CommitMetadata(
            watermark: 0, fingerprint: harness.world.logs[0]?.first?.fingerprint, settled: runs
        ).encoded(limit: 100)
        harness.world.committed[0] = (0, predecessor.text)
        let kept = harness.committedMetadata()?.settled ?? []
        for run in kept { harness.world.settled[0, default: []].insert(run.lowerBound) }
        harness.delivers = firstRun > 0
        harness.assign([0])
        harness.delivers = true
        // The first contract is in trouble for longer than all the others take.
        harness.latency = 1
        harness.respond = { $0 == id(1) ? nil : .revoked }
        harness.advance(10_000)
        #expect(harness.paused.isEmpty)
        #expect(harness.snapshot.openRecords == 1)
        #expect(harness.ends.count == 599 - kept.count)
    }

    // MARK: What is remembered

    @Test func invariant7AStuckEventKeepsTheRestBounded() {
        var shell = FastShell(stuck: 1)
        shell.read(contract: 1)
        for number in Int64(0)..<100_000 {
            shell.read(contract: number % 100 + 2)
            if number % 100 == 99 { shell.turn() }
            guard let ledger = shell.engine.ledgers.first, ledger.slots.count > 400 else { continue }
            Issue.record("\(ledger.slots.count) places for \(ledger.openCount) open records")
            return
        }
        shell.now.boot += 1_000
        shell.turn()
        #expect(shell.settled == 100_000)
        #expect(shell.engine.snapshot(now: shell.now).openRecords == 1)
        #expect(shell.engine.entries.count <= 256)
        #expect(shell.engine.lanes.count <= 101)
        #expect(shell.committed?.offset == 0)
        #expect(shell.committed.flatMap { CommitMetadata(decoding: $0.metadata) }?.settled == [1..<100_001])
    }

    @Test func invariant7FormerAssignmentsAreBounded() {
        let harness = EngineHarness.ready(partitions: 64) {
            $0.concurrency = 4_096
            $0.breaker = 100_000
        }
        for partition in Int32(0)..<64 {
            for number in Int64(0)..<60 { harness.world.event(Int64(partition) * 1_000 + number + 1, on: partition) }
        }
        harness.turn()
        for partition in Int64(0)..<64 {
            for number in Int64(0)..<30 { harness.finish(partition * 1_000 + number * 2 + 2, .revoked) }
        }
        harness.lose()
        let weight = harness.engine.former.reduce(0) { sum, former in
            sum + 32 + former.knowledge.reduce(0) { $0 + $1.knowledge.weight }
        }
        #expect(weight > Engine.formerLimit / 2)
        #expect(weight <= Engine.formerLimit)
        harness.assign([0])
        #expect(harness.engine.former.isEmpty)
    }

    @Test func invariant7LanesWithoutEventsAreForgotten() {
        let harness = EngineHarness.ready {
            $0.concurrency = 1_024; $0.breaker = 100_000
        }
        for round in Int64(0)..<4 {
            harness.latency = 0
            harness.respond = { _ in outage }
            for number in Int64(1)...1_000 { harness.world.event(round * 1_000 + number) }
            harness.turn()
            harness.respond = nil
            harness.lose()
            harness.turn()
            #expect(harness.engine.orphans.count <= Engine.orphanLimit)
            harness.world.logStart[0] = harness.world.end(0)
            harness.assign([0])
        }
        harness.advance(61_000)
        #expect(harness.engine.orphans.isEmpty)
        #expect(harness.engine.laneIndex.isEmpty)
    }

    @Test func invariant7ALaneThatLosesItsEventsTwiceKeepsNoOther() {
        let harness = EngineHarness.ready(partitions: 3)
        for partition in Int32(0)..<3 { harness.events(Int64(partition) + 1, on: partition) }
        harness.answerAll(outage)
        harness.lose()
        harness.advance(30_000)
        // The second lane gets its event again, the first and the last one do not: its old place stands between theirs.
        for partition in [Int32(0), 2] { harness.world.logStart[partition] = harness.world.end(partition) }
        harness.assign([0, 1, 2])
        harness.answerAll(outage)
        harness.lose()
        harness.advance(31_000)
        #expect(harness.engine.laneIndex.count == 1)
        harness.advance(30_000)
        #expect(harness.engine.laneIndex.isEmpty)
    }

    @Test func invariant7ManyAssignmentsLeaveNothingBehind() {
        let harness = EngineHarness.ready { $0.breaker = 100_000 }
        harness.latency = 1
        harness.respond = { _ in .rejected(status: 404, code: nil) }
        for number in Int64(1)...100 { harness.world.event(number) }
        for _ in 0..<50 {
            harness.advance(70_000)
            harness.lose()
            harness.assign([0])
        }
        #expect(harness.engine.unprovenLanes.count <= 200)
        #expect(harness.engine.lanes.count <= 120)
        #expect(harness.stored.count <= 2)
    }

    // MARK: Rest

    @Test func anIdleEngineWakesOnceASecond() {
        let harness = EngineHarness.ready(partitions: 8) { $0.budget = Self.budget }
        harness.events(1, 2, 3)
        harness.answerAll(.revoked)
        harness.advance(3_000)
        let turns = harness.turns
        let commits = harness.commits.count
        harness.advance(60_000)
        #expect(harness.turns - turns <= 61)
        #expect(harness.commits.count == commits)
    }

    @Test func theSameSeedGivesTheSameActions() {
        func run() -> [EngineAction] {
            let harness = EngineHarness.ready(partitions: 3, seed: 42) { $0.budget = Self.budget }
            harness.latency = 30
            harness.respond = { $0.value % 7 == 0 ? outage : .revoked }
            for number in Int64(1)...500 { harness.world.event(number % 90 + 1, on: Int32(number % 3)) }
            harness.advance(100_000)
            return harness.actions
        }
        #expect(run() == run())
    }
}
