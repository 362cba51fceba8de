import CRdKafka
import EventLoop
import Glibc

/// A queue of librdkafka that wakes the loop through a pipe. On the loop's thread.
///
/// librdkafka writes to the pipe once for each change of the queue from empty to not empty: so a turn drains the queue
/// until it is empty, or goes on in the next turn without waiting for the pipe. Whatever wakes it, events come from one
/// place in the loop's turn: at most `eventsPerTurn` between two calls of a `TurnHook`, which can pause partitions.
@safe final class EventQueue {
    /// The most events of one turn; other handlers of the loop run between two turns.
    static let eventsPerTurn = 256

    private var queue: OpaquePointer?
    private let reader: Int32
    private let writer: Int32
    private var watch: DescriptorWatch?
    private var nextTurn: LoopTimer?
    private var poll: LoopTimer?
    private var isContinuing = false
    private var isServing = false
    private weak var owner: AnyObject?
    private let handle: (OpaquePointer) -> Void
    private let turnEnded: (_ events: Int) -> Void

    /// Takes the queue. `handle` gets each event and does not keep it; `turnEnded` comes after each turn, also one
    /// without events. The queue is looked at every `pollInterval` milliseconds also without a wake-up, since any
    /// poll tells librdkafka that the application lives (`max.poll.interval.ms`).
    /// `owner` is kept for the length of each turn, so that no handler can end it between an event and its end.
    init(
        _ queue: OpaquePointer, owner: AnyObject, loop: EventLoop, pollInterval: Int64,
        handle: @escaping (OpaquePointer) -> Void, turnEnded: @escaping (_ events: Int) -> Void
    ) throws(KafkaSetupError) {
        self.owner = owner
        unsafe self.handle = unsafe handle
        self.turnEnded = turnEnded
        unsafe self.queue = unsafe queue
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else {
            unsafe rd_kafka_queue_destroy(queue)
            throw .descriptor(errno)
        }
        reader = ends[0]
        writer = ends[1]
        for end in ends {
            _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        do {
            let watch = try loop.watch(descriptor: reader) { [weak self] _ in self?.woken() }
            self.watch = watch
            try watch.setInterest(.readable)
            nextTurn = try loop.makeTimer { [weak self] in
                self?.isContinuing = false
                self?.serve()
            }
            poll = try loop.makeTimer { [weak self] in self?.continueNextTurn() }
        } catch {
            close()
            throw .loop(error)
        }
        var byte: UInt8 = 1
        unsafe rd_kafka_queue_io_event_enable(queue, writer, &byte, 1)
        poll?.start(after: pollInterval, repeating: pollInterval)
        // What came before the pipe was known is served in the next turn.
        continueNextTurn()
    }

    /// Looks at the queue in the next turn of the loop.
    func continueNextTurn() {
        if !isContinuing {
            isContinuing = true
            nextTurn?.start(after: 0)
        }
    }

    /// Looks at the queue every so many milliseconds.
    func setPollInterval(_ interval: Int64) {
        poll?.start(after: interval, repeating: interval)
    }

    private func woken() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while unsafe read(reader, &bytes, bytes.count) == bytes.count {}
        continueNextTurn()
    }

    private func serve() {
        // A handler may run a nested turn only by mistake; the events stay in order all the same.
        guard !isServing else { return continueNextTurn() }
        guard let owner else { return }
        defer { withExtendedLifetime(owner) {} }
        isServing = true
        var events = 0
        while events < Self.eventsPerTurn, let queue = unsafe queue {
            guard let event = unsafe rd_kafka_queue_poll(queue, 0) else { break }
            events += 1
            unsafe handle(event)
            // An event that is not destroyed makes rd_kafka_destroy hang.
            unsafe rd_kafka_event_destroy(event)
        }
        isServing = false
        if events == Self.eventsPerTurn, unsafe queue != nil {
            continueNextTurn()
        }
        turnEnded(events)
    }

    /// The queue for commits; nil when closed.
    var pointer: OpaquePointer? { unsafe queue }

    /// Gives the queue back; before the client is destroyed. A second call does nothing.
    func close() {
        guard let queue = unsafe queue else { return }
        unsafe self.queue = nil
        unsafe rd_kafka_queue_io_event_enable(queue, -1, nil, 0)
        unsafe rd_kafka_queue_destroy(queue)
        watch?.close()
        nextTurn?.close()
        poll?.close()
        _ = Glibc.close(reader)
        _ = Glibc.close(writer)
    }

    deinit {
        close()
    }
}
