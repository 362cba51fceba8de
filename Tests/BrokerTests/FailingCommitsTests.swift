import DemoKit
import EventLoop
import Foundation
import Testing

/// The whole worker on a broker that takes no commits: calls stop within 12 s, and nothing is lost.
@Suite(.enabled(if: TestBroker.kind == .kit, TestBroker.skipped), .serialized)
struct FailingCommitsTests {
    /// The oldest settled and uncommitted offset may be 10 s old (invariant 9); the rest is for the worker's own turn.
    private static let limit: Int64 = 12_000
    private static let contracts = Set<Int64>(1...600)

    @Test("An ACL refuses commits: calls stop within 12 s, and go on when it is taken away")
    func refusedByACL() async throws {
        let broker = try await TestBroker.start(["--sasl-ssl", "--acls"])
        do {
            try await refusedByACL(broker)
        } catch {
            try await broker.control("destroy")
            throw error
        }
        try await broker.control("destroy")
    }

    private func refusedByACL(_ broker: TestBroker) async throws {
        let installation = try await Installation(on: broker, latency: 200)
        defer { installation.stub.stop() }
        let folder = try #require(broker.folder)
        let read = ["acls", "--allow-principal", "User:worker", "--operation", "Read", "--topic", installation.topic]
        try await broker.tool(read + ["--add"])
        try await broker.tool(
            ["acls", "--add", "--allow-principal", "User:worker", "--operation", "Read", "--group", installation.group])
        try await broker.tool(
            [
                "acls", "--add", "--allow-principal", "User:worker", "--operation", "Write", "--topic",
                installation.deadLetters,
            ])
        let password = installation.folder.appendingPathComponent("password")
        try Data("worker-secret\n".utf8).write(to: password)
        let settings = Installation.Settings(
            concurrency: 4,
            kafka: [
                "security.protocol: sasl_ssl", "sasl.mechanism: PLAIN", "sasl.username: worker",
                "sasl.password-file: \(password.path)", "ssl.ca.location: \(folder.path)/tls/ca.pem",
            ], bootstrap: broker.secureBootstrap)
        try await installation.publish(Self.contracts.map { .event(contract: $0) })
        let worker = try installation.worker(settings)
        try await installation.stub.reached("the first calls") { $0.calls >= 20 }

        // A commit needs the right to read the topic. The session goes on: that right is the group's.
        try await broker.tool(read + ["--remove", "--force"])
        let refusedAt = EventLoop.boottime()
        try await callsStop(installation, worker, since: refusedAt)
        try await broker.tool(read + ["--add"])
        try await finish(installation, worker)
        worker.expectNoSecret("worker-secret")
    }

    @Test("A broker that hangs: calls stop within 12 s, and go on when it answers again")
    func pausedBroker() async throws {
        let broker = try await TestBroker.start()
        do {
            let installation = try await Installation(on: broker, latency: 200)
            defer { installation.stub.stop() }
            try await installation.publish(Self.contracts.map { .event(contract: $0) })
            let worker = try installation.worker(Installation.Settings(concurrency: 4, sessionTimeout: 15_000))
            try await installation.stub.reached("the first calls") { $0.calls >= 20 }
            try await broker.control("pause")
            let pausedAt = EventLoop.boottime()
            try await callsStop(installation, worker, since: pausedAt)
            try await broker.control("resume")
            try await finish(installation, worker)
        } catch {
            try await broker.control("destroy")
            throw error
        }
        try await broker.control("destroy")
    }

    /// Waits until the worker says that it holds, then until it looks back on more refusals without a call.
    private func callsStop(_ installation: Installation, _ worker: WorkerProcess, since: Int64) async throws {
        let lines = worker.lineCount
        try await worker.line(containing: "commits fail for 10 s", after: lines)
        #expect(installation.stub.counts.calls < Self.contracts.count, "commits were to fail in the middle")
        // The hold lasts: one more line that only time brings, then a look at the whole log.
        try await worker.moreNews(after: worker.lineCount)
        let last = try #require(installation.stub.log.last).time
        #expect(last <= since + Self.limit, "a call came \(last - since) ms after commits began to fail")
    }

    private func finish(_ installation: Installation, _ worker: WorkerProcess) async throws {
        try await installation.stub.reached("every contract", limit: .seconds(120)) {
            $0.revokeAll.count >= Self.contracts.count
        }
        _ = try await installation.everythingCommitted()
        #expect(installation.stub.revoked == Self.contracts)
        #expect(try await worker.terminate() == .exit(0))
        #expect(try await installation.broker.count(topic: installation.deadLetters) == 0)
    }
}

extension WorkerProcess {
    /// Waits for news of the trouble with Kafka: a commit that failed again, or the session's end.
    func moreNews(after skip: Int) async throws {
        try await state.wait(for: "more news of the trouble", limit: .seconds(40)) { state in
            state.lines.dropFirst(skip).contains {
                $0.contains("\"commit failed\"") || $0.contains("\"assignment lost\"") || $0.contains("librdkafka")
            } ? true : nil
        }
    }
}
