import Configuration
import DemoKit
import EventLoop
import Kafka
import RevokeClient
import RevokeEngine
import RevokeModel
import Testing

@testable import RevokeWorker

/// From the moment at which a worker learns that it may not call, nothing is sent that still waits for its connection.
@Suite("The barrier of the gate")
struct BarrierTests {
    /// What the worker hears; each but the first forbids the call.
    enum News: CaseIterable, Sendable {
        case nothing
        case illegalGeneration
        case unknownMember
        case fencedByCommit
        case fatal
        case assignmentLost
        case assignedWithoutRevoke
        case suspicion
        case commitsFail

        func tell(_ worker: Worker) {
            switch self {
            case .nothing: break
            case .illegalGeneration: refuse(worker, .illegalGeneration)
            case .unknownMember: refuse(worker, .unknownMemberId)
            case .fencedByCommit: refuse(worker, .fencedInstanceId)
            case .fatal: worker.handle(.error(KafkaError(.fencedInstanceId), partition: nil, fatal: true))
            case .assignmentLost: worker.handle(.revoke(rebalance: 2, partitions: [0], lost: true))
            case .assignedWithoutRevoke: worker.handle(.assign(rebalance: 2, partitions: [0]))
            case .suspicion: worker.perform(.note(.suspicion(gap: 60_000)))
            case .commitsFail: worker.perform(.note(.commitsFailingBegan))
            }
        }

        private func refuse(_ worker: Worker, _ code: KafkaErrorCode) {
            let part = KafkaPartitionResult(partition: 0, error: KafkaError(code))
            worker.handle(.committed(KafkaCommitResult(id: 1, error: nil, partitions: [part])))
        }
    }

    @Test(arguments: News.allCases)
    func stopsWhatWaitsForItsConnection(news: News) async throws {
        try await scenario { scenario in
            let loop = try EventLoop()
            let setup = try WorkerSetup.load(scenario.configuration())
            let worker = Worker(
                setup: setup, loop: loop, logger: Logger(level: .error, ring: LogRing()), board: MetricsBoard(),
                onEnd: { _ in }, onStuck: { _ in })
            let client = try setup.client.make(loop: loop, key: setup.key, gateLimit: nil)
            worker.client = client
            // Closing it takes longer than a connection to the API.
            worker.consumer = try KafkaConsumer(
                configuration: setup.kafka, mode: .group("barrier"), topic: WorkerScenario.topic, loop: loop,
                log: { _ in }, onRecord: { _ in }, onEvent: { _ in })
            var outcome: CallOutcome?
            client.revokeAll(try #require(ContractID(1))) {
                outcome = $0.outcome
                loop.stop()
            }
            news.tell(worker)
            let limit = try loop.makeTimer { loop.stop() }
            limit.start(after: LogCollector.bound)
            loop.run()
            #expect(outcome == (news == .nothing ? .revoked : .withheld))
            #expect(scenario.stub.counts.calls == (news == .nothing ? 1 : 0))
            limit.close()
            client.close()
            worker.client = nil
            worker.consumer?.close(limit: 2_000) { loop.stop() }
            loop.run()
            loop.close()
        }
    }

    /// The gate is renewed by what the engine has seen. A reading of the clocks from before what the turn begins with
    /// would open the gate for partitions that were lost meanwhile.
    @Test func eachTurnReadsTheClocks() async throws {
        try await scenario { scenario in
            let loop = try EventLoop()
            let worker = Worker(
                setup: try WorkerSetup.load(scenario.configuration()), loop: loop,
                logger: Logger(level: .error, ring: LogRing()), board: MetricsBoard(), onEnd: { _ in },
                onStuck: { _ in })
            let now = Worker.readClocks()
            worker.turnInstant = Instant(boot: now.boot - 60_000, wall: now.wall - 60_000)
            worker.turn()
            #expect(worker.now.boot >= now.boot)
            loop.close()
        }
    }
}
