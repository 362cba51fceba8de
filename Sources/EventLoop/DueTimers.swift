internal import CUV

/// The timers of a loop that are due at once, and what all timers of a loop share.
///
/// A timer of 0 ms that is started in a timer's handler runs again in the same turn with libuv 1.44 and older, and so
/// without an end, before the loop looks at any descriptor. So these timers are not libuv's: an idle handle's callback
/// comes once in each turn, and while it is active the loop does not wait.
final class DueTimers: LoopHandle {
    private var waiting: [(timer: LoopTimer, start: UInt64)] = []
    /// Whether libuv is calling the timers that are due: its clock must stand still until it is done with them.
    var isInTimers = false

    init(loop: UnsafeMutablePointer<uv_loop_t>) throws(EventLoopError) {
        try unsafe super.init(UV_IDLE, "uv_idle_init") { storage in
            unsafe uv_idle_init(loop, storage.assumingMemoryBound(to: uv_idle_t.self))
        }
    }

    /// The timer fires in the next turn, unless it is started anew or stopped before.
    func add(_ timer: LoopTimer, start: UInt64) {
        guard !isClosed else { return }
        if waiting.isEmpty {
            // The only errors are a handle that is closing and a missing callback.
            _ = unsafe uv_idle_start(storage.assumingMemoryBound(to: uv_idle_t.self)) { handle in
                unsafe DueTimers.object(of: handle)?.fireAll()
            }
        }
        waiting.append((timer, start))
    }

    override func releaseHandler() { waiting = [] }

    private func fireAll() {
        let due = waiting
        waiting = []
        for (timer, start) in due { timer.fireDue(start: start) }
        if waiting.isEmpty, !isClosed {
            _ = unsafe uv_idle_stop(storage.assumingMemoryBound(to: uv_idle_t.self))
        }
    }
}
