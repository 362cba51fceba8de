import DemoKit
import Kafka
import RevokeEngine
import Testing

@testable import RevokeWorker

/// Partitions 1 and 3 are led by the second broker, and by nobody else, where a test says nothing else.
@Suite("A leader that is away")
struct AwayLeaderTests {
    @Test(
        "It holds up its own partitions only, which are told; they are read when it is back", arguments: [false, true])
    func oneOfTwo(hasCommits: Bool) async throws {
        try await scenario(partitions: 4, brokers: 2) { scenario in
            if hasCommits {
                try scenario.publish(1...40)
                let first = try scenario.start()
                try first.log.wait(ends: 40)
                try first.stop()
            }
            try scenario.publish(101...140)
            let expected = try scenario.positions().enumerated().filter { $0.offset % 2 == 0 }
                .reduce(0) { $0 + Int($1.element.end - $1.element.committed) }
            try #require(expected > 0 && expected < 40)
            try scenario.cluster.setBroker(2, up: false)
            let worker = try scenario.start()
            try worker.log.wait(ends: expected)
            try worker.wait("partitions that wait") {
                $0.unread == [1, 3].map { .init(partition: $0, reason: .noLeader) } && $0.ready
            }
            #expect(worker.log.ends.revoked == expected)
            try scenario.cluster.setBroker(2, up: true)
            try worker.log.wait(ends: 40)
            try worker.wait("no partition that waits") { $0.unread.isEmpty && $0.ready }
            #expect(try worker.stop() == .clean)
            #expect(try scenario.isCommittedToTheEnd())
            let lines = worker.log.lines.count { $0.message.hasPrefix("the leader of partitions does not answer") }
            #expect((1...2).contains(lines), "\(worker.log.text)")
            for contract in 101...140 { #expect(scenario.stub.counts.calls(Int64(contract)) == 1) }
        }
    }

    @Test("Before a rebalance: the others are read after it")
    func beforeARebalance() async throws {
        try await scenario(partitions: 4, brokers: 2) { scenario in
            // The two members share them in turn: each gets one of both brokers.
            for (partition, broker) in [1: 1, 2: 2] as [Int32: Int32] {
                try scenario.cluster.setLeader(of: WorkerScenario.topic, partition: partition, broker: broker)
            }
            let first = try scenario.start()
            try scenario.publish(1...20)
            try first.log.wait(ends: 20)
            try scenario.cluster.setBroker(2, up: false)
            let second = try scenario.start()
            for worker in [first, second] {
                try worker.wait("an assignment with a partition that waits") {
                    !$0.unread.isEmpty && $0.engine.partitions + $0.engine.waitingPartitions.count == 2
                }
            }
            try scenario.cluster.setBroker(2, up: true)
            try scenario.publish(21...40)
            // What the rebalance kept from being committed is called again.
            try first.log.wait("all calls") { _, _ in
                (1...40).allSatisfy { scenario.stub.counts.calls(Int64($0), status: 204) >= 1 }
            }
            try second.stop()
            try first.stop()
        }
    }

    @Test("A worker whose partitions all wait is not ready")
    func allWait() async throws {
        try await scenario(partitions: 2, brokers: 2) { scenario in
            try scenario.publish(1...20)
            try scenario.cluster.setLeader(of: WorkerScenario.topic, partition: 0, broker: 2)
            try scenario.cluster.setBroker(2, up: false)
            let worker = try scenario.start()
            try worker.wait("partitions that wait") { $0.unread.count == 2 }
            try worker.wait("unreadiness") { !$0.ready && $0.engine.waitingPartitions == [0, 1] }
            try scenario.cluster.setBroker(2, up: true)
            try worker.log.wait(ends: 20)
            try worker.wait("readiness") { $0.ready }
            #expect(try worker.stop() == .clean)
        }
    }
}
