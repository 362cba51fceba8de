internal import Configuration
public import EventLoop
internal import Kafka
internal import RevokeClient
internal import RevokeEngine
internal import RevokeEvents
internal import RevokeModel

/// Why a worker ended.
public enum WorkerEnd: Hashable, Sendable {
    /// Drained, committed, left the group.
    case clean
    /// The drain limit passed with this many calls open: each may have been applied, and is repeated by the next owner.
    case callsLeftOpen(Int)
    /// Drained and committed, but Kafka's client did not close in time: the group was not left, and hands the partitions
    /// on when the session times out.
    case groupNotLeft
    /// Something that the worker cannot fix; one sentence.
    case fatal(String)
    /// Another member with the same `group.instance.id` took over (FENCED_INSTANCE_ID).
    case fenced(String)

    /// The process's exit code: 0, 5, 1, 3, 4.
    public var exitCode: Int32 {
        switch self {
        case .clean: 0
        case .groupNotLeft: 5
        case .fatal: 1
        case .callsLeftOpen: 3
        case .fenced: 4
        }
    }
}

/// The shell around the engine: it turns what Kafka, the API, the clock and the signals bring into the engine's inputs, and
/// carries the engine's actions out. It decides nothing.
///
/// It lives on the loop's thread: every method is called there.
public final class Worker {
    let setup: WorkerSetup
    let loop: EventLoop
    let logger: Logger
    let board: MetricsBoard
    let onEnd: (WorkerEnd) -> Void
    let onStuck: (WorkerEnd) -> Void
    let decoder: EventDecoder

    var engine: Engine
    var actions: [EngineAction] = []
    var store = RecordStore()
    var metrics = WorkerMetrics()
    var isTurnDue = true
    /// One reading of the clocks for each turn of the loop; nil: read again.
    var turnInstant: Instant?

    var client: LoopRevokeClient?
    var keyWatch: KeyFileWatch?
    var consumer: KafkaConsumer?
    var producer: KafkaProducer?
    var wakeTimer: LoopTimer?
    var publishTimer: LoopTimer?
    var rebalanceTimer: LoopTimer?
    var closeTimer: LoopTimer?
    var checkTimer: LoopTimer?
    var hook: TurnHook?

    /// The newest rebalance event.
    var rebalance: UInt64 = 0
    /// Whether topics and broker were found to be usable; no assignment is answered before.
    var isChecked = false
    var waitingAssign: (rebalance: UInt64, partitions: [Int32])?
    var hasJoined = false
    /// When the last commit was sent, in boot milliseconds; one is in flight at a time.
    var commitSentAt: Int64 = 0
    /// Failures in a row of the newest producer.
    var deadLetterFailures = 0
    var producerGeneration = 0
    /// The last attempt to store a dead letter failed.
    var deadLettersFail = false
    var refusedAnswers = 0
    var refusedAnswer: EngineAction?
    var answerTimer: LoopTimer?
    /// Why committed offsets could not be read the last time; nil once they were.
    var assignFailure: KafkaErrorCode?
    /// Where partitions of this assignment start that have no committed offset.
    var groupFacts = GroupFacts()
    /// When the group was last joined again to compare the logs with what is known of them.
    var comparedAt: Int64?
    var unread = UnreadPartitions()
    var leaderTimer: LoopTimer?
    var isEnding = false
    var isClosing = false
    var end: WorkerEnd?
    /// How far the log of each partition is, as librdkafka last heard.
    var logProgress: [Int32: KafkaPartitionProgress] = [:]
    var stalls = StallWatch()
    /// What librdkafka's log tells of connections that fail.
    let trouble = ConnectionTrouble()
    /// When a line told last that the group's members use another assignor.
    var assignorToldAt: Int64?
    var watchdog: LoopTimer?
    /// What the last look of the watchdog found missing, and in which assignment.
    var missing: (rebalance: UInt64, partitions: Set<Int32>)?

    /// The unknown accounts that were told while events of them are parked: each once, and so many at the most.
    var unknownAccounts: Set<String> = []
    static let unknownAccountLimit = 64
    /// Events of another type that were passed over since the last line about them, and when that was.
    var skippedSinceLine: UInt64 = 0
    var skippedLineAt: Int64 = 0

