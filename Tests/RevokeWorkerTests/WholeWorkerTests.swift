import Configuration
import DemoKit
import EventLoop
import Foundation
import HTTPServer
import Kafka
import RevokeEngine
import RevokeEvents
import RevokeModel
import Testing

@testable import RevokeWorker

@Suite("The whole worker on the mock cluster")
struct WholeWorkerTests {
    @Test("Events of every mode are revoked once each, and committed to the log's end")
    func events() async throws {
        try await scenario { scenario in
            let worker = try scenario.start()
            try worker.waitUntilReading()
            try scenario.publish(1...60)
            try worker.log.wait(ends: 60)
            #expect(try worker.stop() == .clean)
            let counts = scenario.stub.counts
            for contract in 1...60 {
                #expect(counts.calls(Int64(contract)) == 1)
                #expect(counts.calls(Int64(contract), status: 204) == 1)
            }
            #expect(counts.requests == 60)
            #expect(worker.log.ends.revoked == 60)
            #expect(worker.log.ends.repeated == 0)
            #expect(try scenario.isCommittedToTheEnd())
            #expect(try scenario.deadLetters().isEmpty)
        }
    }

    /// All copies are in the log before the worker starts, so they are read before the first call's end.
    @Test("Identical copies cost one call, other events of one contract two at most")
    func duplicates() async throws {
        try await scenario(latency: 300) { scenario in
            for _ in 0..<20 { try scenario.publish([1], id: "the-same", mode: .binary) }
            for _ in 0..<10 { try scenario.publish([2]) }
            let worker = try scenario.start()
            try worker.log.wait(ends: 30)
            try worker.stop()
            #expect(scenario.stub.calls(1) == 1)
            #expect((1...2).contains(scenario.stub.calls(2)))
            #expect(worker.log.ends.revoked == 30)
            #expect(try scenario.isCommittedToTheEnd())
        }
    }

    @Test("Every malformed record becomes a dead letter with its reason, key and value")
    func malformed() async throws {
        try await scenario { scenario in
            let examples = try InvalidRecord.all()
            let worker = try scenario.start()
            try scenario.publish([1])
            try scenario.publish(examples.map(\.content))
            try scenario.publish([2])
            try worker.log.wait(ends: examples.count + 2)
            try worker.stop()
            let deadLetters = try scenario.deadLetters()
            #expect(deadLetters.count == examples.count)
            for example in examples {
                let sameValue = deadLetters.filter {
                    $0.record.value == example.content.value && $0.record.key == example.content.key
                        && $0.reason == example.failure.rawValue
                }
                #expect(!sameValue.isEmpty, "\(example.name)")
            }
            let expected = examples.reduce(into: [:]) { $0[$1.failure.rawValue, default: 0] += 1 }
            #expect(try scenario.deadLetterReasons() == expected)
            #expect(worker.log.ends.revoked == 2)
            #expect(try scenario.isCommittedToTheEnd())
        }
    }

    @Test("An event of an unknown account is told at once, each name once, and counted")
    func unknownAccount() async throws {
        try await scenario { scenario in
            let worker = try scenario.start()
            try worker.waitUntilReading()
            try scenario.publish([1, 2], account: "elsewhere")
            try scenario.publish([3], account: "Not A Name")
            try scenario.publish([4])
            try worker.log.wait(ends: 1)
            try worker.wait("three parked events") { $0.engine.parked == 3 }
            let message =
                "an event names an account that the configuration does not have; it waits, then it is a dead letter"
            let told = worker.log.lines.filter { $0.message == message }
            #expect(told.compactMap { $0[.account] }.sorted() == ["(not the name of an account)", "elsewhere"])
            try worker.stop()
            #expect(scenario.stub.counts.requests == 1)
        }
    }

