import DemoKit
import Foundation
import Testing

/// The whole worker on a real broker, undisturbed: every event has its end.
@Suite(.enabled(if: TestBroker.kind != .none, TestBroker.skipped), .serialized, .sharedBroker)
struct EveryEventTests {
    /// Values that are no events, and the reasons that their dead letters must name.
    private static let malformed: [(value: String?, reason: String)] = [
        (nil, "tombstone"), ("", "empty_value"), ("no JSON", "not_json"), ("[1]", "not_an_object"),
        ("{\"acme_contract_id\":5}", "not_a_cloud_event"),
        (event(data: "{\"acme_contract_id\":\"5\"}"), "contract_string"),
        (event(data: "{\"acme_contract_id\":0}"), "contract_zero"),
        (event(data: "{\"acme_contract_id\":1.5}"), "contract_float"),
        (event(data: "{\"acme_contract_id\":5,\"acme_contract_id\":6}"), "duplicate_key"),
        (event(data: "{}"), "contract_missing"),
        (event(type: "something-else", data: "{\"acme_contract_id\":5}"), "unknown_type"),
    ]

    private static func event(type: String = "revoke-credentials", data: String) -> String {
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/tests\",\"type\":\"\(type)\",\"data\":\(data)}"
    }

    @Test("2,000 records on 8 partitions: each is revoked or a dead letter, and all is committed")
    func everyEnd() async throws {
        let installation = try await Installation(on: SharedBroker.broker)
        defer { installation.stub.stop() }
        // 1,200 contracts; 300 of their events come twice byte for byte, 300 contracts get a second event; 198 records
        // are malformed; 2 contracts are unknown to the API.
        let contracts = Set<Int64>(1...1_200)
        var records = contracts.sorted().map { $0 % 2 == 0 ? TestRecord.event(contract: $0) : .binary(contract: $0) }
        records += records[..<300]
        records += (301...600).map { .event(contract: $0, id: "again-\($0)") }
        let bad = (0..<198).map { Self.malformed[$0 % Self.malformed.count] }
        records += bad.enumerated().map { .malformed($1.value, key: "bad-\($0)") }
        records += [.event(contract: 900_000_001), .event(contract: 900_000_002)]
        try #require(records.count == 2_000)
        // 7,919 is a prime: every record comes once, in another order.
        try await installation.publish((0..<2_000).map { records[$0 * 7_919 % 2_000] })

        let worker = try installation.worker(Installation.Settings(concurrency: 32))
        try await installation.stub.reached("every contract") { $0.revokeAll.count >= 1_202 }
        let committed = try await installation.everythingCommitted()
        #expect(try await worker.terminate() == .exit(0))

        #expect(committed.count == 8)
        #expect(committed.reduce(0) { $0 + $1.logEnd } == 2_000)
        #expect(installation.stub.revoked == contracts)
        let calls = installation.stub.callsByContract
        #expect(calls.filter { $0.value > 2 && contracts.contains($0.key) } == [:], "duplicates cost at most 2 calls")
        #expect(
            calls.filter { $0.value > 1 && (601...1_200).contains($0.key) } == [:], "a lone event costs one call")

        let dead = try await installation.broker.records(topic: installation.deadLetters)
        #expect(dead.count == 200)
        let places = Set(dead.map { [$0.headers["revoke-dlq-partition"], $0.headers["revoke-dlq-offset"]] })
        #expect(places.count == 200, "one dead letter for each record")
        let reasons = Dictionary(grouping: dead) { $0.headers["revoke-dlq-reason"] ?? "" }.mapValues(\.count)
        var expected = Dictionary(grouping: bad, by: \.reason).mapValues(\.count)
        expected["rejected"] = 2
        #expect(reasons == expected)
        #expect(dead.allSatisfy { $0.headers["revoke-dlq-topic"] == installation.topic })
        worker.expectNoSecret()
    }

    @Test("A wrong path answers 404 to everything: at most 2 dead letters, and all is revoked after the mend")
    func wrongPath() async throws {
        let installation = try await Installation(on: SharedBroker.broker)
        defer { installation.stub.stop() }
        let contracts = Set<Int64>(1...60)
        try await installation.publish(contracts.map { .event(contract: $0) })
        let wrong = try installation.worker(
            baseURL: installation.stub.baseURL.replacing("/api/v1", with: "/api/v2"))
        try await installation.stub.reached("100 answers of 404") { $0.byKind[.other] ?? 0 >= 100 }
        #expect(try await wrong.terminate() == .exit(0))
        let dead = try await installation.broker.count(topic: installation.deadLetters)
        #expect(dead <= 2)

        let right = try installation.worker()
        try await installation.stub.reached("the rest") { $0.calls(status: 204) >= contracts.count - dead }
        _ = try await installation.everythingCommitted()
        #expect(try await right.terminate() == .exit(0))
        #expect(try await installation.broker.count(topic: installation.deadLetters) == dead)
        #expect(installation.stub.revoked.count == contracts.count - dead)
        wrong.expectNoSecret()
    }

    @Test("A wrong key is answered by 401: no dead letter, and all is revoked after the key file is mended")
    func wrongKey() async throws {
        let installation = try await Installation(on: SharedBroker.broker)
        defer { installation.stub.stop() }
        try installation.setKey("another-key-0123456789")
        let contracts = Set<Int64>(1...60)
        try await installation.publish(contracts.map { .event(contract: $0) })
        let worker = try installation.worker()
        try await worker.line(containing: "\"hold\":\"unauthorized\"")
        let refused = installation.stub.counts.calls(status: 401)
        #expect(refused >= 2 && refused <= 20, "a held account only probes, and \(refused) calls were made")

        try installation.setKey(Installation.key)
        try await installation.stub.reached("every contract") { $0.calls(status: 204) >= contracts.count }
        _ = try await installation.everythingCommitted()
        #expect(try await worker.terminate() == .exit(0))
        #expect(installation.stub.revoked == contracts)
        #expect(try await installation.broker.count(topic: installation.deadLetters) == 0)
        worker.expectNoSecret()
        worker.expectNoSecret("another-key-0123456789")
    }
}

extension WorkerProcess {
    /// Nothing of what the worker wrote holds the key.
    func expectNoSecret(_ key: String = Installation.key) {
        #expect(!state.current.lines.contains { $0.contains(key) })
    }
}