    /// Makes a worker; nothing happens before `start()`.
    /// - Parameters:
    ///   - setup: What it is made of.
    ///   - loop: The loop on which it lives.
    ///   - logger: Where it logs.
    ///   - board: Where it publishes its figures for other threads.
    ///   - onEnd: Called once, when all is closed; the caller stops the loop.
    ///   - onStuck: Called instead when the drain is over and Kafka's client does not close: only the process's end helps.
    public init(
        setup: WorkerSetup, loop: EventLoop, logger: Logger, board: MetricsBoard,
        onEnd: @escaping (WorkerEnd) -> Void, onStuck: @escaping (WorkerEnd) -> Void
    ) {
        self.setup = setup
        self.loop = loop
        self.logger = logger
        self.board = board
        self.onEnd = onEnd
        self.onStuck = onStuck
        decoder = setup.decoder
        engine = Engine(configuration: setup.engine, seed: setup.seed, now: Self.readClocks())
        metrics.startTime = EventLoop.wallTime()
        metrics.version = WorkerVersion.text
        metrics.libraries = LibraryVersions.all
    }

    /// How long Kafka's clients may take to close, in milliseconds.
    static let closeLimit: Int64 = 5_000

    // MARK: Life

    /// Connects to Kafka and the API and begins to work.
    /// - Throws: an error whose description is one sentence for the operator.
    public func start() throws {
        wakeTimer = try loop.makeTimer { [unowned self] in isTurnDue = true }
        publishTimer = try loop.makeTimer { [unowned self] in publish() }
        publishTimer?.start(after: 1_000, repeating: 1_000)
        rebalanceTimer = try loop.makeTimer { [unowned self] in retryAssign() }
        checkTimer = try loop.makeTimer { [unowned self] in checkTopics() }
        answerTimer = try loop.makeTimer { [unowned self] in repeatAnswer() }
        leaderTimer = try loop.makeTimer { [unowned self] in askLeaders() }
        watchdog = try loop.makeTimer { [unowned self] in compareAssignment() }
        watchdog?.start(after: Self.watchdogInterval)
        hook = try loop.beforeBlocking { [unowned self] in turnIfDue() }
        let client = try setup.client.make(
            loop: loop, key: setup.key, gateLimit: setup.configuration.sessionTimeout / 2)
        self.client = client
        engine.keyChanged(version: client.keyVersion, now: now)
        try watchKey()
        producer = try makeProducer()
        consumer = try KafkaConsumer(
            configuration: setup.kafka, mode: .group(setup.configuration.group), topic: setup.configuration.topic,
            loop: loop, log: kafkaLog(),
            onRecord: { [unowned self] record in received(record) },
            onEvent: { [unowned self] event in handle(event) })
        checkTopics()
        turn()
    }

    /// Drains, commits, leaves the group and ends. A second call does nothing.
    public func shutdown() {
        guard !isEnding else { return }
        isEnding = true
        logger.info("shutting down: no new calls, those in flight end")
        engine.shutdown(now: now)
        isTurnDue = true
    }

    /// Something cannot be mended: nothing starts any more. With `drains` the worker ends as at a shutdown, for as long
    /// as Kafka can still be used; else at once.
    func fail(_ end: WorkerEnd, drains: Bool = false) {
        guard self.end == nil else { return }
        isEnding = true
        self.end = end
        engine.shutdown(now: now)
        isTurnDue = true
        switch end {
        case .fatal(let text), .fenced(let text): logger.error("the worker cannot go on", [.error: .text(text)])
        case .clean, .groupNotLeft, .callsLeftOpen: break
        }
        if !drains { close() }
    }

    /// The drain is over: leave the group, flush the producer, then the end.
    func drained(openCalls: Int) {
        guard !isClosing else { return }
        end = end ?? (openCalls == 0 ? .clean : .callsLeftOpen(openCalls))
        close()
    }

