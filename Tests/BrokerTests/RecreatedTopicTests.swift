import DemoKit
import Foundation
import Kafka
import Testing

/// The topic is deleted and created again: every event of the new one is called.
///
/// The new logs are longer than the old ones, so that an old position is in them and shows nothing.
@Suite(.enabled(if: TestBroker.kind == .kit, TestBroker.skipped), .serialized, .sharedBroker)
struct RecreatedTopicTests {
    private static let old = Set<Int64>(1...400)
    private static let new = Set<Int64>(1_001...1_800)

    /// A group that has read and committed all of the old topic.
    private func settled(
        startAt: String = "earliest"
    ) async throws -> (installation: Installation, worker: WorkerProcess) {
        let installation = try await Installation(on: SharedBroker.broker, partitions: 4)
        let worker = try installation.worker(Installation.Settings(startAt: startAt))
        try await worker.reads(4)
        try await installation.publish(Self.old.map { .event(contract: $0) })
        try await installation.stub.reached("the old topic's contracts") { $0.revokeAll.count >= Self.old.count }
        _ = try await installation.everythingCommitted()
        return (installation, worker)
    }

    private func delete(_ installation: Installation) async throws {
        try await installation.broker.tool(["topics", "--delete", "--topic", installation.topic])
    }

    /// Creates the topic as soon as the broker lets it be: a deleted one is gone a moment later.
    private func create(_ installation: Installation) async throws {
        let end = ContinuousClock.now + .seconds(30)
        while true {
            do {
                return try await BrokerClient.createTopics([installation.topic: 4], on: installation.broker.bootstrap)
            } catch {
                guard ContinuousClock.now < end else { throw error }
            }
        }
    }

    private func expectEverything(_ installation: Installation, _ worker: WorkerProcess) async throws {
        try await installation.stub.reached("the new topic's contracts", limit: .seconds(90)) {
            $0.revokeAll.count >= Self.old.count + Self.new.count
        }
        _ = try await installation.everythingCommitted()
        // A question about the topic that was away may still run, and then the group is not left in time.
        #expect([.exit(0), .exit(5)].contains(try await worker.terminate()))
        #expect(installation.stub.revoked == Self.old.union(Self.new))
    }

    /// librdkafka 2.0.2 says `_UNKNOWN_PARTITION` and `UNKNOWN_TOPIC_OR_PART` for each partition, and reads on at the
    /// old position once the topic is back. The broker has dropped the group's offsets with the topic: "no commit" does
    /// not mean that the group is new.
    @Test("Deleted, and created again after the worker has seen it", arguments: ["earliest", "latest"])
    func later(startAt: String) async throws {
        let (installation, worker) = try await settled(startAt: startAt)
        defer { installation.stub.stop() }
        try await delete(installation)
        try await worker.line(containing: "topic does not exist")
        try await create(installation)
        try await installation.publish(Self.new.map { .event(contract: $0) })
        try await expectEverything(installation, worker)
    }

    /// The topic is back within a fetch: librdkafka says `_AUTO_OFFSET_RESET` once for each partition, and nothing of the
    /// topic.
    @Test("Deleted and created at once, written to later", arguments: ["earliest", "latest"])
    func atOnce(startAt: String) async throws {
        let (installation, worker) = try await settled(startAt: startAt)
        defer { installation.stub.stop() }
        async let deleted: Void = delete(installation)
        try await create(installation)
        try await deleted
        try await worker.line(containing: "Kafka gave up the position")
        try await installation.publish(Self.new.map { .event(contract: $0) })
        try await expectEverything(installation, worker)
    }

    /// Only the records tell: what the group had committed is put back before the worker starts.
    @Test("Recreated while the worker is down, with the old topic's commits put back")
    func restored() async throws {
        let (installation, first) = try await settled()
        defer { installation.stub.stop() }
        #expect(try await first.terminate() == .exit(0))
        let bootstrap = installation.broker.bootstrap
        let commits = try await GroupVisit.committed(
            group: installation.group, topic: installation.topic, on: bootstrap)
        try #require(commits.count == 4 && commits.allSatisfy { ($0.offset ?? 0) > 0 && !$0.metadata.isEmpty })
        try await delete(installation)
        try await create(installation)
        try await installation.publish(Self.new.map { .event(contract: $0) })
        try await GroupVisit.restore(commits, group: installation.group, topic: installation.topic, on: bootstrap)

        let second = try installation.worker()
        try await expectEverything(installation, second)
    }
}
