import Configuration
import DemoKit
import Foundation
import HTTPServer
import Kafka
import RevokeEvents
import RevokeModel
import Testing

@testable import RevokeWorker

@Suite("The worker as a process")
struct WorkerProcessTests {
    @Test("SIGTERM lets calls in flight end, commits, and exits 0")
    func terminate() async throws {
        try await scenario(latency: 300) { scenario in
            let child = try ChildProcess(["run", "--config", scenario.configurationFile()])
            try scenario.publish(1...8)
            #expect(scenario.stub.wait(upTo: LogCollector.bound) { $0.calls == 8 })
            child.signal(SIGTERM)
            #expect(try child.wait() == ChildProcess.Result(code: 0))
            #expect(try scenario.isCommittedToTheEnd())
            #expect(scenario.stub.counts.calls == 8)
            let log = try #require(child.errors)
            #expect(log.count("stopped") == 1)
            let start = try #require(log.lines.first { $0.message == "starting" })
            for library in ["libcurl 7.", "libmicrohttpd", "librdkafka", "libuv", "libyaml"] {
                #expect((start[.library] ?? "").contains(library) || library == "libcurl 7.")
            }
        }
    }

    /// The call never ends, so the drain lasts; only a second signal can end the process.
    @Test("A second signal ends the process at once", arguments: [SIGTERM, SIGINT])
    func secondSignal(number: Int32) async throws {
        try await scenario(latency: 200_000) { scenario in
            let child = try ChildProcess([
                "run", "--config",
                scenario.configurationFile(account: ["request-deadline: 100s"], kafka: ["session.timeout.ms: 120000"]),
                "--drain-limit", "150s", "--termination-grace", "300s",
            ])
            try scenario.publish([1])
            #expect(scenario.stub.wait(upTo: LogCollector.bound) { $0.calls == 1 })
            child.signal(number)
            try child.errors?.wait(for: "shutting down: no new calls, those in flight end")
            child.signal(number)
            #expect(try child.wait() == ChildProcess.Result(signal: number))
        }
    }

    /// The pipe holds 64 KiB; what is logged is several times that. The log's writer blocks, the calls go on.
    @Test("A standard error that nobody reads stops no call")
    func unreadErrors() async throws {
        try await scenario { scenario in
            let file = try scenario.configurationFile(account: ["budget: unlimited"])
            let child = try ChildProcess(
                ["run", "--config", file, "--log-level", "debug"], readsErrors: false)
            try scenario.publish(1...1_500)
            #expect(scenario.stub.wait(upTo: LogCollector.bound) { $0.calls(status: 204) >= 1_500 })
            // A write that does not fit waits, so the pipe is not filled to its last byte.
            #expect(child.unreadBytes > 32_768)
            child.signal(SIGTERM)
            #expect(try child.wait() == ChildProcess.Result(code: 0))
            #expect(try scenario.isCommittedToTheEnd())
            #expect(scenario.stub.counts.calls == 1_500)
        }
    }

    /// All that a run leaves behind is searched: of a good key, of a refused one, and of one that replaces it.
    @Test("The key appears in no output")
    func keyIsSecret() async throws {
        try await scenario { scenario in
            let newKey = "N3w-\(UUID().uuidString)"
            let port = try FreePort.find()
            let file = try scenario.configurationFile()
            let arguments = ["--config", file, "--log-level", "debug", "--health.listen", "127.0.0.1:\(port)"]
            let child = try ChildProcess(["run"] + arguments)
            let log = try #require(child.errors)
            try scenario.publish([1, 900_000_001])
            try scenario.publish([RecordContent(value: Array("not JSON".utf8))])
            try log.wait(ends: 3)
            scenario.stub.setKey(newKey)
            try scenario.publish(2...6)
            try log.wait(for: "hold: only probes start")
            var texts = [
                try String(contentsOfFile: "/proc/\(child.id)/cmdline", encoding: .utf8),
                try String(contentsOfFile: "/proc/\(child.id)/environ", encoding: .utf8),
                try HTTP.get("/metrics", port: port).body, try HTTP.get("/readyz", port: port).body,
            ]
            for bad in ["two words", "\"\(newKey)\"", "X-PARTNER-APIKEY: \(newKey)", ""] {
                try scenario.writeKey(bad)
                let check = try ChildProcess.run(["check"] + arguments)
                #expect(check.code == 1)
                texts += [check.output, check.errors]
            }
            // Refused by the API.
            try scenario.writeKey(scenario.key)
            let refused = try ChildProcess.run(["check", "--contract", "7"] + arguments)
            #expect(refused.code == 1)
            #expect(refused.output.contains("FAIL  API: 401"))
            try scenario.writeKey(newKey)
            try log.wait(ends: 8)
            let good = try ChildProcess.run(["check", "--contract", "7"] + arguments)
            #expect(good.code == 0)
            let printed = try ChildProcess.run(["run", "--print-config"] + arguments)
            #expect(printed.code == 0)
            #expect(printed.output.contains("key-file:"))
            texts += [refused.output, refused.errors, good.output, good.errors, printed.output, printed.errors]
            child.signal(SIGTERM)
            #expect(try child.wait() == ChildProcess.Result(code: 0))
            texts += [log.text, child.output.text]
            for deadLetter in try scenario.deadLetters() {
                texts.append(String(decoding: deadLetter.record.value ?? [], as: UTF8.self))
                for header in deadLetter.record.headers {
                    texts.append(header.name + String(decoding: header.value ?? [], as: UTF8.self))
                }
            }
            #expect(log.ends.deadLetters == 2)
            for text in texts {
                #expect(!text.contains(scenario.key))
                #expect(!text.contains(newKey))
            }
            // The search would find it.
            #expect(try String(contentsOfFile: scenario.keyFile, encoding: .utf8).contains(newKey))
        }
    }

