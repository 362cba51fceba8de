import EventLoop
import Kafka
import Testing

/// A mock cluster, a loop and consumers on it, driven step by step on the test's thread: `until` runs the loop until a
/// condition holds, which is looked at after each thing that happens. A bound fails the test.
final class Scenario {
    struct Stuck: Error, CustomStringConvertible {
        let description: String
    }

    let loop: EventLoop
    let cluster: MockCluster
    var configuration: KafkaConfiguration
    private var condition: (() -> Bool)?
    private var guardTimer: LoopTimer?
    private var isStuck = false

    init(topic: String = "events", partitions: Int = 1, brokers: Int = 1) throws {
        loop = try EventLoop()
        cluster = try MockCluster(brokers: brokers)
        try cluster.createTopic(topic, partitions: partitions)
        configuration = cluster.configuration
        configuration.set("session.timeout.ms", "6000")
        guardTimer = try loop.makeTimer { [unowned self] in
            isStuck = true
            loop.stop()
        }
    }

    deinit {
        loop.close()
        cluster.close()
    }

    /// Runs the loop until the condition holds.
    func until(_ what: String, _ condition: @escaping () -> Bool) throws {
        if condition() { return }
        self.condition = condition
        defer { self.condition = nil }
        guardTimer?.start(after: 30_000)
        while !condition(), !isStuck {
            loop.run()
        }
        guardTimer?.stop()
        if isStuck {
            throw Stuck(description: "no \(what) within 30 s")
        }
    }

    /// Looks at the condition; called after everything that happens.
    func check() {
        if let condition, condition() {
            loop.stop()
        }
    }

    /// Lets the loop run so many turns in which something may still come.
    func turns(_ count: Int) throws {
        var left = count
        let timer = try loop.makeTimer { [unowned self] in
            left -= 1
            check()
        }
        timer.start(after: 1, repeating: 1)
        try until("\(count) turns") { left <= 0 }
        timer.close()
    }

    /// Runs a query on a helper thread and returns its result.
    func query<R: Sendable>(_ work: @escaping @Sendable () throws(KafkaError) -> R) throws -> R {
        var result: Result<R, KafkaError>?
        try loop.offload({ () -> Result<R, KafkaError> in
            do throws(KafkaError) {
                return .success(try work())
            } catch {
                return .failure(error)
            }
        }) { [unowned self] in
            result = $0
            check()
        }
        try until("answer to a query") { result != nil }
        return try #require(result).get()
    }

    /// Produces records and waits for their delivery. With `together` all but the first one are in one message set: the
    /// broker is away until the producer has them all.
    func produce(_ records: [KafkaRecord], together: Bool = false) throws {
        var open = 0
        var isDown = false
        let producer = try KafkaProducer(configuration: configuration, loop: loop, log: { _ in }) { [unowned self] in
            switch $0 {
            case .delivered: open -= 1
            case .error(let error, _) where error.code == .allBrokersDown: isDown = true
            default: break
            }
            check()
        }
        for (index, record) in records.enumerated() {
            try producer.produce(
                id: UInt64(index), topic: record.topic, key: record.key, value: record.value,
                headers: record.headers, timestamp: record.timestamp < 0 ? nil : record.timestamp)
            open += 1
            if together, index == 0 {
                try until("delivery of the first record") { open == 0 }
                try cluster.setBroker(up: false)
                try until("news of the outage") { isDown }
            }
        }
        if together {
            try cluster.setBroker(up: true)
        }
        try until("delivery of \(records.count) records") { open == 0 }
        var isClosed = false
        producer.close(limit: 5_000) { [unowned self] in
            isClosed = true
            check()
        }
        try until("end of the producer") { isClosed }
    }

    /// Produces records with these values and without keys.
    func produce(values: some Sequence<Int>, to topic: String = "events", together: Bool = false) throws {
        try produce(
            values.map { KafkaRecord(topic: topic, partition: -1, offset: -1, value: Array("\($0)".utf8)) },
            together: together)
    }

