internal import Configuration
internal import EventLoop
internal import Kafka
internal import RevokeEngine
internal import RevokeEvents
internal import RevokeModel

/// What has to be known of an assignment: the committed offsets from the group's coordinator, and where each log begins
/// and ends from its leader.
extension Worker {
    /// What the group committed, and where partitions without a commit start.
    struct Committed: Sendable {
        var partitions: [AssignedPartition]
        var topicPartitions: Int
        /// What all commits of the group say.
        var group: GroupFacts
    }

    /// Milliseconds between two comparisons of the logs.
    static let comparisonInterval: Int64 = 30_000

    // MARK: Committed offsets

    /// Reads what the group committed; the assign event is held meanwhile, and polling goes on. The logs' leaders are asked
    /// afterwards, each for its partitions: one that is away holds up no other.
    func queryAssignment(_ number: UInt64, _ partitions: [Int32]) {
        guard let consumer else { return }
        let queries = consumer.queries
        let topic = setup.configuration.topic
        let known = groupFacts.start
        let hadCommits = metrics.commits > 0
        offload({ Self.find(queries, topic: topic, partitions: partitions, known: known, hadCommits: hadCommits) }) {
            [weak self] in
            self?.found(number, partitions, $0)
        }
    }

    private func offload<R: Sendable>(_ work: @escaping @Sendable () -> R, then: @escaping (R) -> Void) {
        do {
            try loop.offload(work, then: then)
        } catch {
            fail(.fatal("the event loop takes no work: \(error)"))
        }
    }

    private static func find(
        _ queries: KafkaQueries, topic: String, partitions: [Int32], known: CommitMetadata.GroupStart?, hadCommits: Bool
    ) -> Result<Committed, KafkaError> {
        do throws(KafkaError) {
            guard let metadata = try queries.topicMetadata(topic, limit: 5_000) else {
                throw KafkaError(.unknownTopicOrPartition)
            }
            let count = max(metadata.partitionCount, Int(partitions.max() ?? -1) + 1)
            guard !partitions.isEmpty else {
                return .success(Committed(partitions: [], topicPartitions: count, group: GroupFacts()))
            }
            let all = (0..<Int32(count)).map { $0 }
            let committed = try queries.committed(topic: topic, partitions: all, limit: 5_000)
            let cluster = try queries.clusterID(limit: 5_000).map {
                RecordFingerprint.hash(timestamp: nil, key: Array($0.utf8), value: nil)
            }
            let found = partitions.map { partition in
                let stored = committed.first { $0.partition == partition }
                return AssignedPartition(
                    partition: partition, committedOffset: stored?.offset, metadata: stored?.metadata ?? [], log: nil,
                    startOffset: nil)
            }
            let group = GroupFacts(
                commits: committed.filter { $0.offset != nil }.map(\.metadata), cluster: cluster,
                known: known, hadCommits: hadCommits, topicPartitions: count, now: EventLoop.wallTime())
            return .success(Committed(partitions: found, topicPartitions: count, group: group))
        } catch {
            return .failure(error)
        }
    }

    private func found(_ number: UInt64, _ partitions: [Int32], _ result: Result<Committed, KafkaError>) {
        guard number == rebalance, waitingAssign?.rebalance == number, let consumer else { return }
        isTurnDue = true
        switch result {
        case .failure(let error):
            let isNews = assignFailure != error.code
            assignFailure = error.code
            if isNews {
                logger.warning(
                    "committed offsets cannot be read; nothing is read until they are",
                    [.error: .describing(error), .partitions: .text(Self.list(partitions))])
            }
            rebalanceTimer?.start(after: 500)
        case .success(let found):
            waitingAssign = nil
            assignFailure = nil
            if consumer.isAssignmentLost, !partitions.isEmpty {
                logger.warning("assignment lost before it began", [.partitions: .text(Self.list(partitions))])
                engine.assigned([], topicPartitions: found.topicPartitions, rebalance: number, now: now)
                return
            }
            if !found.partitions.isEmpty { groupFacts = found.group }
            if found.group.hasLostCommits {
                metrics.offsetsLost += 1
                logger.error(
                    "the group had committed offsets and they are gone; partitions are read from their logs' start",
                    [.topic: .text(setup.configuration.topic)])
            }
            engine.assigned(
                found.partitions, topicPartitions: found.topicPartitions, group: found.group, rebalance: number,
                now: now)
            unread.begin(partitions, now: now.boot)
            askLeaders()
        }
    }

