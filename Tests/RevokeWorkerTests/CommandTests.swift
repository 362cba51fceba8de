import Configuration
import DemoKit
import Foundation
import HTTPServer
import Kafka
import RevokeModel
import Testing
import WorkerTestKit

@testable import RevokeWorker

@Suite("Commands")
struct CommandTests {
    struct Misuse: Sendable, CustomTestStringConvertible {
        var arguments: [String]
        var error: String
        var testDescription: String { arguments.joined(separator: " ") }
    }

    @Test(
        "A wrong command line is exit 64, an error and a usage text",
        arguments: [
            Misuse(arguments: [], error: "error: a command is missing"),
            Misuse(arguments: ["runn"], error: "error: there is no command runn"),
            Misuse(arguments: ["run", "--topik", "x"], error: "error: --topik: there is no such flag"),
            Misuse(arguments: ["run", "topic"], error: "error: argument 1 is not a flag"),
            Misuse(arguments: ["run", "--topic"], error: "error: --topic: the value is missing"),
            Misuse(arguments: ["run", "--set", "topic"], error: "error: --set: there is no = in the value"),
            Misuse(arguments: ["run", "--config", "/no.yaml"], error: "error: /no.yaml: cannot open"),
            Misuse(arguments: ["run", "--drain-limit", "5"], error: "error: --drain-limit: \"5\" is not a duration"),
            Misuse(arguments: ["check", "--contract"], error: "error: --contract: the value is missing"),
            Misuse(arguments: ["health", "--redy"], error: "error: --redy: there is no such flag"),
            Misuse(arguments: ["stub", "--port", "1"], error: "error: --port: there is no such flag"),
            Misuse(arguments: ["demo", "--fast"], error: "error: --fast: there is no such flag"),
            Misuse(arguments: ["version", "extra"], error: "error: version takes no arguments"),
            Misuse(arguments: ["--version", "--help"], error: "error: --version takes no arguments"),
        ])
    func misuse(_ misuse: Misuse) async throws {
        try await blocking {
            let result = try ChildProcess.run(misuse.arguments)
            #expect(result.code == 64)
            #expect(result.errors.hasPrefix(misuse.error), "\(result.errors)")
            #expect(result.errors.contains("usage: revoke-worker"))
            #expect(result.output.isEmpty)
        }
    }

    @Test("A contract that is no number is exit 64", arguments: ["publish", "check"])
    func contract(command: String) async throws {
        try await scenario { scenario in
            for text in ["0", "-1", "1.0", "x", "9007199254740992", ""] {
                let result = try ChildProcess.run(
                    [command, "--contract=\(text)", "--config", try scenario.configurationFile()])
                #expect(result.code == 64)
                #expect(result.errors.hasPrefix("error: --contract: an integer from 1 to 9007199254740991 is needed"))
            }
        }
    }

