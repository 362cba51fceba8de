import EventLoop
import Kafka
import Testing

@Suite struct GroupTests {
    /// A rebalance event waits for its answer: nothing is read meanwhile. Old numbers and wrong kinds change nothing.
    @Test func rebalancesAreHeldAndNumbered() throws {
        let scenario = try Scenario(partitions: 2)
        try scenario.produce(values: 0..<50)
        let first = try scenario.member()
        first.answersAssigns = false
        first.answersRevokes = false
        try scenario.until("assign") { first.rebalances.count == 1 }
        let assign = try #require(first.rebalances.last)
        #expect(assign.partitions == [0, 1])
        try scenario.turns(30)
        #expect(first.records.isEmpty)
        #expect(try first.consumer.unassign(rebalance: assign.number) == .wrongKind)
        #expect(try first.consumer.assign(rebalance: assign.number + 1, []) == .outdated)
        first.assign(assign.number, assign.partitions)
        #expect(try first.consumer.assign(rebalance: assign.number, []) == .outdated)
        try scenario.until("records") { first.records.count == 50 }

        let second = try scenario.member()
        try scenario.until("revoke") { first.rebalances.last?.isRevoke == true }
        let revoke = try #require(first.rebalances.last)
        #expect(revoke.partitions == [0, 1])
        #expect(revoke.number > assign.number)
        #expect(try first.consumer.assign(rebalance: assign.number, []) == .outdated)
        #expect(try first.consumer.unassign(rebalance: assign.number) == .outdated)
        #expect(try first.consumer.assign(rebalance: revoke.number, []) == .wrongKind)
        #expect(!first.consumer.isAssignmentLost)
        // The other gets nothing until the answer.
        try scenario.turns(30)
        #expect(second.rebalances.isEmpty)
        #expect(first.consumer.assignedPartitions == [0, 1])
        first.unassign(revoke.number)
        #expect(first.consumer.assignedPartitions.isEmpty)
        first.answersAssigns = true
        first.answersRevokes = true
        try scenario.until("both have a part") {
            first.rebalances.last?.partitions.count == 1 && second.rebalances.last?.partitions.count == 1
        }
        #expect(
            Set([first, second].flatMap { $0.rebalances.last?.partitions ?? [] }) == [0, 1])
        try second.close()
        try first.close()
    }

    /// Closing delivers the revoke, accepts a commit, and leaves the group: the other member gets everything at once,
    /// and reads on where the commit says.
    @Test func closeLeavesTheGroup() throws {
        let scenario = try Scenario(partitions: 2)
        try scenario.produce(values: 0..<100)
        let first = try scenario.member(with: KafkaConfiguration([("debug", "cgrp")]))
        try scenario.until("records") { first.records.count == 100 }
        first.answersRevokes = false
        var sequence: [String] = []
        first.onEvent { [unowned first] event in
            switch event {
            case .revoke(let number, _, let lost):
                sequence.append("revoke \(lost)")
                let ends = Dictionary(grouping: first.records, by: \.partition)
                    .mapValues { ($0.map(\.offset).max() ?? -1) + 1 }
                #expect(throws: Never.self) {
                    try first.consumer.commit(
                        id: number, ends.map { KafkaCommit(partition: $0.key, offset: $0.value) })
                }
            case .committed(let result):
                sequence.append("commit \(result.error == nil)")
                first.unassign(result.id)
            case .assign, .error, .offsetReset, .statistics, .endOfPartition, .batchEnded:
                break
            }
        }
        try first.close()
        #expect(sequence == ["revoke false", "commit true"])
        #expect(first.hasLeft)
        let second = try scenario.member()
        try scenario.until("assign") { second.rebalances.count == 1 }
        #expect(second.rebalances.first?.partitions == [0, 1])
        let queries = second.consumer.queries
        let committed = try scenario.query { () throws(KafkaError) in
            try queries.committed(topic: "events", partitions: [0, 1], limit: 10_000)
        }
        #expect(committed.compactMap(\.offset).reduce(0, +) == 100)
        try second.close()
    }

    /// An assign that is held when the consumer closes is dropped, and the group is left all the same.
    @Test func closeWhileAnAssignIsHeld() throws {
        let scenario = try Scenario()
        let first = try scenario.member(with: KafkaConfiguration([("debug", "cgrp")]))
        first.answersAssigns = false
        try scenario.until("assign") { first.rebalances.count == 1 }
        try first.close()
        #expect(first.hasLeft)
        #expect(try first.consumer.assign(rebalance: 1, []) == .outdated)
        let second = try scenario.member()
        try scenario.until("assign of the next") { second.rebalances.count == 1 }
        try second.close()
    }

    /// A consumer that never joined closes as well, also from its own handler and without any broker.
    @Test func closeBeforeAnything() throws {
        let scenario = try Scenario()
        let member = try scenario.member()
        try member.close()
        let nowhere = try scenario.member(
            with: KafkaConfiguration([("bootstrap.servers", "127.0.0.1:1")]))
        try nowhere.close()
        #expect(throws: KafkaError.self) { try nowhere.consumer.commit(id: 1, [KafkaCommit(partition: 0, offset: 1)]) }
        #expect(throws: KafkaError.self) { try nowhere.consumer.read(from: []) }
        #expect(nowhere.consumer.isAssignmentLost)
        let queries = nowhere.consumer.queries
        #expect(throws: KafkaError(.destroy)) { try queries.topicMetadata("events", limit: 1_000) }
    }

    @Test func closeFromTheHandler() throws {
        let scenario = try Scenario()
        try scenario.produce(values: 0..<1_000)
        var seen = 0
        var isClosed = false
        var consumer: KafkaConsumer?
        consumer = try KafkaConsumer(
            configuration: scenario.configuration, mode: .direct, topic: "events", loop: scenario.loop, log: { _ in },
            onRecord: { [unowned scenario] _ in
                seen += 1
                guard seen == 10 else { return }
                consumer?.close {
                    isClosed = true
                    scenario.check()
                }
                // The consumer keeps itself until it has closed.
                consumer = nil
            }, onEvent: { _ in })
        try consumer?.read(from: [KafkaPartitionOffset(partition: 0, offset: 0)])
        try scenario.until("end") { isClosed }
        #expect(seen == 10)
    }

    /// A revoke that nobody answers holds the close until the limit, also one that comes only after it.
    @Test(arguments: [0 as Int64, 1, 300]) func closeLimit(_ limit: Int64) throws {
        let scenario = try Scenario()
        let member = try scenario.member(with: KafkaConfiguration([("debug", "cgrp")]))
        member.answersRevokes = false
        try scenario.until("assign") { member.rebalances.count == 1 }
        try member.close(limit: limit)
        #expect(member.hasLeft)
    }

    /// A consumer that is dropped while a revoke is held ends as well.
    @Test func dropWhileARevokeIsHeld() throws {
        let scenario = try Scenario(partitions: 2)
        var member: Member? = try scenario.member()
        member?.answersRevokes = false
        try scenario.until("assign") { member?.rebalances.count == 1 }
        let other = try scenario.member()
        try scenario.until("revoke") { member?.rebalances.last?.isRevoke == true }
        member = nil
        try scenario.until("assign of the other") { other.rebalances.last?.partitions == [0, 1] }
        try other.close()
    }

    /// A consumer that is dropped without a close frees everything, also with records in its queue.
    @Test func dropWithoutClose() throws {
        let scenario = try Scenario()
        try scenario.produce(values: 0..<1_000)
        var member: Member? = try scenario.member()
        try scenario.until("records") { (member?.records.count ?? 0) > 10 }
        weak let consumer = member?.consumer
        member = nil
        #expect(consumer == nil)
        try scenario.turns(3)
    }

    // MARK: Commits

    @Test func metadataIsKept() throws {
        let scenario = try Scenario(partitions: 3)
        let member = try scenario.member()
        try scenario.until("assign") { member.rebalances.count == 1 }
        let metadata = Array("djE6AAECAwQ=".utf8)
        try member.consumer.commit(
            id: .max,
            [
                KafkaCommit(partition: 0, offset: 7, metadata: metadata), KafkaCommit(partition: 1, offset: 0),
            ])
        try scenario.until("result") { member.commits.count == 1 }
        #expect(
            member.commits.first
                == KafkaCommitResult(
                    id: .max, error: nil,
                    partitions: [
                        KafkaPartitionResult(partition: 0, error: nil), KafkaPartitionResult(partition: 1, error: nil),
                    ]))
        let queries = member.consumer.queries
        let committed = try scenario.query { () throws(KafkaError) in
            try queries.committed(topic: "events", partitions: [2, 0, 1], limit: 10_000)
        }
        #expect(
            committed == [
                KafkaCommittedOffset(partition: 2, offset: nil, metadata: []),
                KafkaCommittedOffset(partition: 0, offset: 7, metadata: metadata),
                KafkaCommittedOffset(partition: 1, offset: 0, metadata: []),
            ])
        // The same offset with other metadata replaces it.
        try member.consumer.commit(id: 2, [KafkaCommit(partition: 0, offset: 7, metadata: Array("x".utf8))])
        try scenario.until("result") { member.commits.count == 2 }
        let again = try scenario.query { () throws(KafkaError) in
            try queries.committed(topic: "events", partitions: [0], limit: 10_000)
        }
        #expect(again == [KafkaCommittedOffset(partition: 0, offset: 7, metadata: Array("x".utf8))])
        #expect(throws: KafkaError(.noOffset)) { try member.consumer.commit(id: 3, []) }
        try member.close()
    }

    @Test(arguments: [
        KafkaErrorCode.offsetMetadataTooLarge, .illegalGeneration, .unknownMemberId, .topicAuthorizationFailed,
    ])
    func commitErrorsAreTold(_ code: KafkaErrorCode) throws {
        let scenario = try Scenario(partitions: 2)
        let member = try scenario.member()
        try scenario.until("assign") { member.rebalances.count == 1 }
        scenario.cluster.failNext(.offsetCommit, with: [code])
        try member.consumer.commit(
            id: 5, [KafkaCommit(partition: 0, offset: 1), KafkaCommit(partition: 1, offset: 1)])
        try scenario.until("result") { member.commits.count == 1 }
        let result = try #require(member.commits.first)
        #expect(result.id == 5)
        let codes = [result.error?.code] + result.partitions.map { $0.error?.code }
        #expect(codes.contains(code))
        #expect(result.partitions.map(\.partition) == [0, 1])
        // The next one goes through, unless the member was thrown out.
        if code == .offsetMetadataTooLarge {
            try member.consumer.commit(id: 6, [KafkaCommit(partition: 0, offset: 1)])
            try scenario.until("result") { member.commits.count == 2 }
            #expect(member.commits.last?.error == nil)
        }
        try member.close()
    }

    /// The eager protocol's only way to read one partition more, or to go on elsewhere: nothing comes twice, nothing is
    /// left out, and what was paused stays so.
    @Test func reassignAddsPartitionsAndKeepsPauses() throws {
        let scenario = try Scenario(partitions: 3)
        try scenario.produce(
            (0..<1_500).map { number in
                let text = Array("\(number)".utf8)
                return KafkaRecord(topic: "events", partition: -1, offset: -1, key: text, value: text)
            })
        let member = try scenario.member()
        let queries = member.consumer.queries
        let ends = try scenario.query { () throws(KafkaError) in
            try queries.watermarks(topic: "events", partitions: [0, 1, 2], limit: 10_000).map(\.high)
        }
        member.answersAssigns = false
        try scenario.until("assign") { member.rebalances.count == 1 }
        let number = try #require(member.rebalances.last?.number)
        #expect(try member.consumer.reassign(rebalance: number, []) == .outdated)
        #expect(try member.consumer.assign(rebalance: number, []) == .done)
        func next(_ partition: Int32) -> Int64 { Int64(member.records.count { $0.partition == partition }) }
        func reassign(_ partitions: [Int32]) throws {
            let places = partitions.map { KafkaPartitionOffset(partition: $0, offset: next($0)) }
            #expect(try member.consumer.reassign(rebalance: number, places) == .done)
        }
        try reassign([0, 1])
        try scenario.until("some records of both") { next(0) >= 50 && next(1) >= 50 }
        try member.consumer.pause([0])
        let paused = next(0)
        try reassign([0, 1, 2])
        #expect(member.consumer.pausedPartitions == [0])
        try scenario.until("all of the others") { next(1) == ends[1] && next(2) == ends[2] }
        #expect(next(0) == paused)
        try member.consumer.resume([0])
        try scenario.until("all records") { next(0) == ends[0] }
        try scenario.turns(20)
        for partition in 0..<3 as Range<Int32> {
            let offsets = member.records.filter { $0.partition == partition }.map(\.offset)
            #expect(offsets == Array(0..<ends[Int(partition)]))
        }
        // The commit of the assignment is accepted as before.
        try member.consumer.commit(id: 1, [KafkaCommit(partition: 2, offset: ends[2], metadata: [])])
        try scenario.until("commit") { !member.commits.isEmpty }
        #expect(member.commits.first?.error == nil)
        #expect(try member.consumer.reassign(rebalance: number + 1, []) == .outdated)
        try member.close()
    }
}
