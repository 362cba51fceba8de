import Foundation
import RevokeEvents
import RevokeModel
import Testing

@Suite("Dead letters")
struct DeadLetterEnvelopeTests {
    static func text(_ content: RecordContent, _ name: String) -> [String] {
        content.headers.filter { $0.name == name }.map { String(decoding: $0.value ?? [], as: UTF8.self) }
    }

    static func envelope(
        of record: RecordParts, _ result: DecodingResult, status: Int? = 404, attempts: Int = 1
    ) -> DeadLetterEnvelope {
        switch result {
        case .event(let event):
            DeadLetterEnvelope(
                record: record, event: event, group: "workers", reason: .rejected, status: status, attempts: attempts,
                firstSeen: 1_780_315_200_100, failedAt: 1_780_315_200_200)
        case .failure(let failure):
            DeadLetterEnvelope(
                record: record, event: nil, group: "workers", reason: .malformed(failure), attempts: 0,
                firstSeen: 1_780_315_200_100, failedAt: 1_780_315_200_200)
        }
    }

    /// A record as the consumer of a topic would give it.
    static func record(_ content: RecordContent, topic: String, offset: Int64, timestamp: Int64) -> RecordParts {
        RecordParts(
            coordinates: RecordCoordinates(topic: topic, partition: 0, offset: offset), timestamp: timestamp,
            content: content)
    }

    static let examples = (try? Example.all("valid") + Example.all("invalid")) ?? []

    @Test("The dead letter of every example: same key, same value, and headers that the schema accepts")
    func everyExample() throws {
        #expect(Self.examples.count > 100)
        let validator = try SchemaValidator(
            Example.schemas.appendingPathComponent("dead-letter.headers.schema.json"))
        for example in Self.examples {
            let envelope = Self.envelope(of: example.record, example.expected)
            let content = envelope.encode(example.record.content)
            #expect(content.key == example.record.content.key)
            #expect(content.value == example.record.content.value)
            #expect(try DeadLetterEnvelope(headers: content.headers) == envelope, "\(example.name)")
            var object: [String: Any] = [:]
            for header in content.headers where header.name.hasPrefix("revoke-dlq-") {
                #expect(object[header.name] == nil, "\(example.name): \(header.name) stands twice")
                object[header.name] = String(decoding: header.value ?? [], as: UTF8.self)
            }
            #expect(try validator.errors(object) == [], "\(example.name)")
        }
    }

    @Test("A replayed dead letter decodes to what the record was, and is marked as a replay")
    func replay() throws {
        for example in Self.examples {
            let decoder = EventDecoder(options: example.options)
            // Headers that the decoder refuses in the first record are refused in every copy.
            let letter = Self.envelope(of: example.record, example.expected).encode(example.record.content)
            let stored = Self.record(letter, topic: "dead", offset: 5, timestamp: example.now)
            let replayed = Self.record(
                DeadLetterEnvelope.replay(stored), topic: "revoke-credentials", offset: 900, timestamp: example.now)
            #expect(Self.text(replayed.content, "revoke-dlq-replayed-from") == ["dead/0/5"])
            switch (example.expected, decoder.decode(replayed, now: example.now)) {
            case (.failure(let first), .failure(let second)):
                // A doubled field of a first dead letter is replaced by one that stands once.
                if example.name != "invalid/replay-duplicate-header.json",
                    example.name != "invalid/replay-truncated-contract.json"
                {
                    #expect(first == second, "\(example.name)")
                }
            case (.event(let first), .event(let second)):
                #expect(second.isReplay)
                #expect(second.contract == first.contract)
                #expect(second.account == first.account)
                #expect(second.leakTime == first.leakTime, "\(example.name)")
                if !first.isReplay {
                    #expect(second.id == first.id, "\(example.name)")
                    #expect(second.source == first.source)
                }
            case (.failure, .event):
                #expect(example.name == "invalid/replay-duplicate-header.json", "\(example.name)")
            case (.event, .failure(let failure)):
                Issue.record("\(example.name): \(failure)")
            }
        }
    }