    @Test("What does not let the worker start is one line and exit 1")
    func startFails() async throws {
        try await scenario { scenario in
            func run(_ arguments: String...) throws -> (code: Int32?, output: String, errors: String) {
                try ChildProcess.run(["run", "--config", try scenario.configurationFile()] + arguments)
            }
            let url = try run("--set", "accounts.main.base-url=https://example.com/a//b")
            #expect(url.code == 1)
            #expect(url.errors.hasPrefix("error: accounts.main.base-url: the base URL's path has an empty segment"))
            let key = try run("--set", "accounts.main.key-file=/nonexistent")
            #expect(key.code == 1)
            #expect(key.errors.hasPrefix("error: accounts.main.key-file: /nonexistent: No such file or directory; "))
            let taken = try HealthServer.start(scenario.configuration().healthListen, board: MetricsBoard())
            defer { taken.stop() }
            let port = try run("--health.listen", "127.0.0.1:\(taken.port)")
            #expect(port.code == 1)
            #expect(port.errors.hasPrefix("error: health.listen 127.0.0.1:\(taken.port): cannot listen"))
            for result in [url, key, port] {
                #expect(!result.errors.contains("\n"))
                #expect(result.output.isEmpty)
            }
            scenario.cluster.setTopicError("absent", .unknownTopicOrPartition)
            let topic = try run("--topic", "absent")
            #expect(topic.code == 1)
            #expect(topic.errors.contains("topic: the topic absent does not exist: create it"))
        }
    }

    @Test("A budget without bounds is said at start")
    func unlimitedBudget() async throws {
        try await scenario { scenario in
            let child = try ChildProcess([
                "run", "--config", scenario.configurationFile(account: ["budget: unlimited"]),
            ])
            try child.errors?.wait("notice") { lines, _ in
                lines.contains {
                    $0.level == "warning" && ($0[.option] ?? "").hasPrefix("budget: unlimited is for tests")
                }
            }
            // The notice comes before the signals are watched.
            try child.errors?.wait("assignment") { lines, _ in lines.contains { $0.message == "assigned" } }
            child.signal(SIGTERM)
            #expect(try child.wait() == ChildProcess.Result(code: 0))
        }
    }

    @Test("health asks the listener of a running worker")
    func health() async throws {
        try await scenario { scenario in
            let port = try FreePort.find()
            let arguments = ["--config", try scenario.configurationFile(), "--health.listen", "127.0.0.1:\(port)"]
            let nobody = try ChildProcess.run(["health"] + arguments)
            #expect(nobody.code == 1)
            #expect(nobody.errors.contains("is a worker running there?"))
            let child = try ChildProcess(["run"] + arguments)
            try child.errors?.wait(for: "reading")
            #expect(try ChildProcess.run(["health"] + arguments) == (0, "live", ""))
            #expect(try ChildProcess.run(["health", "--ready"] + arguments) == (0, "ready", ""))
            child.signal(SIGTERM)
            #expect(try child.wait() == ChildProcess.Result(code: 0))
        }
    }

    @Test("publish writes an event that a worker revokes")
    func publish() async throws {
        try await scenario { scenario in
            let arguments = ["--config", try scenario.configurationFile()]
            for extra in [[], ["--structured"]] {
                let result = try ChildProcess.run(
                    ["publish", "--contract", "12345", "--reason", "leaked"] + extra + arguments)
                #expect(result.code == 0)
                #expect(result.output.hasPrefix("published "))
            }
            let worker = try scenario.start()
            try worker.log.wait(ends: 2)
            try worker.stop()
            #expect(worker.log.ends.revoked == 2)
            #expect((1...2).contains(scenario.stub.calls(12_345)))
        }
    }

    @Test("The demo shows what it says and exits 0")
    func demo() async throws {
        try await blocking {
            let result = try ChildProcess.run(["demo"])
            #expect(!result.output.contains("topic settings"), "the mock cluster does not know them")
            #expect(result.code == 0, "\(result.output) \(result.errors)")
            #expect(result.output.contains("everything ended as it should"))
            #expect(!result.output.contains("WRONG"))
        }
    }
}

/// A port that nobody listens on now.
enum FreePort {
    static func find() throws -> UInt16 {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in HTTPResponse(status: 200, text: "") }
        defer { server.stop(grace: 0) }
        return server.port
    }
}
