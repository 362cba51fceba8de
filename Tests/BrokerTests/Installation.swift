import DemoKit
import EventLoop
import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One test's topics, group, key and stub, and the workers on them.
struct Installation: Sendable {
    /// What a test changes of the workers' configuration.
    struct Settings: Sendable {
        var concurrency = 8
        /// In milliseconds; short, so that the takeover from a worker that died does not take long.
        var sessionTimeout = 6_000
        /// How many failures in a row hold the account.
        var breaker = 5
        /// Where a group without commits begins.
        var startAt = "earliest"
        /// Lines for the section `kafka`, beside the brokers.
        var kafka: [String] = []
        /// The broker's address, where it is not the one without security.
        var bootstrap: String?
        /// Whether the log tells of each commit, so that it can be recorded.
        var isRecorded = false
    }

    static let key = "test-key-0123456789abcdef"

    let broker: TestBroker
    let topic: String
    let deadLetters: String
    let group: String
    let stub: APIStub
    let folder: URL

    /// Makes topics of an own name, and a stub.
    init(on broker: TestBroker, partitions: Int = 8, latency: Int64 = 0) async throws {
        let name = "test-\(UUID().uuidString.prefix(8).lowercased())"
        self.broker = broker
        topic = name
        deadLetters = "\(name)-dead-letters"
        group = "\(name)-group"
        folder = try TestFolder.make(name)
        stub = try Self.stub(latency: latency)
        try await BrokerClient.createTopics([topic: partitions, deadLetters: 1], on: broker.bootstrap)
        try setKey(Self.key)
    }

    /// Another stub, for a worker whose calls are to be told from the others'.
    static func stub(latency: Int64 = 0) throws -> APIStub {
        var options = APIStub.Options(key: key)
        options.faults.latency = latency
        let stub = APIStub(options)
        try stub.start()
        return stub
    }

    /// Writes the key file as an operator does: a new file that is moved into place.
    func setKey(_ key: String) throws {
        let file = folder.appendingPathComponent("key")
        let new = folder.appendingPathComponent("key.new")
        try Data("\(key)\n".utf8).write(to: new)
        guard unsafe rename(new.path, file.path) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    /// Starts a worker; `baseURL` is the stub's when it is not given.
    func worker(_ settings: Settings = Settings(), baseURL: String? = nil) throws -> WorkerProcess {
        let file = folder.appendingPathComponent("worker-\(UUID().uuidString).yaml")
        let port = try FreePort.choose(1)[0]
        try Data(configuration(settings, baseURL: baseURL, port: port).utf8).write(to: file)
        return try WorkerProcess(["run", "--config", file.path], health: port)
    }

    /// The text of a worker's configuration file.
    func configuration(_ settings: Settings = Settings(), baseURL: String? = nil, port: UInt16) -> String {
        """
        topic: \(topic)
        dead-letter-topic: \(deadLetters)
        group: \(group)
        start-at: \(settings.startAt)
        kafka:
          bootstrap.servers: \(settings.bootstrap ?? broker.bootstrap)
          session.timeout.ms: \(settings.sessionTimeout)
        \(settings.kafka.map { "  \($0)\n" }.joined())
        drain-limit: \(settings.sessionTimeout + 2_000)ms
        termination-grace: \(max(30_000, settings.sessionTimeout + 8_000))ms
        breaker: \(settings.breaker)
        log-level: \(settings.isRecorded ? "debug" : "info")
        accounts:
          main:
            key-file: \(folder.appendingPathComponent("key").path)
            base-url: \(baseURL ?? stub.baseURL)
            budget: unlimited
            concurrency: \(settings.concurrency)
            request-deadline: 5s
        health:
          listen: 127.0.0.1:\(port)

        """
    }

    /// Publishes records to the topic.
    func publish(_ records: [TestRecord]) async throws {
        try await BrokerClient.publish(records, to: topic, on: broker.bootstrap)
    }

    /// Waits until Kafka's own tool shows that the group has committed each partition's log end.
    func everythingCommitted(limit: Duration = .seconds(120)) async throws -> [TestBroker.Committed] {
        let end = ContinuousClock.now + limit
        var last: [TestBroker.Committed] = []
        while ContinuousClock.now < end {
            last = try await broker.committed(group: group, topic: topic)
            if !last.isEmpty, last.allSatisfy({ ($0.offset ?? 0) == $0.logEnd }) { return last }
        }
        throw WaitTimeout(what: "commits at the log's end, at last \(last)", limit: limit)
    }
}

extension APIStub {
    /// Waits until the counts satisfy a condition.
    /// - Throws: `WaitTimeout`.
    func reached(
        _ what: String, limit: Duration = .seconds(60), until condition: @escaping @Sendable (StubCounts) -> Bool
    ) async throws {
        let reached = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(returning: self.wait(upTo: limit.components.seconds * 1_000, until: condition))
            }
        }
        if !reached { throw WaitTimeout(what: "\(what); the stub counts \(counts.revokeAllByStatus)", limit: limit) }
    }

    /// How often each contract was called.
    var callsByContract: [Int64: Int] { counts.revokeAll.mapValues { $0.values.reduce(0, +) } }

    /// The contracts that got a 204.
    var revoked: Set<Int64> { Set(counts.revokeAll.filter { ($0.value[204] ?? 0) > 0 }.keys) }
}
