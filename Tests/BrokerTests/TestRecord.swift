import Foundation
import Kafka

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
}