    func retryAssign() {
        guard let waiting = waitingAssign, isChecked else { return }
        queryAssignment(waiting.rebalance, waiting.partitions)
    }

    // MARK: The logs' leaders

    /// Asks the leaders of the partitions whose question is due. Each leader is asked by itself, since one question ends
    /// only when all of its partitions are answered.
    func askLeaders() {
        guard !isEnding, let consumer else { return }
        let due = unread.takeDue(now: now.boot)
        startLeaderTimer()
        guard !due.isEmpty else { return }
        let queries = consumer.queries
        let topic = setup.configuration.topic
        let rebalance = self.rebalance
        offload({ Self.leaders(queries, topic: topic, partitions: due) }) { [weak self] result in
            guard let self, rebalance == self.rebalance else { return }
            switch result {
            case .failure(let error): noAnswer(due, error)
            case .success(let groups): for group in groups { ask(group, queries, rebalance) }
            }
        }
    }

    /// The partitions of each leader.
    private static func leaders(
        _ queries: KafkaQueries, topic: String, partitions: [Int32]
    ) -> Result<[(leader: Int32?, partitions: [Int32])], KafkaError> {
        do throws(KafkaError) {
            guard let metadata = try queries.topicMetadata(topic, limit: 5_000) else {
                throw KafkaError(.unknownTopicOrPartition)
            }
            var groups: [(leader: Int32?, partitions: [Int32])] = []
            for partition in partitions {
                let leader = metadata.leaders[partition]
                if let index = groups.firstIndex(where: { $0.leader == leader }) {
                    groups[index].partitions.append(partition)
                } else {
                    groups.append((leader, [partition]))
                }
            }
            return .success(groups)
        } catch {
            return .failure(error)
        }
    }

    private func ask(
        _ group: (leader: Int32?, partitions: [Int32]), _ queries: KafkaQueries, _ rebalance: UInt64
    ) {
        guard group.leader != nil else { return noAnswer(group.partitions, KafkaError(.leaderNotAvailable)) }
        let topic = setup.configuration.topic
        let partitions = group.partitions
        // All partitions that start at a time start at the same one.
        let time = partitions.lazy.compactMap { self.startTime(of: $0) }.first
        offload({ Self.look(queries, topic: topic, partitions: partitions, time: time) }) { [weak self] result in
            guard let self, rebalance == self.rebalance, !isEnding else { return }
            switch result {
            case .failure(let error): noAnswer(partitions, error)
            case .success(let looks): for look in looks { answered(look) }
            }
            startLeaderTimer()
        }
    }

    private struct Look: Sendable {
        var marks: KafkaWatermarks
        /// The first record that is not older than the time where reading starts.
        var atTime: Int64?
    }

    private static func look(
        _ queries: KafkaQueries, topic: String, partitions: [Int32], time: Int64?
    ) -> Result<[Look], KafkaError> {
        do throws(KafkaError) {
            let marks = try queries.watermarks(topic: topic, partitions: partitions, limit: 3_000)
            var looks = marks.map { Look(marks: $0) }
            if let time {
                let offsets = try queries.offsets(topic: topic, partitions: partitions, time: time, limit: 3_000)
                for index in looks.indices {
                    looks[index].atTime = offsets.first { $0.partition == looks[index].marks.partition }?.offset
                }
            }
            return .success(looks)
        } catch {
            return .failure(error)
        }
    }

    /// Where a partition without a committed offset starts.
    private func startPosition(of partition: Int32) -> StartPosition {
        let configured = setup.configuration.startAt
        return switch groupFacts.start(of: partition) {
        case .configured: configured
        case .logStart: .earliest
        case .groupBegan(let time): configured == .latest ? .time(time) : configured
        }
    }

