internal import Threads

/// A bounded queue of log lines between all threads that log and one writer thread.
///
/// A producer never blocks on the writer: when the ring is full a line is dropped and counted. Any thread.
public final class LogRing: Sendable {
    // The lock is held for a few moves of values and never during a write. It is signalled when a line comes into an
    // empty ring, when lines were written, at the close, and when the writer begins or ends.
    private let state: Monitor<State>

    private struct State {
        var slots: [LogLine?]
        var head = 0
        var count = 0
        var accepted: UInt64 = 0
        var written: UInt64 = 0
        var dropped: UInt64 = 0
        var unreported: UInt64 = 0
        var isClosed = false
        var hasWriter = false

        mutating func take(limit: Int) -> [LogLine] {
            var lines: [LogLine] = []
            let number = min(limit, count)
            lines.reserveCapacity(number)
            for _ in 0..<number {
                if let line = slots[head] { lines.append(line) }
                slots[head] = nil
                head = (head + 1) % slots.count
            }
            count -= number
            return lines
        }
    }

    /// Makes a ring.
    /// - Parameter capacity: How many lines wait at most; at least 1.
    public init(capacity: Int = 2_048) {
        state = Monitor(State(slots: Array(repeating: nil, count: max(1, capacity))))
    }

    /// Puts a line into the ring, or counts it as dropped.
    public func push(_ line: LogLine) {
        let isFirst = state.withLock { state in
            guard state.count < state.slots.count, !state.isClosed else {
                state.dropped += 1
                state.unreported += 1
                return false
            }
            state.slots[(state.head + state.count) % state.slots.count] = line
            state.count += 1
            state.accepted += 1
            return state.count == 1
        }
        if isFirst { state.signal() }
    }

    /// How many lines were lost so far, since the ring was full or the descriptor refused them.
    public var droppedLines: UInt64 { state.withLock { $0.dropped } }

    /// Takes all lines out, as the writer does. For tests, in place of a writer.
    public func drain() -> [LogLine] {
        let lines = state.withLock { state in
            let lines = state.take(limit: state.count)
            state.written += UInt64(lines.count)
            return lines
        }
        state.signal()
        return lines
    }

    /// Waits until all lines that are in the ring now are written.
    /// - Parameter deadline: Milliseconds to wait at most.
    /// - Returns: Whether they were.
    @discardableResult
    public func flush(deadline: Int64) -> Bool {
        let target = state.withLock { $0.accepted }
        return wait(deadline) { $0.written >= target }
    }

    /// Takes no more lines, and waits until the writer has written what is left and has ended: only then may its
    /// descriptor be closed.
    /// - Parameter deadline: Milliseconds to wait at most; the writer ends later by itself.
    /// - Returns: Whether it has ended, or there never was one.
    @discardableResult
    public func close(deadline: Int64) -> Bool {
        state.withLock { $0.isClosed = true }
        state.signal()
        return wait(deadline) { !$0.hasWriter }
    }

    /// Waits until a condition holds; false at the deadline.
    private func wait(_ deadline: Int64, until condition: (State) -> Bool) -> Bool {
        // At most a day, so that nothing overflows.
        let end = Monitor<State>.now() + min(max(0, deadline), 86_400_000) * 1_000_000
        return state.wait { state in
            if condition(state) { return .done(true) }
            return Monitor<State>.now() >= end ? .done(false) : .wait(until: end)
        }
    }

    // For the writer.

    /// Waits for lines; nil when the ring is closed and empty.
    func waitForLines(limit: Int) -> (lines: [LogLine], dropped: UInt64)? {
        state.wait { state in
            if state.count == 0 {
                guard state.isClosed else { return .wait(until: nil) }
                if state.unreported == 0 { return .done(nil) }
            }
            let lines = state.take(limit: limit)
            defer { state.unreported = 0 }
            return .done((lines, state.unreported))
        }
    }

    /// Says that the writer begins or ends.
    func setWriter(_ isThere: Bool) {
        state.withLock { $0.hasWriter = isThere }
        state.signal()
    }

    /// Says that lines are written, or that the descriptor refused them.
    func finished(_ lines: Int, refused: Bool) {
        state.withLock { state in
            if refused {
                state.dropped += UInt64(lines)
                state.unreported += UInt64(lines)
            }
            state.written += UInt64(lines)
        }
        state.signal()
    }
}
