internal import Configuration
internal import EventLoop
internal import Kafka
internal import RevokeClient
internal import RevokeEngine
internal import RevokeEvents
internal import RevokeModel

/// What the engine wants done.
extension Worker {
    func perform(_ action: EngineAction) {
        switch action {
        case .startCall(let id, let contract, let freshConnection): startCall(id, contract, freshConnection)
        case .produceDeadLetter(let order): produce(order)
        case .commit(let id, let parts): commit(id, parts)
        case .assign(let number, let positions): assign(number, positions)
        case .reassign(let number, let positions): reassign(number, positions)
        case .rejoin:
            metrics.rejoins += 1
            consumer?.rejoin()
        case .unassign(let number): unassign(number)
        case .pause(let partitions):
            logger.info("paused: the window is full", [.partitions: .text(Self.list(partitions))])
            ignoreKafka { () throws(KafkaError) in try consumer?.pause(partitions) }
        case .resume(let partitions):
            logger.info("resumed", [.partitions: .text(Self.list(partitions))])
            ignoreKafka { () throws(KafkaError) in try consumer?.resume(partitions) }
        case .settled(let partition, let offset, let token, let end, let receivedAt):
            settled(partition, offset, token, end, receivedAt)
        case .release(let token): store.remove(token)
        case .note(let note): log(note)
        case .shutdownComplete(let openCalls): drained(openCalls: openCalls)
        }
    }

    // MARK: Calls

    private func startCall(_ id: CallID, _ contract: ContractID, _ freshConnection: Bool) {
        guard let client else {
            isTurnDue = true
            return engine.callFinished(id, .withheld, sentAt: nil, now: now)
        }
        logger.debug("call started", [.call: .number(id), .contract: .number(contract.value)])
        client.revokeAll(contract, freshConnection: freshConnection) { [unowned self] result in
            isTurnDue = true
            metrics.calls.count(result.outcome)
            logCall(id, contract, result)
            engine.callFinished(id, result.outcome, sentAt: result.sentAt, now: now)
        }
    }

    private func logCall(_ id: CallID, _ contract: ContractID, _ result: CallResult) {
        if case .revoked = result.outcome {
            return logger.debug(
                "call ended",
                [
                    .call: .number(id), .contract: .number(contract.value), .outcome: "revoked",
                    .duration: .number(result.duration),
                ])
        }
        logger.info(
            "call ended",
            [
                .call: .number(id), .contract: .number(contract.value), .outcome: .text(result.outcome.name),
                .status: .number(result.outcome.status ?? 0), .cause: .text(result.outcome.cause ?? ""),
                .duration: .number(result.duration), .error: .text(result.detail ?? ""),
            ])
    }

    // MARK: Dead letters

    private func produce(_ order: DeadLetterOrder) {
        guard let producer, let record = store[order.token] else {
            isTurnDue = true
            return engine.deadLetterFailed(order.id, .failed, now: now)
        }
        let parts = record.parts(topic: setup.configuration.topic)
        let envelope = DeadLetterEnvelope(
            record: parts, event: event(of: parts), group: setup.configuration.group, reason: order.reason,
            status: order.status, attempts: order.attempts, firstSeen: order.firstSeen, failedAt: order.failedAt)
        let content = envelope.encode(parts.content, valueLimit: order.truncate ? 1_024 : nil)
        do throws(KafkaError) {
            try producer.produce(
                id: order.id, topic: setup.configuration.deadLetterTopic, key: content.key, value: content.value,
                headers: content.headers.map { KafkaHeader(name: $0.name, value: $0.value) })
        } catch {
            deadLetterFailed(order.id, error)
        }
    }

    private func event(of parts: RecordParts) -> RevokeEvent? {
        guard case .event(let event) = decoder.decode(parts, now: now.wall) else { return nil }
        return event
    }

    func makeProducer() throws(KafkaSetupError) -> KafkaProducer {
        producerGeneration += 1
        let generation = producerGeneration
        return try KafkaProducer(configuration: setup.deadLetterKafka, loop: loop, log: kafkaLog()) {
            [unowned self] event in
            isTurnDue = true
            let isCurrent = generation == producerGeneration
            switch event {
            case .delivered(let id, _, _):
                deadLetterFailures = 0
                deadLettersFail = false
                engine.deadLetterStored(id, now: now)
            case .failed(let id, let error, _): deadLetterFailed(id, error, countsForRenewal: isCurrent)
            case .error(let error, let fatal):
                logger.warning("the producer of dead letters reports trouble", [.error: .describing(error)])
                if fatal, isCurrent { renewProducer() }
            }
        }
    }

    private func deadLetterFailed(_ id: DeadLetterID, _ error: KafkaError, countsForRenewal: Bool = true) {
        isTurnDue = true
        deadLettersFail = true
        metrics.deadLetterFailures += 1
        logger.warning("dead letter not stored", [.error: .describing(error)])
        if error.code == .messageSizeTooLarge {
            engine.deadLetterFailed(id, .tooLarge, now: now)
            return
        }
        engine.deadLetterFailed(id, .failed, now: now)
        guard countsForRenewal else { return }
        deadLetterFailures += 1
        if deadLetterFailures >= 5 { renewProducer() }
    }

