import DemoKit
import Foundation
import Testing

/// `check` against what a broker says of itself: settings, rights, and the members of a group.
@Suite(.enabled(if: TestBroker.kind == .kit, TestBroker.skipped), .serialized)
struct CheckTests {
    private func withBroker(_ options: [String], _ body: (TestBroker, Installation) async throws -> Void) async throws {
        let broker = try await TestBroker.start(options)
        do {
            let installation = try await Installation(on: broker)
            defer { installation.stub.stop() }
            try await body(broker, installation)
        } catch {
            try await broker.control("destroy")
            throw error
        }
        try await broker.control("destroy")
    }

    /// Runs a command with the installation's configuration.
    private func run(
        _ command: String, _ installation: Installation, _ settings: Installation.Settings = .init()
    ) async throws -> Command.Output {
        let file = installation.folder.appendingPathComponent("check.yaml")
        try Data(installation.configuration(settings, port: 0).utf8).write(to: file)
        return try await Command.run(
            WorkerProcess.executable.path, [command, "--config", file.path], mayFail: true)
    }

    @Test("A session timeout outside the brokers' bounds: check and run name the property and the bounds")
    func sessionTimeout() async throws {
        try await withBroker(["--set", "group.min.session.timeout.ms=20000"]) { _, installation in
            var settings = Installation.Settings()
            settings.sessionTimeout = 12_000
            let check = try await run("check", installation, settings)
            #expect(check.end == .exit(1))
            #expect(
                check.standardOutput.contains(
                    "FAIL  session timeout: kafka.session.timeout.ms 12000 is outside the brokers' bounds of 20000 to "),
                "\(check.standardOutput)")
            let worker = try installation.worker(settings)
            try await worker.line(containing: "the brokers refuse kafka.session.timeout.ms (12000)")
            #expect(try await worker.end() == .exit(1))
            settings.sessionTimeout = 20_000
            let good = try await run("check", installation, settings)
            #expect(good.end == .exit(0), "\(good.standardOutput)")
            #expect(good.standardOutput.contains("ok    session timeout: 20000 ms is within the brokers' bounds"))
        }
    }

    @Test("A group whose members use another assignor: check names it")
    func assignor() async throws {
        try await withBroker([]) { broker, installation in
            // Kafka's own console consumer uses the range assignor; it ends by itself.
            async let other = broker.tool(
                ["consume", "--topic", installation.topic, "--group", installation.group, "--timeout-ms", "25000"],
                mayFail: true)
            var check = try await run("check", installation)
            for _ in 0..<100 where check.end == .exit(0) { check = try await run("check", installation) }
            #expect(check.end == .exit(1))
            #expect(
                check.standardOutput.contains(
                    "FAIL  group: the 1 members of \(installation.group) use the assignor range, and the worker uses roundrobin"
                ), "\(check.standardOutput)")
            _ = try await other
        }
    }

    @Test("A user who may not describe settings is told what cannot be seen")
    func rights() async throws {
        try await withBroker(["--sasl-ssl", "--acls"]) { broker, installation in
            let folder = try #require(broker.folder)
            func allow(_ operation: String, _ resource: [String]) async throws {
                try await broker.tool(
                    ["acls", "--add", "--allow-principal", "User:worker", "--operation", operation] + resource)
            }
            try await allow("Read", ["--topic", installation.topic])
            try await allow("Read", ["--group", installation.group])
            try await allow("Write", ["--topic", installation.deadLetters])
            let password = installation.folder.appendingPathComponent("password")
            try Data("worker-secret\n".utf8).write(to: password)
            let settings = Installation.Settings(
                kafka: [
                    "security.protocol: sasl_ssl", "sasl.mechanism: PLAIN", "sasl.username: worker",
                    "sasl.password-file: \(password.path)", "ssl.ca.location: \(folder.path)/tls/ca.pem",
                ], bootstrap: broker.secureBootstrap)
            let check = try await run("check", installation, settings)
            let text = check.standardOutput
            #expect(check.end == .exit(0), "\(text)")
            #expect(text.contains("warn  topic settings are not known, so a compacted dead-letter topic"), "\(text)")
            #expect(text.contains("warn  session timeout: the brokers' bounds are not known: "), "\(text)")
        }
    }

    @Test("A port that speaks TLS is told from a broker that is away")
    func tlsPort() async throws {
        try await withBroker(["--sasl-ssl"]) { broker, installation in
            let check = try await run(
                "check", installation, Installation.Settings(bootstrap: broker.secureBootstrap))
            #expect(check.end == .exit(1))
            #expect(check.standardOutput.contains("connecting to a SSL listener?"), "\(check.standardOutput)")
        }
    }
}
