import CRdKafka
public import EventLoop

/// A consumer of one topic, as a member of a group or on its own.
///
/// It lives on the loop's thread: every call is made there, and both handlers are called there, at most 256 times a
/// turn. A handler may call the consumer, `close` included. No call waits for a broker. Records and events come until
/// `close` has completed. A consumer that is dropped without `close` leaves its group too, but blocks meanwhile.
///
/// The group's protocol is the eager one (`roundrobin`): each assignment replaces the former one as a whole. Rebalance
/// events are held until they are answered, while polling goes on.
public final class KafkaConsumer {
    /// How a group's leader gives partitions to its members (`partition.assignment.strategy`); the same for all of them.
    public static let assignor = "roundrobin"

    /// How the consumer gets partitions.
    public enum Mode: Hashable, Sendable {
        /// As a member of this group, by its rebalances.
        case group(String)
        /// By `read(from:)`, without joining a group. `.endOfPartition` comes at the end of a partition's log.
        case direct
    }

    private enum HeldRebalance {
        case assign
        case revoke
    }

    private enum State {
        case open
        case closing(then: () -> Void)
        case closed
    }

    /// The topic's name; never a pattern.
    public let topic: String
    /// The queries that block, for helper threads; valid until the consumer closes, then they throw `_DESTROY`.
    public let queries: KafkaQueries
    private let mode: Mode
    private let handle: ClientHandle
    private let loop: EventLoop
    private var queue: EventQueue?
    private let onRecord: (borrowing BorrowedRecord) -> Void
    private let onEvent: (KafkaConsumerEvent) -> Void
    private var state = State.open
    private var lastRebalance: UInt64 = 0
    private var held: HeldRebalance?
    private var assigned: Set<Int32> = []
    private var paused: Set<Int32> = []
    /// Whether the close is past its limit.
    private var isAbandoned = false
    /// Keeps the consumer while it closes.
    private var closingSelf: KafkaConsumer?
    private var closeDeadline: LoopTimer?

    /// Makes a consumer and subscribes it.
    ///
    /// `KafkaConfiguration.consumerDefaults` and then `configuration` are set; what this module depends on
    /// (no automatic commits or offset resets, `roundrobin`, `read_committed`, checksums) cannot be changed.
    /// - Throws: `KafkaSetupError`.
    public init(
        configuration: KafkaConfiguration, mode: Mode, topic: String, loop: EventLoop,
        log: @escaping KafkaLogHandler, onRecord: @escaping (borrowing BorrowedRecord) -> Void,
        onEvent: @escaping (KafkaConsumerEvent) -> Void
    ) throws(KafkaSetupError) {
        var all = KafkaConfiguration.consumerDefaults.overridden(by: configuration)
            .overridden(by: .consumerRequired)
        switch mode {
        case .group(let group):
            all.set("group.id", group)
            all.set("enable.partition.eof", "false")
        case .direct:
            // librdkafka wants a name; without a subscription or a commit no broker hears of it.
            all.set("group.id", "revoke-worker-direct")
            all.set("enable.partition.eof", "true")
        }
        guard !topic.hasPrefix("^"), !topic.isEmpty, !topic.utf8.contains(0) else {
            throw .client(KafkaError(.invalidArgument, text: "the topic must be a name, not a pattern"))
        }
        let events =
            RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT | RD_KAFKA_EVENT_ERROR
            | RD_KAFKA_EVENT_STATS
        handle = try ClientHandle(RD_KAFKA_CONSUMER, all, events: events, log: log)
        handle.mustClose = true
        queries = KafkaQueries(handle)
        self.topic = topic
        self.mode = mode
        self.loop = loop
        self.onRecord = onRecord
        self.onEvent = onEvent
        // Errors, statistics and commits of the main queue come through the consumer's queue too.
        try Self.check(unsafe rd_kafka_poll_set_consumer(handle.pointer))
        guard let pointer = unsafe rd_kafka_queue_get_consumer(handle.pointer) else {
            throw .client(KafkaError(.unknownGroup))
        }
        queue = unsafe try EventQueue(
            pointer, owner: self, loop: loop, pollInterval: 1_000,
            handle: { [unowned self] in unsafe self.receive($0) },
            turnEnded: { [unowned self] in self.turnEnded(events: $0) })
        if case .group = mode {
            let list = PartitionList(topic: topic, [-1])
            try Self.check(unsafe rd_kafka_subscribe(handle.pointer, list.pointer))
        }
    }

    private static func check(_ code: rd_kafka_resp_err_t) throws(KafkaSetupError) {
        if let error = KafkaError.of(code) {
            throw .client(error)
        }
    }

