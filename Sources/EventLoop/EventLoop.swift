internal import CUV
internal import Glibc

/// libuv's event loop on one thread. All times are in milliseconds.
///
/// All of it is used on the loop's thread only (before `run()`: the thread that will run it), but for `Wakeup`. Handlers
/// are called on that thread, one at a time, each to its end. A handler that captures the loop keeps it alive until it
/// is closed.
@safe
public final class EventLoop {
    private let loop = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
    private let dueTimers: DueTimers?
    private var isRunning = false
    /// Whether `close()` was called.
    public private(set) var isClosed = false

    /// Makes a loop.
    /// - Throws: `EventLoopError` when the system has no descriptors left.
    public init() throws(EventLoopError) {
        let code = unsafe uv_loop_init(loop)
        guard code >= 0 else {
            dueTimers = nil
            isClosed = true
            unsafe loop.deallocate()
            throw EventLoopError(code: code, operation: "uv_loop_init")
        }
        do throws(EventLoopError) {
            dueTimers = try unsafe DueTimers(loop: loop)
        } catch {
            dueTimers = nil
            close()
            throw error
        }
    }

    deinit { close() }

    /// Runs the loop on the calling thread until `stop()`, or until no active timer, watch or work is left. Does nothing
    /// in a handler of this loop, and when the loop is closed.
    public func run() {
        guard !isRunning, !isClosed else { return }
        isRunning = true
        _ = unsafe uv_run(loop, UV_RUN_DEFAULT)
        isRunning = false
    }

    /// Makes `run()` return at the end of this turn; before `run()`, makes it return at once.
    public func stop() {
        guard !isClosed else { return }
        unsafe uv_stop(loop)
    }

    /// Closes all handles that are left, waits for offloaded work that has begun, and frees the loop. What waits to
    /// begin may be done or not, and no `then` is called any more. Idempotent; call it after `run()` has returned: in a
    /// handler it does nothing.
    public func close() {
        guard !isRunning, !isClosed else { return }
        isClosed = true
        unsafe uv_walk(
            loop, { handle, _ in unsafe LoopHandle.object(of: handle)?.close() }, nil)
        while unsafe uv_loop_close(loop) == UV_EBUSY.rawValue {
            _ = unsafe uv_run(loop, UV_RUN_DEFAULT)
        }
        unsafe loop.deallocate()
    }

    /// The version of the libuv that is loaded, such as `1.44.2`. Any thread.
    public static var libraryVersion: String { unsafe String(cString: uv_version_string()) }

    /// CLOCK_BOOTTIME in milliseconds: for durations; goes on while the machine is suspended. Any thread.
    public static func boottime() -> Int64 { boottimeNanoseconds() / 1_000_000 }

    /// CLOCK_BOOTTIME in nanoseconds. Any thread.
    public static func boottimeNanoseconds() -> Int64 { nanoseconds(of: CLOCK_BOOTTIME) }

    /// The wall clock in milliseconds since 1970-01-01T00:00:00Z: for dates. Any thread.
    public static func wallTime() -> Int64 { nanoseconds(of: CLOCK_REALTIME) / 1_000_000 }

    private static func nanoseconds(of clock: clockid_t) -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Makes a timer, which is stopped at first.
    /// - Throws: `EventLoopError` when the loop is closed.
    public func makeTimer(_ fire: @escaping () -> Void) throws(EventLoopError) -> LoopTimer {
        guard !isClosed, let dueTimers else { throw .closed("uv_timer_init") }
        return try unsafe LoopTimer(loop: loop, dueTimers: dueTimers, fire)
    }

    /// Makes a watch of a descriptor, without interest at first. The descriptor stays the caller's.
    /// - Throws: `EventLoopError`, such as EBADF, EPERM (a regular file) or EEXIST (watched already).
    public func watch(
        descriptor: Int32, _ handler: @escaping (Readiness) -> Void
    ) throws(EventLoopError) -> DescriptorWatch {
        guard !isClosed else { throw .closed("uv_poll_init") }
        return try unsafe DescriptorWatch(loop: loop, descriptor: descriptor, handler)
    }

    /// Watches a signal; see `SignalWatch` for one-shot.
    /// - Throws: `EventLoopError`, such as EINVAL for a number that is no signal.
    public func onSignal(
        _ number: Int32, oneShot: Bool, _ handler: @escaping () -> Void
    ) throws(EventLoopError) -> SignalWatch {
        guard !isClosed else { throw .closed("uv_signal_init") }
        return try unsafe SignalWatch(loop: loop, number: number, oneShot: oneShot, handler)
    }

    /// Makes a wake-up, by which any thread makes the loop call the handler. It keeps the loop running until it is
    /// closed.
    /// - Throws: `EventLoopError` when the system has no descriptors left, or the loop is closed.
    public func makeWakeup(_ handler: @escaping () -> Void) throws(EventLoopError) -> Wakeup {
        guard !isClosed else { throw .closed("uv_async_init") }
        return Wakeup(gate: try unsafe WakeupHandle(loop: loop, handler).gate)
    }

    /// Does work that can block on one of libuv's threads, and hands its result to `then` on the loop.
    /// - Throws: `EventLoopError` when the loop is closed.
    public func offload<R: Sendable>(
        _ work: @escaping @Sendable () -> R, then: @escaping (R) -> Void
    ) throws(EventLoopError) {
        guard !isClosed else { throw .closed("uv_queue_work") }
        try unsafe TypedJob(owner: self, work, then: then).queue(loop)
    }

    /// Watches a file by its path; it need not exist. See `FileWatch`.
    ///
    /// - Parameters:
    ///   - path: The file; its directory is watched too.
    ///   - pollInterval: Milliseconds between two looks, at least 1.
    /// - Throws: `EventLoopError` when the system has no memory or descriptors left, or the loop is closed.
    public func watchFile(
        _ path: String, pollInterval: Int64, _ changed: @escaping () -> Void
    ) throws(EventLoopError) -> FileWatch {
        guard !isClosed else { throw .closed("uv_fs_event_init") }
        return try unsafe FileWatch(loop: loop, path: path, pollInterval: pollInterval, changed)
    }

    /// Makes a hook that is called once in each turn, before the loop waits for events.
    /// - Throws: `EventLoopError` when the loop is closed.
    public func beforeBlocking(_ handler: @escaping () -> Void) throws(EventLoopError) -> TurnHook {
        guard !isClosed else { throw .closed("uv_prepare_init") }
        return try unsafe TurnHook(loop: loop, handler)
    }
}