    /// Some failures stay with a producer for its life (a topic that was made anew with fewer partitions).
    private func renewProducer() {
        guard !isEnding, let former = producer else { return }
        deadLetterFailures = 0
        do throws(KafkaSetupError) {
            producer = try makeProducer()
            logger.warning("the producer of dead letters is made anew")
            former.close(limit: 1_000) { _ = former }
        } catch {
            logger.error("the producer of dead letters cannot be made anew", [.error: .describing(error)])
        }
    }

    // MARK: Kafka

    private func commit(_ id: CommitID, _ parts: [CommitPart]) {
        do throws(KafkaError) {
            guard let consumer else { throw KafkaError(.destroy) }
            // The partitions are others' already. While a revoke is held no other event tells it.
            guard !consumer.isAssignmentLost else { throw KafkaError(.assignmentLost) }
            commitSentAt = EventLoop.boottime()
            try consumer.commit(
                id: id,
                parts.map { KafkaCommit(partition: $0.partition, offset: $0.offset, metadata: $0.metadata) })
        } catch {
            isTurnDue = true
            metrics.commitFailures += 1
            logger.warning(
                "commit not sent",
                [
                    .partitions: .text(Self.list(parts.map(\.partition))), .code: .text(error.code.name),
                    .error: .describing(error),
                ])
            let result = Self.commitResult(error)
            commitFinished(id, parts.map { CommitPartResult(partition: $0.partition, result: result) })
        }
    }

    private func assign(_ number: UInt64, _ positions: [PartitionOffset]) {
        client?.withholdUnsent()
        let isDone = answer(.assign(rebalance: number, positions)) { consumer throws(KafkaError) in
            try consumer.assign(
                rebalance: number,
                positions.map { KafkaPartitionOffset(partition: $0.partition, offset: $0.offset) })
        }
        guard isDone else { return }
        hasJoined = true
        deadLettersFail = false
        stalls.begin(positions.map { ($0.partition, $0.offset) })
        logger.info("reading", [.partitions: .text(Self.list(positions.map(\.partition)))])
        publish()
        tellStatus("reads \(positions.count) partitions")
    }

    private func reassign(_ number: UInt64, _ positions: [PartitionOffset]) {
        let isDone = answer(.reassign(rebalance: number, positions)) { consumer throws(KafkaError) in
            try consumer.reassign(
                rebalance: number,
                positions.map { KafkaPartitionOffset(partition: $0.partition, offset: $0.offset) })
        }
        guard isDone else { return }
        stalls.begin(positions.map { ($0.partition, $0.offset) })
        logger.info("reading goes on", [.partitions: .text(Self.list(positions.map(\.partition)))])
        publish()
    }

    private func unassign(_ number: UInt64) {
        // What still waits for a connection belongs to the next owner.
        client?.withholdUnsent()
        let isDone = answer(.unassign(rebalance: number)) { consumer throws(KafkaError) in
            try consumer.unassign(rebalance: number)
        }
        guard isDone else { return }
        hasJoined = false
        logger.info("unassigned")
    }

    /// Answers a rebalance event; when librdkafka refuses the answer, again after a while, since the group waits for it.
    /// Returns whether the answer was taken.
    private func answer(
        _ action: EngineAction, _ body: (KafkaConsumer) throws(KafkaError) -> KafkaRebalanceAnswer
    ) -> Bool {
        guard let consumer else { return false }
        do throws(KafkaError) {
            guard case .done = try body(consumer) else { return false }
            refusedAnswers = 0
            return true
        } catch {
            refusedAnswers += 1
            logger.error("librdkafka refuses the answer to a rebalance", [.error: .describing(error)])
            guard refusedAnswers < 20 else {
                fail(.fatal("Kafka: a rebalance cannot be answered: \(error)"))
                return false
            }
            refusedAnswer = action
            answerTimer?.start(after: 250)
            return false
        }
    }

    func repeatAnswer() {
        guard let action = refusedAnswer else { return }
        refusedAnswer = nil
        perform(action)
    }

    private func ignoreKafka(_ body: () throws(KafkaError) -> Void) {
        do throws(KafkaError) {
            try body()
        } catch {
            logger.error("Kafka refuses", [.error: .describing(error)])
        }
    }

    // MARK: Settled

    private func settled(
        _ partition: Int32, _ offset: Int64, _ token: UInt32, _ end: EventEnd, _ receivedAt: Instant
    ) {
        metrics.count(end)
        guard let record = store[token] else { return }
        switch end {
        case .revoked:
            let latency = max(0, now.wall - (plausible(record.timestamp) ?? receivedAt.wall))
            metrics.eventToRevoked.observe(latency)
            logger.debug(
                "event revoked",
                [.partition: .number(partition), .offset: .number(offset), .latency: .number(latency)])
        case .deadLettered(let reason):
            logger.warning(
                "dead letter stored",
                [
                    .partition: .number(partition), .offset: .number(offset), .reason: .text(reason.text),
                    .contract: .number(event(of: record.parts(topic: setup.configuration.topic))?.contract.value ?? 0),
                ])
        case .skipped(let reason):
            skippedSinceLine += 1
            logger.debug(
                "skipped",
                [.partition: .number(partition), .offset: .number(offset), .reason: .text(reason.rawValue)])
        }
    }

