internal import CUV

/// Watches a descriptor: level-triggered, so the handler is called in each turn for as long as it is ready.
///
/// libuv switches the descriptor to non-blocking mode. There is one watch for a descriptor at a time. Close the watch
/// before you close the descriptor; as soon as `close()` has returned the descriptor may be closed and its number used
/// again.
public final class DescriptorWatch: LoopHandle {
    /// What the watch is interested in now; empty at first and after an error.
    public private(set) var interest: Readiness = []
    private var handler: (Readiness) -> Void

    init(
        loop: UnsafeMutablePointer<uv_loop_t>, descriptor: Int32, _ handler: @escaping (Readiness) -> Void
    ) throws(EventLoopError) {
        self.handler = handler
        try unsafe super.init(UV_POLL, "uv_poll_init") { storage in
            unsafe uv_poll_init(loop, storage.assumingMemoryBound(to: uv_poll_t.self), descriptor)
        }
    }

    override func releaseHandler() { handler = { _ in } }

    /// Says what to watch for; empty stops the watch. Costs nothing when the interest is the same as before.
    ///
    /// An error of the descriptor (POLLERR: a failed connect, a reset, a pipe without a reader) stops the watch and
    /// calls the handler with all three of `Readiness`; after that the next call here starts it again.
    /// - Throws: `EventLoopError` of `uv_poll_start`, also when the watch is closed.
    public func setInterest(_ wanted: Readiness) throws(EventLoopError) {
        guard !isClosed else { throw .closed("uv_poll_start") }
        guard wanted != interest else { return }
        let poll = unsafe storage.assumingMemoryBound(to: uv_poll_t.self)
        if wanted.isEmpty {
            try EventLoopError.check(unsafe uv_poll_stop(poll), "uv_poll_stop")
        } else {
            let code = unsafe uv_poll_start(poll, wanted.rawValue) { handle, status, events in
                unsafe DescriptorWatch.object(of: handle)?.isReady(status: status, events: events)
            }
            try EventLoopError.check(code, "uv_poll_start")
        }
        interest = wanted
    }

    private func isReady(status: Int32, events: Int32) {
        if status < 0 {
            // libuv has stopped the watch already.
            interest = []
            handler([.readable, .writable, .disconnected])
        } else {
            handler(Readiness(rawValue: events))
        }
    }
}
