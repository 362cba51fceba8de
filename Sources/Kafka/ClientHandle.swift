import CRdKafka
internal import Threads

/// A `rd_kafka_t` that several threads use: the loop for its own calls, helper threads for blocking queries. It is
/// destroyed once, on a helper thread, after the last query has ended.
@safe final class ClientHandle: @unchecked Sendable {
    /// librdkafka's own locks guard what is behind it. The loop uses it while it has not asked for `destroy`.
    let pointer: OpaquePointer
    private let log: Unmanaged<LogSink>
    private struct State {
        var queries = 0
        var isDestroyed = false
    }

    private let state = Monitor(State())
    /// Whether the client is a consumer that may have joined a group and did not begin to close: its destruction closes
    /// it first, or waits for ever for the answer to a revoke that nobody sees. Written on the loop's thread.
    var mustClose = false

    /// Makes a client.
    /// - Throws: `KafkaSetupError.configuration`.
    init(
        _ type: rd_kafka_type_t, _ configuration: KafkaConfiguration, events: Int32, log: @escaping KafkaLogHandler
    ) throws(KafkaSetupError) {
        let native = try NativeConfiguration(configuration)
        let log = unsafe Unmanaged.passRetained(LogSink(log))
        do {
            unsafe pointer = try native.makeClient(type, events: events, log: log.toOpaque())
        } catch {
            unsafe log.release()
            throw error
        }
        unsafe self.log = unsafe log
    }

    /// Runs a query on the calling thread, which may block; the client is not destroyed before it ends.
    /// - Throws: what the query throws; `_DESTROY` when the client is gone.
    func query<R>(_ body: (OpaquePointer) throws(KafkaError) -> R) throws(KafkaError) -> R {
        let isOpen = state.withLock { state in
            if !state.isDestroyed { state.queries += 1 }
            return !state.isDestroyed
        }
        guard isOpen else { throw KafkaError(.destroy) }
        defer {
            state.withLock { $0.queries -= 1 }
            state.signal()
        }
        return try unsafe body(pointer)
    }

    /// Waits for the queries that run, then destroys the client. Blocks: for a helper thread. The second call does
    /// nothing.
    func destroy() {
        let isFirst = state.withLock { state in
            defer { state.isDestroyed = true }
            return !state.isDestroyed
        }
        guard isFirst else { return }
        state.wait { $0.queries == 0 ? .done(()) : .wait(until: nil) }
        unsafe rd_kafka_destroy_flags(pointer, mustClose ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
        unsafe log.release()
    }

    deinit {
        destroy()
    }

    /// The cause of a fatal error, which librdkafka keeps; nil when there is none.
    var fatalError: KafkaError? {
        var text = [CChar](repeating: 0, count: 512)
        let code = unsafe rd_kafka_fatal_error(pointer, &text, text.count)
        return code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(KafkaErrorCode(code), text: string(text))
    }
}
