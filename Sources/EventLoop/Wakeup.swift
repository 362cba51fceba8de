internal import CUV
internal import Threads

/// Wakes a loop from any thread. The only part of a loop that may leave the loop's thread.
public final class Wakeup: Sendable {
    private let gate: WakeupGate

    init(gate: WakeupGate) { self.gate = gate }

    /// Makes the loop call the handler soon. Signals that come before the handler is called become one call. After
    /// `close()`, or when the loop is closed, it does nothing. Any thread.
    public func signal() { gate.signal() }

    /// Ends the wake-up: the handler is not called again. The loop lets go of it in its next turn. Idempotent; meant
    /// for the loop's thread, safe on any.
    public func close() { gate.requestClose() }
}

/// The part of a wake-up that threads share: the address of the handle for as long as it is open.
final class WakeupGate: Sendable {
    @safe
    private struct State: @unchecked Sendable {
        /// nil before the handle is there and after it is closed. `uv_async_send` is the one call of libuv that other
        /// threads may make, and only while the handle is open: hence under the lock.
        var handle: UnsafeMutablePointer<uv_async_t>?
        var closeRequested = false
    }

    private let state = Monitor(State())

    /// Whether `requestClose` was called.
    var closeRequested: Bool { state.withLock { $0.closeRequested } }

    func signal() {
        state.withLock { state in
            guard !state.closeRequested, let handle = unsafe state.handle else { return }
            // The only errors are a handle that is not a wake-up's and a signal pipe that is full, which is a wake-up.
            _ = unsafe uv_async_send(handle)
        }
    }

    func requestClose() {
        state.withLock { state in
            guard !state.closeRequested else { return }
            state.closeRequested = true
            guard let handle = unsafe state.handle else { return }
            _ = unsafe uv_async_send(handle)
        }
    }

    /// Sets the handle, or takes it away. On the loop.
    func set(_ address: UInt) {
        state.withLock { state in unsafe state.handle = UnsafeMutablePointer(bitPattern: address) }
    }
}

/// The part of a wake-up that stays on the loop.
final class WakeupHandle: LoopHandle {
    let gate = WakeupGate()
    private var handler: () -> Void

    init(loop: UnsafeMutablePointer<uv_loop_t>, _ handler: @escaping () -> Void) throws(EventLoopError) {
        self.handler = handler
        try unsafe super.init(UV_ASYNC, "uv_async_init") { storage in
            unsafe uv_async_init(loop, storage.assumingMemoryBound(to: uv_async_t.self)) { handle in
                unsafe WakeupHandle.object(of: handle)?.arrived()
            }
        }
        unsafe gate.set(UInt(bitPattern: storage))
    }

    override func willClose() { gate.set(0) }

    override func releaseHandler() { handler = {} }

    private func arrived() {
        if gate.closeRequested { close() } else { handler() }
    }
}
