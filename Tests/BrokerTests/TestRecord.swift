import EventLoop
import Foundation
import Kafka
import Synchronization

/// A record as a producer writes it.
struct TestRecord: Sendable {
    var key: String?
    var value: [UInt8]?
    var headers: [KafkaHeader] = []

    /// A CloudEvent in structured mode without headers, written by hand.
    static func event(contract: Int64, id: String? = nil) -> TestRecord {
        let id = id ?? "event-\(contract)"
        return TestRecord(
            key: "\(contract)",
            value: Array(
                """
                {"specversion":"1.0","id":"\(id)","source":"/tests","type":"revoke-credentials","time":"\(now())",\
                "data":{"acme_contract_id":\(contract),"reason":"leaked"}}
                """.utf8))
    }

    /// A CloudEvent in binary mode.
    static func binary(contract: Int64, id: String? = nil, type: String = "revoke-credentials") -> TestRecord {
        let headers = [
            ("ce_specversion", "1.0"), ("ce_id", id ?? "event-\(contract)"), ("ce_source", "/tests"), ("ce_type", type),
            ("ce_time", now()), ("content-type", "application/json"),
        ]
        return TestRecord(
            key: "\(contract)", value: Array("{\"acme_contract_id\":\(contract)}".utf8),
            headers: headers.map { KafkaHeader(name: $0.0, value: Array($0.1.utf8)) })
    }

    /// A value that is not an event.
    static func malformed(_ value: String?, key: String) -> TestRecord {
        TestRecord(key: key, value: value.map { Array($0.utf8) })
    }

    private static func now() -> String { Date.now.formatted(.iso8601) }

    /// Writes records through the `Kafka` target and waits for the brokers' acknowledgement of all of them.
    static func publish(_ records: [TestRecord], to topic: String, on bootstrap: String) async throws {
        let failure: (any Error)? = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                do {
                    try produce(records, topic, bootstrap)
                    continuation.resume(returning: nil)
                } catch {
                    continuation.resume(returning: error)
                }
            }
        }
        if let failure { throw failure }
    }

    private struct NotStored: Error {
        var errors: [KafkaError]
    }

    /// Runs a loop of its own until every record is stored.
    private static func produce(_ records: [TestRecord], _ topic: String, _ bootstrap: String) throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var errors: [KafkaError] = []
        let producer = try KafkaProducer(
            configuration: KafkaConfiguration(bootstrapServers: bootstrap), loop: loop, log: { _ in },
            onEvent: { event in
                if case .failed(_, let error, _) = event { errors.append(error) }
            })
        var refused: KafkaError?
        for (index, record) in records.enumerated() {
            do {
                try producer.produce(
                    id: UInt64(index), topic: topic, key: record.key.map { Array($0.utf8) }, value: record.value,
                    headers: record.headers)
            } catch {
                refused = error
                break
            }
        }
        producer.close(limit: 30_000) { loop.stop() }
        loop.run()
        if let refused { errors.append(refused) }
        if !errors.isEmpty { throw NotStored(errors: errors) }
    }
}