    /// One line a minute at most about the events that a rule skips: a topic can be full of them.
    func tellSkipped() {
        guard skippedSinceLine > 0, skippedLineAt == 0 || now.boot - skippedLineAt >= 60_000 else { return }
        logger.info(
            "events of another type were skipped, as `unknown-types: skip` says",
            [.records: .number(Int64(clamping: skippedSinceLine)), .topic: .text(setup.configuration.topic)])
        skippedSinceLine = 0
        skippedLineAt = now.boot
    }

    /// An event waits for an account that the configuration may get in a roll-out: told at once, each name once.
    private func tellUnknownAccount(_ partition: Int32, _ offset: Int64, _ token: UInt32) {
        guard unknownAccounts.count < Self.unknownAccountLimit, let record = store[token],
            let name = event(of: record.parts(topic: setup.configuration.topic))?.account,
            unknownAccounts.insert(name).inserted
        else { return }
        logger.error(
            "an event names an account that the configuration does not have; it waits, then it is a dead letter",
            [
                .account: .text(AccountName(name)?.text ?? "(not the name of an account)"),
                .partition: .number(partition), .offset: .number(offset),
                .limit: .text("\(setup.engine.unknownAccountParking / 60_000)m"),
            ])
    }

    /// A name is told again when events of unknown accounts come after all of them have left.
    func forgetUnknownAccounts() {
        if metrics.engine.parked == 0 { unknownAccounts = [] }
    }

    /// A record's timestamp counts from 2015 until now; others would spoil the histogram's sum.
    private func plausible(_ timestamp: Int64?) -> Int64? {
        guard let timestamp, timestamp >= 1_420_070_400_000, timestamp <= now.wall else { return nil }
        return timestamp
    }

    // MARK: Notes

    private func log(_ note: EngineNote) {
        switch note {
        case .retentionPassed(let partition, let lost):
            metrics.positionsLost += 1
            metrics.lostOffsets += UInt64(clamping: lost)
            logger.error(
                "retention passed unread records; reading goes on at the log's start",
                [.partition: .number(partition), .lost: .number(lost)])
        case .logRestarted(let partition, let committed, let logEnd):
            metrics.positionsLost += 1
            logger.error(
                "a log ends before the position in it: the topic was recreated; reading goes on at the log's start",
                [.partition: .number(partition), .committed: .number(committed), .logEnd: .number(logEnd)])
        case .holdBegan(let kind): logger.error("hold: only probes start", [.hold: .text(kind.name)])
        case .holdEnded(let kind): logger.info("hold ended", [.hold: .text(kind.name)])
        case .unproven:
            logger.error(
                "too many contracts are refused in a row; none becomes a dead letter until a call succeeds (wrong base URL or key?)"
            )
        case .proven: logger.info("a call succeeded again; refused contracts are called again")
        case .undecodableBegan:
            logger.error(
                """
                no record was decoded since the start; malformed records wait until one is (wrong topic? Events of another \
                type are passed over with `unknown-types: skip`)
                """,
                [.topic: .text(setup.configuration.topic)])
        case .foreignEvents:
            logger.warning(
                """
                all events so far are of another type; each becomes a dead letter (wrong topic? They are passed over with \
                `unknown-types: skip`)
                """,
                [.topic: .text(setup.configuration.topic), .records: .number(Int64(setup.engine.undecodableLimit))])
        case .unknownAccount(let partition, let offset, let token): tellUnknownAccount(partition, offset, token)
        case .undecodableEnded: logger.info("an event was decoded; malformed records become dead letters")
        case .commitsFailingBegan:
            client?.withholdUnsent()
            logger.error("commits fail for 10 s; no call starts until one succeeds")
        case .commitsFailingEnded:
            logger.info("the hold by failing commits ends")
        case .suspicion(let gap):
            metrics.suspicions += 1
            client?.withholdUnsent()
            logger.warning(
                "the process stood still; no call starts until a commit proves the assignment", [.gap: .number(gap)])
        case .stuckContract(let contract):
            metrics.stuckContracts += 1
            logger.error("a contract cannot be revoked for an hour", [.contract: .number(contract.value)])
        case .drainLimitPassed(let calls):
            logger.error("the drain limit passed with calls in flight", [.openCalls: .number(calls)])
        case .metadataIgnored(let partition):
            logger.warning("a commit's metadata is not used", [.partition: .number(partition)])
        }
    }
}

extension HoldKind {
    /// The name in logs and metrics.
    var name: String {
        switch self {
        case .rateLimited: "rate_limited"
        case .unauthorized: "unauthorized"
        case .unavailable: "unavailable"
        }
    }
}