    private func close() {
        guard !isClosing else { return }
        isClosing = true
        // The partitions may be another member's before the client is closed.
        client?.withholdUnsent()
        // Leaving the group waits for the brokers without a bound of its own.
        closeTimer = try? loop.makeTimer { [unowned self] in
            logger.error(
                "Kafka's client does not close; the process ends, and the group hands its partitions on when the session times out"
            )
            onStuck(end == nil || end == .clean ? .groupNotLeft : end ?? .groupNotLeft)
        }
        closeTimer?.start(after: Self.closeLimit)
        keyWatch?.close()
        publishTimer?.stop()
        rebalanceTimer?.stop()
        watchdog?.stop()
        leaderTimer?.stop()
        guard let consumer else { return closeProducer() }
        consumer.close(limit: 3_500) { [self] in
            self.consumer = nil
            closeProducer()
        }
    }

    private func closeProducer() {
        guard let producer else { return closed() }
        producer.close(limit: 1_000) { [self] in
            self.producer = nil
            closed()
        }
    }

    private func closed() {
        skippedLineAt = 0
        publish()
        client?.close()
        client = nil
        for timer in [
            wakeTimer, publishTimer, rebalanceTimer, answerTimer, checkTimer, closeTimer, watchdog, leaderTimer,
        ] {
            timer?.close()
        }
        hook?.close()
        hook = nil
        let end = self.end ?? .clean
        logger.info("stopped", [.status: .number(end.exitCode)])
        onEnd(end)
    }

    // MARK: Turns

    static func readClocks() -> Instant { Instant(boot: EventLoop.boottime(), wall: EventLoop.wallTime()) }

    /// The time of this turn of the loop.
    var now: Instant {
        if let turnInstant { return turnInstant }
        let instant = Self.readClocks()
        turnInstant = instant
        return instant
    }

    /// Before the loop waits: decide, if anything came.
    private func turnIfDue() {
        turnInstant = nil
        if isTurnDue { turn() }
        turnInstant = nil
    }

    func turn() {
        // An action can bring an answer at once, which the engine takes; the actions that follow from it come in the
        // next round.
        isTurnDue = true
        var rounds = 0
        while isTurnDue, rounds < 4 {
            isTurnDue = false
            rounds += 1
            // The gate opens for as long as the engine's own reading of the clocks allows: a gap between that reading and
            // this place would be nobody's. The actions of the round before may have taken any time.
            turnInstant = nil
            engine.turn(now: now)
            client?.tick(at: now.boot)
            engine.takeActions(into: &actions)
            for action in actions { perform(action) }
        }
        wakeTimer?.start(after: isTurnDue ? 0 : max(0, engine.nextWake - now.boot))
    }

    // MARK: Key

    private func watchKey() throws {
        let path = setup.configuration.account.keyFile
        guard !path.isEmpty else { return }
        keyWatch = try KeyFileWatch(
            loop: loop, path: path, current: setup.key, pollInterval: setup.configuration.keyPollInterval,
            changed: { [unowned self] key in
                guard let client else { return }
                client.updateKey(key)
                logger.info(
                    "the key file changed", [.path: .text(path), .keyVersion: .number(client.keyVersion)])
                engine.keyChanged(version: client.keyVersion, now: now)
                isTurnDue = true
            },
            problem: { [unowned self] problem in
                metrics.keyFileProblem = problem != nil
                if let problem {
                    logger.warning(
                        "the key file cannot be used; the key in memory is kept",
                        [.path: .text(path), .error: .text(WorkerSetup.text(problem))])
                } else {
                    logger.info("the key file is well again", [.path: .text(path)])
                }
            })
    }

    func kafkaLog() -> KafkaLogHandler {
        let logger = self.logger
        let trouble = self.trouble
        return { line in
            trouble.take(line)
            // News of properties and of old brokers, of no use in operation.
            if ["CONFWARN", "AUTOCREATE"].contains(line.facility) {
                return logger.debug(
                    "librdkafka", [.operation: .text(line.facility), .error: .text(line.text)])
            }
            switch line.level {
            case ...3: logger.warning("librdkafka", [.operation: .text(line.facility), .error: .text(line.text)])
            case 4: logger.info("librdkafka", [.operation: .text(line.facility), .error: .text(line.text)])
            default: logger.debug("librdkafka", [.operation: .text(line.facility), .error: .text(line.text)])
            }
        }
    }
}
