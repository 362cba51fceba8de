import RevokeEvents
import RevokeModel
import Testing

@Suite("Event decoder: rules that need more than one example")
struct EventDecoderTests {
    static let now: Int64 = 1_780_315_500_000
    static let recordTime: Int64 = 1_780_315_200_000

    static let attributes = [
        RecordHeader(name: "ce_specversion", text: "1.0"), RecordHeader(name: "ce_id", text: "a1"),
        RecordHeader(name: "ce_source", text: "/scanner"), RecordHeader(name: "ce_type", text: "revoke-credentials"),
    ]

    static func record(
        _ value: String, timestamp: Int64? = recordTime, _ more: [RecordHeader] = []
    ) -> RecordParts {
        RecordParts(
            topic: "t", partition: 0, offset: 9, timestamp: timestamp, key: nil, value: Array(value.utf8),
            headers: attributes + more)
    }

    static func decode(
        _ record: RecordParts, _ options: EventDecoder.Options = EventDecoder.Options(), now: Int64 = now
    ) -> DecodingResult {
        EventDecoder(options: options).decode(record, now: now)
    }

    static func event(_ record: RecordParts, now: Int64 = now) throws -> RevokeEvent {
        guard case .event(let event) = decode(record, now: now) else { throw decodeFailure(record) }
        return event
    }

    private static func decodeFailure(_ record: RecordParts) -> DecodingFailure {
        guard case .failure(let failure) = decode(record) else { return .notJSON }
        return failure
    }

    // MARK: - Times

    struct Time: CustomTestStringConvertible, Sendable {
        let timestamp: Int64?
        let header: String?
        /// `detected_at` as JSON.
        let detected: String?
        let leak: Int64?
        let earliest: Int64?
        let warns: Bool
        var testDescription: String { "\(String(describing: timestamp)) \(header ?? "-") \(detected ?? "-")" }
    }