    // MARK: Rebalance

    /// Joins the group anew: a revoke of what is assigned comes, and then another assign. For a position that is outside
    /// its log, which no call on a single partition mends. Does nothing without a group.
    public func rejoin() {
        guard case .open = state, case .group = mode else { return }
        let list = PartitionList(topic: topic, [-1])
        _ = unsafe rd_kafka_subscribe(handle.pointer, list.pointer)
    }

    /// Whether the newest assignment is lost: its partitions belong to others. To be asked before an assign and right
    /// before the last commit of a revoke.
    public var isAssignmentLost: Bool {
        guard case .closed = state else { return unsafe rd_kafka_assignment_lost(handle.pointer) != 0 }
        return true
    }

    /// Answers the newest rebalance event, an assign: reads these partitions from these offsets and none else. Earlier
    /// pauses are forgotten.
    /// - Throws: `KafkaError` when librdkafka refuses; the event stays to be answered.
    public func assign(
        rebalance: UInt64, _ partitions: [KafkaPartitionOffset]
    ) throws(KafkaError) -> KafkaRebalanceAnswer {
        guard rebalance == lastRebalance, let held else { return .outdated }
        guard case .assign = held else { return .wrongKind }
        try replaceAssignment(partitions)
        self.held = nil
        return .done
    }

    /// Reads these partitions from these offsets and none else, within the newest assignment, whose assign event had this
    /// number and is answered. The eager protocol has no other way to add a partition or to go on elsewhere: so the
    /// offsets of the others are where they go on, and what was fetched of them is fetched again. Pauses stay.
    /// - Throws: `KafkaError` when librdkafka refuses.
    public func reassign(
        rebalance: UInt64, _ partitions: [KafkaPartitionOffset]
    ) throws(KafkaError) -> KafkaRebalanceAnswer {
        guard rebalance == lastRebalance, held == nil, isOpen, !isAssignmentLost else { return .outdated }
        let paused = paused
        // A pause keeps a place of its own, from which a resume would go on.
        try replaceAssignment(partitions)
        if let error = setPaused(true, paused.intersection(assigned)) { throw error }
        return .done
    }

    /// Answers the newest rebalance event, a revoke: reads nothing more and gives the partitions back.
    /// - Throws: `KafkaError` when librdkafka refuses; the event stays to be answered.
    public func unassign(rebalance: UInt64) throws(KafkaError) -> KafkaRebalanceAnswer {
        guard rebalance == lastRebalance, let held else { return .outdated }
        guard case .revoke = held else { return .wrongKind }
        try replaceAssignment(nil)
        self.held = nil
        return .done
    }

    /// Reads these partitions from these offsets and none else. Only for `Mode.direct`.
    /// - Throws: `KafkaError` when librdkafka refuses.
    public func read(from partitions: [KafkaPartitionOffset]) throws(KafkaError) {
        try replaceAssignment(partitions)
    }

    private func replaceAssignment(_ partitions: [KafkaPartitionOffset]?) throws(KafkaError) {
        guard case .closed = state else {
            // A pause survives a rebalance inside librdkafka, so it is ended while the partition is still ours.
            if !paused.isEmpty {
                _ = setPaused(false, paused)
            }
            if let partitions {
                let list = PartitionList(topic: topic, partitions)
                try KafkaError.check(unsafe rd_kafka_assign(handle.pointer, list.pointer))
            } else {
                try KafkaError.check(unsafe rd_kafka_assign(handle.pointer, nil))
            }
            assigned = Set((partitions ?? []).map(\.partition))
            return
        }
        throw KafkaError(.destroy)
    }

    // MARK: Flow

    /// Delivers no more records of these partitions; those that are not assigned are left out. The next record after
    /// `resume` is the one after the last that was delivered.
    /// - Throws: `KafkaError` of the first partition that librdkafka refuses to pause.
    public func pause(_ partitions: some Sequence<Int32>) throws(KafkaError) {
        guard case .closed = state else {
            let new = Set(partitions).intersection(assigned).subtracting(paused)
            if let error = setPaused(true, new) {
                throw error
            }
            return
        }
    }

    /// Goes on with these partitions; those that were not paused here since the last assign are left out, since
    /// resuming them would deliver records again.
    /// - Throws: `KafkaError` of the first partition that librdkafka refuses to resume.
    public func resume(_ partitions: some Sequence<Int32>) throws(KafkaError) {
        guard case .closed = state else {
            if let error = setPaused(false, paused.intersection(partitions)) {
                throw error
            }
            return
        }
    }

    /// The partitions that are paused.
    public var pausedPartitions: Set<Int32> { paused }

