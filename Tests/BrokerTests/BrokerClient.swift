import EventLoop
import Foundation
import Kafka

/// What the tests do on a broker through the `Kafka` target, on a loop of their own.
enum BrokerClient {
    struct Failure: Error {
        var errors: [KafkaError]
    }

    /// Writes records and waits for the brokers' acknowledgement of all of them.
    static func publish(_ records: [TestRecord], to topic: String, on bootstrap: String) async throws {
        try await withProducer(bootstrap) { producer in
            for (index, record) in records.enumerated() {
                try producer.produce(
                    id: UInt64(index), topic: topic, key: record.key.map { Array($0.utf8) }, value: record.value,
                    headers: record.headers)
            }
        }
    }

    /// Creates topics with these numbers of partitions.
    static func createTopics(_ topics: [String: Int], on bootstrap: String) async throws {
        try await withProducer(bootstrap) { producer in
            let retention = ["retention.ms": "\(31 * 86_400_000)"]
            let results = try producer.queries.createTopics(
                topics.map { KafkaNewTopic(name: $0.key, partitionCount: $0.value, configuration: retention) },
                limit: 30_000)
            let errors = results.compactMap(\.error)
            if !errors.isEmpty { throw Failure(errors: errors) }
        }
    }

    /// Runs a loop with a producer on a thread until all that the body produced is stored.
    private static func withProducer(
        _ bootstrap: String, _ body: @escaping @Sendable (KafkaProducer) throws -> Void
    ) async throws {
        let failure: (any Error)? = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                do {
                    try run(bootstrap, body)
                    continuation.resume(returning: nil)
                } catch {
                    continuation.resume(returning: error)
                }
            }
        }
        if let failure { throw failure }
    }

    private static func run(_ bootstrap: String, _ body: (KafkaProducer) throws -> Void) throws {
        let loop = try EventLoop()
        defer { loop.close() }
        var errors: [KafkaError] = []
        let producer = try KafkaProducer(
            configuration: KafkaConfiguration(bootstrapServers: bootstrap), loop: loop, log: { _ in },
            onEvent: { event in
                if case .failed(_, let error, _) = event { errors.append(error) }
            })
        let outcome = Result { try body(producer) }
        producer.close(limit: 30_000) { loop.stop() }
        loop.run()
        try outcome.get()
        if !errors.isEmpty { throw Failure(errors: errors) }
    }
}
