internal import Configuration
internal import EventLoop
internal import Kafka
internal import RevokeClient
internal import RevokeEngine
internal import RevokeEvents
internal import RevokeModel

/// What Kafka brings.
extension Worker {
    // MARK: Records

    func received(_ record: borrowing BorrowedRecord) {
        isTurnDue = true
        let timestamp = record.timestamp
        var headers: [RecordHeader] = []
        let copied = record.copyHeaders()
        headers.reserveCapacity(copied.count)
        for header in copied { headers.append(RecordHeader(name: header.name, value: header.value)) }
        let parts = RecordParts(
            topic: record.topic, partition: record.partition, offset: record.offset,
            timestamp: timestamp < 0 ? nil : timestamp, key: record.copyKey(), value: record.copyValue(),
            headers: headers)
        metrics.recordsRead += 1
        let now = self.now
        let content: ReceivedRecord.Content
        switch decoder.decode(parts, now: now.wall) {
        case .event(let event):
            if !event.warnings.isEmpty { metrics.count(event.warnings) }
            let identity = RecordFingerprint.identity(source: event.source, id: event.id, value: parts.content.value)
            content = .event(
                EventFacts(
                    contract: event.contract, accountIsKnown: isKnown(event.account),
                    identity: EventIdentity(high: identity.first, low: identity.second),
                    earliestTime: event.earliestTime, isReplay: event.isReplay))
        case .failure(let failure):
            content = .failure(failure)
            logger.debug(
                "not an event",
                [
                    .partition: .number(parts.coordinates.partition), .offset: .number(parts.coordinates.offset),
                    .reason: .text(failure.rawValue),
                ])
        }
        let fingerprint = RecordFingerprint.hash(
            timestamp: parts.timestamp, key: parts.content.key, value: parts.content.value)
        let packed = RecordStore.pack(parts)
        let weight = packed.weight
        let token = store.insert(packed)
        engine.received(
            ReceivedRecord(
                partition: parts.coordinates.partition, offset: parts.coordinates.offset, token: token,
                size: weight, fingerprint: fingerprint, content: content),
            now: now)
    }

    private func isKnown(_ account: String?) -> Bool {
        account == nil || account == setup.configuration.account.name.text
    }

    // MARK: Events

    func handle(_ event: KafkaConsumerEvent) {
        isTurnDue = true
        switch event {
        case .assign(let number, let partitions):
            rebalance = number
            hasJoined = false
            logger.info("assigned", [.partitions: .text(Self.list(partitions))])
            waitingAssign = (number, partitions)
            // When the former assignment was not given back, this one ends it now, and not when the offsets are read.
            client?.withholdUnsent()
            engine.superseded(now: now)
            unread.begin([], now: now.boot)
            if isChecked { queryAssignment(number, partitions) }
        case .revoke(let number, let partitions, let lost):
            rebalance = number
            waitingAssign = nil
            logProgress = [:]
            stalls.begin([])
            unread.begin([], now: now.boot)
            if lost {
                hasJoined = false
                client?.withholdUnsent()
                logger.warning("assignment lost", [.partitions: .text(Self.list(partitions))])
                engine.lost(rebalance: number, now: now)
            } else {
                logger.info("revoked", [.partitions: .text(Self.list(partitions))])
                engine.revoking(rebalance: number, now: now)
            }
        case .committed(let result): committed(result)
        case .error(let error, let partition, let fatal): kafkaError(error, partition: partition, fatal: fatal)
        case .offsetReset(let error, let partition): positionLost(error, partition: partition)
        case .statistics(let progress):
            for var item in progress {
                let known = logProgress[item.partition]?.logEnd
                if let end = item.logEnd, let known, end < known { compareLogs("a log got shorter") }
                item.logEnd = item.logEnd ?? known
                logProgress[item.partition] = item
            }
            watchProgress(progress)
        case .endOfPartition, .batchEnded: break
        }
    }

    static func list(_ partitions: [Int32]) -> String { partitions.map { String($0) }.joined(separator: ",") }