    static let r = recordTime
    static let timeTable: [Time] = [
        Time(timestamp: r, header: nil, detected: nil, leak: r, earliest: r, warns: false),
        Time(timestamp: nil, header: nil, detected: nil, leak: nil, earliest: nil, warns: false),
        Time(timestamp: -1, header: nil, detected: nil, leak: nil, earliest: nil, warns: true),
        Time(timestamp: 0, header: nil, detected: nil, leak: nil, earliest: nil, warns: true),
        Time(timestamp: r / 1_000, header: nil, detected: nil, leak: nil, earliest: nil, warns: true),
        Time(timestamp: r * 1_000, header: nil, detected: nil, leak: nil, earliest: nil, warns: true),
        Time(timestamp: .max, header: nil, detected: nil, leak: nil, earliest: nil, warns: true),
        Time(timestamp: .min, header: nil, detected: nil, leak: nil, earliest: nil, warns: true),
        // The bounds, to the millisecond.
        Time(
            timestamp: now + 300_000, header: nil, detected: nil, leak: now + 300_000, earliest: now + 300_000,
            warns: false),
        Time(timestamp: now + 300_001, header: nil, detected: nil, leak: nil, earliest: nil, warns: true),
        Time(
            timestamp: 1_420_070_400_000, header: nil, detected: nil, leak: 1_420_070_400_000,
            earliest: 1_420_070_400_000, warns: false),
        Time(timestamp: 1_420_070_399_999, header: nil, detected: nil, leak: nil, earliest: nil, warns: true),
        // The latest is the leak time, the earliest decides freshness.
        Time(
            timestamp: r, header: "2026-06-01T11:00:00Z", detected: "\"2026-06-01T10:00:00Z\"", leak: r,
            earliest: r - 7_200_000, warns: false),
        Time(timestamp: r, header: "2026-06-01T12:00:01Z", detected: nil, leak: r + 1_000, earliest: r, warns: false),
        Time(
            timestamp: r, header: nil, detected: "\"2026-06-01T14:00:02+02:00\"", leak: r + 2_000, earliest: r,
            warns: false),
        Time(timestamp: r, header: "\(r + 5)", detected: "\(r - 5)", leak: r + 5, earliest: r - 5, warns: false),
        Time(timestamp: r, header: nil, detected: "\"\(r - 5)\"", leak: r, earliest: r - 5, warns: false),
        Time(
            timestamp: r, header: nil, detected: #""2026-06-01\u005411:59:59Z""#, leak: r, earliest: r - 1_000,
            warns: false),
        // What is ignored leaves the others.
        Time(timestamp: r, header: "2026-06-01T11:00:00", detected: nil, leak: r, earliest: r, warns: true),
        Time(timestamp: r, header: "", detected: nil, leak: r, earliest: r, warns: true),
        Time(timestamp: r, header: "9999-12-31T23:59:59Z", detected: nil, leak: r, earliest: r, warns: true),
        Time(timestamp: r, header: nil, detected: "\"yesterday\"", leak: r, earliest: r, warns: true),
        Time(timestamp: r, header: nil, detected: "1e12", leak: r, earliest: r, warns: true),
        Time(timestamp: r, header: nil, detected: "18446744073709551615", leak: r, earliest: r, warns: true),
        Time(timestamp: r, header: nil, detected: "true", leak: r, earliest: r, warns: true),
        Time(timestamp: r, header: nil, detected: "{}", leak: r, earliest: r, warns: true),
        Time(timestamp: r, header: nil, detected: #""\ud800""#, leak: r, earliest: r, warns: true),
        Time(timestamp: r, header: nil, detected: "null", leak: r, earliest: r, warns: false),
        Time(
            timestamp: -1, header: "2026-06-01T11:00:00Z", detected: nil, leak: r - 3_600_000, earliest: r - 3_600_000,
            warns: true),
    ]

    @Test("Only plausible times count, and none becomes now", arguments: timeTable)
    func times(time: Time) throws {
        let detected = time.detected.map { ",\"detected_at\":\($0)" } ?? ""
        let headers = time.header.map { [RecordHeader(name: "ce_time", text: $0)] } ?? []
        let event = try Self.event(
            Self.record("{\"acme_contract_id\":5\(detected)}", timestamp: time.timestamp, headers))
        #expect(event.leakTime == time.leak)
        #expect(event.earliestTime == time.earliest)
        #expect(event.warnings.contains(.implausibleTime) == time.warns)
    }

    @Test("A clock at its end does not overflow")
    func clockEnd() throws {
        let event = try Self.event(Self.record("{\"acme_contract_id\":5}", timestamp: .max), now: .max)
        #expect(event.leakTime == .max)
    }

    static let structuredTimes: [(String, Int64?, Bool)] = [
        ("\"2026-06-01T11:00:00Z\"", recordTime - 3_600_000, false), ("\(recordTime - 1)", recordTime - 1, false),
        ("null", recordTime, false), ("7", recordTime, true), ("[]", recordTime, true), ("\"\"", recordTime, true),
    ]

    @Test("The attribute time of an envelope", arguments: structuredTimes)
    func structuredTime(json: String, earliest: Int64?, warns: Bool) throws {
        var record = Self.record(
            #"{"specversion":"1.0","id":"i","source":"s","type":"revoke-credentials","time":\#(json),"#
                + #""data":{"acme_contract_id":5}}"#)
        record.content.headers = []
        let event = try Self.event(record)
        #expect(event.earliestTime == earliest)
        #expect(event.warnings.contains(.implausibleTime) == warns)
    }

    // MARK: - Media types

    static let mediaTypes: [(String, DecodingFailure?)] = [
        ("application/json", nil), ("APPLICATION/JSON", nil), (" application/json ", nil), ("text/json", nil),
        ("application/json;charset=utf-8", nil), ("application/json ; charset=latin1", nil),
        ("application/vnd.leak.v1+json", nil), ("application/jsonl", .contentType), ("json", .contentType),
        ("/json", .contentType), ("a/b/json", .contentType), ("application/xml", .contentType), ("", .contentType),
        ("application/octet-stream", .contentType), ("text/plain; application/json", .contentType),
        // Structured: the value, which has no envelope, is judged as one.
        ("application/cloudevents+json", .specVersion), ("application/cloudevents", .specVersion),
        ("Application/CloudEvents+JSON; charset=utf-8", .specVersion),
        ("application/cloudevents+xml", .contentType), ("application/cloudevents+protobuf", .contentType),
        ("application/cloudevents-batch", .batch), ("application/cloudevents-batch+json", .batch),
        ("APPLICATION/CLOUDEVENTS-BATCH+JSON;x=y", .batch), ("application/cloudeventsish", .contentType),
    ]

    @Test("Media types in binary mode", arguments: mediaTypes)
    func mediaType(type: String, failure: DecodingFailure?) {
        let result = Self.decode(
            Self.record("{\"acme_contract_id\":5}", [RecordHeader(name: "content-type", text: type)]))
        if let failure {
            #expect(result == .failure(failure))
        } else if case .failure(let failure) = result {
            Issue.record("\(failure)")
        }
    }

    // MARK: - Headers

    @Test("Names are compared as they are: only the prefixes ce- and CE_ are misspelled attributes")
    func headerNames() throws {
        for name in ["ce-id", "CE-id", "Ce_id", "cE_id", "CE_ID", "ce-"] {
            let record = Self.record("{\"acme_contract_id\":5}", [RecordHeader(name: name, text: "x")])
            #expect(Self.decode(record) == .failure(.wrongHeaderPrefix))
        }
        for name in ["", "c", "ce", "cea", "Content-Type", "revoke-dl", "x-ce_id", "\u{e9}"] {
            let record = Self.record("{\"acme_contract_id\":5}", [RecordHeader(name: name, value: nil)])
            #expect(try Self.event(record).isReplay == false)
        }
    }

    @Test("Each attribute header is checked: null, not UTF-8, doubled")
    func headerValues() {
        let names = [
            "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_datacontenttype",
            "ce_dataschema", "ce_traceparent", "ce_", "content-type", "revoke-dlq-contract", "revoke-dlq-x",
        ]
        let optional = [
            "ce_time", "ce_subject", "ce_datacontenttype", "ce_dataschema", "ce_traceparent", "ce_",
        ]
        for name in names {
            var cases: [([[UInt8]?], DecodingFailure)] = [
                ([[0xFF]], .headerNotUTF8), ([[0x61], [0x62]], .duplicateHeader),
                ([[0x61], nil, [0x62]], optional.contains(name) ? .duplicateHeader : .nullHeader),
            ]
            if !optional.contains(name) { cases += [([nil], .nullHeader), ([[0x61], nil], .nullHeader)] }
            for (values, failure) in cases {
                var record = Self.record("{\"acme_contract_id\":5}")
                record.content.headers.removeAll { $0.name == name }
                record.content.headers += values.map { RecordHeader(name: name, value: $0) }
                #expect(Self.decode(record) == .failure(failure), "\(name)")
            }
        }
    }

    @Test(
        "A null header of an optional attribute is as if it were not there",
        arguments: ["ce_time", "ce_subject", "ce_datacontenttype", "ce_dataschema", "ce_traceparent", "ce_"])
    func nullOptionalHeader(name: String) throws {
        let plain = Self.record("{\"acme_contract_id\":5}")
        let null = Self.record("{\"acme_contract_id\":5}", [RecordHeader(name: name, value: nil)])
        #expect(Self.decode(null) == Self.decode(plain))
        // Not even the form of an event in binary mode.
        var bare = Self.record("{\"acme_contract_id\":5}")
        bare.content.headers = [RecordHeader(name: name, value: nil)]
        #expect(Self.decode(bare) == .failure(.notACloudEvent))
    }

    @Test("A doubled extension is found among any number of them", arguments: [0, 1, 7, 8, 9, 30])
    func doubledExtensions(others: Int) throws {
        let headers = (0..<others).map { RecordHeader(name: "ce_x\($0)", text: "v") }
        let first = RecordHeader(name: "ce_y", text: "a")
        let record = Self.record("{\"acme_contract_id\":5}", [first] + headers + [first])
        #expect(try Self.event(record).contract == ContractID(5))
        let other = RecordHeader(name: "ce_y", text: "b")
        #expect(
            Self.decode(Self.record("{\"acme_contract_id\":5}", [first] + headers + [other]))
                == .failure(.duplicateHeader))
    }

    @Test("Twenty thousand extension headers are checked in linear time")
    func manyHeaders() throws {
        let headers = (0..<20_000).map { RecordHeader(name: "ce_x\($0)", text: "v") }
        _ = try Self.event(Self.record("{\"acme_contract_id\":5}", headers))
        let replay = (0..<20_000).map { RecordHeader(name: "revoke-dlq-\($0)", text: "v") }
        #expect(try Self.event(Self.record("{\"acme_contract_id\":5}", replay)).isReplay)
        let doubled = headers + [RecordHeader(name: "ce_x77", text: "w")]
        #expect(Self.decode(Self.record("{\"acme_contract_id\":5}", doubled)) == .failure(.duplicateHeader))
    }

    @Test("Twenty thousand members are checked for doubles")
    func manyMembers() throws {
        let members = (0..<20_000).map { "\"\($0)\":0" }.joined(separator: ",")
        var options = EventDecoder.Options()
        options.maximumRecordSize = 4 << 20
        #expect(Self.decode(Self.record("{\"77\":0,\(members)}"), options) == .failure(.duplicateKey))
        #expect(Self.decode(Self.record("{\(members)}"), options) == .failure(.contractMissing))
    }

    // MARK: - Data

    static let contracts: [(String, DecodingFailure?)] = [
        ("1", nil), ("9007199254740991", nil), ("9007199254740992", .contractTooLarge),
        ("9223372036854775807", .contractTooLarge), ("9223372036854775808", .contractTooLarge),
        ("18446744073709551616", .contractTooLarge), ("0", .contractZero), ("-0", .contractZero),
        ("-1", .contractNegative), ("-9007199254740992", .contractNegative), ("1.0", .contractFloat),
        ("0.0", .contractFloat), ("-1.5", .contractFloat), ("1e3", .contractFloat), ("1E0", .contractFloat),
        ("-0e0", .contractFloat), ("\"1\"", .contractString), ("\"\"", .contractString), ("true", .contractBoolean),
        ("false", .contractBoolean), ("null", .contractNull), ("[]", .contractNotANumber),
        ("{}", .contractNotANumber), ("01", .notJSON), ("0x1", .notJSON), ("1_000", .notJSON), ("+1", .notJSON),
        ("NaN", .notJSON), ("\u{0661}", .notJSON),
    ]

    @Test("The contract is made of digits only", arguments: contracts)
    func contract(json: String, failure: DecodingFailure?) {
        let result = Self.decode(Self.record("{\"acme_contract_id\":\(json)}"))
        if let failure {
            #expect(result == .failure(failure))
        } else {
            guard case .event(let event) = result else {
                Issue.record("\(result)")
                return
            }
            #expect(event.contract.description == json)
        }
    }

    static let accounts: [(String, String?)] = [
        ("\"main\"", "main"), ("\"MAIN X\"", "MAIN X"), (#""\u006dain""#, "main"), ("\"\"", nil), ("null", nil),
        ("0", nil), ("false", nil), ("[]", nil), (#"{"name":"main"}"#, nil), (#""\ud800""#, nil),
        (#""\u0000""#, nil), (#""\n""#, "\n"),
    ]

    @Test("An account is a text that is not empty, never a guess", arguments: accounts)
    func account(json: String, expected: String?) throws {
        let record = Self.record("{\"acme_contract_id\":5,\"account\":\(json)}")
        if let expected {
            #expect(try Self.event(record).account == expected)
        } else {
            #expect(Self.decode(record) == .failure(.accountInvalid))
        }
    }

    @Test("Reason and reporter are for people: what is no text is left out", arguments: ["7", "null", "\"\"", "{}"])
    func texts(json: String) throws {
        let event = try Self.event(
            Self.record("{\"acme_contract_id\":5,\"reason\":\(json),\"reported_by\":\(json)}"))
        #expect(event.reason == nil)
        #expect(event.reportedBy == nil)
        #expect(event.warnings == [])
    }

    @Test("A key that is not the contract in decimal is a warning", arguments: ["", "05", "5 ", "6", "\"5\""])
    func key(text: String) throws {
        var record = Self.record("{\"acme_contract_id\":5}", [RecordHeader(name: "ce_subject", text: text)])
        record.content.key = Array(text.utf8)
        #expect(try Self.event(record).warnings == [.keyDiffers, .subjectDiffers])
        record.content.key = Array("5".utf8)
        #expect(try Self.event(record).warnings == [.subjectDiffers])
    }

    // MARK: - Limits and order

    @Test("The size limit counts the value's bytes")
    func size() throws {
        let padding = String(repeating: " ", count: 1 << 20)
        let text = "{\"acme_contract_id\":5}"
        _ = try Self.event(Self.record(text + padding.dropLast(text.utf8.count)))
        #expect(Self.decode(Self.record(text + padding.dropLast(text.utf8.count - 1))) == .failure(.tooLarge))
    }

    @Test("What is wrong first is named: size before headers, headers before attributes, attributes before the value")
    func order() {
        var record = Self.record("x", [RecordHeader(name: "ce_id", value: nil)])
        #expect(Self.decode(record) == .failure(.nullHeader))
        record.content.value = []
        #expect(Self.decode(record) == .failure(.emptyValue))
        record.content.value = nil
        #expect(Self.decode(record) == .failure(.tombstone))
        record = Self.record("x")
        record.content.headers.removeAll { $0.name == "ce_id" }
        #expect(Self.decode(record) == .failure(.idMissing))
        #expect(Self.decode(Self.record("{\"acme_contract_id\":0,\"account\":7}")) == .failure(.contractZero))
        #expect(Self.decode(Self.record("{\"acme_contract_id\":0,\"x\":1,\"x\":1}")) == .failure(.duplicateKey))
    }

    @Test("A replay without the first record's timestamp is not dated by its own")
    func replayWithoutTimestamp() throws {
        let event = try Self.event(
            Self.record("{\"acme_contract_id\":5}", [RecordHeader(name: "revoke-dlq-topic", text: "t")]))
        #expect(event.isReplay)
        #expect(event.leakTime == nil)
        #expect(event.earliestTime == nil)
        #expect(event.warnings == [])
    }

    @Test("An implausible leak time of a replay is ignored", arguments: ["", "0", "9999-01-01T00:00:00Z", "later"])
    func replayLeakTime(text: String) throws {
        let headers = [
            RecordHeader(name: "revoke-dlq-timestamp", text: "\(Self.recordTime - 1)"),
            RecordHeader(name: "revoke-dlq-leak-time", text: text),
        ]
        let event = try Self.event(Self.record("{\"acme_contract_id\":5}", headers))
        #expect(event.leakTime == Self.recordTime - 1)
        #expect(event.warnings == .implausibleTime)
    }

    @Test("A cut dead letter is rebuilt whatever is left of its value; never without its contract")
    func truncated() throws {
        let headers = [
            RecordHeader(name: "revoke-dlq-truncated", text: "99"),
            RecordHeader(name: "revoke-dlq-contract", text: "77"),
            RecordHeader(name: "revoke-dlq-topic", text: "old"), RecordHeader(name: "revoke-dlq-partition", text: "2"),
            RecordHeader(name: "revoke-dlq-offset", text: "3"),
        ]
        for value in ["", "{\"acme_contract_id\":5}", "\u{feff}", String(repeating: "x", count: 2 << 20)] {
            var record = Self.record(value, headers)
            #expect(try Self.event(record).contract == ContractID(77))
            #expect(try Self.event(record).id == "a1")
            record.content.headers = headers
            #expect(try Self.event(record).id == "old/2/3")
            #expect(try Self.event(record).source == "kafka:old")
            record.content.headers.append(RecordHeader(name: "revoke-dlq-account", text: ""))
            #expect(Self.decode(record) == .failure(.accountInvalid))
        }
        #expect(try Self.event(Self.record("{\"acme_contract_id\":5}", Array(headers[1...]))).contract == ContractID(5))
        #expect(Self.decode(Self.record("", [headers[0]])) == .failure(.emptyValue))
    }
}
