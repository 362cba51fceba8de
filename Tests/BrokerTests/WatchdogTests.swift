import Configuration
import DemoKit
import EventLoop
import Foundation
import Kafka
import Testing

@testable import RevokeWorker

/// What the group's coordinator says of a member, and what the worker does when that is not what it reads.
@Suite(.enabled(if: TestBroker.kind != .none, TestBroker.skipped), .serialized, .sharedBroker)
struct WatchdogTests {
    /// The partitions that the broker says the worker owns, and those that it reads.
    private struct View: Hashable, Sendable {
        var owned: Set<Int32>?
        var read: Set<Int32>
        var error: String?
    }

    private static func view(_ worker: LoopWorker) async -> View {
        await worker.perform { worker, done in
            guard let consumer = worker.consumer else { return done(View(read: [], error: "no consumer")) }
            let read = consumer.assignedPartitions
            let queries = consumer.queries
            let group = worker.setup.configuration.group
            let topic = worker.setup.configuration.topic
            do {
                try worker.loop.offload({ () -> View in
                    do {
                        let owned = try queries.ownedPartitions(group: group, topic: topic, limit: 10_000)
                        return View(owned: owned.map { Set($0) }, read: read)
                    } catch {
                        return View(read: read, error: "\(error)")
                    }
                }) { done($0) }
            } catch {
                done(View(read: read, error: "\(error)"))
            }
        }
    }

    @Test("The broker says that a member owns what it was assigned; what is owned and not read is read after a rejoin")
    func rejoins() async throws {
        let installation = try await Installation(on: SharedBroker.broker, partitions: 5)
        defer { installation.stub.stop() }
        let worker = try LoopWorker(installation.configuration(port: 0))
        try await worker.line(containing: "\"message\":\"reading goes on\",\"partitions\":\"0,1,2,3,4\"")
        let alone = await Self.view(worker)
        #expect(alone == View(owned: [0, 1, 2, 3, 4], read: [0, 1, 2, 3, 4]))

        // The assignment of the first join is answered before the second member comes.
        let before = worker.lines.current.count
        let other = try installation.worker()
        try await worker.line(containing: "\"message\":\"reading\"", after: before)
        let shared = await Self.view(worker)
        #expect(shared.error == nil && shared.owned == shared.read)
        #expect((2...3).contains(shared.read.count))

        // As librdkafka 2.0.2 does when an unassign comes late: the member owns its partitions and reads none.
        let skip = worker.lines.current.count
        let taken: String? = await worker.perform { worker, done in
            do throws(KafkaError) {
                try worker.consumer?.read(from: [])
                // The first look; the second comes by the watchdog's own timer.
                worker.compareAssignment()
                done(nil)
            } catch {
                done("\(error)")
            }
        }
        #expect(taken == nil)
        let blind = await Self.view(worker)
        #expect(blind.read == [] && blind.owned == shared.owned)
        try await worker.line(containing: "owned partitions are not read; joining the group again", after: skip)
        try await worker.line(containing: "\"message\":\"reading\"", after: skip)
        let healed = await Self.view(worker)
        #expect(healed.error == nil && healed.owned == healed.read && (2...3).contains(healed.read.count))

        // It reads again: what is published now comes to an end on every partition.
        try await installation.publish((1...60).map { .event(contract: $0) })
        try await installation.stub.reached("every contract") { $0.revokeAll.count >= 60 }
        _ = try await installation.everythingCommitted()
        #expect(try await worker.stop() == .clean)
        #expect(try await other.terminate() == .exit(0))
    }
}
