import Configuration
import DemoKit
import EventLoop
import Foundation
import HTTPServer
import Kafka
import RevokeClient
import RevokeEvents
import RevokeModel
import Testing

@testable import RevokeWorker

/// Lets a few scenarios run at a time: each has a broker, an API and workers of its own.
actor ScenarioGate {
    static let shared = ScenarioGate(6)
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    func enter() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}

/// Runs a test that blocks on a thread of its own, so that it takes none of the tasks' threads.
func blocking(_ body: @escaping @Sendable () throws -> Void) async throws {
    await ScenarioGate.shared.enter()
    let result: Result<Void, any Error> = await withCheckedContinuation { continuation in
        let thread = Thread {
            // The tasks' threads block all signals, and a child process inherits that.
            var none = sigset_t()
            unsafe sigemptyset(&none)
            unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
            continuation.resume(returning: Result { try body() })
        }
        thread.stackSize = 4 << 20
        thread.start()
    }
    await ScenarioGate.shared.leave()
    try result.get()
}

/// Runs a whole-worker test: a mock cluster, an API stub, and the workers that it starts.
func scenario(
    partitions: Int = 4, brokers: Int32 = 1, latency: Int64 = 0,
    _ body: @escaping @Sendable (WorkerScenario) throws -> Void
) async throws {
    try await blocking {
        let scenario = try WorkerScenario(partitions: partitions, brokers: brokers, latency: latency)
        defer { scenario.close() }
        try body(scenario)
    }
}

/// The world of one test; used on the test's thread.
final class WorkerScenario {
    static let topic = "revoke-credentials"
    static let deadLetterTopic = "revoke-credentials-dead-letters"

    let key = "K3y-\(UUID().uuidString)"
    let cluster: MockCluster
    let stub: APIStub
    let folder: URL
    let keyFile: String
    private let partitions: Int
    private let loop: EventLoop
    private var producer: KafkaProducer?
    private var openRecords = 0
    private var lastFailure: KafkaError?
    private var nextRecord: UInt64 = 1
    private var nextEvent = 0
    private(set) var published = 0
    private var workers: [RunningWorker] = []

    /// Each broker leads every so manieth partition, in their order; the first one also leads the dead-letter topic and
    /// coordinates the group.
    init(partitions: Int, brokers: Int32, latency: Int64) throws {
        self.partitions = partitions
        cluster = try MockCluster(brokers: Int(brokers))
        try cluster.createTopic(Self.topic, partitions: partitions)
        try cluster.createTopic(Self.deadLetterTopic, partitions: 1)
        for partition in 0..<Int32(partitions) {
            try cluster.setLeader(of: Self.topic, partition: partition, broker: 1 + partition % brokers)
        }
        try cluster.setLeader(of: Self.deadLetterTopic, partition: 0, broker: 1)
        try cluster.setCoordinator(ofGroup: "revoke-worker", broker: 1)
        var options = APIStub.Options(key: key)
        options.faults.latency = latency
        stub = APIStub(options)
        try stub.start()
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("revoke-worker-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        keyFile = folder.appendingPathComponent("key").path
        loop = try EventLoop()
        try writeKey(key)
        producer = try KafkaProducer(configuration: cluster.configuration, loop: loop, log: { _ in }) {
            [unowned self] event in
            switch event {
            case .delivered: openRecords -= 1
            case .failed(_, let error, _):
                openRecords -= 1
                lastFailure = error
            case .error: break
            }
            if openRecords == 0 { loop.stop() }
        }
    }

    func close() {
        for worker in workers where worker.isRunning { _ = try? worker.stop() }
        producer?.close(limit: 1_000) { [loop] in loop.stop() }
        loop.run()
        loop.close()
        stub.stop()
        cluster.close()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Writes the key file as a whole.
    func writeKey(_ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: keyFile), options: .atomic)
    }

    // MARK: Workers

    /// The configuration file's text.
    func yaml(_ options: [String] = [], account: [String] = [], kafka: [String] = []) -> String {
        """
        kafka:
          bootstrap.servers: \(cluster.bootstrapServers)
        \(kafka.map { "  \($0)\n" }.joined())accounts:
          main:
            key-file: \(keyFile)
            base-url: \(stub.baseURL)
        \(account.map { "    \($0)\n" }.joined())health:
          listen: 127.0.0.1:0
        key-poll-interval: 100ms
        \(options.joined(separator: "\n"))
        """
    }

