import Configuration
import Testing

/// Properties that librdkafka takes one by one and that together wait for ever.
@Suite struct KafkaSecurityTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var lines: [String]
        /// The line of the file that is named.
        var line = 0
        var message = ""
        var testDescription: String { lines.joined(separator: ", ") }
    }

    private static func yaml(_ lines: [String]) -> String {
        let properties = ["bootstrap.servers: a:1"] + lines
        return "kafka:\n" + properties.map { "  \($0)\n" }.joined() + "accounts:\n  main:\n    key-file: /k\n"
    }

    static let refused: [Case] = [
        Case(
            lines: ["sasl.mechanism: PLAIN", "sasl.username: u", "sasl.password-file: /p"], line: 3,
            message: "sasl.mechanism has no effect: security.protocol is missing, which means PLAINTEXT"),
        Case(
            lines: ["security.protocol: SSL", "sasl.username: u"], line: 4,
            message: "sasl.username has no effect: security.protocol is ssl"),
        Case(
            lines: ["security.protocol: sasl_ssl", "sasl.username: u", "sasl.password-file: /p"], line: 4,
            message: "sasl.mechanism is missing, and librdkafka would take GSSAPI (Kerberos)"),
        Case(lines: ["security.protocol: sasl_ssl"], line: 3, message: "sasl.mechanism is missing"),
        Case(
            lines: ["sasl.mechanism: OAUTHBEARER", "security.protocol: sasl_ssl"], line: 3,
            message: "sasl.mechanism OAUTHBEARER gets no token"),
        Case(
            lines: [
                "security.protocol: sasl_ssl", "sasl.mechanisms: oauthbearer", "sasl.oauthbearer.method: default",
            ], line: 5, message: "sasl.mechanism OAUTHBEARER gets no token"),
        Case(
            lines: [
                "security.protocol: sasl_ssl", "sasl.mechanism: OAUTHBEARER", "sasl.oauthbearer.method: OIDC",
                "sasl.oauthbearer.client.id: c", "sasl.oauthbearer.token.endpoint.url: https://a/t",
            ], line: 4, message: "sasl.mechanism OAUTHBEARER needs sasl.oauthbearer.client.secret"),
        Case(
            lines: ["security.protocol: sasl_ssl", "sasl.mechanism: PLAIN", "sasl.username: u"], line: 4,
            message: "sasl.mechanism PLAIN needs sasl.password"),
        Case(
            lines: ["security.protocol: sasl_ssl", "sasl.mechanism: SCRAM-SHA-512", "sasl.password-file: /p"], line: 4,
            message: "sasl.mechanism SCRAM-SHA-512 needs sasl.username"),
        Case(
            lines: ["ssl.ca.location: /ca"], line: 3,
            message: "ssl.ca.location has no effect: security.protocol is missing, which means PLAINTEXT"),
        Case(
            lines: [
                "security.protocol: sasl_plaintext", "sasl.mechanism: PLAIN", "sasl.username: u",
                "sasl.password-file: /p", "ssl.key.location: /k",
            ], line: 7, message: "ssl.key.location has no effect: security.protocol is sasl_plaintext"),
    ]

    @Test("What waits for ever is refused, with its place, its name and the fix", arguments: refused)
    func refuses(_ one: Case) {
        for checks in [ConfigurationParser.Checks.full, .kafka] {
            do throws(ConfigurationError) {
                _ = try Parsing.parse(Self.yaml(one.lines), checks: checks)
                Issue.record("accepted")
            } catch {
                #expect(error.description.hasPrefix("c.yaml:\(one.line):3: \(one.message)"), "\(error)")
                #expect(error.description.contains("; set "))
            }
        }
    }

    @Test(
        "What can work is taken",
        arguments: [
            ["client.id: x"], ["security.protocol: PLAINTEXT"], ["security.protocol: ssl", "ssl.ca.location: /ca"],
            ["security.protocol: sasl_ssl", "sasl.mechanism: PLAIN", "sasl.username: u", "sasl.password-file: /p"],
            ["security.protocol: SASL_SSL", "sasl.mechanisms: GSSAPI"],
            [
                "security.protocol: sasl_plaintext", "sasl.mechanism: scram-sha-256", "sasl.username: u",
                "sasl.password: p",
            ],
            [
                "security.protocol: sasl_ssl", "sasl.mechanism: OAUTHBEARER", "sasl.oauthbearer.method: oidc",
                "sasl.oauthbearer.client.id: c", "sasl.oauthbearer.client.secret-file: /s",
                "sasl.oauthbearer.token.endpoint.url: https://a/t",
            ],
            // librdkafka tells these.
            ["security.protocol: foo", "sasl.username: u"],
        ])
    func takes(lines: [String]) {
        #expect(throws: Never.self) { try Parsing.parse(Self.yaml(lines)) }
    }

    @Test(
        "A number without a bound would wait, or hold memory, for ever",
        arguments: [
            "topic.metadata.refresh.interval.ms: -1", "topic.metadata.refresh.interval.ms: 300001",
            "queued.max.messages.kbytes: 2097151", "queued.max.messages.kbytes: 1", "queued.min.messages: 10000000",
            "fetch.max.bytes: 2147483135", "reconnect.backoff.max.ms: 3600000", "reconnect.backoff.ms: 3600000",
            "socket.timeout.ms: 10", "session.timeout.ms: 3999", "session.timeout.ms: 15s",
            "fetch.error.backoff.ms: 300000", "fetch.message.max.bytes: 1000000000",
        ])
    func bounds(line: String) throws {
        let name = try #require(line.split(separator: ":").first)
        let text = Parsing.failure(Self.yaml([line]))
        #expect(text.hasPrefix("c.yaml:3:3: \(name) is out of bounds; write "), "\(text)")
    }

    /// A bound that keeps out the worker's own value, or librdkafka's, would be a mistake.
    @Test func theBoundsAreThoseOfAllowedNumbers() throws {
        for (name, bounds) in KafkaPropertyRules.bounds {
            #expect(KafkaPropertyRules.verdict(name: name, value: "") == .allowed)
            for value in [bounds.lowerBound, bounds.upperBound] {
                let line = "\(name): \(value)"
                #expect(throws: Never.self) { try Parsing.parse(Self.yaml([line]), checks: .kafka) }
            }
        }
    }
}
