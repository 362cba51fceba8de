internal import CUV

/// A timer of a loop. It stands still while the machine is suspended (libuv reads CLOCK_MONOTONIC).
///
/// It fires at most once in a turn of the loop, however it is started: other handlers run between two firings.
@safe
public final class LoopTimer: LoopHandle {
    private var fire: () -> Void
    private let loop: UnsafeMutablePointer<uv_loop_t>
    private let dueTimers: DueTimers
    /// Counts the starts and stops, so that an older start is void.
    private var starts: UInt64 = 0
    private var interval: UInt64 = 0

    init(
        loop: UnsafeMutablePointer<uv_loop_t>, dueTimers: DueTimers, _ fire: @escaping () -> Void
    ) throws(EventLoopError) {
        self.fire = fire
        unsafe self.loop = unsafe loop
        self.dueTimers = dueTimers
        try unsafe super.init(UV_TIMER, "uv_timer_init") { storage in
            unsafe uv_timer_init(loop, storage.assumingMemoryBound(to: uv_timer_t.self))
        }
    }

    override func releaseHandler() { fire = {} }

    /// Starts the timer, or starts it anew.
    ///
    /// - Parameters:
    ///   - after: Milliseconds from now; the timer never fires earlier. Below 1: in the loop's next turn, which does not
    ///     wait.
    ///   - repeating: Milliseconds from then on; 0 or less: fires once.
    public func start(after: Int64, repeating: Int64 = 0) {
        guard !isClosed else { return }
        starts += 1
        interval = UInt64(max(0, repeating))
        guard after >= 1 else {
            _ = unsafe uv_timer_stop(storage.assumingMemoryBound(to: uv_timer_t.self))
            return dueTimers.add(self, start: starts)
        }
        // libuv counts from the time that it read at the begin of the turn and in whole milliseconds: count from the
        // clock, and add the millisecond that rounding may have taken.
        var delay = UInt64(after) + 1
        if dueTimers.isInTimers {
            // libuv's own time stays: with a later one, timers that are started now would be due in this turn.
            let now = uv_hrtime() / 1_000_000
            let read = unsafe uv_now(loop)
            delay += now > read ? now - read : 0
        } else {
            unsafe uv_update_time(loop)
        }
        startNative(after: delay)
    }

    /// Stops the timer; `start` starts it again.
    public func stop() {
        guard !isClosed else { return }
        starts += 1
        _ = unsafe uv_timer_stop(storage.assumingMemoryBound(to: uv_timer_t.self))
    }

    /// Called by the timers that are due, with the number of the start.
    func fireDue(start: UInt64) {
        guard !isClosed, start == starts else { return }
        if interval > 0 { startNative(after: interval) }
        fire()
    }

    private func startNative(after delay: UInt64) {
        // The only errors are a handle that is closing and a missing callback.
        _ = unsafe uv_timer_start(
            storage.assumingMemoryBound(to: uv_timer_t.self),
            { handle in
                guard let timer = unsafe LoopTimer.object(of: handle) else { return }
                timer.dueTimers.isInTimers = true
                timer.fire()
                timer.dueTimers.isInTimers = false
            }, delay, interval)
    }
}