    private func kafkaError(_ error: KafkaError, partition: Int32?, fatal: Bool) {
        if fatal {
            if error.code == .fencedInstanceId {
                fail(.fenced("another member with the same group.instance.id runs: \(error)"))
            } else {
                fail(.fatal("Kafka: \(error)"))
            }
            return
        }
        switch error.code {
        case .unknownTopicOrPartition, .unknownTopic, .unknownPartition: compareLogs(error.code.name)
        case .inconsistentGroupProtocol: return tellAssignor()
        case .invalidSessionTimeout:
            // Asking again would be refused again, for ever.
            let timeout = setup.configuration.sessionTimeout
            return fail(
                .fatal(
                    "the brokers refuse kafka.session.timeout.ms (\(timeout)): set it between their group.min.session.timeout.ms and group.max.session.timeout.ms"
                ), drains: true)
        default: break
        }
        guard let partition else { return logger.warning("Kafka reports trouble", [.error: .describing(error)]) }
        logger.warning("Kafka reports trouble", [.error: .describing(error), .partition: .number(partition)])
    }

    /// librdkafka joins again every 2 s, since the other members may be on their way out; a line a minute tells.
    private func tellAssignor() {
        let now = EventLoop.boottime()
        if let last = assignorToldAt, now - last < 60_000 { return }
        assignorToldAt = now
        logger.error(
            """
            the group refuses this worker: its other members use another assignor (partition.assignment.strategy) than \
            roundrobin; nothing is read until they have left: stop them, or give this fleet a group of its own
            """,
            [.group: .text(setup.configuration.group)])
    }

    // MARK: Commits

    private func committed(_ result: KafkaCommitResult) {
        var parts: [CommitPartResult] = []
        var lines: [(error: KafkaError?, partitions: [Int32])] = []
        let own = result.partitions.compactMap(\.error)
        for partition in result.partitions {
            let error =
                partition.error ?? (own.contains { $0.code == result.error?.code } ? nil : result.error)
            parts.append(CommitPartResult(partition: partition.partition, result: Self.commitResult(error)))
            if let index = lines.firstIndex(where: { $0.error?.code == error?.code }) {
                lines[index].partitions.append(partition.partition)
            } else {
                lines.append((error, [partition.partition]))
            }
        }
        if lines.isEmpty { lines.append((result.error, [])) }
        if let error = result.error ?? own.first, error.code != .noOffset {
            metrics.commitFailures += 1
        } else {
            metrics.commits += 1
        }
        // How long it took tells a commit that hung from one that was refused.
        let duration = EventLoop.boottime() - commitSentAt
        for line in lines { logCommit(line.error, line.partitions, duration: duration) }
        commitFinished(result.id, parts)
    }

    /// A commit ended. One that was refused because the partitions are others' stops, at once, the calls that wait for a
    /// connection: the event that says so comes later.
    func commitFinished(_ id: CommitID, _ parts: [CommitPartResult]) {
        if parts.contains(where: { $0.result == .fenced }) { client?.withholdUnsent() }
        engine.commitFinished(id, parts, now: now)
    }

    private func logCommit(_ error: KafkaError?, _ partitions: [Int32], duration: Int64) {
        switch error?.code {
        case nil:
            logger.debug(
                "committed", [.partitions: .text(Self.list(partitions)), .duration: .number(duration)])
        case .noOffset?:
            logger.debug(
                "nothing to commit", [.partitions: .text(Self.list(partitions)), .duration: .number(duration)])
        case let code?:
            logger.warning(
                "commit failed",
                [
                    .partitions: .text(Self.list(partitions)), .code: .text(code.name),
                    .duration: .number(duration), .error: .text(error?.description ?? ""),
                ])
        }
    }

    static func commitResult(_ error: KafkaError?) -> CommitResult {
        guard let error else { return .stored }
        switch error.code {
        case .noError: return .stored
        case .noOffset: return .nothingToDo
        case .rebalanceInProgress: return .rebalanceInProgress
        case .illegalGeneration, .unknownMemberId, .fencedInstanceId, .assignmentLost: return .fenced
        case .offsetMetadataTooLarge: return .metadataTooLarge
        default: return .failed
        }
    }
}