    @Test("A second dead letter replaces the fields and carries on what only the first knew")
    func second() throws {
        let decoder = EventDecoder()
        let original = RecordParts(
            coordinates: RecordCoordinates(topic: "main", partition: 3, offset: 41), timestamp: 1_780_315_000_000,
            content: EventEncoder.encode(
                OutgoingEvent(
                    id: "a", source: "s", contract: try #require(ContractID(7)), account: "main",
                    detectedAt: 1_780_315_100_000),
                mode: .binary))
        let first = Self.envelope(of: original, decoder.decode(original, now: 1_780_315_200_000), attempts: 2)
        let stored = Self.record(
            first.encode(original.content, valueLimit: 4), topic: "dead", offset: 5, timestamp: 1_780_315_300_000)
        #expect(Self.text(stored.content, "revoke-dlq-truncated") == ["\(original.content.value?.count ?? 0)"])
        let replayed = Self.record(
            DeadLetterEnvelope.replay(stored), topic: "main", offset: 90, timestamp: 1_780_399_000_000)
        let decoded = decoder.decode(replayed, now: 1_780_400_000_000)
        guard case .event(let event) = decoded else {
            Issue.record("\(decoded)")
            return
        }
        #expect(event.contract.value == 7)
        #expect(event.account == "main")
        #expect(event.leakTime == 1_780_315_100_000)
        let again = Self.envelope(of: replayed, decoded, status: 403, attempts: 1)
        #expect(again.coordinates == RecordCoordinates(topic: "main", partition: 0, offset: 90))
        #expect(again.timestamp == 1_780_315_000_000)
        #expect(again.leakTime == 1_780_315_100_000)
        #expect(again.replayedFrom == RecordCoordinates(topic: "dead", partition: 0, offset: 5))
        #expect(again.truncatedFrom == first.encode(original.content).value?.count)
        let content = again.encode(replayed.content)
        for name in Set(content.headers.map(\.name)) {
            #expect(content.headers.filter { $0.name == name }.count == 1, "\(name)")
        }
        #expect(Self.text(content, "revoke-dlq-status") == ["403"])
        #expect(Self.text(content, "revoke-dlq-replayed-from") == ["dead/0/5"])
        // Replayed from another place, the header is replaced, too.
        let third = DeadLetterEnvelope.replay(Self.record(content, topic: "dead", offset: 6, timestamp: 0))
        #expect(Self.text(third, "revoke-dlq-replayed-from") == ["dead/0/6"])
    }

    @Test("A cut dead letter stays one, whatever its field says", arguments: ["", "x", "-1", "01", "12"])
    func oddTruncation(text: String) {
        let record = RecordParts(
            topic: "main", partition: 0, offset: 1, timestamp: 9, key: nil, value: [],
            headers: [
                RecordHeader(name: "revoke-dlq-contract", text: "7"),
                RecordHeader(name: "revoke-dlq-truncated", text: text),
            ])
        let result = EventDecoder().decode(record, now: 1_780_315_200_000)
        let letter = Self.record(
            Self.envelope(of: record, result).encode(record.content), topic: "dead", offset: 5, timestamp: 9)
        let replay = Self.record(DeadLetterEnvelope.replay(letter), topic: "main", offset: 2, timestamp: 9)
        guard case .event(let event) = EventDecoder().decode(replay, now: 1_780_315_200_000) else {
            Issue.record("\(result)")
            return
        }
        #expect(event.contract == ContractID(7))
        #expect(Self.text(letter.content, "revoke-dlq-truncated") == [text == "12" ? "12" : "0"])
    }