    /// A member of the group.
    func member(
        topic: String = "events", mode: KafkaConsumer.Mode = .group("workers"),
        with changes: KafkaConfiguration = KafkaConfiguration()
    ) throws -> Member {
        try Member(self, topic: topic, mode: mode, configuration: configuration.overridden(by: changes))
    }
}

/// A consumer with everything that it told.
final class Member {
    struct Rebalance: Equatable {
        let number: UInt64
        let partitions: [Int32]
        let isRevoke: Bool
    }

    unowned let scenario: Scenario
    let consumer: KafkaConsumer
    var records: [KafkaRecord] = []
    var batches: [Int] = []
    var rebalances: [Rebalance] = []
    var commits: [KafkaCommitResult] = []
    var errors: [KafkaError] = []
    var resets: [KafkaError] = []
    var resetPartitions: [Int32?] = []
    var progress: [KafkaPartitionProgress] = []
    var ends: [Int32] = []
    var isClosed = false
    var answersAssigns = true
    var answersRevokes = true
    /// Where partitions start without a commit.
    var start: Int64 = KafkaPartitionOffset.beginning
    private let lines = LogLines()
    private var batch = 0
    private var onEventHook: ((KafkaConsumerEvent) -> Void)?

    init(_ scenario: Scenario, topic: String, mode: KafkaConsumer.Mode, configuration: KafkaConfiguration) throws {
        self.scenario = scenario
        let relay = Relay()
        consumer = try KafkaConsumer(
            configuration: configuration, mode: mode, topic: topic, loop: scenario.loop,
            log: { [lines] in lines.append($0) }, onRecord: { relay.member?.take($0) },
            onEvent: { relay.member?.take($0) })
        relay.member = self
    }

    /// Where the consumer's handlers find the member, which is made after it.
    private final class Relay {
        weak var member: Member?
    }

    /// Whether the broker has confirmed that the member left; needs `debug=cgrp`.
    var hasLeft: Bool {
        lines.all.contains { $0.facility == "LEAVEGROUP" && $0.text.contains("LeaveGroup response received") }
    }

    /// Calls the hook at each event, before the scenario looks.
    func onEvent(_ hook: @escaping (KafkaConsumerEvent) -> Void) {
        onEventHook = hook
    }

    var values: [Int] {
        records.compactMap { record in record.value.flatMap { Int(String(decoding: $0, as: UTF8.self)) } }
    }

    private func take(_ record: borrowing BorrowedRecord) {
        records.append(record.copy())
        batch += 1
        scenario.check()
    }

    private func take(_ event: KafkaConsumerEvent) {
        defer {
            onEventHook?(event)
            scenario.check()
        }
        switch event {
        case .assign(let number, let partitions):
            rebalances.append(Rebalance(number: number, partitions: partitions.sorted(), isRevoke: false))
            if answersAssigns { assign(number, partitions) }
        case .revoke(let number, let partitions, _):
            rebalances.append(Rebalance(number: number, partitions: partitions.sorted(), isRevoke: true))
            if answersRevokes { unassign(number) }
        case .committed(let result): commits.append(result)
        case .error(let error, _, _): errors.append(error)
        case .offsetReset(let error, let partition):
            resets.append(error)
            resetPartitions.append(partition)
        case .statistics(let progress): self.progress = progress
        case .endOfPartition(let partition, _): ends.append(partition)
        case .batchEnded:
            batches.append(batch)
            batch = 0
        }
    }

    func assign(_ number: UInt64, _ partitions: [Int32]) {
        #expect(throws: Never.self) {
            let answer = try consumer.assign(
                rebalance: number, partitions.map { KafkaPartitionOffset(partition: $0, offset: start) })
            #expect(answer == .done)
        }
    }

    func unassign(_ number: UInt64) {
        #expect(throws: Never.self) {
            let answer = try consumer.unassign(rebalance: number)
            #expect(answer == .done)
        }
    }

    /// Closes and waits for the end.
    func close(limit: Int64? = nil) throws {
        consumer.close(limit: limit) { [unowned self] in
            isClosed = true
            scenario.check()
        }
        try scenario.until("end of the consumer") { self.isClosed }
    }
}
