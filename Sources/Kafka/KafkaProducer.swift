import CRdKafka
import CRdKafkaShims
public import EventLoop

/// What became of a record that was produced, or news of the producer. On the loop's thread.
public enum KafkaProducerEvent: Hashable, Sendable {
    /// All in-sync replicas have it.
    case delivered(id: UInt64, partition: Int32, offset: Int64)
    /// It is not known to be stored. With `possiblyPersisted` it may be: producing again may store it twice.
    case failed(id: UInt64, KafkaError, possiblyPersisted: Bool)
    /// Trouble. News, which librdkafka goes on to repair by itself, unless `fatal`: then the producer is dead.
    case error(KafkaError, fatal: Bool)
}

/// A producer with `acks=all`, without lingering and without idempotence.
///
/// It lives on the loop's thread: every call is made there and the handler is called there. No call waits for a
/// broker. Each record that was produced gets exactly one `.delivered` or `.failed`, at the latest when it closes.
public final class KafkaProducer {
    private enum State {
        case open
        case closing(then: () -> Void)
        case closed
    }

    /// The queries that block, for helper threads; valid until the producer closes, then they throw `_DESTROY`.
    public let queries: KafkaQueries
    private let handle: ClientHandle
    private let loop: EventLoop
    private var queue: EventQueue?
    private let onEvent: (KafkaProducerEvent) -> Void
    private var state = State.open
    private var open: Set<UInt64> = []
    private var closingSelf: KafkaProducer?
    private var closeTimer: LoopTimer?

    /// Makes a producer. `KafkaConfiguration.producerDefaults` and then `configuration` are set; what this module
    /// depends on (`acks`, `linger.ms`, `enable.idempotence`, delivery reports) cannot be changed.
    /// - Throws: `KafkaSetupError`.
    public init(
        configuration: KafkaConfiguration, loop: EventLoop, log: @escaping KafkaLogHandler,
        onEvent: @escaping (KafkaProducerEvent) -> Void
    ) throws(KafkaSetupError) {
        let all = KafkaConfiguration.producerDefaults.overridden(by: configuration)
            .overridden(by: .producerRequired)
        handle = try ClientHandle(
            RD_KAFKA_PRODUCER, all, events: RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR, log: log)
        queries = KafkaQueries(handle)
        self.loop = loop
        self.onEvent = onEvent
        guard let pointer = unsafe rd_kafka_queue_get_main(handle.pointer) else {
            throw .client(KafkaError(.fail))
        }
        queue = unsafe try EventQueue(
            pointer, owner: self, loop: loop, pollInterval: 1_000,
            handle: { [unowned self] in unsafe self.receive($0) },
            turnEnded: { [unowned self] _ in self.turnEnded() })
    }

    /// How many records have no delivery report yet.
    public var openCount: Int { open.count }

    /// Hands one record to the producer, which copies it; the partition is chosen by the key. `id` is the caller's and
    /// comes back in the delivery report; it is not among those that are open.
    ///
    /// `timestamp` is in milliseconds since 1970; nil means now.
    /// - Throws: `KafkaError` when the record was not taken; then no report comes. For example `_QUEUE_FULL`,
    ///   `MSG_SIZE_TOO_LARGE`, `_UNKNOWN_TOPIC`, `_UNKNOWN_PARTITION`, `TOPIC_AUTHORIZATION_FAILED`.
    public func produce(
        id: UInt64, topic: String, key: [UInt8]?, value: [UInt8]?, headers: [KafkaHeader] = [],
        timestamp: Int64? = nil
    ) throws(KafkaError) {
        guard case .open = state else { throw KafkaError(.destroy) }
        guard !open.contains(id) else { throw KafkaError(.invalidArgument, text: "the id \(id) is in use") }
        let list = try HeaderList(headers)
        var text = [CChar](repeating: 0, count: 512)
        let code = unsafe withBytes(key) { key, keySize in
            unsafe withBytes(value) { value, valueSize in
                unsafe rks_produce(
                    handle.pointer, topic, key, keySize, value, valueSize, list.pointer, timestamp ?? 0, UInt(id),
                    &text, text.count)
            }
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(KafkaErrorCode(code), text: string(text))
        }
        list.giveAway()
        open.insert(id)
    }

