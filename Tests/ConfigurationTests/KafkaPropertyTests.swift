import Configuration
import Testing

@Suite struct KafkaPropertyTests {
    private static func yaml(_ lines: String...) -> String {
        let properties = ["bootstrap.servers: a:1"] + lines
        return "kafka:\n" + properties.map { "  \($0)\n" }.joined() + "accounts:\n  main:\n    key-file: /k\n"
    }

    @Test(arguments: [
        "client.id: x", "client.rack: x", "group.instance.id: x", "session.timeout.ms: 12000", "security.protocol: ssl",
        "sasl.mechanism: PLAIN", "sasl.username: u", "ssl.ca.location: /ca", "socket.keepalive.enable: true",
        "reconnect.backoff.ms: 50", "broker.address.family: v4", "fetch.max.bytes: 1048576", "queued.min.messages: 1",
        "topic.metadata.refresh.interval.ms: 1000", "debug: cgrp", "ssl.endpoint.identification.algorithm: https",
        "enable.ssl.certificate.verification: true", "sasl.oauthbearer.client.id: x",
    ])
    func allowed(line: String) throws {
        #expect(try Parsing.parse(Self.yaml(line), checks: .formOnly).configuration.kafkaProperties.count == 2)
    }

    @Test(arguments: [
        "delivery.report.only.error", "request.required.acks", "acks", "topic.blacklist", "transactional.id",
        "message.timeout.ms", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "group.id",
        "partition.assignment.strategy", "max.poll.interval.ms", "enable.idempotence", "isolation.level",
        "check.crcs", "metadata.broker.list", "plugin.library.paths", "builtin.features", "ssl.", "sasl.A b",
        "heartbeat.interval.ms", "SSL.ca.location",
    ])
    func allElseIsRefusedByName(name: String) {
        let text = Parsing.failure(Self.yaml("\(name): 1"))
        #expect(text.contains("c.yaml:3:3: the Kafka property \"\(name)\" may not be set"), "\(text)")
        #expect(Parsing.failure(arguments: ["--set", "kafka.\(name)=1"]).contains("may not be set"))
    }

    @Test(arguments: [
        "enable.ssl.certificate.verification: false", "ssl.endpoint.identification.algorithm: none",
        "enable.ssl.certificate.verification: FALSE",
    ])
    func whatWeakensTLSNeedsInsecure(line: String) throws {
        #expect(Parsing.failure(Self.yaml(line)).contains("weakens TLS; leave it out, or set insecure: true"))
        let yaml = Self.yaml("security.protocol: ssl", line)
        #expect(throws: Never.self) { try Parsing.parse(yaml + "insecure: true\n") }
        #expect(throws: Never.self) { try Parsing.parse(yaml, arguments: ["--insecure"]) }
    }

