import Foundation
import RevokeEvents
import RevokeModel
import Testing

@Suite("Event encoder")
struct EventEncoderTests {
    @Test("Binary mode")
    func binary() throws {
        let event = OutgoingEvent(
            id: "a1", source: "/scanner", contract: try #require(ContractID(12_345)), reason: "leaked",
            time: 1_780_315_200_000, traceParent: "00-1")
        let content = EventEncoder.encode(event, mode: .binary)
        #expect(content.key == Array("12345".utf8))
        #expect(content.value == Array(#"{"acme_contract_id":12345,"reason":"leaked"}"#.utf8))
        let expected = [
            ("content-type", "application/json"), ("ce_specversion", "1.0"), ("ce_id", "a1"),
            ("ce_source", "/scanner"), ("ce_type", "revoke-credentials"), ("ce_subject", "12345"),
            ("ce_time", "2026-06-01T12:00:00.000Z"), ("ce_traceparent", "00-1"),
        ]
        #expect(content.headers == expected.map { RecordHeader(name: $0.0, text: $0.1) })
    }

    @Test("Structured mode")
    func structured() throws {
        let event = OutgoingEvent(id: "a1", source: "/scanner", contract: try #require(ContractID(1)))
        let content = EventEncoder.encode(event, mode: .structured)
        #expect(content.headers == [RecordHeader(name: "content-type", text: "application/cloudevents+json")])
        let expected =
            #"{"specversion":"1.0","id":"a1","source":"/scanner","type":"revoke-credentials","subject":"1","#
            + #""datacontenttype":"application/json","data":{"acme_contract_id":1}}"#
        #expect(String(decoding: content.value ?? [], as: UTF8.self) == expected)
    }

    @Test("What is encoded is decoded, and the schema accepts it", arguments: 0..<20 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let now: Int64 = 1_780_315_500_000
        let validator = try SchemaValidator(
            Example.schemas.appendingPathComponent("revoke-credentials.data.schema.json"))
        let texts = [
            "a", "ä€😀", "\"quoted\\\"", "line\nbreak", "\u{1}\u{7f}", "e\u{301}", String(repeating: "x", count: 99),
        ]
        for _ in 0..<50 {
            func text() -> String { texts[Int.random(in: texts.indices, using: &random)] }
            func maybe<Value>(_ value: Value) -> Value? { Bool.random(using: &random) ? value : nil }
            func time() -> Int64 { .random(in: 1_420_070_400_000...now, using: &random) }
            let event = OutgoingEvent(
                id: text(), source: text(),
                contract: try #require(ContractID(.random(in: 1...ContractID.maximum, using: &random))),
                account: maybe(text()), reason: maybe(text()), reportedBy: maybe(text()), detectedAt: maybe(time()),
                time: maybe(time()), traceParent: maybe(text()))
            let timestamp = maybe(time())
            let times = [event.time, event.detectedAt, timestamp].compactMap { $0 }
            let expected = RevokeEvent(
                id: event.id, source: event.source, contract: event.contract, account: event.account,
                reason: event.reason, reportedBy: event.reportedBy, leakTime: times.max(), earliestTime: times.min())
            for mode in OutgoingEvent.Mode.allCases {
                let content = EventEncoder.encode(event, mode: mode)
                let record = RecordParts(
                    coordinates: RecordCoordinates(topic: "t", partition: 0, offset: 0), timestamp: timestamp,
                    content: content)
                #expect(EventDecoder().decode(record, now: now) == .event(expected))
                let object = try JSONSerialization.jsonObject(with: Data(content.value ?? []))
                let data = mode == .binary ? object : (object as? [String: Any])?["data"] ?? object
                #expect(try validator.errors(data) == [])
            }
        }
    }

    @Test("Coordinates are read back from their text only")
    func coordinates() {
        let coordinates = RecordCoordinates(topic: "a.b-c_d", partition: 7, offset: .max)
        #expect(RecordCoordinates(coordinates.description) == coordinates)
        for text in [
            "", "a", "a/1", "/1/2", "a/1/2/3", "a/-1/2", "a/1/-2", "a/01/2", "a/1/x", "a/2147483648/0", "a/1/",
        ] {
            #expect(RecordCoordinates(text) == nil, "\(text)")
        }
    }
}
