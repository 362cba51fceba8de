import EventLoop
import Kafka
import Testing

@Suite struct ProducerTests {
    /// A producer with its reports.
    private final class Sender {
        let producer: KafkaProducer
        let reports: Reports

        final class Reports {
            var delivered: [UInt64] = []
            var failed: [UInt64: KafkaError] = [:]
            var possiblyPersisted: Set<UInt64> = []
            var count: Int { delivered.count + failed.count }
        }

        init(_ scenario: Scenario, _ changes: [(name: String, value: String)] = []) throws {
            let reports = Reports()
            self.reports = reports
            producer = try KafkaProducer(
                configuration: scenario.configuration.overridden(by: KafkaConfiguration(changes)),
                loop: scenario.loop, log: { _ in }
            ) { [unowned scenario] in
                switch $0 {
                case .delivered(let id, _, _): reports.delivered.append(id)
                case .failed(let id, let error, let possiblyPersisted):
                    reports.failed[id] = error
                    if possiblyPersisted { reports.possiblyPersisted.insert(id) }
                case .error: break
                }
                scenario.check()
            }
        }

        func close(_ scenario: Scenario, limit: Int64 = 5_000) throws {
            var isClosed = false
            producer.close(limit: limit) { [unowned scenario] in
                isClosed = true
                scenario.check()
            }
            try scenario.until("end of the producer") { isClosed }
        }
    }

    @Test func reportsEachDelivery() throws {
        let scenario = try Scenario(partitions: 4)
        let sender = try Sender(scenario)
        for id in 0..<UInt64(300) {
            try sender.producer.produce(id: id, topic: "events", key: Array("\(id % 7)".utf8), value: [1])
        }
        #expect(sender.producer.openCount == 300)
        #expect(throws: KafkaError.self) {
            try sender.producer.produce(id: 7, topic: "events", key: nil, value: nil)
        }
        try scenario.until("reports") { sender.reports.count == 300 }
        #expect(Set(sender.reports.delivered) == Set(0..<300))
        #expect(sender.producer.openCount == 0)
        // An id is free again after its report.
        try sender.producer.produce(id: 7, topic: "events", key: nil, value: nil)
        try sender.close(scenario)
        #expect(sender.reports.count == 301)
        #expect(throws: KafkaError(.destroy)) {
            try sender.producer.produce(id: 8, topic: "events", key: nil, value: nil)
        }
    }

    /// Refused for good by the broker: certainly not stored.
    @Test func reportsFailure() throws {
        let scenario = try Scenario()
        let sender = try Sender(scenario)
        scenario.cluster.failNext(.produce, with: [.topicAuthorizationFailed])
        try sender.producer.produce(id: 1, topic: "events", key: nil, value: [1])
        try scenario.until("report") { sender.reports.count == 1 }
        #expect(sender.reports.failed[1]?.code == .topicAuthorizationFailed)
        #expect(sender.reports.possiblyPersisted.isEmpty)
        try sender.close(scenario)
    }

    /// Sent, and the answer never came: it may be stored.
    @Test func reportsThatItMayBeStored() throws {
        let scenario = try Scenario()
        let sender = try Sender(
            scenario, [("message.timeout.ms", "1000"), ("request.timeout.ms", "900"), ("socket.timeout.ms", "1000")])
        try sender.producer.produce(id: 1, topic: "events", key: nil, value: [1])
        try scenario.until("report") { sender.reports.count == 1 }
        try scenario.cluster.setRoundTripTime(5_000)
        try sender.producer.produce(id: 2, topic: "events", key: nil, value: [2])
        try scenario.until("report") { sender.reports.count == 2 }
        #expect(sender.reports.failed[2] != nil)
        #expect(sender.reports.possiblyPersisted == [2])
        try sender.close(scenario)
    }

    @Test func repairsWhatCanBeRepaired() throws {
        let scenario = try Scenario()
        let sender = try Sender(scenario)
        scenario.cluster.failNext(.produce, with: [.notLeaderForPartition, .transport, .requestTimedOut])
        try sender.producer.produce(id: 1, topic: "events", key: nil, value: [1])
        try scenario.until("report") { sender.reports.count == 1 }
        #expect(sender.reports.delivered == [1])
        try sender.close(scenario)
    }

    /// A record that is too large is refused at once and nothing leaks; its headers are freed by us.
    @Test func refusesARecordThatIsTooLarge() throws {
        let scenario = try Scenario()
        let sender = try Sender(scenario, [("message.max.bytes", "2000")])
        let error = #expect(throws: KafkaError.self) {
            try sender.producer.produce(
                id: 1, topic: "events", key: nil, value: [UInt8](repeating: 0, count: 5_000),
                headers: [KafkaHeader(name: "a", text: "b")])
        }
        #expect(error?.code == .messageSizeTooLarge)
        #expect(sender.producer.openCount == 0)
        try sender.close(scenario)
        #expect(sender.reports.count == 0)
    }

    /// A topic that does not exist fails locally, with headers, which `VTYPE_HEADER` would free twice.
    @Test func unknownTopicWithHeaders() throws {
        let scenario = try Scenario()
        scenario.cluster.setTopicError("no-such-topic", .unknownTopicOrPartition)
        let sender = try Sender(scenario, [("topic.metadata.propagation.max.ms", "0")])
        for id in 0..<UInt64(3) {
            do {
                try sender.producer.produce(
                    id: id, topic: "no-such-topic", key: nil, value: [1], headers: [KafkaHeader(name: "a", text: "b")])
                try scenario.until("report") { sender.reports.failed[id] != nil }
                #expect(
                    [.unknownTopic, .unknownTopicOrPartition].contains(sender.reports.failed[id]?.code))
            } catch let error as KafkaError {
                // Known to be missing by now.
                #expect(error.code == .unknownTopic || error.code == .unknownTopicOrPartition)
            }
        }
        #expect(sender.reports.possiblyPersisted.isEmpty)
        try sender.close(scenario)
    }

    /// Each record gets its report also when the producer closes with brokers down.
    @Test func closeReportsWhatIsLeft() throws {
        let scenario = try Scenario()
        let sender = try Sender(scenario)
        try sender.producer.produce(id: 1, topic: "events", key: nil, value: [1])
        try scenario.until("report") { sender.reports.count == 1 }
        try scenario.cluster.setBroker(up: false)
        for id in 2..<UInt64(20) {
            try sender.producer.produce(id: id, topic: "events", key: nil, value: [1])
        }
        try sender.close(scenario, limit: 200)
        #expect(sender.reports.count == 19)
        #expect(sender.reports.failed.count == 18)
    }

    /// Waits for the reports that are under way: nothing is given up within the limit.
    @Test func closeFlushes() throws {
        let scenario = try Scenario()
        let sender = try Sender(scenario)
        try scenario.cluster.setRoundTripTime(200)
        for id in 0..<UInt64(10) {
            try sender.producer.produce(id: id, topic: "events", key: nil, value: [1])
        }
        try sender.close(scenario, limit: 20_000)
        #expect(sender.reports.delivered.count == 10)
    }
}
