import EventLoop
import Kafka
import Testing

@Suite struct ConsumerTests {
    /// Null and empty differ in key, value and header value, on the way in and out.
    @Test func tellsNullAndEmptyApart() throws {
        let scenario = try Scenario()
        let sent = [
            KafkaRecord(
                topic: "events", partition: 0, offset: 0, timestamp: 1_700_000_000_000, key: [1, 0, 2], value: [3],
                headers: [
                    KafkaHeader(name: "a", text: "x"), KafkaHeader(name: "null", value: nil),
                    KafkaHeader(name: "empty", value: []), KafkaHeader(name: "a", value: [0, 255]),
                ]),
            KafkaRecord(topic: "events", partition: 0, offset: 1, timestamp: 1_700_000_000_001, key: nil, value: nil),
            KafkaRecord(topic: "events", partition: 0, offset: 2, timestamp: 1_700_000_000_002, key: [], value: []),
        ]
        try scenario.produce(sent)
        let member = try scenario.member()
        try scenario.until("records") { member.records.count == 3 }
        #expect(member.records == sent)
        try member.close()
    }

    /// The borrowed form lends the same bytes as the copy.
    @Test func lendsBytes() throws {
        let scenario = try Scenario()
        try scenario.produce([
            KafkaRecord(topic: "events", partition: 0, offset: 0, key: [7, 8], value: nil),
            KafkaRecord(topic: "events", partition: 0, offset: 1, key: nil, value: []),
        ])
        var seen: [String] = []
        func describe(_ bytes: RawSpan?) -> String {
            if let bytes { "\(bytes.byteCount)" } else { "null" }
        }
        let consumer = try KafkaConsumer(
            configuration: scenario.configuration, mode: .direct, topic: "events", loop: scenario.loop, log: { _ in },
            onRecord: { [unowned scenario] record in
                let key = record.withKey(describe)
                let value = record.withValue(describe)
                seen.append("\(record.offset) \(key) \(value) \(record.keySize) \(record.valueSize)")
                scenario.check()
            }, onEvent: { _ in })
        try consumer.read(from: [KafkaPartitionOffset(partition: 0, offset: 0)])
        try scenario.until("records") { seen.count == 2 }
        #expect(seen == ["0 2 null 2 0", "1 null 0 0 0"])
        var isClosed = false
        consumer.close { [unowned scenario] in
            isClosed = true
            scenario.check()
        }
        try scenario.until("end") { isClosed }
    }

    /// At most 256 records come in one turn, all come in order, and no wake-up is missed between turns.
    @Test func drainsInBatches() throws {
        let scenario = try Scenario()
        // One message set: they come together, however slow the consumer's threads are.
        try scenario.produce(values: 0..<3_000, together: true)
        let member = try scenario.member()
        try scenario.until("records") { member.records.count == 3_000 }
        try scenario.until("end of batch") { member.batches.reduce(0, +) == 3_000 }
        #expect(member.values == Array(0..<3_000))
        #expect(member.batches.allSatisfy { $0 <= 256 })
        #expect(member.batches.contains(256), "\(member.batches)")
        // What comes later wakes the loop again.
        try scenario.produce(values: 3_000..<3_010)
        try scenario.until("later records") { member.records.count == 3_010 }
        try member.close()
    }

    /// Whoever decides once a turn, before the loop waits, is asked after 256 records at the latest, and a pause that is
    /// ordered there holds.
    @Test func aTurnOfTheLoopStandsBetweenTwoBatches() throws {
        let scenario = try Scenario()
        try scenario.produce(values: 0..<3_000, together: true)
        let member = try scenario.member()
        var seen = 0
        var most = 0
        var atPause: Int?
        let hook = try scenario.loop.beforeBlocking {
            most = max(most, member.records.count - seen)
            seen = member.records.count
            guard atPause == nil, seen >= 500 else { return }
            atPause = seen
            #expect(throws: Never.self) { try member.consumer.pause([0]) }
        }
        try scenario.until("pause") { atPause != nil }
        try scenario.turns(50)
        #expect(member.records.count == atPause)
        #expect(atPause.map { $0 < 500 + 256 } == true)
        try member.consumer.resume([0])
        try scenario.until("records") { member.records.count == 3_000 }
        #expect(most <= 256)
        #expect(member.values == Array(0..<3_000))
        hook.close()
        try member.close()
    }

    @Test func readsWithoutAGroupToTheEnd() throws {
        let scenario = try Scenario(partitions: 1)
        try scenario.produce(values: 0..<20)
        let reader = try scenario.member(mode: .direct)
        try reader.consumer.read(from: [KafkaPartitionOffset(partition: 0, offset: 5)])
        try scenario.until("end of the partition") { reader.ends == [0] }
        #expect(reader.values == Array(5..<20))
        #expect(reader.rebalances.isEmpty)
        try reader.close()
    }

    @Test func refusesPatterns() throws {
        let scenario = try Scenario()
        for topic in ["^events", ""] {
            #expect(throws: KafkaSetupError.self) { try scenario.member(topic: topic) }
        }
    }

    // MARK: Flow

    /// Whatever was in the consumer's queue at the pause comes once after the resume, not twice and not never.
    @Test func pauseAndResumeDeliverEachRecordOnce() throws {
        let scenario = try Scenario()
        try scenario.produce(values: 0..<2_000)
        let member = try scenario.member()
        try scenario.until("some records") { member.records.count >= 300 }
        for _ in 0..<3 {
            try member.consumer.pause([0])
            try member.consumer.pause([0, 5])
            let count = member.records.count
            try scenario.turns(20)
            #expect(member.records.count == count)
            #expect(member.consumer.pausedPartitions == [0])
            try member.consumer.resume([0])
            try scenario.until("more records") { member.records.count >= min(2_000, count + 300) }
        }
        try scenario.until("all records") { member.records.count >= 2_000 }
        try scenario.turns(20)
        #expect(member.values == Array(0..<2_000))
        try member.close()
    }

