internal import CUV

/// A timer of a loop. It stands still while the machine is suspended (libuv reads CLOCK_MONOTONIC).
@safe
public final class LoopTimer: LoopHandle {
    private var fire: () -> Void
    private let loop: UnsafeMutablePointer<uv_loop_t>

    init(loop: UnsafeMutablePointer<uv_loop_t>, _ fire: @escaping () -> Void) throws(EventLoopError) {
        self.fire = fire
        unsafe self.loop = unsafe loop
        try unsafe super.init(UV_TIMER, "uv_timer_init") { storage in
            unsafe uv_timer_init(loop, storage.assumingMemoryBound(to: uv_timer_t.self))
        }
    }

    override func releaseHandler() { fire = {} }

    /// Starts the timer, or starts it anew.
    ///
    /// - Parameters:
    ///   - after: Milliseconds from now; the timer never fires earlier. Below 1: in the loop's next turn.
    ///   - repeating: Milliseconds from then on; 0 or less: fires once.
    public func start(after: Int64, repeating: Int64 = 0) {
        guard !isClosed else { return }
        // libuv counts from the time that it read at the begin of the turn and in whole milliseconds: read the clock
        // again, and add the millisecond that rounding may have taken.
        unsafe uv_update_time(loop)
        let delay = after < 1 ? 0 : UInt64(after) + 1
        // The only errors are a handle that is closing and a missing callback.
        _ = unsafe uv_timer_start(
            storage.assumingMemoryBound(to: uv_timer_t.self),
            { handle in unsafe LoopTimer.object(of: handle)?.fire() }, delay, UInt64(max(0, repeating)))
    }

    /// Stops the timer; `start` starts it again.
    public func stop() {
        guard !isClosed else { return }
        _ = unsafe uv_timer_stop(storage.assumingMemoryBound(to: uv_timer_t.self))
    }
}
