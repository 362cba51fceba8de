internal import CUV

/// What is active on a loop until it is closed: the common part of timers and watches.
///
/// Used on the loop's thread only. The loop keeps a handle alive until `close()` or until the loop itself is closed, so
/// a handle that is dropped goes on working. After `close()` no handler is called and each method does nothing.
@safe
public class LoopHandle {
    /// Whether `close()` was called, or the loop was closed.
    public private(set) var isClosed = false
    /// libuv's handle: at a stable address, freed by the close callback. Not to be touched when `isClosed`.
    let storage: UnsafeMutableRawPointer

    /// Allocates a handle and makes libuv initialise it.
    init(
        _ type: uv_handle_type, _ operation: StaticString, _ initialise: (UnsafeMutableRawPointer) -> Int32
    ) throws(EventLoopError) {
        unsafe storage = UnsafeMutableRawPointer.allocate(
            byteCount: uv_handle_size(type), alignment: MemoryLayout<max_align_t>.alignment)
        let code = unsafe initialise(storage)
        guard code >= 0 else {
            unsafe storage.deallocate()
            isClosed = true
            throw EventLoopError(code: code, operation: operation)
        }
        unsafe uv_handle_set_data(
            storage.assumingMemoryBound(to: uv_handle_t.self), Unmanaged.passRetained(self).toOpaque())
    }

    /// Ends the handle. Its memory and its handler are released in the loop's next turn. Idempotent; allowed in the
    /// handle's own handler.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        willClose()
        unsafe uv_close(storage.assumingMemoryBound(to: uv_handle_t.self)) { handle in
            guard let handle = unsafe handle else { return }
            if let data = unsafe uv_handle_get_data(handle) {
                unsafe Unmanaged<LoopHandle>.fromOpaque(data).takeRetainedValue().releaseHandler()
            }
            unsafe UnsafeMutableRawPointer(handle).deallocate()
        }
    }

    /// Called once, before libuv closes the handle.
    func willClose() {}

    /// Called once, when libuv is done with the handle: lets go of the handler, which may hold this object.
    func releaseHandler() {}

    /// The object of a handle that libuv hands to a callback; nil when it is closed.
    static func object(of handle: UnsafeMutableRawPointer?) -> Self? {
        guard let handle = unsafe handle,
            let data = unsafe uv_handle_get_data(handle.assumingMemoryBound(to: uv_handle_t.self))
        else { return nil }
        let object = unsafe Unmanaged<Self>.fromOpaque(data).takeUnretainedValue()
        return object.isClosed ? nil : object
    }
}