    /// The partitions that are read, as answered by the last `assign` or `read`.
    public var assignedPartitions: Set<Int32> { assigned }

    private func setPaused(_ pause: Bool, _ partitions: Set<Int32>) -> KafkaError? {
        guard !partitions.isEmpty else { return nil }
        let list = PartitionList(topic: topic, partitions)
        let result =
            pause
            ? unsafe rd_kafka_pause_partitions(handle.pointer, list.pointer)
            : unsafe rd_kafka_resume_partitions(handle.pointer, list.pointer)
        if let error = KafkaError.of(result) {
            return error
        }
        var first: KafkaError?
        for index in unsafe list.elements.indices {
            let element = unsafe list.elements[index]
            if let error = unsafe KafkaError.of(element.err) {
                first = first ?? error
            } else if pause {
                unsafe paused.insert(element.partition)
            } else {
                unsafe paused.remove(element.partition)
            }
        }
        return first
    }

    // MARK: Commits

    /// Commits offsets with their metadata. The answer is `.committed` with the same id, exactly once; it can take
    /// minutes when a broker hangs. Nothing here keeps commits in order or apart: one in flight is the caller's rule.
    /// - Throws: `KafkaError` when it could not be sent; then no answer comes. `_NO_OFFSET` for an empty list.
    public func commit(id: UInt64, _ commits: [KafkaCommit]) throws(KafkaError) {
        guard let queue = unsafe queue?.pointer else { throw KafkaError(.destroy) }
        guard !commits.isEmpty else { throw KafkaError(.noOffset) }
        guard let list = PartitionList(topic: topic, commits) else { throw KafkaError(.criticalSystemResource) }
        try KafkaError.check(
            unsafe rd_kafka_commit_queue(
                handle.pointer, list.pointer, queue, nil, UnsafeMutableRawPointer(bitPattern: UInt(id))))
    }

    // MARK: Close

    /// Leaves the group and destroys the client; `then` is called on the loop, once, after all is gone.
    ///
    /// An assign that is held is dropped. A revoke of what is assigned is delivered and has to be answered; commits
    /// are accepted before. Records are not delivered any more. When `limit` milliseconds have passed, a revoke is
    /// answered without the caller; a broker that does not answer the leave delays the end by 5 s more, and a query
    /// that runs on a helper thread by its own limit.
    public func close(limit: Int64? = nil, then: @escaping () -> Void) {
        guard case .open = state else { return }
        state = .closing(then: then)
        closingSelf = self
        if case .assign = held {
            dropAssign()
        }
        guard let pointer = unsafe queue?.pointer else { return finish() }
        if let error = unsafe rd_kafka_consumer_close_queue(handle.pointer, pointer) {
            unsafe rd_kafka_error_destroy(error)
            return finish()
        }
        handle.mustClose = false
        if let limit {
            closeDeadline = try? loop.makeTimer { [unowned self] in self.abandon() }
            closeDeadline?.start(after: limit)
        }
        queue?.setPollInterval(50)
        queue?.continueNextTurn()
    }

    /// Answers the revoke that nobody answers, and any later one: librdkafka closes, and destroys, only after that.
    private func abandon() {
        isAbandoned = true
        dropAssign()
        queue?.continueNextTurn()
    }

    /// Answers an assign that nobody needs, since librdkafka closes only after an answer.
    private func dropAssign() {
        held = nil
        _ = unsafe rd_kafka_assign(handle.pointer, nil)
    }

    private func turnEnded(events: Int) {
        if events > 0 {
            onEvent(.batchEnded)
        }
        if case .closing = state, unsafe rd_kafka_consumer_closed(handle.pointer) != 0 {
            finish()
        }
    }

    private func finish() {
        guard case .closing(let then) = state else { return }
        state = .closed
        assigned = []
        paused = []
        held = nil
        closeDeadline?.close()
        closeDeadline = nil
        // The queue goes before the client, but not within its own turn.
        let queue = self.queue
        self.queue = nil
        queue?.close()
        let handle = self.handle
        let keep = closingSelf
        closingSelf = nil
        do {
            try loop.offload({ handle.destroy() }) { _ in
                _ = keep
                then()
            }
        } catch {
            handle.destroy()
            then()
        }
    }

    deinit {
        // librdkafka answers what comes from now on by itself, but not what was taken from its queue.
        if case .open = state, held != nil {
            _ = unsafe rd_kafka_assign(handle.pointer, nil)
        }
    }

    // MARK: Events

