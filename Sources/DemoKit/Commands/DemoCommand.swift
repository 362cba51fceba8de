internal import Configuration
internal import EventLoop
internal import Glibc
internal import HTTPServer
internal import Kafka
internal import RevokeClient
internal import RevokeEngine
internal import RevokeEvents
internal import RevokeModel
internal import RevokeWorker

/// `revoke-worker demo`: a broker, an API stub and a real worker in one process; it checks what it shows.
public enum DemoCommand {
    /// Runs the demo. Returns 0 when everything ended as it should.
    public static func run(_ arguments: [String]) -> Int32 {
        var keepsRunning = false
        var level = LogLevel.info
        for argument in arguments {
            switch argument {
            case "--keep-running": keepsRunning = true
            case "--debug": level = .debug
            case "--help", "-h":
                Terminal.print(help)
                return 0
            default:
                Terminal.complain("error: \(argument): there is no such flag")
                Terminal.complain(help)
                return Terminal.usageExit
            }
        }
        ProcessSettings.ignoreBrokenPipes()
        do {
            return try Demo(logLevel: level).run(keepsRunning: keepsRunning)
        } catch {
            Terminal.complain("error: the demo failed: \(error)")
            return 1
        }
    }

    private static let help = """
        usage: revoke-worker demo [flags]

        Shows the worker at work, without a broker and without a network: librdkafka's mock cluster, the API stub and a
        real worker in this process. Ends by itself within 30 s, and checks its summary against the stub and the topics.

        Flags:
          --keep-running
                Stay up at the end, for a look at /metrics, /readyz and the stub's /stub/counts; ends with Ctrl-C.
          --debug
                Show every event and call.
          --help
                Print this text and end.
        """
}

/// The script of the demo.
private final class Demo {
    private static let topic = "revoke-credentials"
    private static let deadLetterTopic = "revoke-credentials-dead-letters"
    private static let partitions = 4
    private static let key = "demo-key-of-no-account"

    private struct Failed: Error, CustomStringConvertible {
        var description: String
    }

    private let cluster: MockCluster
    private let stub: APIStub
    private let logger: Logger
    private let began = EventLoop.boottime()
    private var published = 0
    private var contracts: Set<Int64> = []
    private var expectedDeadLetters: [String: Int] = [:]

    init(logLevel: LogLevel) throws {
        cluster = try MockCluster()
        try cluster.createTopic(Self.topic, partitions: Self.partitions)
        try cluster.createTopic(Self.deadLetterTopic, partitions: 1)
        var options = APIStub.Options(key: Self.key)
        options.faults.latency = 20
        stub = APIStub(options)
        try stub.start()
        let ring = LogRing()
        LogWriter.start(ring: ring, descriptor: 1, format: .text)
        logger = Logger(level: logLevel, ring: ring)
    }

    func run(keepsRunning: Bool) throws -> Int32 {
        say("a broker (librdkafka's mock cluster) at \(cluster.bootstrapServers), the API stub at \(stub.baseURL)")
        let configuration = try makeConfiguration()
        var setup = WorkerSetup(
            configuration: configuration,
            kafkaProperties: [
                ("bootstrap.servers", Secret(cluster.bootstrapServers)), ("session.timeout.ms", Secret("6000")),
            ],
            key: try APIKey(Self.key))
        setup.looksAtTopicSettings = false
        let board = MetricsBoard()
        let server = try HealthServer.start(configuration.healthListen, board: board)
        let worker = WorkerThread(setup, logger: logger, board: board)
        try wait("the worker to be ready") { board.latest?.metrics.ready ?? false }

        let loop = try EventLoop()
        let publisher = try Publisher(cluster: cluster, topic: Self.topic, loop: loop)
        try script(publisher, board)
        let checks = summary(board)
        if keepsRunning {
            logger.ring.flush(deadline: 1_000)
            say(
                "still up: curl http://127.0.0.1:\(server.port)/metrics or http://127.0.0.1:\(stub.port)/stub/counts; Ctrl-C ends it"
            )
            let signals = try [SIGINT, SIGTERM].map { try loop.onSignal($0, oneShot: true) { loop.stop() } }
            loop.run()
            for signal in signals { signal.close() }
        }
        publisher.close()
        worker.shutdown()
        guard case .success(.clean) = worker.waitForEnd(upTo: 25_000) else {
            throw Failed(description: "the worker did not end cleanly")
        }
        logger.ring.flush(deadline: 1_000)
        let all = checks + [try committed(configuration.group)]
        report(all)
        server.stop()
        stub.stop()
        return all.allSatisfy(\.isTrue) ? 0 : 1
    }