    @Test(arguments: [
        "sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem", "sasl.oauthbearer.config",
        "sasl.oauthbearer.client.secret", "sasl.pasword", "sasl.passwrod", "ssl.key.pme", "sasl.token",
    ])
    func secretsAreNeverAFlagAndNeverShown(name: String) throws {
        #expect(KafkaPropertyRules.isSecret(name))
        let refused = Parsing.failure(arguments: ["--set", "kafka.\(name)=hunter2"])
        #expect(refused.contains("a secret as a flag can be seen by every process"), "\(refused)")
        #expect(!refused.contains("hunter2"))
        let configuration = try Parsing.parse(Self.yaml("\(name): hunter2"), checks: .formOnly).configuration
        let printed = ConfigurationPrinter.yaml(configuration)
        #expect(printed.contains("\(name): \"<redacted>\""))
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!(printed + dumped + "\(configuration)" + String(reflecting: configuration)).contains("hunter2"))
    }

    @Test(arguments: ["sasl.username", "ssl.key.location", "sasl.mechanism", "client.id", "sasl.oauthbearer.client.id"])
    func othersAreShown(name: String) {
        #expect(!KafkaPropertyRules.isSecret(name))
    }

    @Test func aSecretsValueIsInNoError() {
        let yaml = Self.yaml("sasl.password: [hunter2]", "ssl.key.password: &hunter2 x")
        #expect(!Parsing.failure(Self.yaml("sasl.password: [hunter2]")).contains("hunter2"))
        #expect(!Parsing.failure(yaml).contains("hunter2"))
        #expect(!Parsing.failure(Self.yaml("sasl.password: 'hunter2")).contains("hunter2"))
        #expect(!Parsing.failure(Self.yaml("sasl.passwordx: !hunter2 b")).contains("hunter2"))
        for arguments in [
            ["--sasl.password=hunter2"], ["--sasl.password", "hunter2"], ["--api-key", "hunter2"], ["hunter2"],
            ["--set", "hunter2"], ["--set", "accounts.main.key=hunter2"], ["--print-config=hunter2"],
        ] {
            let text = Parsing.failure(arguments: arguments)
            #expect(text != "no error" && !text.contains("hunter2"), "\(text)")
        }
    }

    @Test func filesAreForSecretsOnly() throws {
        #expect(Parsing.failure(Self.yaml("client.id-file: /x")).contains("only secrets are given by file"))
        #expect(
            Parsing.failure(Self.yaml("sasl.password: a", "sasl.password-file: /x"))
                .contains("c.yaml:4:3: the property is given both in place and by file"))
        let replaced = try Parsing.parse(
            Self.yaml("sasl.password: a"), arguments: ["--set", "kafka.sasl.password-file=/x"], checks: .formOnly)
        #expect(
            replaced.configuration.kafkaProperties.last
                == KafkaProperty(name: "sasl.password", value: .file(path: "/x")))
    }

    @Test func aRedactedPrintOutIsNotTakenForASecret() {
        #expect(Parsing.failure(Self.yaml("sasl.password: <redacted>")).contains("a secret that was left out"))
    }

    @Test func secretFilesAreReadWhenNeeded() throws {
        let path = "/tmp/revoke-worker-test-\(UInt64.random(in: 0...UInt64.max))"
        try TestFile.write("hunter2\r\n", path)
        defer { TestFile.remove(path) }
        let yaml = Self.yaml("sasl.password-file: \(path)")
        let configuration = try Parsing.parse(yaml, checks: .formOnly).configuration
        let properties = try ConfigurationFiles.kafkaProperties(configuration)
        #expect(properties.map(\.name) == ["bootstrap.servers", "sasl.password"])
        #expect(properties.map { $0.value.reveal() } == ["a:1", "hunter2"])
        #expect(!"\(properties)".contains("hunter2"))
        try TestFile.write("\n", path)
        let error = #expect(throws: ConfigurationError.self) { try ConfigurationFiles.kafkaProperties(configuration) }
        #expect(error?.description == "\(path): the file is empty; write the secret into it")
        TestFile.remove(path)
        let missing = #expect(throws: ConfigurationError.self) { try ConfigurationFiles.kafkaProperties(configuration) }
        #expect(missing?.description.contains("No such file or directory") == true)
    }

    @Test func configurationFilesAreReadToALimit() throws {
        let path = "/tmp/revoke-worker-test-\(UInt64.random(in: 0...UInt64.max))"
        defer { TestFile.remove(path) }
        try TestFile.write("topic: a\n", path)
        #expect(try ConfigurationFiles.load(path).bytes == Array("topic: a\n".utf8))
        try TestFile.write(String(repeating: "#", count: (1 << 20) + 1), path)
        #expect(throws: ConfigurationError.self) { try ConfigurationFiles.load(path) }
        #expect(throws: ConfigurationError.self) { try ConfigurationFiles.load("/tmp") }
        let arguments = try CommandLineArguments(["--config", "a"])
        #expect(ConfigurationFiles.path(arguments: arguments, environment: ["REVOKE_WORKER_CONFIG": "b"]) == "a")
        let none = try CommandLineArguments([])
        #expect(ConfigurationFiles.path(arguments: none, environment: ["REVOKE_WORKER_CONFIG": "b"]) == "b")
        #expect(ConfigurationFiles.path(arguments: none, environment: [:]) == nil)
    }

    @Test(arguments: [
        (["--config", ""], [:], "--config: the path is empty; write the path of a file"),
        (
            [], ["REVOKE_WORKER_CONFIG": ""],
            "environment variable REVOKE_WORKER_CONFIG: the path is empty; unset it, or set it to a path"
        ),
    ])
    func anEmptyPathNamesItsSource(arguments: [String], environment: [String: String], text: String) throws {
        let arguments = try CommandLineArguments(arguments)
        let error = #expect(throws: ConfigurationError.self) {
            try ConfigurationFiles.load(arguments: arguments, environment: environment)
        }
        #expect(error?.description == text)
    }

    /// Nobody writes into the pipe: a reader that waits would wait for ever.
    @Test(.timeLimit(.minutes(1)))
    func aNamedPipeIsNoFile() throws {
        let path = "/tmp/revoke-worker-test-\(UInt64.random(in: 0...UInt64.max))"
        defer { TestFile.remove(path) }
        #expect(TestFile.makePipe(path))
        for path in [path, "/tmp", "/dev/null"] {
            let error = #expect(throws: ConfigurationError.self) { try ConfigurationFiles.load(path) }
            #expect(error?.description.hasPrefix("\(path): this is no regular file") == true)
        }
        let yaml = Self.yaml("sasl.password-file: \(path)")
        let configuration = try Parsing.parse(yaml, checks: .formOnly).configuration
        #expect(throws: ConfigurationError.self) { try ConfigurationFiles.kafkaProperties(configuration) }
    }

    /// What stands in the place of a path, a URL or a proxy could be a secret.
    @Test func aSecretInTheWrongPlaceIsInNoMessage() throws {
        for arguments in [
            ["--proxy", "http://user:hunter2@proxy:3128"], ["--proxy", "hunter2@proxy"],
            ["--set", "accounts.main.base-url=https://user:hunter2@host/x"],
            ["--set", "accounts.main.base-url=https://host/x?key=hunter2"],
            ["--set", "accounts.main.base-url=https://host/x#hunter2"],
            ["--set", "accounts.main.key-file=hunter2\n"], ["--ca-file", "hunter2\u{1}"],
        ] {
            let text = Parsing.failure(arguments: arguments)
            #expect(text.contains("the value is not a") && !text.contains("hunter2"), "\(text)")
        }
        #expect(Parsing.failure(arguments: ["--proxy", "ftp://proxy"]).contains("\"ftp://proxy\" is not a proxy"))
        let yaml = Self.yaml("sasl.password-file: hunter2")
        let configuration = try Parsing.parse(
            yaml, arguments: ["--set", "accounts.main.key-file=hunter2"], checks: .formOnly
        ).configuration
        let error = #expect(throws: ConfigurationError.self) { try ConfigurationFiles.kafkaProperties(configuration) }
        #expect(error?.description.hasPrefix("kafka.sasl.password-file: cannot open") == true)
        #expect(error?.description.contains("hunter2") == false)
        let printed = ConfigurationPrinter.yaml(configuration)
        #expect(!printed.contains("hunter2"))
        #expect(printed.contains("sasl.password-file: \"<redacted>\"") && printed.contains("key-file: \"<redacted>\""))
        // The parser does not take what stands there for a path.
        let again = Parsing.failure(printed)
        #expect(again.contains("key-file: the value stands for a secret that was left out"), "\(again)")
        #expect(again.contains("\"sasl.password\" by file needs the path of a file"), "\(again)")
    }
}
