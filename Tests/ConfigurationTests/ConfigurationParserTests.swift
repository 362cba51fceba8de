import Configuration
import RevokeModel
import Testing

@Suite struct ConfigurationParserTests {
    @Test func theDefaultsAreTheDocumentedOnes() throws {
        let parsed = try Parsing.parse()
        let configuration = parsed.configuration
        #expect(configuration.topic == "revoke-credentials")
        #expect(configuration.deadLetterTopic == "revoke-credentials-dead-letters")
        #expect(configuration.group == "revoke-worker")
        #expect(configuration.startAt == .earliest)
        #expect(configuration.account.requestDeadline == 10_000)
        #expect(configuration.drainLimit == 17_000)
        #expect(configuration.terminationGrace == 30_000)
        #expect(configuration.account.concurrency == 8)
        #expect(configuration.windowRecords == 20_000)
        #expect(configuration.windowBytes == 32 << 20)
        #expect(configuration.commitInterval == 200)
        #expect(configuration.freshness == 3_600_000)
        #expect(configuration.contractRetryLimit == 3_600_000)
        #expect(configuration.streakLimit == 2)
        #expect(configuration.breaker == 5)
        #expect(configuration.recordSize == 1 << 20)
        #expect(configuration.sessionTimeout == 15_000)
        #expect(configuration.healthListen == ListenAddress(host: "127.0.0.1", port: 8480))
        #expect(configuration.account.baseURL == "https://www.digicert.com/partner-subscription/api/v1")
        #expect(
            configuration.account.budget
                == .windows([
                    BudgetWindow(limit: 80, milliseconds: 5_000), BudgetWindow(limit: 800, milliseconds: 180_000),
                ]))
        #expect(configuration.account.name.text == "main")
        #expect(configuration.unknownTypes == .deadLetter)
        #expect(!configuration.acceptBareEvents && !configuration.acceptRegistryPrefix && !configuration.insecure)
        #expect(parsed.warnings.isEmpty && parsed.notices.isEmpty)
    }

    @Test func readsEveryOption() throws {
        let configuration = try Parsing.parse(
            """
            topic: t
            dead-letter-topic: d
            group: "no"
            start-at: 2026-06-01T16:00:00.250+02:00
            create-topics: true
            unknown-types: skip
            accept-bare-events: true
            accept-registry-prefix: true
            record-size: 512KiB
            freshness: 2h
            contract-retry-limit: 90s
            streak-limit: 3
            breaker: 7
            window-records: 500
            window-bytes: 1GiB
            commit-interval: 50ms
            drain-limit: 11s
            termination-grace: 1m
            key-poll-interval: 250ms
            allow-plain-http: true
            insecure: true
            ca-file: /etc/ca.pem
            proxy: http://proxy.example:3128
            health:
              listen: "[::1]:0"
            log-level: warning
            log-format: json
            default-account: acme-1
            kafka:
              bootstrap.servers: a:1,b:2
              session.timeout.ms: 9000
              security.protocol: sasl_ssl
              sasl.mechanism: GSSAPI
              sasl.password-file: /run/secrets/kafka
              ssl.key.password: hunter2
              enable.ssl.certificate.verification: false
            accounts:
              acme-1:
                key-file: /k
                base-url: http://api.internal:8080/v1
                budget: unlimited
                concurrency: 64
                request-deadline: 5s
            """
        ).configuration
        #expect(configuration.group == "no")
        #expect(configuration.startAt == .time(1_780_322_400_250))
        #expect(configuration.unknownTypes == .skip)
        #expect(configuration.recordSize == 512 << 10)
        #expect(configuration.contractRetryLimit == 90_000)
        #expect(configuration.windowBytes == 1 << 30)
        #expect(configuration.caFile == "/etc/ca.pem" && configuration.proxy == "http://proxy.example:3128")
        #expect(configuration.healthListen == ListenAddress(host: "::1", port: 0))
        #expect(configuration.logLevel == .warning && configuration.logFormat == .json)
        #expect(configuration.account.name.text == "acme-1" && configuration.defaultAccount == "acme-1")
        #expect(configuration.account.budget == .unlimited)
        #expect(configuration.sessionTimeout == 9_000)
        #expect(
            configuration.kafkaProperties == [
                KafkaProperty(name: "bootstrap.servers", value: .text("a:1,b:2")),
                KafkaProperty(name: "enable.ssl.certificate.verification", value: .text("false")),
                KafkaProperty(name: "sasl.mechanism", value: .text("GSSAPI")),
                KafkaProperty(name: "sasl.password", value: .file(path: "/run/secrets/kafka")),
                KafkaProperty(name: "security.protocol", value: .text("sasl_ssl")),
                KafkaProperty(name: "session.timeout.ms", value: .text("9000")),
                KafkaProperty(name: "ssl.key.password", value: .secret(Secret("hunter2"))),
            ])
    }

    @Test func laterSourcesReplaceEarlierOnes() throws {
        let yaml = Parsing.minimum + "topic: file\ngroup: file\nlog-level: debug\n"
        let environment = ["REVOKE_WORKER_TOPIC": "env", "REVOKE_WORKER_GROUP": "env", "PATH": "/bin"]
        let fromEnvironment = try Parsing.parse(yaml, environment: environment).configuration
        #expect(fromEnvironment.topic == "env" && fromEnvironment.group == "env")
        let all = try Parsing.parse(
            yaml, environment: environment,
            arguments: ["--topic", "flag", "--set", "accounts.main.concurrency=16", "--insecure", "--set=topic=last"]
        ).configuration
        #expect(all.topic == "last" && all.group == "env" && all.logLevel == .debug)
        #expect(all.account.concurrency == 16 && all.insecure)
        let nested = try Parsing.parse(environment: ["REVOKE_WORKER_HEALTH_LISTEN": "0.0.0.0:1"]).configuration
        #expect(nested.healthListen.description == "0.0.0.0:1")
    }

    @Test func flagsAloneAreEnough() throws {
        let configuration = try Parsing.parse(
            nil,
            arguments: [
                "--set", "kafka.bootstrap.servers=a:1", "--set", "accounts.x.key-file=/k", "--set",
                "accounts.x.budget=5/1s,9/2s", "--health.listen=127.0.0.1:0", "--insecure=false",
                "--set", "kafka.sasl.password-file=/p", "--set", "kafka.security.protocol=sasl_ssl",
                "--set", "kafka.sasl.mechanism=PLAIN", "--set", "kafka.sasl.username=u",
            ]
        ).configuration
        #expect(configuration.account.name.text == "x")
        #expect(
            configuration.account.budget
                == .windows([
                    BudgetWindow(limit: 5, milliseconds: 1_000), BudgetWindow(limit: 9, milliseconds: 2_000),
                ]))
        let names = ["bootstrap.servers", "sasl.mechanism", "sasl.password", "sasl.username", "security.protocol"]
        #expect(configuration.kafkaProperties.map(\.name) == names)
    }

    @Test func whatIsRequiredIsNamed() {
        let text = Parsing.failure("")
        #expect(text.contains("accounts.main.key-file is missing"))
        #expect(text.contains("kafka.bootstrap.servers is missing"))
        #expect(text.hasPrefix("c.yaml: the file is empty; write the configuration into it\n"))
        #expect(!Parsing.failure("topic: a").contains("is empty"))
        #expect(throws: Never.self) { try Parsing.parse("", checks: .formOnly) }
        #expect(throws: Never.self) {
            try Parsing.parse(
                "# nothing\n",
                arguments: ["--set", "accounts.main.key-file=/k", "--set", "kafka.bootstrap.servers=a:1"])
        }
    }

    @Test(
        "What is wrong at its place is not missing too",
        arguments: [
            ("a: [b\n", ["c.yaml:2:1: not YAML"]),
            ("\u{1}\u{2}", ["c.yaml:1:1: not YAML"]),
            ("- a", ["c.yaml:1:1: the file is a list"]),
            (
                "accounts:\n  main:\n    keyfile: /k\n",
                ["perhaps key-file is meant", "kafka.bootstrap.servers is missing"]
            ),
            (
                "accounts:\n  main:\n    key-file:\n",
                ["\"key-file\" has no value", "kafka.bootstrap.servers is missing"]
            ),
            ("accounts:\n  main:\n    key-file: ''\n", ["key-file: \"\" ", "kafka.bootstrap.servers is missing"]),
            ("accounts:\n  main: /k\n", ["\"main\" is a single value", "kafka.bootstrap.servers is missing"]),
            ("accounts: /k\n", ["\"accounts\" is a single value", "kafka.bootstrap.servers is missing"]),
            ("accounts:\n  A:\n    key-file: /k\n", ["\"A\" is not a name", "kafka.bootstrap.servers is missing"]),
            ("key-file: /k\n", ["it belongs to an account", "kafka.bootstrap.servers is missing"]),
            ("kafka:\n  bootstrap.server: a:1\n", ["key-file is missing", "perhaps bootstrap.servers is meant"]),
            ("kafka:\n  bootstrap.servers:\n", ["\"bootstrap.servers\" has no value", "key-file is missing"]),
            ("kafka:\n", ["\"kafka\" has no value", "key-file is missing"]),
            ("acounts:\n  main:\n    key-file: /k\n", ["perhaps accounts is meant", "bootstrap.servers is missing"]),
            ("kafak:\n  bootstrap.servers: a:1\n", ["perhaps kafka is meant", "key-file is missing"]),
        ])
    func isNamedOnce(yaml: String, expected: [String]) {
        let lines = Parsing.failure(yaml).split(separator: "\n")
        #expect(lines.count == expected.count, "\(lines)")
        for (line, text) in zip(lines, expected) { #expect(line.contains(text), "\(line)") }
    }

    @Test(arguments: [
        (["--drain-limit", "5"], "--drain-limit: \"5\" is not a duration"),
        (["--set", "drain-limit=5"], "--set \"drain-limit\": \"5\" is not a duration"),
        (
            ["--set", "accounts.main.concurrency=x"],
            "--set \"accounts.main.concurrency\": \"x\" is not a number"
        ),
    ])
    func aFlagIsNamedOnce(arguments: [String], expected: String) {
        let text = Parsing.failure(arguments: arguments)
        #expect(text.hasPrefix(expected), "\(text)")
    }

    @Test(arguments: [
        ("topic: [a]", "c.yaml:1:8: \"topic\" is a list; write a single value"),
        ("topic: a\ntopic: b", "c.yaml:2:1: the key \"topic\" stands twice; leave one of them out"),
        ("tpoic: a", "c.yaml:1:1: there is no option \"tpoic\"; perhaps topic is meant"),
        ("zzzzzzzzzz: a", "c.yaml:1:1: there is no option \"zzzzzzzzzz\"; see --help for all options"),
        ("<<: a", "c.yaml:1:1: there is no option \"<<\""),
        ("concurrency: 3", "it belongs to an account, below accounts: and its name"),
        ("health.listen: 127.0.0.1:1", "write it nested"),
        ("health: 127.0.0.1:1", "c.yaml:1:9: \"health\" is a single value and must be a mapping"),
        ("health:\n  lisen: 127.0.0.1:1", "c.yaml:2:3: there is no option \"lisen\"; perhaps listen is meant"),
        ("topic:", "c.yaml:1:7: \"topic\" has no value"),
        ("topic: ~", "c.yaml:1:8: \"topic\" has no value"),
        ("topic: null", "\"topic\" has no value"),
        ("kafka:", "\"kafka\" has no value"),
        ("topic: &a b", "c.yaml:1:8: an anchor stands here"),
        ("topic: *a", "c.yaml:1:8: an alias stands here"),
        ("topic: !!str b", "c.yaml:1:8: a tag stands here"),
        ("topic: ! b", "a tag stands here"),
        ("topic: a\n---\ntopic: b", "c.yaml:2:1: a second document begins here"),
        ("topic: a\n...\n---\n", "a second document begins here"),
        ("- a", "c.yaml:1:1: the file is a list"),
        ("a", "c.yaml:1:1: the file is a single value"),
        ("{a: b}: c", "a key is not a single value"),
        ("[a]: c", "a key is not a single value"),
        ("[[[[[[[[[[a]]]]]]]]]]", "too deep"),
        ("topic: 'a", "c.yaml:1:10: not YAML: found unexpected end of stream"),
        ("topic: a\n\tgroup: b", "c.yaml:2:"),
        ("\u{FEFF}topic: a", "c.yaml:1:1: the file begins with a byte order mark"),
        ("topic: a\u{0}b", "not YAML"),
        ("topic: \"a\\u0007b\"", "topic: \"a\\u{7}b\" is not a topic's name"),
        ("topic: ^a.*", "is not a topic's name"),
        ("topic: ..", "is not a topic's name"),
        ("streak-limit: 010", "c.yaml:1:15: streak-limit: \"010\" is not a number"),
        ("streak-limit: 0x2", "is not a number"),
        ("streak-limit: +2", "is not a number"),
        ("streak-limit: 99999999999999999999", "is not a number"),
        ("streak-limit: 17", "is out of bounds; write a whole number from 1 to 16"),
        ("insecure: yes", "insecure: \"yes\" is not a boolean; write true or false"),
        ("drain-limit: 17", "is not a duration; add the unit"),
        ("drain-limit: 1.5m", "is not a duration; write a whole number with a unit"),
        ("drain-limit: 9223372036854775807h", "is not a duration"),
        ("drain-limit: 1ms", "is out of bounds; write 3s to 290s"),
        ("record-size: 1MB", "is not a size; write a whole number with a unit, 512KiB or 32MiB"),
        ("log-level: warn", "write one of debug, info, warning, error (perhaps warning)"),
        ("start-at: 2026-02-29T00:00:00Z", "is not a position"),
        ("start-at: 2026-06-01T00:00:00", "is not a position"),
        ("health:\n  listen: localhost:80", "is not an address with a port"),
        ("health:\n  listen: ::1:80", "is not an address with a port"),
        ("health:\n  listen: 127.0.0.1:65536", "is not an address with a port"),
        ("proxy: http://user:secret@p:1", "is not a proxy"),
        ("accounts:\n  a:\n    key-file: /k\n  b:\n    key-file: /k", "c.yaml:4:3: a second account stands here"),
        ("accounts:\n  A:\n    key-file: /k", "c.yaml:2:3: \"A\" is not a name of an account"),
        ("accounts:\n  a:\n    topic: x", "c.yaml:3:5: there is no option \"topic\"; it belongs to the top"),
        ("accounts:\n  a:\n    budget: []", "\"budget\" is an empty list"),
        ("accounts:\n  a:\n    budget: [80/5s, [1/1s]]", "an element of \"budget\" is a list"),
        ("accounts:\n  a:\n    budget: [80/5s, 9/5s]", "has two windows of one length"),
        ("accounts:\n  a:\n    budget: 80", "is not a budget"),
        ("accounts:\n  a:\n    budget: 80/500ms", "has a window out of bounds"),
        ("accounts:\n  a:\n    budget: 0/5s", "has a window out of bounds"),
        ("accounts:\n  a:\n    base-url: https://h/?x", "is not a base URL"),
        ("accounts:\n  a:\n    base-url: ftp://h", "is not a base URL"),
    ])
    func errorsSayWhereAndHowToMend(yaml: String, expected: String) {
        let text = Parsing.failure(yaml)
        #expect(text.contains(expected), "\(text)")
    }

    @Test(arguments: [
        (["--drain-limit", "11s"], "drain-limit (11s) is below request-deadline + 2s; set it to 12s or more"),
        (["--drain-limit=15s"], "drain-limit (15s) is below session.timeout.ms + 1s; set it to 16s or more"),
        (["--drain-limit=25s"], "termination-grace (30s) is not above drain-limit + 5s"),
        (["--drain-limit", "290s", "--termination-grace", "6m"], "is not below max.poll.interval.ms"),
        (["--set", "accounts.main.request-deadline=16s"], "request-deadline (16s) is above session.timeout.ms (15s)"),
        (["--dead-letter-topic", "revoke-credentials"], "dead-letter-topic is the same topic as topic"),
        (["--window-bytes", "1MiB", "--record-size", "2MiB"], "window-bytes is below record-size"),
        (["--default-account", "other"], "default-account names no account; write main"),
        (["--set", "accounts.main.base-url=http://api.example/v1"], "plain http to another host than loopback"),
        (["--set", "accounts.main.base-url=http://127.0.0.1.example/v1"], "plain http to another host than loopback"),
        (
            ["--proxy=http://127.0.0.1:3128", "--set", "accounts.main.base-url=http://127.0.0.1:8080/v1"],
            "proxy gets the key in clear, as base-url has plain http"
        ),
        (["--set", "accounts.other.concurrency=1"], "a second account stands here"),
        (["--set", "kafka.session.timeout.ms=1000"], "session.timeout.ms is out of bounds"),
    ])
    func valuesAreCheckedTogether(arguments: [String], expected: String) {
        let text = Parsing.failure(arguments: arguments)
        #expect(text.contains(expected), "\(text)")
    }

    @Test func theBoundsThemselvesAreAllowed() throws {
        _ = try Parsing.parse(arguments: ["--drain-limit=16s", "--termination-grace", "22s"])
        _ = try Parsing.parse(arguments: ["--set", "accounts.main.request-deadline=15s"])
        for url in ["http://127.0.0.1:1/v1", "http://127.9.9.9/v1", "http://[::1]:1", "http://localhost:8080"] {
            _ = try Parsing.parse(arguments: ["--set", "accounts.main.base-url=\(url)"])
            _ = try Parsing.parse(
                arguments: [
                    "--set", "accounts.main.base-url=\(url)", "--proxy=http://127.0.0.1:3128", "--allow-plain-http",
                ])
        }
    }

    @Test func noticesSayWhatTakesAGuardAway() throws {
        let parsed = try Parsing.parse(
            arguments: [
                "--set", "accounts.main.budget=unlimited", "--insecure", "--allow-plain-http", "--set",
                "accounts.main.base-url=http://api.example",
            ])
        #expect(parsed.notices.count == 3)
        #expect(parsed.notices.first?.contains("budget: unlimited is for tests") == true)
    }

    @Test func allProblemsAreReportedTogether() {
        let text = Parsing.failure("tpoic: a\nbreaker: x\nkafka:\n  acks: 0\n", arguments: ["--group="])
        #expect(text.split(separator: "\n").count == 6, "\(text)")
    }

    @Test func unknownVariablesAreWarnings() throws {
        let warnings = try Parsing.parse(
            environment: [
                "REVOKE_WORKER_TOPIK": "x", "REVOKE_WORKER_API_KEY": "hunter2", "REVOKE_WORKER_KEY_FILE": "/k",
                "REVOKE_WORKER_CONFIG": "c.yaml", "REVOKE_TOPIC": "x",
            ]
        ).warnings.map(\.description)
        #expect(warnings.count == 3)
        #expect(warnings.last?.contains("perhaps REVOKE_WORKER_TOPIC is meant") == true)
        #expect(!warnings.joined().contains("hunter2"))
    }

    @Test func kubernetesVariablesAreNotEvenThat() throws {
        let parsed = try Parsing.parse(
            environment: [
                "REVOKE_WORKER_PORT": "tcp://10.0.0.1:8480", "REVOKE_WORKER_SERVICE_HOST": "10.0.0.1",
                "REVOKE_WORKER_SERVICE_PORT": "8480", "REVOKE_WORKER_SERVICE_PORT_HEALTH": "8480",
                "REVOKE_WORKER_PORT_8480_TCP": "tcp://10.0.0.1:8480", "REVOKE_WORKER_PORT_8480_TCP_PROTO": "tcp",
                "REVOKE_WORKER_PORT_8480_TCP_PORT": "8480", "REVOKE_WORKER_PORT_8480_TCP_ADDR": "10.0.0.1",
                "REVOKE_WORKER_METRICS_SERVICE_HOST": "10.0.0.2", "REVOKE_WORKER_METRICS_PORT": "udp://10.0.0.2:1",
            ])
        #expect(parsed.warnings.isEmpty)
        let other = try Parsing.parse(
            environment: ["REVOKE_WORKER_PORT": "8480", "REVOKE_WORKER_PORT_X_TCP": "", "REVOKE_WORKER_HOST": "a"])
        #expect(other.warnings.count == 3)
    }

    @Test func valuesOfTheEnvironmentAreChecked() {
        let text = Parsing.failure(environment: ["REVOKE_WORKER_BREAKER": "1"])
        #expect(
            text == "environment variable REVOKE_WORKER_BREAKER: breaker: \"1\" is out of bounds; "
                + "write a whole number from 2 to 1000, in digits")
        #expect(Parsing.failure(environment: ["REVOKE_WORKER_TOPIC": ""]).contains("is not a topic's name"))
    }

    @Test func aFileOverTheLimitIsRefused() {
        let bytes = Array(repeating: UInt8(ascii: "#"), count: ConfigurationParser.maximumFileSize + 1)
        let error = #expect(throws: ConfigurationError.self) {
            try ConfigurationParser().parse(file: ConfigurationParser.File(path: "big", bytes: bytes))
        }
        #expect(error?.description.contains("big: the file is larger than 1 MiB") == true)
    }

    @Test(arguments: ["", "# only a comment\n", "---\n", "---\n~\n"]) func anEmptyFileGivesDefaults(yaml: String) throws
    {
        #expect(try Parsing.parse(yaml, checks: .formOnly).configuration.topic == "revoke-credentials")
    }

    @Test func bytesThatAreNoTextNeverCrash() throws {
        var generator = SystemRandomNumberGenerator()
        let seed = Array(
            "topic: a\nkafka: {b: c}\naccounts:\n  m:\n    budget: [80/5s, 1/1m]\nhealth:\n  listen: 'x'\n".utf8)
        for _ in 0..<2_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert(contentsOf: bytes[index...].prefix(5), at: index)
                }
            }
            _ = try? ConfigurationParser().parse(file: ConfigurationParser.File(path: "f", bytes: bytes))
        }
        let endings = [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xEF, 0xBB]] as [[UInt8]]
        for ending in endings {
            #expect(throws: ConfigurationError.self) {
                try ConfigurationParser().parse(
                    file: ConfigurationParser.File(path: "f", bytes: Array("topic: ".utf8) + ending))
            }
        }
    }
}
