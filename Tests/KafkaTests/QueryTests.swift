import EventLoop
import Kafka
import Testing

@Suite struct QueryTests {
    @Test func watermarksAndTimes() throws {
        let scenario = try Scenario(partitions: 2)
        try scenario.produce(values: 0..<30)
        let client = try KafkaClient(configuration: scenario.configuration, group: "workers", log: { _ in })
        let queries = client.queries
        let watermarks = try scenario.query { () throws(KafkaError) in
            try queries.watermarks(topic: "events", partitions: [1, 0], limit: 10_000)
        }
        #expect(watermarks.map(\.partition) == [1, 0])
        #expect(watermarks.allSatisfy { $0.low == 0 })
        #expect(watermarks.map(\.high).reduce(0, +) == 30)
        let offsets = try scenario.query { () throws(KafkaError) in
            try queries.offsets(topic: "events", partitions: [0, 1], time: 1_000, limit: 10_000)
        }
        #expect(offsets.map(\.partition) == [0, 1])
        let committed = try scenario.query { () throws(KafkaError) in
            try queries.committed(topic: "events", partitions: [0], limit: 10_000)
        }
        #expect(committed == [KafkaCommittedOffset(partition: 0, offset: nil, metadata: [])])
        client.close()
        client.close()
        #expect(throws: KafkaError(.destroy)) { try queries.topicMetadata("events", limit: 1_000) }
    }

    @Test func metadata() throws {
        let scenario = try Scenario(partitions: 5, brokers: 3)
        let client = try KafkaClient(configuration: scenario.configuration, log: { _ in })
        defer { client.close() }
        let queries = client.queries
        let found = try scenario.query { () throws(KafkaError) in
            try queries.topicMetadata("events", limit: 10_000)
        }
        #expect(found?.partitionCount == 5)
        #expect(found?.replicationFactor == 3)
        #expect(found?.brokerCount == 3)
        // The mock creates what is asked for, but for this.
        scenario.cluster.setTopicError("no-such-topic", .unknownTopicOrPartition)
        for _ in 0..<2 {
            let missing = try scenario.query { () throws(KafkaError) in
                try queries.topicMetadata("no-such-topic", limit: 10_000)
            }
            #expect(missing == nil)
        }
    }

    @Test func unreachable() throws {
        let scenario = try Scenario()
        let client = try KafkaClient(configuration: KafkaConfiguration(bootstrapServers: "127.0.0.1:1"), log: { _ in })
        defer { client.close() }
        let queries = client.queries
        for _ in 0..<2 {
            let error = #expect(throws: KafkaError.self) {
                try scenario.query { () throws(KafkaError) in try queries.topicMetadata("events", limit: 300) }
            }
            #expect(error?.code == .transport || error?.code == .timedOut)
        }
    }

    /// The handle outlives a query that runs while the consumer closes: close waits for it, then all is gone.
    @Test func aQueryOutlivesTheClose() throws {
        let scenario = try Scenario()
        let member = try scenario.member()
        try scenario.until("assign") { member.rebalances.count == 1 }
        // Answers take longer than the limit, so that the query is under way while the consumer closes.
        try scenario.cluster.setRoundTripTime(1_000)
        let queries = member.consumer.queries
        var answer: Result<[KafkaWatermarks], KafkaError>?
        try scenario.loop.offload({ () -> Result<[KafkaWatermarks], KafkaError> in
            do throws(KafkaError) {
                return .success(try queries.watermarks(topic: "events", partitions: [0], limit: 400))
            } catch {
                return .failure(error)
            }
        }) { [unowned scenario] in
            answer = $0
            scenario.check()
        }
        try member.close()
        try scenario.until("answer") { answer != nil }
        #expect(throws: KafkaError.self) { try answer?.get() }
        #expect(throws: KafkaError(.destroy)) { try queries.topicMetadata("events", limit: 1_000) }
    }

    @Test func topicConfigurationIsRead() {
        let values = ["cleanup.policy": "compact,delete", "retention.ms": "-1", "min.insync.replicas": "2"]
        let configuration = KafkaTopicConfiguration(values: values)
        #expect(configuration.isCompacted)
        #expect(configuration.retention == -1)
        #expect(configuration.minimumInSyncReplicas == 2)
        #expect(!KafkaTopicConfiguration(values: ["cleanup.policy": "delete"]).isCompacted)
        #expect(KafkaTopicConfiguration(values: [:]).retention == nil)
    }
}
