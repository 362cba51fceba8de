import Configuration
import DemoKit
import Foundation
import Kafka
import RevokeEngine
import RevokeEvents
import RevokeModel
import Testing

@testable import RevokeWorker

/// Two modules have an `AccountConfiguration`; this one is the worker's.
typealias Configured = WorkerConfiguration

@Suite("The whole worker in trouble")
struct WholeWorkerFaultTests {
    @Test(
        "An outage makes no dead letter, and everything is revoked after it",
        arguments: [StubFaults.Outage.unavailable, .close])
    func outage(kind: StubFaults.Outage) async throws {
        try await scenario { scenario in
            let worker = try scenario.start()
            try scenario.publish([1])
            try worker.log.wait(ends: 1)
            scenario.stub.setFaults { $0.outage = kind }
            try scenario.publish(2...21)
            try worker.log.wait(for: "hold: only probes start")
            #expect(worker.log.lines.contains { $0[.hold] == "unavailable" })
            scenario.stub.setFaults { $0.outage = .none }
            try worker.log.wait(ends: 21)
            try worker.log.wait(for: "hold ended")
            try worker.stop()
            #expect(worker.log.ends.revoked == 21)
            #expect(try scenario.deadLetters().isEmpty)
            #expect(try scenario.isCommittedToTheEnd())
            let counts = scenario.stub.counts
            for contract in 1...21 { #expect(counts.calls(Int64(contract), status: 204) == 1) }
        }
    }

    @Test("A refused key holds the account; a new one in the file ends it at once")
    func keyRotation() async throws {
        try await scenario { scenario in
            let worker = try scenario.start()
            try scenario.publish([1])
            try worker.log.wait(ends: 1)
            let newKey = "N3w-\(UUID().uuidString)"
            scenario.stub.setKey(newKey)
            try scenario.publish(2...21)
            try worker.log.wait(for: "hold: only probes start")
            #expect(worker.log.lines.contains { $0[.hold] == "unauthorized" })
            // A file that is malformed changes nothing.
            try scenario.writeKey("\"quoted\"")
            try worker.log.wait(for: "the key file cannot be used; the key in memory is kept")
            let refused = scenario.stub.counts.calls(status: 401)
            #expect(refused >= 2)
            try scenario.writeKey(newKey + "\n")
            try worker.log.wait(ends: 21)
            try worker.stop()
            // Between the hold and the new key only probes can have been made, 5 s apart at least.
            #expect(scenario.stub.counts.calls(status: 401) <= refused + 2)
            #expect(worker.log.ends.revoked == 21)
            #expect(worker.log.count("the key file is well again") == 1)
            #expect(try scenario.deadLetters().isEmpty)
            for text in [scenario.key, newKey] { #expect(!worker.log.text.contains(text)) }
        }
    }

    /// Each 204 sets the streak back, so that as dead letters the pages would empty a third of the topic.
    @Test("A page in the API's place makes no dead letter: its contract is called again", arguments: [403, 404])
    func pages(status: Int) async throws {
        try await scenario { scenario in
            scenario.stub.setFaults { $0.pages = StubFaults.Pages(status: status, every: 3) }
            let worker = try scenario.start(account: ["concurrency: 1"])
            try scenario.publish(1...40)
            try worker.log.wait(ends: 40)
            try worker.stop()
            #expect(worker.log.ends.revoked == 40)
            #expect(scenario.stub.counts.calls(status: status) >= 10)
            #expect(try scenario.deadLetters().isEmpty)
            #expect(try scenario.isCommittedToTheEnd())
        }
    }

    /// One call at a time: with more, an answer of before the mend can come after the first good one.
    @Test(
        "A wrong path or a firewall costs two dead letters at most, and all else is revoked after the mend",
        arguments: [404, 403], [false, true])
    func wrongPath(status: Int, workedBefore: Bool) async throws {
        try await scenario { scenario in
            let worker = try scenario.start(account: ["concurrency: 1"])
            var ends = 0
            if workedBefore {
                try scenario.publish([1])
                try worker.log.wait(ends: 1)
                ends = 1
            }
            scenario.stub.setFaults { $0.statusForAll = status }
            try scenario.publish(101...120)
            #expect(scenario.stub.wait(upTo: LogCollector.bound) { $0.calls(status: status) >= 6 })
            try worker.log.wait("alert") { lines, _ in
                lines.contains { $0.message.hasPrefix("too many contracts are refused in a row") }
            }
            #expect(worker.log.ends.deadLetters <= 2)
            scenario.stub.setFaults { $0.statusForAll = nil }
            try worker.log.wait(ends: ends + 20)
            try worker.stop()
            let deadLetters = try scenario.deadLetters()
            #expect(deadLetters.count <= 2)
            #expect(deadLetters.allSatisfy { $0.reason == "rejected" && $0.envelope.status == status })
            let refused = Set(deadLetters.compactMap { $0.envelope.contract?.value })
            let counts = scenario.stub.counts
            for contract in 101...120 as ClosedRange<Int64> {
                #expect(counts.calls(contract, status: 204) == (refused.contains(contract) ? 0 : 1))
            }
            #expect(try scenario.isCommittedToTheEnd())
        }
    }

    /// The stub lets one request pass in two seconds and asks for a longer pause than that. With one call at a time none
    /// is under way when the first 429 comes.
    @Test("No call is made before the end of Retry-After")
    func rateLimit() async throws {
        try await scenario { scenario in
            let worker = try scenario.start(account: ["concurrency: 1"])
            try worker.waitUntilReading()
            scenario.stub.setFaults {
                $0.budget = .windows([BudgetWindow(limit: 1, milliseconds: 2_000)])
                $0.retryAfter = 3
            }
            try scenario.publish(1...5)
            #expect(scenario.stub.wait(upTo: LogCollector.bound) { $0.calls(status: 429) >= 1 })
            try worker.log.wait(for: "hold: only probes start")
            scenario.stub.setFaults { $0.budget = .unlimited }
            try worker.log.wait(ends: 5)
            try worker.stop()
            let calls = scenario.stub.log
            let index = try #require(calls.firstIndex { $0.status == 429 })
            let next = try #require(calls.dropFirst(index + 1).first)
            #expect(next.time - calls[index].time >= 3_000)
            #expect(worker.log.lines.contains { $0[.hold] == "rate_limited" })
            #expect(try scenario.deadLetters().isEmpty)
        }
    }

    @Test("When commits fail for 10 s no call starts, until one succeeds")
    func commitsFail() async throws {
        try await scenario { scenario in
            let worker = try scenario.start()
            try scenario.publish([1])
            try worker.log.wait(ends: 1)
            try worker.log.wait("commit of everything") { _, _ in (try? scenario.isCommittedToTheEnd()) ?? false }
            scenario.cluster.failNext(
                .offsetCommit, with: Array(repeating: .groupAuthorizationFailed, count: 2_000))
            try scenario.publish([2])
            try worker.log.wait(ends: 2)
            try worker.log.wait("hold") { lines, _ in
                lines.contains { $0.message.hasPrefix("commits fail for 10 s") }
            }
            try scenario.publish(3...7)
            let failed = worker.log.count("commit failed")
            try worker.log.wait(for: "commit failed", times: failed + 3)
            let counts = scenario.stub.counts
            for contract in 3...7 { #expect(counts.calls(Int64(contract)) == 0) }
            #expect(worker.log.lines.last { $0.message == "commit failed" }?[.code] == "GROUP_AUTHORIZATION_FAILED")
            scenario.cluster.clearFailures(of: .offsetCommit)
            try worker.log.wait(for: "the hold by failing commits ends")
            try worker.log.wait(ends: 7)
            #expect(try worker.stop() == .clean)
            #expect(scenario.stub.counts.calls == 7)
            #expect(try scenario.isCommittedToTheEnd())
        }
    }

    /// No commit passes it, the worker is not ready meanwhile, and it is stored later.
    @Test("A dead letter that cannot be stored is not lost")
    func deadLettersFail() async throws {
        try await scenario(partitions: 1) { scenario in
            try scenario.publish([RecordContent(value: Array("not JSON".utf8))])
            try scenario.publish(1...3)
            scenario.cluster.failNext(.produce, with: Array(repeating: .invalidRecord, count: 2_000))
            let worker = try scenario.start()
            try worker.log.wait(for: "dead letter not stored", times: 7)
            try worker.log.wait(ends: 3)
            try worker.wait("unreadiness") { !$0.ready && $0.deadLetterFailures >= 7 && $0.engine.partitions == 1 }
            #expect(worker.log.count("the producer of dead letters is made anew") >= 1)
            #expect(try scenario.positions().first?.committed == 0)
            scenario.cluster.clearFailures(of: .produce)
            try worker.log.wait(ends: 4)
            try worker.wait("readiness") { $0.ready }
            #expect(try worker.stop() == .clean)
            #expect(try scenario.deadLetterReasons() == ["not_json": 1])
            #expect(try scenario.isCommittedToTheEnd())
            #expect(scenario.stub.counts.calls == 3)
        }
    }

    @Test("A broker that is away for a while loses nothing and repeats nothing")
    func brokerAway() async throws {
        try await scenario { scenario in
            let worker = try scenario.start()
            try scenario.publish(1...10)
            try worker.log.wait(ends: 10)
            try worker.log.wait("commit of everything") { _, _ in (try? scenario.isCommittedToTheEnd()) ?? false }
            try scenario.cluster.setBroker(up: false)
            try worker.log.wait("news of it") { lines, _ in
                lines.contains { $0.message == "Kafka reports trouble" }
            }
            // The trouble is about no partition.
            for line in worker.log.lines where line.message == "Kafka reports trouble" {
                #expect(!line.text.contains("partition"), "\(line.text)")
            }
            try scenario.cluster.setBroker(up: true)
            try scenario.publish(11...20)
            try worker.log.wait(ends: 20)
            try worker.stop()
            let counts = scenario.stub.counts
            for contract in 1...20 { #expect(counts.calls(Int64(contract)) == 1) }
        }
    }
}
