internal import CUV

/// Is called once in each turn of a loop, before the loop waits for events. It does not keep the loop running.
public final class TurnHook: LoopHandle {
    private var handler: () -> Void

    init(loop: UnsafeMutablePointer<uv_loop_t>, _ handler: @escaping () -> Void) throws(EventLoopError) {
        self.handler = handler
        try unsafe super.init(UV_PREPARE, "uv_prepare_init") { storage in
            unsafe uv_prepare_init(loop, storage.assumingMemoryBound(to: uv_prepare_t.self))
        }
        let code = unsafe uv_prepare_start(storage.assumingMemoryBound(to: uv_prepare_t.self)) { handle in
            unsafe TurnHook.object(of: handle)?.handler()
        }
        unsafe uv_unref(storage.assumingMemoryBound(to: uv_handle_t.self))
        guard code >= 0 else {
            close()
            throw EventLoopError(code: code, operation: "uv_prepare_start")
        }
    }

    override func releaseHandler() { handler = {} }
}
