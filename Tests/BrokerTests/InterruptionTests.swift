import DemoKit
import EventLoop
import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The whole worker on a real broker, interrupted by signals and by rebalances.
@Suite(.enabled(if: TestBroker.kind != .none, TestBroker.skipped), .serialized, .sharedBroker)
struct InterruptionTests {
    @Test("SIGTERM in the middle and a new start: nothing is lost, and no settled contract is called again")
    func terminated() async throws {
        let installation = try await Installation(on: SharedBroker.broker, latency: 20)
        defer { installation.stub.stop() }
        let contracts = Set<Int64>(1...600)
        try await installation.publish(contracts.map { .event(contract: $0) })
        let first = try installation.worker()
        try await installation.stub.reached("200 calls") { $0.calls >= 200 }
        #expect(try await first.terminate() == .exit(0))
        #expect(installation.stub.counts.calls < contracts.count, "the worker was to be stopped in the middle")

        let second = try installation.worker()
        try await installation.stub.reached("every contract") { $0.revokeAll.count >= contracts.count }
        _ = try await installation.everythingCommitted()
        #expect(try await second.terminate() == .exit(0))
        #expect(installation.stub.revoked == contracts)
        // The drain waits for the calls in flight and commits: each contract was called once.
        #expect(installation.stub.callsByContract.filter { $0.value > 1 } == [:])
    }

    @Test("kill −9 in the middle and a new start: nothing is lost, and little is repeated")
    func killed() async throws {
        let latency: Int64 = 100
        // Records are read partition by partition: with three of them the kill comes in the middle of one.
        let installation = try await Installation(on: SharedBroker.broker, partitions: 3, latency: latency)
        defer { installation.stub.stop() }
        let contracts = Set<Int64>(1...600)
        try await installation.publish(contracts.map { .event(contract: $0) })
        let settings = Installation.Settings(concurrency: 8, isRecorded: true)
        let first = try installation.worker(settings)
        try await installation.stub.reached("300 calls") { $0.calls >= 300 }
        let killedAt = EventLoop.boottime()
        try await first.destroy()
        let before = installation.stub.log
        #expect(before.count < contracts.count, "the worker was to be killed in the middle")

        let second = try installation.worker(settings)
        try await installation.stub.reached("every contract") { $0.revokeAll.count >= contracts.count }
        _ = try await installation.everythingCommitted()
        #expect(try await second.terminate() == .exit(0))
        #expect(installation.stub.revoked == contracts)
        // What may be repeated: the calls in flight, and those settled since the last commit, which is at most 1 s old
        // plus its own round trip (invariant 9).
        let late = before.filter { $0.time + latency > killedAt - 1_200 && $0.time + latency <= killedAt }.count
        let repeated = installation.stub.callsByContract.values.reduce(0) { $0 + $1 - 1 }
        #expect(repeated <= settings.concurrency + late)
        #expect(installation.stub.callsByContract.allSatisfy { $0.value <= 2 })
        print("kill -9: \(repeated) calls repeated; \(settings.concurrency) + \(late) are allowed")
        try GroupRecording.check("kill", [("a", first), ("b", second)], settings)
    }

    @Test("A second worker comes, the first one leaves: no call is repeated")
    func relay() async throws {
        let installation = try await Installation(on: SharedBroker.broker, latency: 20)
        let other = try Installation.stub(latency: 20)
        defer {
            installation.stub.stop()
            other.stop()
        }
        let contracts = Set<Int64>(1...3_000)
        try await installation.publish(contracts.map { .event(contract: $0) })
        let settings = Installation.Settings(isRecorded: true)
        let first = try installation.worker(settings)
        try await installation.stub.reached("the first worker's calls") { $0.calls >= 100 }
        let second = try installation.worker(settings, baseURL: other.baseURL)
        try await other.reached("the second worker's calls") { $0.calls >= 100 }
        #expect(try await first.terminate() == .exit(0))
        let done = installation.stub.revoked.union(other.revoked)
        #expect(done.count < contracts.count, "the first worker was to leave in the middle")

        _ = try await installation.everythingCommitted(limit: .seconds(90))
        #expect(try await second.terminate() == .exit(0))
        #expect(installation.stub.revoked.union(other.revoked) == contracts)
        let calls = installation.stub.callsByContract.merging(other.callsByContract, uniquingKeysWith: +)
        #expect(calls.filter { $0.value > 1 } == [:])
        try GroupRecording.check("join-and-leave", [("a", first), ("b", second)], settings)
    }