    @Test("A malformed replay carries on contract, account and leak time")
    func malformedReplay() {
        let record = RecordParts(
            topic: "main", partition: 0, offset: 1, timestamp: 9, key: nil, value: [1],
            headers: [
                RecordHeader(name: "revoke-dlq-contract", text: "7"),
                RecordHeader(name: "revoke-dlq-account", text: "a"),
                RecordHeader(name: "revoke-dlq-leak-time", text: "2026-06-01T12:00:00Z"),
                RecordHeader(name: "revoke-dlq-timestamp", text: "junk"),
            ])
        let envelope = Self.envelope(of: record, .failure(.notJSON))
        #expect(envelope.contract == ContractID(7))
        #expect(envelope.account == "a")
        #expect(envelope.leakTime == 1_780_315_200_000)
        #expect(envelope.timestamp == nil)
    }

    @Test("Headers are kept by an allow-list, byte for byte")
    func allowList() {
        let headers = [
            RecordHeader(name: "ce_id", value: [0xFF]), RecordHeader(name: "ce_id", value: nil),
            RecordHeader(name: "ce-type", text: "x"), RecordHeader(name: "CE_X", text: "x"),
            RecordHeader(name: "content-type", value: []), RecordHeader(name: "traceparent", text: "00-1"),
            RecordHeader(name: "tracestate", text: "a"), RecordHeader(name: "authorization", text: "secret"),
            RecordHeader(name: "Content-Type", text: "x"), RecordHeader(name: "revoke-dlq-old", text: "x"),
        ]
        let record = RecordParts(
            topic: "t", partition: 0, offset: 0, timestamp: nil, key: nil, value: nil, headers: headers)
        let envelope = Self.envelope(of: record, .failure(.tombstone))
        let plain = envelope.encode(record.content)
        #expect(Array(plain.headers.prefix(6)) == Array(headers.prefix(6)))
        #expect(
            plain.headers.dropFirst(6).allSatisfy { $0.name.hasPrefix("revoke-dlq-") && $0.name != "revoke-dlq-old" })
        #expect(plain.value == nil)
        let more = envelope.encode(record.content, keeping: ["tracestate"])
        #expect(Array(more.headers.prefix(7)) == Array(headers.prefix(7)))
    }

    @Test("With a limit any record becomes small, and an account is never lost without its contract")
    func truncation() throws {
        let long = String(repeating: "x", count: 2_000)
        var headers = (0..<100).map { RecordHeader(name: "ce_x\($0)", text: String(repeating: "v", count: 500)) }
        headers.insert(RecordHeader(name: "ce_long", text: long), at: 0)
        let content = RecordContent(
            key: [UInt8](repeating: 1, count: 100_000), value: [UInt8](repeating: 2, count: 1 << 20), headers: headers)
        let record = RecordParts(
            coordinates: RecordCoordinates(topic: "t", partition: 0, offset: 0), timestamp: 1, content: content)
        var envelope = Self.envelope(of: record, .failure(.notJSON))
        envelope.contract = ContractID(7)
        envelope.account = "main"
        let cut = envelope.encode(content, valueLimit: 100)
        #expect(cut.value == [UInt8](repeating: 2, count: 100))
        #expect(cut.key?.count == 1_024)
        #expect(cut.headers.reduce(0) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) } < 10_000)
        #expect(Self.text(cut, "ce_long").isEmpty)
        #expect(Self.text(cut, "ce_x0").count == 1)
        let decoded = try DeadLetterEnvelope(headers: cut.headers)
        #expect(decoded.truncatedFrom == 1 << 20)
        #expect(decoded.contract == ContractID(7))
        envelope.account = long
        let nameless = try DeadLetterEnvelope(headers: envelope.encode(content, valueLimit: -5).headers)
        #expect(nameless.account == nil)
        #expect(nameless.contract == nil)
        // What fits is not marked.
        let small = RecordContent(key: nil, value: [1], headers: [])
        envelope.account = nil
        #expect(Self.text(envelope.encode(small, valueLimit: 10), "revoke-dlq-truncated").isEmpty)
    }

    static let broken: [(String, [UInt8]?, DeadLetterError)] = [
        ("reason", Array("bored".utf8), .invalid("reason")), ("attempts", Array("-1".utf8), .invalid("attempts")),
        ("attempts", Array("01".utf8), .invalid("attempts")),
        ("partition", Array("4294967296".utf8), .invalid("partition")),
        ("offset", Array("-1".utf8), .invalid("offset")),
        ("first-seen", Array("1780315200100".utf8), .invalid("first-seen")),
        ("contract", Array("0".utf8), .invalid("contract")), ("account", [], .invalid("account")),
        ("replayed-from", Array("a/b".utf8), .invalid("replayed-from")), ("group", [0xFF], .invalid("group")),
        ("status", nil, .invalid("status")), ("timestamp", Array("1.5".utf8), .invalid("timestamp")),
        ("truncated", Array("true".utf8), .invalid("truncated")), ("leak-time", Array("x".utf8), .invalid("leak-time")),
    ]

    @Test("Each field is read in its one form", arguments: broken)
    func brokenFields(name: String, value: [UInt8]?, error: DeadLetterError) throws {
        let envelope = DeadLetterEnvelope(
            coordinates: RecordCoordinates(topic: "t", partition: 1, offset: 2), timestamp: 3, group: "g",
            reason: .retryLimit, status: 500, attempts: 4, firstSeen: 5, failedAt: 6, contract: ContractID(7),
            account: "a", leakTime: 8, replayedFrom: RecordCoordinates(topic: "d", partition: 0, offset: 1),
            truncatedFrom: 9)
        var headers = envelope.headers
        #expect(try DeadLetterEnvelope(headers: headers) == envelope)
        headers.append(RecordHeader(name: "revoke-dlq-\(name)", value: value))
        #expect(throws: DeadLetterError.duplicate(name)) { try DeadLetterEnvelope(headers: headers) }
        headers.removeAll { $0.name == "revoke-dlq-\(name)" }
        headers.append(RecordHeader(name: "revoke-dlq-\(name)", value: value))
        #expect(throws: error) { try DeadLetterEnvelope(headers: headers) }
        headers.removeLast()
        let required: Set = ["topic", "partition", "offset", "group", "reason", "attempts", "first-seen", "failed-at"]
        if required.contains(name) {
            #expect(throws: DeadLetterError.missing(name)) { try DeadLetterEnvelope(headers: headers) }
        } else {
            #expect(throws: Never.self) { try DeadLetterEnvelope(headers: headers) }
        }
    }

    @Test("What is encoded is decoded", arguments: 0..<20 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            func maybe<Value>(_ value: Value) -> Value? { Bool.random(using: &random) ? value : nil }
            func coordinates() -> RecordCoordinates {
                RecordCoordinates(
                    topic: "t\(UInt8.random(in: 0...255, using: &random))",
                    partition: .random(in: 0...(.max), using: &random), offset: .random(in: 0...(.max), using: &random))
            }
            let reasons: [DeadLetterReason] =
                [.rejected, .retryLimit, .unknownAccount] + DecodingFailure.allCases.map { .malformed($0) }
            let day: ClosedRange<Int64> = 0...4_000_000_000_000
            let envelope = DeadLetterEnvelope(
                coordinates: coordinates(), timestamp: maybe(.random(in: .min ... .max, using: &random)), group: "g ä",
                reason: reasons[Int.random(in: reasons.indices, using: &random)],
                status: maybe(.random(in: 100...599, using: &random)),
                attempts: .random(in: 0...(.max), using: &random),
                firstSeen: .random(in: day, using: &random), failedAt: .random(in: day, using: &random),
                contract: maybe(ContractID(.random(in: 1...ContractID.maximum, using: &random))) ?? nil,
                account: maybe("acc\u{0}ount 😀"), leakTime: maybe(.random(in: day, using: &random)),
                replayedFrom: maybe(coordinates()), truncatedFrom: maybe(.random(in: 0...(.max), using: &random)))
            #expect(try DeadLetterEnvelope(headers: envelope.headers.shuffled(using: &random)) == envelope)
        }
    }
}
