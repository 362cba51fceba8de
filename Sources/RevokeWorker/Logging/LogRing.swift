internal import Glibc

/// A bounded queue of log lines between all threads that log and one writer thread.
///
/// A producer never blocks on the writer: when the ring is full a line is dropped and counted. Any thread.
@safe
public final class LogRing: @unchecked Sendable {
    // All below is guarded by `mutex`, which is held for a few moves of values and never during a write.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    /// Signalled when a line comes into an empty ring, and at the close.
    private let arrival: UnsafeMutablePointer<pthread_cond_t>
    /// Signalled when lines were written.
    private let progress: UnsafeMutablePointer<pthread_cond_t>
    private var slots: [LogLine?]
    private var head = 0
    private var count = 0
    private var accepted: UInt64 = 0
    private var written: UInt64 = 0
    private var dropped: UInt64 = 0
    private var unreported: UInt64 = 0
    private var isClosed = false
    private var hasWriter = false

    /// Makes a ring.
    /// - Parameter capacity: How many lines wait at most; at least 1.
    public init(capacity: Int = 2_048) {
        slots = Array(repeating: nil, count: max(1, capacity))
        unsafe mutex = UnsafeMutablePointer.allocate(capacity: 1)
        unsafe arrival = UnsafeMutablePointer.allocate(capacity: 1)
        unsafe progress = UnsafeMutablePointer.allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(arrival, nil)
        // The deadline of `flush` must not depend on the wall clock.
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(progress, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(progress)
        unsafe pthread_cond_destroy(arrival)
        unsafe pthread_mutex_destroy(mutex)
        unsafe progress.deallocate()
        unsafe arrival.deallocate()
        unsafe mutex.deallocate()
    }

    private func withLock<R>(_ body: () -> R) -> R {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Puts a line into the ring, or counts it as dropped.
    public func push(_ line: LogLine) {
        withLock {
            guard count < slots.count, !isClosed else {
                dropped += 1
                unreported += 1
                return
            }
            slots[(head + count) % slots.count] = line
            count += 1
            accepted += 1
            if count == 1 { unsafe pthread_cond_signal(arrival) }
        }
    }

    /// How many lines were lost so far, since the ring was full or the descriptor refused them.
    public var droppedLines: UInt64 { withLock { dropped } }

    /// Takes all lines out, as the writer does. For tests, in place of a writer.
    public func drain() -> [LogLine] {
        withLock {
            let lines = take(limit: count)
            markWritten(lines.count)
            return lines
        }
    }

    /// Waits until all lines that are in the ring now are written.
    /// - Parameter deadline: Milliseconds to wait at most.
    /// - Returns: Whether they were.
    @discardableResult
    public func flush(deadline: Int64) -> Bool {
        withLock {
            let target = accepted
            return wait(deadline) { written >= target }
        }
    }

    /// Takes no more lines, and waits until the writer has written what is left and has ended: only then may its
    /// descriptor be closed.
    /// - Parameter deadline: Milliseconds to wait at most; the writer ends later by itself.
    /// - Returns: Whether it has ended, or there never was one.
    @discardableResult
    public func close(deadline: Int64) -> Bool {
        withLock {
            isClosed = true
            unsafe pthread_cond_broadcast(arrival)
            return wait(deadline) { !hasWriter }
        }
    }

    /// Waits with the lock until a condition holds; false at the deadline.
    private func wait(_ deadline: Int64, until condition: () -> Bool) -> Bool {
        var end = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &end)
        // At most a day, so that nothing overflows.
        let milliseconds = min(max(0, deadline), 86_400_000)
        let nanoseconds = end.tv_nsec + Int(milliseconds % 1_000) * 1_000_000
        end.tv_sec += Int(milliseconds / 1_000) + nanoseconds / 1_000_000_000
        end.tv_nsec = nanoseconds % 1_000_000_000
        while !condition() {
            if unsafe pthread_cond_timedwait(progress, mutex, &end) != 0 { return condition() }
        }
        return true
    }

    // For the writer.

    /// Waits for lines; nil when the ring is closed and empty.
    func waitForLines(limit: Int) -> (lines: [LogLine], dropped: UInt64)? {
        withLock {
            while count == 0 {
                if isClosed, unreported == 0 { return nil }
                if isClosed { break }
                unsafe pthread_cond_wait(arrival, mutex)
            }
            let lines = take(limit: limit)
            defer { unreported = 0 }
            return (lines, unreported)
        }
    }

    /// Says that the writer begins or ends.
    func setWriter(_ isThere: Bool) {
        withLock {
            hasWriter = isThere
            unsafe pthread_cond_broadcast(progress)
        }
    }

    /// Says that lines are written, or that the descriptor refused them.
    func finished(_ lines: Int, refused: Bool) {
        withLock {
            if refused {
                dropped += UInt64(lines)
                unreported += UInt64(lines)
            }
            markWritten(lines)
        }
    }

    private func take(limit: Int) -> [LogLine] {
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

    private func markWritten(_ lines: Int) {
        written += UInt64(lines)
        unsafe pthread_cond_broadcast(progress)
    }
}