    @Test("SIGSTOP past the session, then SIGCONT: no call for a partition that was lost")
    func suspended() async throws {
        let installation = try await Installation(on: SharedBroker.broker, latency: 30)
        let other = try Installation.stub(latency: 30)
        defer {
            installation.stub.stop()
            other.stop()
        }
        // The calls in flight run into their deadline while the worker stands still. Without the breaker, which would
        // hold the account for that, only what is to be tested keeps the next calls back.
        let settings = Installation.Settings(breaker: 1_000, isRecorded: true)
        let first = try installation.worker(settings)
        let second = try installation.worker(Installation.Settings(isRecorded: true), baseURL: other.baseURL)
        try await first.reads(4)
        try await second.reads(4)
        let old = Set<Int64>(1...2_000)
        try await installation.publish(old.map { .event(contract: $0) })
        try await installation.stub.reached("the first worker's calls") { $0.calls >= 100 }
        first.send(SIGSTOP)
        // The second worker gets all partitions when the session ends, and revokes what the first one had open.
        _ = try await installation.everythingCommitted(limit: .seconds(90))
        #expect(installation.stub.revoked.union(other.revoked) == old)
        let frozen = installation.stub.log.count
        #expect(frozen < 1_000, "the first worker was to be stopped with open events")

        // It wakes with hundreds of open events of partitions that are the other's. Its group comes back to it by a
        // rebalance, and the new events show that it works again.
        let lines = first.lineCount
        first.send(SIGCONT)
        try await first.reads(4, after: lines)
        let new = Set<Int64>(5_001...5_400)
        try await installation.publish(new.map { .event(contract: $0) })
        _ = try await installation.everythingCommitted()
        #expect(installation.stub.revoked.union(other.revoked).isSuperset(of: new))
        let later = installation.stub.log.dropFirst(frozen).compactMap(\.contract)
        #expect(later.filter { old.contains($0) } == [], "calls for partitions that were lost")
        #expect(!later.isEmpty)
        #expect(try await first.terminate() == .exit(0))
        #expect(try await second.terminate() == .exit(0))
        try GroupRecording.check("stop", [("a", first), ("b", second)], settings)
    }

    @Test("Partitions are added while a revoke is held: every event on every partition is revoked")
    func partitionsAdded() async throws {
        let installation = try await Installation(on: SharedBroker.broker, partitions: 4)
        let other = try Installation.stub()
        defer {
            installation.stub.stop()
            other.stop()
        }
        let settings = Installation.Settings(
            kafka: ["topic.metadata.refresh.interval.ms: 1000"], isRecorded: true)
        let first = try installation.worker(settings)
        try await first.reads(4)
        // Calls that take 4 s hold the drain of the coming revoke for as long.
        installation.stub.setFaults { $0.latency = 4_000 }
        let old = Set<Int64>(1...40)
        try await installation.publish(old.map { .event(contract: $0) })
        try await installation.stub.reached("calls in flight") { $0.calls >= 8 }
        let second = try installation.worker(settings, baseURL: other.baseURL)
        try await first.line(containing: "\"message\":\"revoked\"")
        installation.stub.setFaults { $0.latency = 0 }
        try await installation.broker.addPartitions(installation.topic, total: 8)
        let new = Set<Int64>(101...300)
        try await installation.publish(new.map { .event(contract: $0) })

        let committed = try await installation.everythingCommitted()
        #expect(committed.count == 8)
        #expect(committed.allSatisfy { $0.logEnd > 0 }, "every partition was to hold events")
        #expect(installation.stub.revoked.union(other.revoked) == old.union(new))
        #expect(try await first.terminate() == .exit(0))
        #expect(try await second.terminate() == .exit(0))
        try GroupRecording.check("partitions-added", [("a", first), ("b", second)], settings)
    }
}