    private func makeConfiguration() throws -> WorkerConfiguration {
        let text = """
            kafka:
              bootstrap.servers: \(cluster.bootstrapServers)
            accounts:
              main:
                key-file: /dev/null
                base-url: \(stub.baseURL)
            health:
              listen: 127.0.0.1:0
            """
        let file = ConfigurationParser.File(path: "demo", bytes: Array(text.utf8))
        var configuration = try ConfigurationParser().parse(file: file).configuration
        configuration.account.keyFile = ""
        return configuration
    }

    // MARK: The script

    private func script(_ publisher: Publisher, _ board: MetricsBoard) throws {
        say("40 leaks in 40 contracts")
        for contract in 1...40 { try publish(publisher, contract: Int64(1_000 + contract)) }
        try waitForEvents(board)

        say("the same leak of contract 2001 reported 20 times, and 10 reports of other leaks of contract 2002")
        // The first calls last until all is published, also on a slow machine.
        stub.setFaults { $0.latency = 1_000 }
        for _ in 0..<20 { try publish(publisher, contract: 2_001, id: "the-same") }
        for _ in 0..<10 { try publish(publisher, contract: 2_002) }
        stub.setFaults { $0.latency = 20 }
        try waitForEvents(board)
        say(
            "contract 2001 needed \(calls(stub.calls(2_001))) for 20 events, contract 2002 \(calls(stub.calls(2_002))) for 10"
        )

        say("four records that are not events, and a contract that the API does not know")
        try malformed(publisher, value: nil, .tombstone)
        try malformed(publisher, value: "not JSON", .notJSON)
        try malformed(publisher, value: #"{"acme_contract_id":"12345"}"#, .contractString)
        try malformed(publisher, value: #"{"acme_contract_id":0}"#, .contractZero)
        try publish(publisher, contract: 900_000_001, expected: .rejected)
        try waitForEvents(board)

        say("the API goes down for 4 s; 20 more leaks arrive meanwhile")
        stub.setFaults { $0.outage = .unavailable }
        for contract in 1...20 { try publish(publisher, contract: Int64(3_000 + contract)) }
        let outageEnd = EventLoop.boottime() + 4_000
        try wait("the outage to pass") { EventLoop.boottime() >= outageEnd }
        let held = board.latest?.metrics.engine.hold.map { "\($0)" } ?? "no hold"
        say("the worker holds: \(held); nothing of it became a dead letter")
        stub.setFaults { $0.outage = .none }
        say("the API is up again")
        try waitForEvents(board)
    }

    private func publish(
        _ publisher: Publisher, contract: Int64, id: String? = nil, expected: DeadLetterReason? = nil
    ) throws {
        guard let contractID = ContractID(contract) else { return }
        published += 1
        var event = OutgoingEvent(
            id: id ?? "demo-\(published)", source: "/demo", contract: contractID, reason: "leaked")
        event.time = id == nil ? EventLoop.wallTime() : nil
        let mode: OutgoingEvent.Mode = published % 2 == 0 ? .structured : .binary
        try publisher.send(EventEncoder.encode(event, mode: id == nil ? mode : .binary))
        if let expected { expectedDeadLetters[expected.text, default: 0] += 1 } else { contracts.insert(contract) }
    }

    private func malformed(_ publisher: Publisher, value: String?, _ failure: DecodingFailure) throws {
        guard let contract = ContractID(1) else { return }
        published += 1
        var content = EventEncoder.encode(
            OutgoingEvent(id: "demo-\(published)", source: "/demo", contract: contract), mode: .binary)
        content.value = value.map { Array($0.utf8) }
        content.key = nil
        content.headers.removeAll { $0.name == "ce_subject" }
        try publisher.send(content)
        expectedDeadLetters[failure.rawValue, default: 0] += 1
    }

    // MARK: Waiting

    private func waitForEvents(_ board: MetricsBoard) throws {
        let count = UInt64(published)
        try wait("all events to be settled") {
            guard let metrics = board.latest?.metrics else { return false }
            return metrics.revoked + metrics.deadLettered.values.reduce(0, +) >= count
        }
    }

    private func wait(_ what: String, until condition: () -> Bool) throws {
        // One limit for the whole script, so that the demo ends within its 30 s whatever happens.
        let deadline = began + 26_000
        while !condition() {
            guard EventLoop.boottime() < deadline else { throw Failed(description: "waited in vain for \(what)") }
            var pause = timespec(tv_sec: 0, tv_nsec: 20_000_000)
            _ = unsafe nanosleep(&pause, nil)
        }
    }

    // MARK: The summary

    private struct Check {
        var text: String
        var isTrue: Bool
    }

    private func summary(_ board: MetricsBoard) -> [Check] {
        let counts = stub.counts
        let metrics = board.latest?.metrics ?? WorkerMetrics()
        let deadLetters = readDeadLetters()
        let inTopic = deadLetters.reduce(0) { $0 + $1.value }
        let reasons = deadLetters.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        let answered = counts.calls(status: 204)
        let called = metrics.calls.byStatus.values.reduce(0, +)
        let revokedAll = contracts.allSatisfy { counts.calls($0, status: 204) >= 1 }
        return [
            Check(
                text: "\(published) records in = \(metrics.revoked) events revoked + \(inTopic) dead letters",
                isTrue: UInt64(published) == metrics.revoked + UInt64(inTopic)),
            Check(
                text:
                    "\(counts.calls) calls at the stub, \(answered) answered 204; the worker counted \(called) and \(metrics.calls[.revoked])",
                isTrue: UInt64(answered) == metrics.calls[.revoked] && UInt64(counts.calls) == called),
            Check(text: "\(contracts.count) contracts, each revoked at least once", isTrue: revokedAll),
            Check(
                text: "30 duplicates of 2 contracts cost \(calls(stub.calls(2_001) + stub.calls(2_002))), 4 at most",
                isTrue: stub.calls(2_001) + stub.calls(2_002) <= 4),
            Check(text: "dead letters in the topic: \(reasons)", isTrue: deadLetters == expectedDeadLetters),
        ]
    }

    private func calls(_ count: Int) -> String { count == 1 ? "1 call" : "\(count) calls" }

    /// The reasons in the dead-letter topic, read back from the broker.
    private func readDeadLetters() -> [String: Int] {
        var reasons: [String: Int] = [:]
        guard let loop = try? EventLoop() else { return reasons }
        let consumer = try? KafkaConsumer(
            configuration: cluster.configuration, mode: .direct, topic: Self.deadLetterTopic, loop: loop,
            log: { _ in },
            onRecord: { record in
                let headers = record.copyHeaders().map { RecordHeader(name: $0.name, value: $0.value) }
                if let envelope = try? DeadLetterEnvelope(headers: headers) {
                    reasons[envelope.reason.text, default: 0] += 1
                } else {
                    reasons["unreadable", default: 0] += 1
                }
            },
            onEvent: { event in if case .endOfPartition = event { loop.stop() } })
        guard let consumer, let limit = try? loop.makeTimer({ loop.stop() }) else { return reasons }
        limit.start(after: 10_000)
        try? consumer.read(from: [KafkaPartitionOffset(partition: 0, offset: 0)])
        loop.run()
        consumer.close(limit: 1_000) { loop.stop() }
        loop.run()
        limit.close()
        loop.close()
        return reasons
    }

    private func committed(_ group: String) throws -> Check {
        let client = try KafkaClient(configuration: cluster.configuration, group: group) { _ in }
        defer { client.close() }
        let partitions = (0..<Int32(Self.partitions)).map { $0 }
        let committed = try client.queries.committed(topic: Self.topic, partitions: partitions, limit: 5_000)
        let ends = try client.queries.watermarks(topic: Self.topic, partitions: partitions, limit: 5_000)
        var sum: Int64 = 0
        var isAtEnd = true
        for (offset, end) in zip(committed, ends) {
            sum += offset.offset ?? 0
            if (offset.offset ?? 0) != end.high { isAtEnd = false }
        }
        return Check(text: "committed offsets add up to \(sum), at the end of every partition", isTrue: isAtEnd)
    }

    private func report(_ checks: [Check]) {
        Terminal.print("")
        for check in checks { Terminal.print("\(check.isTrue ? "  ok  " : "WRONG ") \(check.text)") }
        let seconds = (EventLoop.boottime() - began + 500) / 1_000
        Terminal.print(
            checks.allSatisfy(\.isTrue)
                ? "\nThe demo took \(seconds) s; everything ended as it should."
                : "\nThe demo took \(seconds) s; something is WRONG.")
    }

    private func say(_ line: String) {
        logger.ring.flush(deadline: 500)
        Terminal.print("== \(line)")
    }
}

/// Writes records and waits for their acknowledgement.
private final class Publisher {
    private let loop: EventLoop
    private let topic: String
    private var producer: KafkaProducer?
    private var next: UInt64 = 1

    private var failure: KafkaError?

    init(cluster: MockCluster, topic: String, loop: EventLoop) throws {
        self.loop = loop
        self.topic = topic
        producer = try KafkaProducer(configuration: cluster.configuration, loop: loop, log: { _ in }) {
            [unowned self] event in
            switch event {
            case .delivered: loop.stop()
            case .failed(_, let error, _):
                failure = error
                loop.stop()
            case .error: break
            }
        }
    }

    func send(_ content: RecordContent) throws {
        let headers = content.headers.map { KafkaHeader(name: $0.name, value: $0.value) }
        try producer?.produce(id: next, topic: topic, key: content.key, value: content.value, headers: headers)
        next += 1
        loop.run()
        if let failure { throw failure }
    }

    func close() {
        producer?.close(limit: 1_000) { [loop] in loop.stop() }
        loop.run()
        producer = nil
    }
}
