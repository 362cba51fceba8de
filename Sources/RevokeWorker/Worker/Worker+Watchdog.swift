internal import Configuration
internal import EventLoop
internal import Kafka
internal import RevokeEngine
internal import RevokeModel

/// Looks whether what the group gave us is read.
extension Worker {
    /// Milliseconds between two comparisons.
    static let watchdogInterval: Int64 = 30_000
    /// Milliseconds until a difference is looked at again: a rebalance may be on its way.
    static let watchdogConfirmation: Int64 = 5_000

    /// At each statistics event.
    func watchProgress(_ progress: [KafkaPartitionProgress]) {
        let paused = consumer?.pausedPartitions ?? []
        let found = stalls.look(
            progress.map {
                StallWatch.Look(
                    partition: $0.partition, position: $0.position, logEnd: $0.logEnd,
                    isPaused: paused.contains($0.partition))
            }, now: now.boot)
        for partition in found {
            guard let next = engine.progress(of: partition)?.next else { continue }
            unread.stalled(partition, next: next, now: now.boot)
        }
        if !found.isEmpty { askLeaders() }
    }

    /// A partition's leader tells up to where it can be read, when nothing came for a while after `next`. Without open
    /// transactions that is the log's end; librdkafka's own figure counts them in.
    func explainStall(_ partition: Int32, next: Int64, log: LogEnds) {
        guard let progress = engine.progress(of: partition), progress.next == next else { return }
        let end = logProgress[partition]?.logEnd ?? log.end
        let fields: KeyValuePairs<LogKey, LogValue> = [
            .partition: .number(partition), .next: .number(next), .logEnd: .number(max(end, log.end)),
        ]
        if log.end > next {
            guard unread.explain(partition, .stalled) else { return }
            logger.error(
                "a partition is not read although its log has more: a batch that cannot be read comes next", fields)
        } else if end > next {
            guard unread.explain(partition, .openTransaction) else { return }
            logger.warning(
                "the rest of a partition's log cannot be read yet: a producer's transaction is open there", fields)
        } else {
            _ = unread.explain(partition, nil)
        }
    }

    /// Asks the group which partitions are ours and compares them with what is read: with some versions of librdkafka a
    /// member can own partitions that it never reads, and looks healthy to the broker.
    func compareAssignment() {
        guard !isEnding, let consumer, let watchdog else { return }
        watchdog.start(after: Self.watchdogInterval)
        // A rebalance event that is held is no difference.
        guard hasJoined, waitingAssign == nil, !engine.snapshot(now: now).draining else { return missing = nil }
        let queries = consumer.queries
        let group = setup.configuration.group
        let topic = setup.configuration.topic
        let rebalance = self.rebalance
        try? loop.offload({ () -> Result<[Int32]?, KafkaError> in
            do throws(KafkaError) {
                return .success(try queries.ownedPartitions(group: group, topic: topic, limit: 5_000))
            } catch {
                return .failure(error)
            }
        }) { [weak self] result in
            self?.compare(result, rebalance: rebalance)
        }
    }

    private func compare(_ result: Result<[Int32]?, KafkaError>, rebalance: UInt64) {
        guard !isEnding, rebalance == self.rebalance, waitingAssign == nil, let consumer else { return missing = nil }
        switch result {
        case .failure(let error):
            missing = nil
            // Not every principal may describe its group, and not every broker can.
            logger.debug("the group's view is not known", [.error: .describing(error)])
        case .success(let owned):
            // Those that wait for their leader are known.
            let unread = Set(owned ?? []).subtracting(consumer.assignedPartitions)
                .subtracting(engine.snapshot(now: now).waitingPartitions)
            guard !unread.isEmpty else { return missing = nil }
            if let missing, missing.rebalance == rebalance, missing.partitions == unread {
                self.missing = nil
                metrics.rejoins += 1
                logger.error(
                    "owned partitions are not read; joining the group again",
                    [.partitions: .text(Self.list(unread.sorted()))])
                consumer.rejoin()
            } else {
                missing = (rebalance, unread)
                watchdog?.start(after: Self.watchdogConfirmation)
            }
        }
    }
}
