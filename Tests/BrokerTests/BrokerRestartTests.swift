import DemoKit
import Foundation
import Testing

/// Two workers on a broker that dies and comes back.
@Suite(.enabled(if: TestBroker.kind == .kit, TestBroker.skipped), .serialized)
struct BrokerRestartTests {
    @Test("The broker is killed and started at once: every event is revoked, and no member loses its partitions")
    func restarted() async throws {
        try await broken(session: 120_000, name: "broker-restart") { workers in
            for worker in workers { #expect(!worker.state.current.lines.contains { $0.contains(Self.lost) }) }
        } beforeStart: { _ in
        }
    }

    @Test("The broker is away for longer than the session: the assignments are lost, and every event is revoked")
    func away() async throws {
        try await broken(session: 6_000, name: "broker-outage") { _ in
        } beforeStart: { workers in
            for worker in workers { try await worker.line(containing: Self.lost) }
        }
    }

    private static let lost = "\"message\":\"assignment lost\""

    private func broken(
        session: Int, name: String, atEnd: ([WorkerProcess]) throws -> Void,
        beforeStart: ([WorkerProcess]) async throws -> Void
    ) async throws {
        let broker = try await TestBroker.start()
        do {
            try await broken(broker, session: session, name: name, atEnd: atEnd, beforeStart: beforeStart)
        } catch {
            try await broker.control("destroy")
            throw error
        }
        try await broker.control("destroy")
    }

    private func broken(
        _ broker: TestBroker, session: Int, name: String, atEnd: ([WorkerProcess]) throws -> Void,
        beforeStart: ([WorkerProcess]) async throws -> Void
    ) async throws {
        let installation = try await Installation(on: broker, partitions: 4, latency: 50)
        let other = try Installation.stub(latency: 50)
        defer {
            installation.stub.stop()
            other.stop()
        }
        let settings = Installation.Settings(concurrency: 4, sessionTimeout: session, isRecorded: true)
        let first = try installation.worker(settings)
        try await first.reads(4)
        let second = try installation.worker(settings, baseURL: other.baseURL)
        try await second.reads(2)
        let contracts = Set<Int64>(1...400)
        try await installation.publish(contracts.map { .event(contract: $0) })
        try await installation.stub.reached("the first worker's calls") { $0.calls >= 20 }
        try await other.reached("the second worker's calls") { $0.calls >= 20 }
        try await broker.control("kill")
        #expect(installation.stub.revoked.union(other.revoked).count < contracts.count, "it was to die in the middle")
        try await beforeStart([first, second])
        try await broker.startAgain()
        _ = try await installation.everythingCommitted()
        #expect(installation.stub.revoked.union(other.revoked) == contracts)
        try atEnd([first, second])
        #expect(try await first.terminate() == .exit(0))
        #expect(try await second.terminate() == .exit(0))
        try GroupRecording.check(name, [("a", first), ("b", second)], settings)
    }
}
