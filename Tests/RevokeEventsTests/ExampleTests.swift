import Foundation
import RevokeEvents
import RevokeModel
import Testing

@Suite("The examples of schemas/ are the decoder's test vectors")
struct ExampleTests {
    @Test("A valid record decodes to its event", arguments: try Example.all("valid"))
    func valid(example: Example) throws {
        #expect(EventDecoder(options: example.options).decode(example.record, now: example.now) == example.expected)
        guard case .event = example.expected else {
            Issue.record("a valid example has an event")
            return
        }
    }

    @Test("An invalid record is named", arguments: try Example.all("invalid"))
    func invalid(example: Example) throws {
        #expect(EventDecoder(options: example.options).decode(example.record, now: example.now) == example.expected)
        guard case .failure = example.expected else {
            Issue.record("an invalid example has a failure")
            return
        }
    }

    @Test("Every failure has an example", arguments: DecodingFailure.allCases)
    func everyFailureOccurs(failure: DecodingFailure) throws {
        #expect(try Example.all("invalid").contains { $0.expected == .failure(failure) })
    }

    @Test("The data schema accepts the data of valid examples and refuses that of invalid ones")
    func dataSchema() throws {
        let file = Example.schemas.appendingPathComponent("revoke-credentials.data.schema.json")
        let validator = try SchemaValidator(file)
        func errors(_ data: [UInt8]) throws -> [String] {
            try validator.errors(JSONSerialization.jsonObject(with: Data(data), options: .fragmentsAllowed))
        }
        var valid = 0
        for example in try Example.all("valid") {
            guard let data = example.data else { continue }
            #expect(try errors(data) == [], "\(example.name)")
            valid += 1
        }
        var refused: Set<DecodingFailure> = []
        for example in try Example.all("invalid") {
            guard let data = example.data, case .failure(let failure) = example.expected else { continue }
            #expect(try !errors(data).isEmpty, "\(example.name)")
            refused.insert(failure)
        }
        #expect(valid >= 15)
        let judged: Set<DecodingFailure> = [
            .notAnObject, .dataMissing, .contractMissing, .contractNull, .contractString, .contractFloat,
            .contractBoolean, .contractNotANumber, .contractZero, .contractNegative, .contractTooLarge, .accountInvalid,
        ]
        #expect(refused == judged)
    }

    @Test("The list of reasons in the headers' schema is the closed list of the code")
    func reasons() throws {
        let file = Example.schemas.appendingPathComponent("dead-letter.headers.schema.json")
        let schema = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
        let properties = schema?["properties"] as? [String: [String: Any]]
        let listed = try #require(properties?["revoke-dlq-reason"]?["enum"] as? [String])
        for text in listed { #expect(DeadLetterReason(text: text)?.text == text) }
        var reasons: [DeadLetterReason] = [.rejected, .retryLimit, .unknownAccount]
        reasons += DecodingFailure.allCases.map { .malformed($0) }
        #expect(Set(listed) == Set(reasons.map(\.text)))
        #expect(listed.count == reasons.count)
    }

    @Test("An unknown keyword in a schema is an error, at any depth")
    func unknownKeyword() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(#"{"properties":{"a":{"multipleOf":2}}}"#.utf8).write(to: file)
        #expect(throws: SchemaValidator.UnknownKeyword.self) { try SchemaValidator(file) }
    }

    @Test("The AsyncAPI document refers to both schemas and both topics")
    func asyncAPI() throws {
        let text = try String(
            contentsOf: Example.schemas.appendingPathComponent("asyncapi.yaml"), encoding: .utf8)
        for part in [
            "asyncapi: 3.0.0", "address: revoke-credentials\n", "address: revoke-credentials-dead-letters\n",
            "./revoke-credentials.data.schema.json", "./dead-letter.headers.schema.json",
        ] {
            #expect(text.contains(part), "\(part)")
        }
    }

    @Test("A decoder of the defaults never crashes on an example, cut or changed", arguments: try Example.all("valid"))
    func mutations(example: Example) throws {
        var random = SeededGenerator(seed: UInt64(example.name.utf8.count))
        let value = example.record.content.value ?? []
        var options = example.options
        options.acceptBareEvents = true
        let decoder = EventDecoder(options: options)
        for _ in 0..<300 {
            var record = example.record
            var changed = value
            for _ in 0..<Int.random(in: 1...3, using: &random) where !changed.isEmpty {
                let index = Int.random(in: changed.indices, using: &random)
                switch Int.random(in: 0...2, using: &random) {
                case 0: changed[index] = UInt8.random(in: 0...255, using: &random)
                case 1: changed.remove(at: index)
                default: changed = Array(changed[..<index])
                }
            }
            record.content.value = changed
            // Whatever comes of it, it comes of it twice.
            #expect(decoder.decode(record, now: example.now) == decoder.decode(record, now: example.now))
        }
    }
}
