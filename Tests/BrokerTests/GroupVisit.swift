import EventLoop
import Foundation
import Kafka

/// A short membership in a group that has no other member: reads what the group committed, and commits in its name.
enum GroupVisit {
    struct Failure: Error {
        var reason: String
    }

    /// What the group committed for its topic, with the metadata.
    static func committed(
        group: String, topic: String, on bootstrap: String
    ) async throws -> [KafkaCommittedOffset] {
        try await visit(group, topic, bootstrap, putting: nil)
    }

    /// Commits these offsets with their metadata, as a tool does that restores a group.
    static func restore(
        _ offsets: [KafkaCommittedOffset], group: String, topic: String, on bootstrap: String
    ) async throws {
        _ = try await visit(group, topic, bootstrap, putting: offsets)
    }

    private static func visit(
        _ group: String, _ topic: String, _ bootstrap: String, putting offsets: [KafkaCommittedOffset]?
    ) async throws -> [KafkaCommittedOffset] {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try run(group, topic, bootstrap, offsets) })
            }
        }
    }

    private static func run(
        _ group: String, _ topic: String, _ bootstrap: String, _ offsets: [KafkaCommittedOffset]?
    ) throws -> [KafkaCommittedOffset] {
        let loop = try EventLoop()
        defer { loop.close() }
        var consumer: KafkaConsumer?
        var result: Result<[KafkaCommittedOffset], any Error> = .failure(Failure(reason: "no assignment in 30 s"))
        func finish(_ end: Result<[KafkaCommittedOffset], any Error>) {
            guard let leaving = consumer else { return }
            result = end
            consumer = nil
            leaving.close(limit: 5_000) { loop.stop() }
        }
        consumer = try KafkaConsumer(
            configuration: KafkaConfiguration(bootstrapServers: bootstrap), mode: .group(group), topic: topic,
            loop: loop, log: { _ in }, onRecord: { _ in },
            onEvent: { event in
                guard let member = consumer else { return }
                switch event {
                case .assign(_, let partitions):
                    do {
                        guard let offsets else {
                            let found = try member.queries.committed(
                                topic: topic, partitions: partitions.sorted(), limit: 10_000)
                            return finish(.success(found))
                        }
                        let commits = offsets.compactMap { stored in
                            stored.offset.map {
                                KafkaCommit(partition: stored.partition, offset: $0, metadata: stored.metadata)
                            }
                        }
                        try member.commit(id: 1, commits)
                    } catch {
                        finish(.failure(error))
                    }
                case .committed(let answer):
                    let error = answer.error ?? answer.partitions.compactMap(\.error).first
                    finish(error.map { .failure(Failure(reason: "\($0)")) } ?? .success([]))
                case .error(let error, _, true): finish(.failure(Failure(reason: "\(error)")))
                case .revoke, .error, .offsetReset, .statistics, .endOfPartition, .batchEnded: break
                }
            })
        let bound = try loop.makeTimer { finish(result) }
        bound.start(after: 30_000)
        loop.run()
        bound.close()
        return try result.get()
    }
}
