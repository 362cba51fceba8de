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

    func forgetStalls() {
        stalls.begin([])
        metrics.stalledPartitions = 0
    }

    /// At each statistics event.
    func watchProgress(_ progress: [KafkaPartitionProgress]) {
        let paused = consumer?.pausedPartitions ?? []
        let found = stalls.look(
            progress.map {
                StallWatch.Look(
                    partition: $0.partition, position: $0.position, logEnd: $0.logEnd,
                    isPaused: paused.contains($0.partition))
            }, now: now.boot)
        metrics.stalledPartitions = stalls.count
        for partition in found {
            logger.error(
                "a partition is not read although its log has more (a damaged batch?)",
                [.partition: .number(partition)])
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
            let unread = Set(owned ?? []).subtracting(consumer.assignedPartitions)
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
