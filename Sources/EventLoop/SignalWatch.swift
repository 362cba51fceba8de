internal import CUV
internal import CUVShims

/// Watches a signal of the process.
///
/// A one-shot watch calls its handler once, and from the first delivery on a second one ends the process at once, even
/// when the loop is stuck, and as process 1 too (there with status 128 + number). Closing the watch brings the default
/// disposition back: keep a one-shot watch open until the process ends.
public final class SignalWatch: LoopHandle {
    private let oneShot: Bool
    private var fired = false
    private var handler: () -> Void

    init(
        loop: UnsafeMutablePointer<uv_loop_t>, number: Int32, oneShot: Bool, _ handler: @escaping () -> Void
    ) throws(EventLoopError) {
        self.oneShot = oneShot
        self.handler = handler
        try unsafe super.init(UV_SIGNAL, "uv_signal_init") { storage in
            unsafe uv_signal_init(loop, storage.assumingMemoryBound(to: uv_signal_t.self))
        }
        do throws(EventLoopError) {
            let signal = unsafe storage.assumingMemoryBound(to: uv_signal_t.self)
            // Not `uv_signal_start_oneshot`: it restores the default disposition, which process 1 ignores.
            let code = unsafe uv_signal_start(
                signal, { handle, _ in unsafe SignalWatch.object(of: handle)?.arrived() }, number)
            try EventLoopError.check(code, "uv_signal_start")
            if oneShot { try EventLoopError.check(uv_shims_end_on_second(number), "sigaction") }
        } catch {
            close()
            throw error
        }
    }

    override func releaseHandler() { handler = {} }

    private func arrived() {
        guard oneShot else { return handler() }
        guard !fired else { return }
        fired = true
        // Nothing more can come through it, so it does not keep the loop running.
        unsafe uv_unref(storage.assumingMemoryBound(to: uv_handle_t.self))
        handler()
    }
}