    /// Waits for the open delivery reports, at most `limit` milliseconds, then gives up what is left (each gets a
    /// `.failed`) and destroys the client. `then` is called on the loop, once, after all is gone.
    public func close(limit: Int64, then: @escaping () -> Void) {
        guard case .open = state else { return }
        state = .closing(then: then)
        closingSelf = self
        closeTimer = try? loop.makeTimer { [unowned self] in self.giveUp() }
        if let closeTimer {
            closeTimer.start(after: limit)
        } else {
            giveUp()
        }
        queue?.continueNextTurn()
    }

    private func giveUp() {
        guard case .closing = state else { return }
        _ = unsafe rd_kafka_purge(
            handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING)
        // The reports of what was purged come at once; what still has none then is unknown.
        closeTimer?.close()
        closeTimer = try? loop.makeTimer { [unowned self] in self.finish() }
        if let closeTimer {
            closeTimer.start(after: 1_000)
        } else {
            finish()
        }
    }

    private func turnEnded() {
        if case .closing = state, open.isEmpty {
            finish()
        }
    }

    private func finish() {
        guard case .closing(let then) = state else { return }
        state = .closed
        closeTimer?.close()
        closeTimer = nil
        let queue = self.queue
        self.queue = nil
        queue?.close()
        let unknown = open.sorted()
        open = []
        for id in unknown {
            onEvent(.failed(id: id, KafkaError(.purgeInflight), possiblyPersisted: true))
        }
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

    private func receive(_ event: OpaquePointer) {
        switch unsafe rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_DR:
            while let message = unsafe rd_kafka_event_message_next(event) {
                unsafe receiveReport(message)
            }
        case RD_KAFKA_EVENT_ERROR:
            let code = unsafe KafkaErrorCode(rd_kafka_event_error(event))
            let text = unsafe rd_kafka_event_error_string(event).map { unsafe String(cString: $0) }
            let isFatal = unsafe rd_kafka_event_error_is_fatal(event) != 0
            let error = KafkaError(code, text: text)
            onEvent(.error(isFatal ? handle.fatalError ?? error : error, fatal: isFatal))
        default:
            break
        }
    }

    private func receiveReport(_ message: UnsafePointer<rd_kafka_message_t>) {
        let id = unsafe UInt64(UInt(bitPattern: message.pointee._private))
        open.remove(id)
        guard let error = unsafe KafkaError.of(message.pointee.err) else {
            unsafe onEvent(
                .delivered(id: id, partition: message.pointee.partition, offset: message.pointee.offset))
            return
        }
        let status = unsafe rd_kafka_message_status(message)
        onEvent(.failed(id: id, error, possiblyPersisted: status != RD_KAFKA_MSG_STATUS_NOT_PERSISTED))
    }
}

/// A prepared `rd_kafka_headers_t`; freed with the value unless the producer took it.
@safe private struct HeaderList: ~Copyable {
    let pointer: OpaquePointer?
    private var isOurs = true

    /// No list when there is no header.
    init(_ headers: [KafkaHeader]) throws(KafkaError) {
        guard !headers.isEmpty else {
            unsafe pointer = nil
            return
        }
        unsafe pointer = unsafe rd_kafka_headers_new(headers.count)
        for header in headers {
            // A size of −1 with a null pointer is a null value.
            let code = unsafe withBytes(header.value) { value, size in
                unsafe rd_kafka_header_add(pointer, header.name, -1, value, value == nil ? -1 : size)
            }
            try KafkaError.check(code)
        }
    }

    consuming func giveAway() {
        isOurs = false
    }

    deinit {
        if isOurs, let pointer = unsafe pointer {
            unsafe rd_kafka_headers_destroy(pointer)
        }
    }
}

/// Lends bytes to C: a null pointer for nil, another one for empty bytes.
private func withBytes<R>(_ bytes: [UInt8]?, _ body: (UnsafeRawPointer?, Int) -> R) -> R {
    guard let bytes else { return body(nil, 0) }
    guard !bytes.isEmpty else {
        var nothing: UInt8 = 0
        return unsafe withUnsafeBytes(of: &nothing) { unsafe body($0.baseAddress, 0) }
    }
    return unsafe bytes.withUnsafeBytes { unsafe body($0.baseAddress, $0.count) }
}