    /// librdkafka rewinds a partition that is resumed without a pause; the consumer never does that.
    @Test func resumeWithoutAPauseRewindsNothing() throws {
        let scenario = try Scenario()
        try scenario.produce(values: 0..<500)
        let member = try scenario.member()
        try scenario.until("some records") { member.records.count >= 50 }
        for _ in 0..<20 {
            try member.consumer.resume([0])
        }
        try scenario.until("all records") { member.records.count >= 500 }
        try scenario.produce(values: 500..<501)
        try member.consumer.resume([0])
        try scenario.until("the last record") { member.values.last == 500 }
        #expect(member.values == Array(0..<501))
        try member.close()
    }

    /// A pause inside librdkafka outlives a rebalance; ours does not.
    @Test func assignForgetsPauses() throws {
        let scenario = try Scenario()
        try scenario.produce(values: 0..<10)
        let member = try scenario.member()
        try scenario.until("records") { member.records.count == 10 }
        try member.consumer.pause([0])
        let other = try scenario.member()
        try scenario.until("partition of either") {
            member.rebalances.last?.isRevoke == false && member.rebalances.count >= 3 && !other.rebalances.isEmpty
        }
        #expect(member.consumer.pausedPartitions.isEmpty)
        let reader = member.rebalances.last?.partitions == [0] ? member : other
        // They may have come before the other member has its share, which is nothing.
        let count = reader === member ? 10 : 0
        try scenario.until("records after the rebalance") { reader.records.count >= count + 10 }
        #expect(Array(reader.values.suffix(10)) == Array(0..<10))
        try other.close()
        // And back again, to the one that had paused it.
        try scenario.until("the partition") { member.rebalances.last?.partitions == [0] }
        try scenario.until("records") { member.values.suffix(10) == Array(0..<10)[...] }
        try member.close()
    }

    // MARK: Statistics and errors

    @Test func statisticsShowTheLag() throws {
        let scenario = try Scenario(partitions: 2)
        try scenario.produce(values: 0..<100)
        let member = try scenario.member(with: KafkaConfiguration([("statistics.interval.ms", "100")]))
        try scenario.until("records") { member.records.count == 100 }
        try scenario.until("statistics without lag") {
            member.progress.count == 2 && member.progress.allSatisfy { $0.lag == 0 }
        }
        #expect(member.progress.map(\.partition) == [0, 1])
        #expect(member.progress.compactMap(\.position).reduce(0, +) == 100)
        try member.close()
    }

    @Test func lagIsKnownOrNil() {
        #expect(KafkaPartitionProgress(partition: 0, logStart: 0, logEnd: 9, position: 4).lag == 5)
        #expect(KafkaPartitionProgress(partition: 0, logStart: 0, logEnd: 3, position: 4).lag == 0)
        #expect(KafkaPartitionProgress(partition: 0, logStart: 0, logEnd: nil, position: 4).lag == nil)
        #expect(KafkaPartitionProgress(partition: 0, logStart: 0, logEnd: 9, position: nil).lag == nil)
    }

    /// An offset beyond the log is told, and a new assignment with a good one goes on.
    @Test func tellsAnOffsetOutsideTheLog() throws {
        let scenario = try Scenario()
        try scenario.produce(values: 0..<5)
        let reader = try scenario.member(mode: .direct)
        try reader.consumer.read(from: [KafkaPartitionOffset(partition: 0, offset: 1_000)])
        try scenario.until("offset reset") { !reader.resets.isEmpty }
        #expect(reader.resets.first?.code == .autoOffsetReset)
        #expect(reader.records.isEmpty)
        try reader.consumer.read(from: [KafkaPartitionOffset(partition: 0, offset: 2)])
        try scenario.until("records") { reader.records.count == 3 }
        #expect(reader.values == [2, 3, 4])
        try reader.close()
    }

    /// Broker trouble is news; the consumer goes on by itself, with nothing lost or doubled.
    @Test func survivesABrokerThatIsDownForAWhile() throws {
        let scenario = try Scenario()
        try scenario.produce(values: 0..<10)
        let member = try scenario.member()
        try scenario.until("records") { member.records.count == 10 }
        try scenario.cluster.setBroker(up: false)
        try scenario.until("news of the outage") { !member.errors.isEmpty }
        #expect(member.errors.allSatisfy { $0.code.isLocal })
        try scenario.cluster.setBroker(up: true)
        try scenario.produce(values: 10..<20)
        try scenario.until("records after the outage") { member.values.contains(19) }
        #expect(Array(member.values.suffix(10)) == Array(10..<20))
        try member.close()
    }

    @Test func logsGoToTheHandler() throws {
        let scenario = try Scenario()
        let lines = LogLines()
        let consumer = try KafkaConsumer(
            configuration: scenario.configuration.overridden(by: KafkaConfiguration([("debug", "generic")])),
            mode: .group("g"), topic: "events", loop: scenario.loop, log: { lines.append($0) }, onRecord: { _ in },
            onEvent: { _ in })
        var isClosed = false
        consumer.close { [unowned scenario] in
            isClosed = true
            scenario.check()
        }
        try scenario.until("end") { isClosed }
        #expect(lines.all.contains { $0.level == 7 && !$0.facility.isEmpty && !$0.text.isEmpty })
    }
}