    @Test("Help and version are exit 0", arguments: ["run", "check", "health", "publish", "stub", "demo"])
    func help(command: String) async throws {
        try await blocking {
            let result = try ChildProcess.run([command, "--help"])
            #expect(result.code == 0)
            #expect(result.output.hasPrefix("usage: revoke-worker \(command)"))
            #expect(result.errors.isEmpty)
            #expect(result.output.contains("\n  --help\n"))
            for line in result.output.split(separator: "\n") { #expect(line.last != " ", "\(line)") }
            if command == "publish" {
                #expect(result.output.hasPrefix("usage: revoke-worker publish --contract N [flags]\n"))
                let errors = try ChildProcess.run(["publish", "--bogus"]).errors
                #expect(errors.contains("usage: revoke-worker publish --contract N [flags], see"), "\(errors)")
            }
            if command == "health" { #expect(result.output.contains("exit code 1")) }
            if command == "run" {
                #expect(try ChildProcess.run(["version"]).output == "revoke-worker \(WorkerVersion.text)")
                #expect(try ChildProcess.run(["help"]).output.hasPrefix("usage: revoke-worker COMMAND"))
            }
        }
    }

    @Test("The stub serves until SIGTERM and prints its counts")
    func stub() async throws {
        try await blocking {
            let child = try ChildProcess(["stub", "--listen", "127.0.0.1:0"])
            try child.output.wait("address") { lines, _ in !lines.isEmpty }
            #expect(child.output.text.hasPrefix("listening http://127.0.0.1:"))
            child.signal(SIGTERM)
            #expect(try child.wait() == ChildProcess.Result(code: 0))
            #expect(child.output.lines.last?.text.hasPrefix("{\"calls\":0") == true)
        }
    }
}

@Suite("check")
struct CheckTests {
    /// Runs all checks in this process.
    private static func check(
        _ configuration: WorkerConfiguration, contract: Int64? = nil, notices: [String] = []
    ) -> (isGood: Bool, lines: [String]) {
        var lines: [String] = []
        var check = Check(configuration: configuration) { lines.append($0) }
        let isGood = check.run(notices: notices, contract: contract.flatMap { ContractID($0) })
        return (isGood, lines)
    }

    private static func has(_ lines: [String], _ start: String) -> Bool { lines.contains { $0.hasPrefix(start) } }

    @Test("All is well: one line a check, and no request without --contract")
    func good() async throws {
        try await scenario { scenario in
            let (isGood, lines) = Self.check(try scenario.configuration(), notices: ["a notice"])
            #expect(isGood, "\(lines)")
            for start in [
                "ok    configuration: topic revoke-credentials", "warn  configuration: a notice",
                "ok    libraries: libcurl ", "ok    key file: \(scenario.keyFile) holds one key", "ok    broker: ",
                "ok    topics: ", "ok    group: revoke-worker has committed offsets on 0 of 4 partitions",
                "ok    API host: 127.0.0.1 has an address", "ok    API: no request was made",
            ] {
                #expect(Self.has(lines, start), "\(start) \(lines)")
            }
            #expect(scenario.stub.counts.requests == 0)
            #expect(lines.allSatisfy { !$0.contains(scenario.key) && !$0.contains("\n") })
        }
    }

    @Test("With a contract its credentials are listed, and nothing is revoked")
    func contract() async throws {
        try await scenario { scenario in
            let (isGood, lines) = Self.check(try scenario.configuration(), contract: 12_345)
            #expect(isGood, "\(lines)")
            #expect(Self.has(lines, "ok    API: contract 12345 has 2 credentials, 2 of them active"))
            #expect(scenario.stub.counts.byKind == [.list: 1])
            #expect(scenario.stub.credentials(12_345).allSatisfy { $0.isActive })
        }
    }

    @Test(
        "What the API answers is explained",
        arguments: [
            (401, "FAIL  API: 401: the key is refused"), (404, "FAIL  API: 404"), (403, "FAIL  API: 403"),
            (500, "FAIL  API: 500"), (302, "FAIL  API: 302"), (429, "FAIL  API: 429"),
        ])
    func answers(status: Int, start: String) async throws {
        try await scenario { scenario in
            scenario.stub.setFaults { $0.statusForAll = status }
            let (isGood, lines) = Self.check(try scenario.configuration(), contract: 1)
            #expect(!isGood)
            #expect(Self.has(lines, start), "\(lines)")
            #expect(scenario.stub.counts.calls == 0)
        }
    }

    @Test(
        "A page in the API's place blames neither the contract's number nor the key",
        arguments: [400, 403, 404, 410, 422])
    func page(status: Int) async throws {
        let body = "<html>blocked</html>"
        let server = try ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.write(
                "HTTP/1.1 \(status) X\r\nContent-Type: text/html\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }
        try await scenario { scenario in
            let (isGood, lines) = Self.check(
                try scenario.changed { $0.account.baseURL = server.url }, contract: 1)
            #expect(!isGood)
            let line = try #require(lines.first { $0.hasPrefix("FAIL  API: ") }, "\(lines)")
            #expect(line.hasPrefix("FAIL  API: \(status): the answer is a page, not the API's"))
            #expect(line.contains("proxies") && !line.contains("number") && !line.contains("key file"))
        }
        // A check names the worker and what it accepts, as a call does.
        let head = try #require(server.receivedText.first)
        #expect(head.contains("\r\nUser-Agent: revoke-worker/\(WorkerVersion.text)\r\n"))
        #expect(head.contains("\r\nAccept: application/json\r\n"))
    }

    @Test("Each thing that is wrong fails its own check, with how to mend it")
    func failures() async throws {
        try await scenario { scenario in
            func fails(_ start: String, _ change: (inout WorkerConfiguration) -> Void) throws {
                let (isGood, lines) = Self.check(try scenario.changed(change), contract: 1)
                #expect(!isGood)
                let line = try #require(lines.first { $0.hasPrefix("FAIL  " + start) }, "\(lines)")
                #expect(line.contains("; ") || line.contains(": create it") || line.contains(": raise"))
            }
            try fails("accounts.main.key-file: ") { $0.account.keyFile = "/nonexistent" }
            try fails("accounts.main.base-url: ") { $0.account.baseURL = "http://example.com/x" }
            try fails("API host: the name ") { $0.account.baseURL = "https://host.invalid/x" }
            try fails("budget: topic revoke-credentials has 4 partitions, more than the smallest budget of 3") {
                $0.account.budget = .windows([BudgetWindow(limit: 3, milliseconds: 5_000)])
            }
            scenario.cluster.setTopicError("absent", .unknownTopicOrPartition)
            try fails("topics: dead-letter-topic: the topic absent does not exist") { $0.deadLetterTopic = "absent" }
            // The worker would create it: no failure.
            let (isGood, lines) = Self.check(
                try scenario.changed {
                    $0.deadLetterTopic = "absent"
                    $0.createTopics = true
                })
            #expect(isGood)
            #expect(Self.has(lines, "warn  topics: dead-letter-topic: the topic absent does not exist: the worker"))
            #expect(lines.allSatisfy { !$0.contains(scenario.key) })
        }
    }

    @Test("What the budget gives to each partition is said")
    func budget() async throws {
        try await scenario { scenario in
            func line(_ windows: [BudgetWindow]) throws -> String? {
                try Self.check(scenario.changed { $0.account.budget = .windows(windows) }).lines.first {
                    $0.contains("budget: ")
                }
            }
            let short = BudgetWindow(limit: 80, milliseconds: 5_000)
            let long = BudgetWindow(limit: 803, milliseconds: 180_000)
            let said = try line([short, long])
            #expect(
                said
                    == "ok    budget: each of 4 partitions gets 20 of 80 per 5 s and 200 or 201 of 803 per 180 s")
        }
    }

    @Test("A ca-file that cannot be used fails check and run", arguments: [nil, "", "no certificate"])
    func badCAFile(content: String?) async throws {
        try await scenario { scenario in
            let path = scenario.folder.appendingPathComponent("ca.pem").path
            if let content { try Data(content.utf8).write(to: URL(fileURLWithPath: path)) }
            let (isGood, lines) = Self.check(try scenario.changed { $0.caFile = path }, contract: 1)
            #expect(!isGood)
            #expect(Self.has(lines, "FAIL  ca-file: \(path): "), "\(lines)")
            let run = try ChildProcess.run(["run", "--config", scenario.configurationFile(["ca-file: \(path)"])])
            #expect(run.code == 1)
            #expect(run.errors.hasPrefix("error: ca-file: \(path): "), "\(run.errors)")
        }
    }

    @Test("A ca-file with certificates is told with their number")
    func goodCAFile() async throws {
        try await scenario { scenario in
            let path = scenario.folder.appendingPathComponent("ca.pem").path
            let text = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
            try Data((text + text).utf8).write(to: URL(fileURLWithPath: path))
            let (_, lines) = Self.check(try scenario.changed { $0.caFile = path })
            #expect(Self.has(lines, "ok    ca-file: \(path) holds 2 certificates"), "\(lines)")
        }
    }

    @Test("A proxy that takes no connection fails the check")
    func proxy() async throws {
        let server = try ScriptedServer { _ in }
        try await scenario { scenario in
            func check(_ proxy: String) throws -> (isGood: Bool, lines: [String]) {
                Self.check(
                    try scenario.changed {
                        $0.proxy = proxy
                        $0.account.baseURL = "https://api.example.com/x"
                    })
            }
            let away = try check("http://127.0.0.1:\(try FreePort.find())")
            #expect(!away.isGood)
            #expect(Self.has(away.lines, "FAIL  proxy: 127.0.0.1:"), "\(away.lines)")
            let there = try check(server.url)
            #expect(there.isGood)
            #expect(Self.has(there.lines, "ok    proxy: 127.0.0.1:"), "\(there.lines)")
        }
    }

    /// The key was pasted where its file's path belongs.
    @Test("A key in the place of its file's path is in no output")
    func pastedKey() async throws {
        try await scenario { scenario in
            let pasted = "0A1B2C3D4E5F_pasted-key"
            let file = try scenario.configurationFile()
            let arguments = ["--config", file, "--set", "accounts.main.key-file=\(pasted)"]
            for command in ["run", "check"] {
                let result = try ChildProcess.run([command] + arguments)
                #expect(result.code == 1)
                let text = result.output + result.errors
                #expect(text.contains("accounts.main.key-file: the file (not named here"), "\(text)")
                #expect(!text.contains(pasted))
            }
            let printed = try ChildProcess.run(["run", "--print-config"] + arguments)
            #expect(printed.code == 0)
            #expect(!printed.output.contains(pasted))
        }
    }

    @Test("A broker that does not answer fails the check; with SCRAM and an old librdkafka the warning says why")
    func noBroker() async throws {
        try await scenario { scenario in
            try scenario.cluster.setBroker(up: false)
            let (isGood, lines) = Self.check(try scenario.configuration())
            #expect(!isGood)
            #expect(Self.has(lines, "FAIL  broker: no answer: "), "\(lines)")
            // The line about the connection, and not the one that only counts the brokers.
            #expect(!lines.contains { $0.contains("brokers are down") }, "\(lines)")
            let scram = try scenario.configuration(kafka: [
                "security.protocol: SASL_PLAINTEXT", "sasl.mechanism: SCRAM-SHA-256", "sasl.username: u",
                "sasl.password: p",
            ])
            let (_, said) = Self.check(scram)
            #expect(Self.has(said, "warn  SASL SCRAM: librdkafka ") == KafkaLibrary.hasBrokenSCRAM)
        }
    }
}