    /// Writes the configuration into a file and returns its path.
    func configurationFile(_ options: [String] = [], account: [String] = [], kafka: [String] = []) throws -> String {
        let path = folder.appendingPathComponent("worker-\(UUID().uuidString).yaml").path
        try Data(yaml(options, account: account, kafka: kafka).utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    func configuration(
        _ options: [String] = [], account: [String] = [], kafka: [String] = []
    ) throws -> WorkerConfiguration {
        let text = yaml(options, account: account, kafka: kafka)
        return try ConfigurationParser().parse(
            file: ConfigurationParser.File(path: "test", bytes: Array(text.utf8))
        ).configuration
    }

    /// Starts a worker in this process; it has begun, and may not have joined yet.
    func start(
        _ options: [String] = [], account: [String] = [], kafka: [String] = []
    ) throws -> RunningWorker {
        let setup = try WorkerSetup.load(configuration(options, account: account, kafka: kafka))
        let worker = try RunningWorker(setup)
        workers.append(worker)
        return worker
    }

    // MARK: Records

    /// Publishes one event for each contract.
    func publish(
        _ contracts: some Sequence<Int>, id: String? = nil, source: String = "/tests",
        mode: OutgoingEvent.Mode? = nil, account: String? = nil
    ) throws {
        try publish(
            contracts.map { contract in
                nextEvent += 1
                var event = OutgoingEvent(
                    id: id ?? "event-\(nextEvent)", source: source, contract: try #require(ContractID(Int64(contract))))
                event.account = account
                event.reason = "leaked"
                // The bytes of copies with one id are the same.
                event.time = id == nil ? EventLoop.wallTime() : 1_790_000_000_000
                let modes = OutgoingEvent.Mode.allCases
                return EventEncoder.encode(event, mode: mode ?? modes[nextEvent % modes.count])
            })
    }

    /// Publishes records and waits until the broker has them.
    func publish(_ contents: [RecordContent]) throws {
        published += contents.count
        openRecords = contents.count
        lastFailure = nil
        for content in contents {
            try producer?.produce(
                id: nextRecord, topic: Self.topic, key: content.key, value: content.value,
                headers: content.headers.map { KafkaHeader(name: $0.name, value: $0.value) })
            nextRecord += 1
        }
        let limit = try loop.makeTimer { [loop] in loop.stop() }
        limit.start(after: LogCollector.bound)
        if openRecords > 0 { loop.run() }
        limit.close()
        if let lastFailure { throw lastFailure }
        if openRecords > 0 { throw Stuck(description: "records are not delivered") }
    }

    /// Whole records of a topic, from its start to its end.
    func read(_ topic: String) throws -> [KafkaRecord] {
        let loop = try EventLoop()
        defer { loop.close() }
        var records: [KafkaRecord] = []
        var isAtEnd = false
        let consumer = try KafkaConsumer(
            configuration: cluster.configuration, mode: .direct, topic: topic, loop: loop, log: { _ in },
            onRecord: { records.append($0.copy()) },
            onEvent: {
                guard case .endOfPartition = $0 else { return }
                isAtEnd = true
                loop.stop()
            })
        let limit = try loop.makeTimer { loop.stop() }
        limit.start(after: LogCollector.bound)
        try consumer.read(from: [KafkaPartitionOffset(partition: 0, offset: 0)])
        loop.run()
        consumer.close(limit: 2_000) { loop.stop() }
        loop.run()
        limit.close()
        guard isAtEnd else { throw Stuck(description: "\(topic) cannot be read to its end") }
        return records
    }

    struct DeadLetter {
        let record: KafkaRecord
        let envelope: DeadLetterEnvelope
        var reason: String { envelope.reason.text }
    }

    func deadLetters() throws -> [DeadLetter] {
        try read(Self.deadLetterTopic).map { record in
            let headers = record.headers.map { RecordHeader(name: $0.name, value: $0.value) }
            return DeadLetter(record: record, envelope: try DeadLetterEnvelope(headers: headers))
        }
    }

    /// How many dead letters of each reason.
    func deadLetterReasons() throws -> [String: Int] {
        try deadLetters().reduce(into: [:]) { $0[$1.reason, default: 0] += 1 }
    }

    /// The group's committed offsets and the logs' ends, by partition.
    func positions() throws -> [(committed: Int64, end: Int64)] {
        let client = try KafkaClient(configuration: cluster.configuration, group: "revoke-worker") { _ in }
        defer { client.close() }
        let all = (0..<Int32(partitions)).map { $0 }
        let committed = try client.queries.committed(topic: Self.topic, partitions: all, limit: 10_000)
        let ends = try client.queries.watermarks(topic: Self.topic, partitions: all, limit: 10_000)
        return zip(committed, ends).map { ($0.offset ?? 0, $1.high) }
    }

    /// Whether everything is committed; for a worker that has stopped.
    func isCommittedToTheEnd() throws -> Bool { try positions().allSatisfy { $0.committed == $0.end } }
}

/// A worker in this process with its log and its figures. Any thread.
final class RunningWorker: Sendable {
    let log: LogCollector
    let board = MetricsBoard()
    private let ring = LogRing(capacity: 65_536)
    private let thread: WorkerThread
    private let writing: Int32

    init(_ setup: WorkerSetup) throws {
        let ends = try makePipe()
        log = LogCollector(reading: ends.reading)
        writing = ends.writing
        LogWriter.start(ring: ring, descriptor: writing, format: .json)
        thread = WorkerThread(setup, logger: Logger(level: .debug, ring: ring), board: board)
    }

    /// Blocks until the first assignment is read.
    func waitUntilReading() throws { try log.wait(for: "reading") }

    /// Blocks until the worker says of itself that the condition holds; it says so once a second.
    func wait(_ what: String, _ condition: (WorkerMetrics) -> Bool) throws {
        let deadline = EventLoop.boottime() + LogCollector.bound
        var seen: Int64?
        while EventLoop.boottime() < deadline {
            if let entry = board.latest, entry.publishedAt != seen {
                seen = entry.publishedAt
                if condition(entry.metrics) { return }
            }
            // The board has no signal: the loop publishes once a second.
            var pause = timespec(tv_sec: 0, tv_nsec: 50_000_000)
            _ = unsafe nanosleep(&pause, nil)
        }
        throw Stuck(description: "no \(what); the log's end:\n\(log.tail)")
    }

    var isRunning: Bool { thread.waitForEnd(upTo: 0) == nil }

    func shutdown() { thread.shutdown() }

    /// Blocks until the worker has ended, and returns why.
    @discardableResult
    func end() throws -> WorkerEnd {
        guard let end = thread.waitForEnd(upTo: LogCollector.bound) else {
            throw Stuck(description: "the worker does not end:\n\(log.tail)")
        }
        if ring.close(deadline: 5_000) {
            close(writing)
            try log.waitForEnd()
        }
        return try end.get()
    }

    /// Shuts down and waits for the end.
    @discardableResult
    func stop() throws -> WorkerEnd {
        shutdown()
        return try end()
    }
}