    private func startTime(of partition: Int32) -> Int64? {
        if case .time(let time) = startPosition(of: partition) { time } else { nil }
    }

    /// Where a partition without a committed offset starts.
    private func startOffset(_ look: Look) -> Int64 {
        switch startPosition(of: look.marks.partition) {
        case .earliest: return look.marks.low
        case .latest: return look.marks.high
        case .time:
            let offset = look.atTime ?? look.marks.low
            return offset == KafkaPartitionOffset.end ? look.marks.high : max(look.marks.low, offset)
        }
    }

    private func answered(_ look: Look) {
        let partition = look.marks.partition
        guard let (question, isBack) = unread.answered(partition) else { return }
        isTurnDue = true
        if isBack { logger.info("the leader of a partition answers", [.partition: .number(partition)]) }
        let log = LogEnds(start: look.marks.low, end: max(look.marks.low, look.marks.high))
        noteLogEnd(partition, log.end)
        switch question {
        case .ends:
            engine.found(log, startOffset: startOffset(look), of: partition, rebalance: rebalance, now: now)
        case .lost(let next):
            logger.warning(
                "a partition whose position was lost is read again",
                [
                    .partition: .number(partition), .next: .number(next), .logStart: .number(log.start),
                    .logEnd: .number(log.end),
                ])
            engine.positionLost(partition, log: log, next: next, rebalance: rebalance, now: now)
            // Nothing is left to read: only another loss would tell that it is still not read.
            if log.end <= next, log.start <= next { _ = unread.explain(partition, nil) }
        case .stalled(let next): explainStall(partition, next: next, log: log)
        }
    }

    private func noAnswer(_ partitions: [Int32], _ error: KafkaError) {
        let news = partitions.filter { unread.notAnswered($0, now: now.boot) }
        if !news.isEmpty {
            logger.warning(
                "the leader of partitions does not answer; they are not read until it does, the others are",
                [.error: .describing(error), .partitions: .text(Self.list(news))])
        }
        startLeaderTimer()
    }

    private func startLeaderTimer() {
        guard let due = unread.nextDue else { return }
        leaderTimer?.start(after: max(1, due - now.boot))
    }

    /// Fills in what librdkafka has not heard: of a partition that it does not read it hears nothing.
    private func noteLogEnd(_ partition: Int32, _ end: Int64) {
        var progress =
            logProgress[partition]
            ?? KafkaPartitionProgress(partition: partition, logStart: nil, logEnd: nil, position: nil)
        progress.logEnd = max(progress.logEnd ?? end, end)
        logProgress[partition] = progress
    }

    // MARK: A topic that may be another one

    /// Something shows that the topic may have been recreated. Only a new assignment compares each log with the record that
    /// is known of it, so the group is joined again, once in a while.
    func compareLogs(_ reason: String) {
        guard hasJoined, !isEnding else { return }
        if let comparedAt, now.boot - comparedAt < Self.comparisonInterval { return }
        comparedAt = now.boot
        metrics.rejoins += 1
        logger.warning(
            "the topic may have been recreated; joining the group again to compare its logs",
            [.topic: .text(setup.configuration.topic), .reason: .text(reason)])
        consumer?.rejoin()
    }

    // MARK: A position outside the log

    /// librdkafka reads nothing from a partition any more: its next record is gone (retention, a topic that was recreated),
    /// or the broker says so wrongly. It does not always say which partition it is: then each of them is looked at.
    func positionLost(_ error: KafkaError, partition: Int32?) {
        metrics.positionErrors += 1
        var news: [Int32] = []
        for partition in partition.map({ [$0] }) ?? unread.partitions {
            guard let next = engine.progress(of: partition)?.next else { continue }
            if unread.positionLost(partition, next: next, now: now.boot) { news.append(partition) }
        }
        if !news.isEmpty {
            logger.error(
                "Kafka gave up the position of partitions; their leader is asked where the log begins",
                [.error: .describing(error), .partitions: .text(Self.list(news))])
        }
        startLeaderTimer()
    }
}