    @Test("Skipped events are told as a summary")
    func skipped() async throws {
        try await scenario { scenario in
            let worker = try scenario.start(["unknown-types: skip"])
            try worker.waitUntilReading()
            try scenario.publish(
                (0..<300).map { _ in
                    RecordContent(
                        value: Array(#"{"specversion":"1.0","id":"1","source":"s","type":"other","data":{}}"#.utf8),
                        headers: [
                            RecordHeader(name: "content-type", value: Array("application/cloudevents+json".utf8))
                        ])
                })
            try scenario.publish([1])
            try worker.log.wait(ends: 301)
            try worker.stop()
            #expect(worker.log.ends.revoked == 1)
            #expect(worker.log.ends.skipped == 300)
            let summary = worker.log.lines.filter {
                $0.message == "events of another type were skipped, as `unknown-types: skip` says"
            }
            #expect((1...3).contains(summary.count))
            #expect(summary.reduce(0) { $0 + (Int($1[.records] ?? "") ?? 0) } == 300)
            #expect(worker.log.lines.allSatisfy { $0.message != "skipped" || $0.text.contains("debug") })
        }
    }

    @Test("The dead letter of a tombstone has a null value, that of an empty value an empty one")
    func tombstone() async throws {
        try await scenario { scenario in
            var event = EventEncoder.encode(
                OutgoingEvent(id: "1", source: "/tests", contract: try #require(ContractID(1))), mode: .binary)
            event.value = nil
            var other = event
            other.value = []
            try scenario.publish([event, other])
            let worker = try scenario.start()
            try worker.log.wait(ends: 2)
            try worker.stop()
            let deadLetters = try scenario.deadLetters()
            #expect(deadLetters.first { $0.reason == "tombstone" }?.record.value == .some(nil))
            #expect(deadLetters.first { $0.reason != "tombstone" }?.record.value == [])
            #expect(deadLetters.count == 2)
        }
    }

    @Test("A contract that the API does not know ends in the dead-letter topic, the others are revoked")
    func unknownContract() async throws {
        try await scenario { scenario in
            let worker = try scenario.start()
            try scenario.publish([1, 900_000_001, 2])
            try worker.log.wait(ends: 3)
            try worker.stop()
            let deadLetters = try scenario.deadLetters()
            #expect(deadLetters.map(\.reason) == ["rejected"])
            #expect(deadLetters.first?.envelope.status == 404)
            #expect(deadLetters.first?.envelope.contract == ContractID(900_000_001))
            #expect(deadLetters.first?.envelope.group == "revoke-worker")
            #expect(worker.log.ends.revoked == 2)
        }
    }

    @Test("A dead letter that the broker finds too large is stored with its value cut")
    func largeRecord() async throws {
        try await scenario { scenario in
            let size = 500_000
            try scenario.publish([RecordContent(value: Array(repeating: UInt8(ascii: "x"), count: size))])
            try scenario.publish([1])
            scenario.cluster.failNext(.produce, with: [.messageSizeTooLarge])
            let worker = try scenario.start()
            try worker.log.wait(ends: 2)
            try worker.stop()
            let deadLetter = try #require(try scenario.deadLetters().first)
            #expect(deadLetter.reason == "not_json")
            #expect(deadLetter.envelope.truncatedFrom == size)
            #expect(deadLetter.record.value?.count == 1_024)
            #expect(try scenario.isCommittedToTheEnd())
        }
    }

    @Test("A worker that starts again goes on at the commit and repeats nothing")
    func restart() async throws {
        try await scenario { scenario in
            let first = try scenario.start()
            try scenario.publish(1...20)
            try first.log.wait(ends: 20)
            try first.stop()
            try scenario.publish(21...30)
            let second = try scenario.start()
            try second.log.wait(ends: 10)
            try scenario.publish(31...35)
            try second.log.wait(ends: 15)
            try second.stop()
            let counts = scenario.stub.counts
            for contract in 1...35 { #expect(counts.calls(Int64(contract)) == 1) }
            #expect(second.log.ends.all == 15)
            #expect(try scenario.isCommittedToTheEnd())
        }
    }

    /// The stub counts a call when it has read it, and answers 500 ms later: the shutdown comes in between.
    @Test("A shutdown lets calls in flight end, and commits them")
    func drain() async throws {
        try await scenario(latency: 500) { scenario in
            let worker = try scenario.start(account: ["concurrency: 8"])
            try worker.waitUntilReading()
            try scenario.publish(1...8)
            #expect(scenario.stub.wait(upTo: LogCollector.bound) { $0.calls == 8 })
            try scenario.publish(9...12)
            #expect(try worker.stop() == .clean)
            #expect(worker.log.ends.revoked >= 8)
            let done = worker.log.ends.all
            let next = try scenario.start()
            try next.log.wait(ends: 12 - done)
            try next.stop()
            let counts = scenario.stub.counts
            for contract in 1...12 { #expect(counts.calls(Int64(contract)) == 1) }
            #expect(try scenario.isCommittedToTheEnd())
        }
    }

    @Test("Partitions move to a second worker and back, and no settled contract is called again")
    func takeover() async throws {
        try await scenario { scenario in
            let first = try scenario.start()
            try scenario.publish(1...40)
            try first.log.wait(ends: 40)
            // The mock cluster refuses commits while members join, so all is committed before.
            try first.log.wait("commit of everything") { _, _ in (try? scenario.isCommittedToTheEnd()) ?? false }
            let second = try scenario.start()
            try second.log.wait("share of the partitions") { lines, _ in
                lines.contains { $0.message == "reading" && !($0[.partitions] ?? "").isEmpty }
            }
            try scenario.publish(41...80)
            try scenario.waitForEnds(80, first, second)
            #expect(first.log.lines.contains { $0.message == "revoked" && $0[.partitions] == "0,1,2,3" })
            #expect(first.log.ends.all < 80)
            #expect(second.log.ends.all > 0)
            try first.stop()
            try second.log.wait("assignment of all partitions") { lines, _ in
                lines.contains { $0.message == "reading" && $0[.partitions] == "0,1,2,3" }
            }
            try scenario.publish(81...100)
            try scenario.waitForEnds(100, first, second)
            try second.stop()
            let counts = scenario.stub.counts
            for contract in 1...100 { #expect(counts.calls(Int64(contract)) == 1) }
            #expect(try scenario.isCommittedToTheEnd())
        }
    }

    @Test("Health and metrics over HTTP follow the worker's life")
    func health() async throws {
        try await scenario { scenario in
            let worker = try scenario.start()
            let server = try HealthServer.start(
                scenario.configuration().healthListen, board: worker.board)
            defer { server.stop() }
            func get(_ path: String) throws -> (status: Int, body: String) { try HTTP.get(path, port: server.port) }
            #expect(try get("/livez").status == 200)
            try worker.waitUntilReading()
            try worker.wait("readiness") { $0.ready }
            #expect(try get("/readyz") == (200, "ready\n"))
            try scenario.publish(1...5)
            try worker.log.wait(ends: 5)
            try worker.wait("count") { $0.revoked == 5 }
            let metrics = try get("/metrics")
            #expect(metrics.status == 200)
            for line in [
                #"revoke_worker_events_total{end="revoked"} 5"#, #"revoke_worker_calls_total{outcome="revoked"} 5"#,
                #"revoke_worker_build_info{version="\#(WorkerVersion.text)"} 1"#, "revoke_worker_ready 1",
                "revoke_worker_event_to_revoked_seconds_count 5", "revoke_worker_stalled_partitions 0",
            ] {
                #expect(metrics.body.contains(line + "\n"), "\(line)")
            }
            for library in ["libcurl", "libmicrohttpd", "librdkafka", "libuv", "libyaml"] {
                #expect(metrics.body.contains(#"revoke_worker_library_info{library="\#(library)",version=""#))
            }
            #expect(!metrics.body.contains("revoke_worker_start_time_seconds 0"))
            #expect(!metrics.body.contains(scenario.key))
            try worker.stop()
            #expect(try get("/readyz").status == 503)
            #expect(try get("/nothing").status == 404)
        }
    }

    @Test("A base URL that the client refuses, and a bad key file, are one clear sentence")
    func badSetup() async throws {
        try await scenario { scenario in
            func sentence(_ change: (WorkerScenario) throws -> Void) -> String {
                do {
                    try change(scenario)
                    return ""
                } catch {
                    return "\(error)"
                }
            }
            let slash = sentence { _ = try WorkerSetup.load($0.changed { $0.account.baseURL = "https://host/a//b" }) }
            #expect(slash.hasPrefix("accounts.main.base-url: the base URL's path has an empty segment"))
            let plain = sentence { _ = try WorkerSetup.load($0.changed { $0.account.baseURL = "http://example.com" }) }
            #expect(plain.contains("plain http"))
            let missing = sentence { _ = try WorkerSetup.load($0.changed { $0.account.keyFile = "/nonexistent" }) }
            #expect(missing.hasPrefix("accounts.main.key-file: /nonexistent: No such file or directory; "))
            try scenario.writeKey("two words")
            let words = sentence { _ = try WorkerSetup.load($0.configuration()) }
            #expect(words.contains(": \(scenario.keyFile): the key file has a space at position 4"), "\(words)")
            for text in [slash, plain, missing, words] { #expect(!text.contains("\n") && !text.isEmpty) }
        }
    }
}

extension WorkerScenario {
    func changed(_ change: (inout Configured) throws -> Void) throws -> Configured {
        var configuration = try configuration()
        try change(&configuration)
        return configuration
    }

    /// Blocks until the workers have ended so many records together.
    func waitForEnds(_ count: Int, _ first: RunningWorker, _ second: RunningWorker) throws {
        // Each line of the second worker's log is a look at both; what the first one ends is looked at before.
        let deadline = EventLoop.boottime() + LogCollector.bound
        while first.log.ends.all + second.log.ends.all < count {
            guard EventLoop.boottime() < deadline else {
                throw Stuck(description: "\(first.log.ends) and \(second.log.ends), \(count) are missing")
            }
            let seen = (first.log.ends.all, second.log.ends.all)
            _ = try? first.log.wait("news", upTo: 100) { $1.all != seen.0 }
            _ = try? second.log.wait("news", upTo: 100) { $1.all != seen.1 }
        }
    }
}

/// A record of `schemas/examples/invalid` that needs no option, and what decoding it gives.
struct InvalidRecord {
    let name: String
    let content: RecordContent
    let failure: DecodingFailure

    static func all() throws -> [InvalidRecord] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("schemas/examples/invalid")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }
        return try names.sorted().compactMap { name in
            let data = try Data(contentsOf: folder.appendingPathComponent(name))
            let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            guard (object["options"] as? [String: Any] ?? [:]).isEmpty else { return nil }
            let record = try #require(object["record"] as? [String: Any])
            let headers = try #require(record["headers"] as? [[String: Any]])
            return InvalidRecord(
                name: name,
                content: RecordContent(
                    key: bytes(record["key"]), value: bytes(record["value"]),
                    headers: try headers.map {
                        RecordHeader(name: try #require($0["name"] as? String), value: bytes($0["value"]))
                    }),
                failure: try #require((object["failure"] as? String).flatMap { DecodingFailure(rawValue: $0) }))
        }
    }

    private static func bytes(_ any: Any?) -> [UInt8]? {
        guard let object = any as? [String: String] else { return nil }
        if let text = object["text"] { return Array(text.utf8) }
        return object["base64"].flatMap { Data(base64Encoded: $0) }.map { Array($0) }
    }
}

/// A small HTTP client over a raw socket.
enum HTTP {
    static func get(_ path: String, port: UInt16) throws -> (status: Int, body: String) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Stuck(description: "no connection to \(port)") }
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        _ = unsafe send(descriptor, request, request.count, Int32(MSG_NOSIGNAL))
        var answer: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe recv(descriptor, &bytes, bytes.count, 0)
            guard count > 0 else { break }
            answer += bytes.prefix(count)
        }
        let text = String(decoding: answer, as: UTF8.self)
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let status = Int(text.dropFirst(9).prefix(3)) else {
            throw Stuck(description: "no answer: \(text)")
        }
        return (status, String(parts[1]))
    }
}