    private var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    private func receive(_ event: OpaquePointer) {
        switch unsafe rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_FETCH:
            unsafe receiveRecords(event)
        case RD_KAFKA_EVENT_REBALANCE:
            unsafe receiveRebalance(event)
        case RD_KAFKA_EVENT_OFFSET_COMMIT:
            unsafe receiveCommit(event)
        case RD_KAFKA_EVENT_ERROR:
            unsafe receiveError(event)
        case RD_KAFKA_EVENT_STATS:
            sendStatistics()
        default:
            break
        }
    }

    // Inlined, it crashes the optimiser of Swift 6.3.1 (SILValue.h, forwardToInit).
    @inline(never)
    private func receiveRecords(_ event: OpaquePointer) {
        while let message = unsafe rd_kafka_event_message_next(event) {
            // Records of an earlier assignment, and those that come while it closes, are not ours any more.
            guard isOpen, unsafe assigned.contains(message.pointee.partition) else { continue }
            if let error = unsafe KafkaError.of(message.pointee.err) {
                unsafe onEvent(.error(error, partition: message.pointee.partition, fatal: false))
                continue
            }
            unsafe onRecord(BorrowedRecord(message, topic: topic))
        }
    }

    private func receiveRebalance(_ event: OpaquePointer) {
        let code = unsafe KafkaErrorCode(rd_kafka_event_error(event))
        var partitions: [Int32] = []
        if let list = unsafe rd_kafka_event_topic_partition_list(event) {
            partitions = unsafe PartitionList.elements(list).map { unsafe $0.partition }
        }
        lastRebalance += 1
        switch code {
        case .assignPartitions:
            held = .assign
            guard isOpen else { return dropAssign() }
            onEvent(.assign(rebalance: lastRebalance, partitions: partitions))
        case .revokePartitions:
            held = .revoke
            guard !isAbandoned else { return dropAssign() }
            onEvent(.revoke(rebalance: lastRebalance, partitions: partitions, lost: isAssignmentLost))
        default:
            // librdkafka's own advice: an empty assignment brings its state and ours together again.
            dropAssign()
            assigned = []
            paused = []
            let text = unsafe rd_kafka_event_error_string(event).map { unsafe String(cString: $0) }
            onEvent(.error(KafkaError(code, text: text), partition: nil, fatal: false))
        }
    }

    private func receiveCommit(_ event: OpaquePointer) {
        let id = unsafe UInt64(UInt(bitPattern: rd_kafka_event_opaque(event)))
        var partitions: [KafkaPartitionResult] = []
        if let list = unsafe rd_kafka_event_topic_partition_list(event) {
            partitions = unsafe PartitionList.elements(list).map {
                unsafe KafkaPartitionResult(partition: $0.partition, error: KafkaError.of($0.err))
            }
        }
        let error = unsafe KafkaError.of(rd_kafka_event_error(event))
        onEvent(.committed(KafkaCommitResult(id: id, error: error, partitions: partitions)))
    }

    private func receiveError(_ event: OpaquePointer) {
        let code = unsafe KafkaErrorCode(rd_kafka_event_error(event))
        let text = unsafe rd_kafka_event_error_string(event).map { unsafe String(cString: $0) }
        var partition: Int32?
        var offset: Int64 = -1
        if let element = unsafe rd_kafka_event_topic_partition(event) {
            partition = unsafe element.pointee.partition
            offset = unsafe element.pointee.offset
            unsafe rd_kafka_topic_partition_destroy(element)
        }
        let error = KafkaError(code, text: text)
        switch code {
        case .autoOffsetReset:
            onEvent(.offsetReset(error, partition: partition))
        case .partitionEof:
            onEvent(.endOfPartition(partition: partition ?? -1, offset: offset))
        default:
            let isFatal = unsafe rd_kafka_event_error_is_fatal(event) != 0
            let cause = isFatal ? handle.fatalError ?? error : error
            onEvent(.error(cause, partition: partition, fatal: isFatal))
        }
    }

    private func sendStatistics() {
        guard isOpen, !assigned.isEmpty else { return }
        let list = PartitionList(topic: topic, assigned.sorted())
        _ = unsafe rd_kafka_position(handle.pointer, list.pointer)
        let progress = unsafe list.elements.map { element in
            var low: Int64 = -1
            var high: Int64 = -1
            // Local: what the last fetch and the last statistics brought.
            unsafe rd_kafka_get_watermark_offsets(handle.pointer, topic, element.partition, &low, &high)
            return unsafe KafkaPartitionProgress(
                partition: element.partition, logStart: Self.known(low), logEnd: Self.known(high),
                position: Self.known(element.offset))
        }
        onEvent(.statistics(progress))
    }

    private static func known(_ offset: Int64) -> Int64? { offset < 0 ? nil : offset }
}
