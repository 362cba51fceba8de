internal import CUV

/// Watches a file by its path: notifications of its directory, and polling for all that these do not tell (another
/// target of a symbolic link, a network file system, no notifications left).
///
/// The handler is called when the file may have changed, often several times for one change, and also when it vanishes:
/// the caller reads it and compares the content. Seen are a write in place, a file renamed over it, and the swap of the
/// link `..data` by which Kubernetes updates a mounted Secret or ConfigMap.
public final class FileWatch {
    private let notifications: FileNotifications
    private let polling: FilePolling

    init(
        loop: UnsafeMutablePointer<uv_loop_t>, path: String, pollInterval: Int64, _ changed: @escaping () -> Void
    ) throws(EventLoopError) {
        let notifications = try unsafe FileNotifications(loop: loop, path: path, changed)
        self.notifications = notifications
        do throws(EventLoopError) {
            polling = try unsafe FilePolling(loop: loop, path: path, interval: pollInterval) {
                // The directory may be another one by now.
                notifications.arm()
                changed()
            }
        } catch {
            notifications.close()
            throw error
        }
        notifications.arm()
    }

    /// Ends the watch. Idempotent; allowed in the handler.
    public func close() {
        notifications.close()
        polling.close()
    }
}

/// inotify (or what the system has) on the directory of a file.
final class FileNotifications: LoopHandle {
    private let directory: String
    private let name: String
    private var changed: () -> Void

    init(
        loop: UnsafeMutablePointer<uv_loop_t>, path: String, _ changed: @escaping () -> Void
    ) throws(EventLoopError) {
        if let slash = path.lastIndex(of: "/") {
            directory = slash == path.startIndex ? "/" : String(path[..<slash])
            name = String(path[path.index(after: slash)...])
        } else {
            directory = "."
            name = path
        }
        self.changed = changed
        try unsafe super.init(UV_FS_EVENT, "uv_fs_event_init") { storage in
            unsafe uv_fs_event_init(loop, storage.assumingMemoryBound(to: uv_fs_event_t.self))
        }
    }

    override func releaseHandler() { changed = {} }

    /// Starts to listen, or starts anew. Without success polling alone remains, and the next change that it sees tries
    /// again.
    func arm() {
        guard !isClosed else { return }
        let event = unsafe storage.assumingMemoryBound(to: uv_fs_event_t.self)
        _ = unsafe uv_fs_event_stop(event)
        _ = unsafe uv_fs_event_start(
            event,
            { handle, name, _, status in
                guard let watch = unsafe FileNotifications.object(of: handle) else { return }
                if status < 0 { return watch.changed() }
                watch.arrived(unsafe name.map { name in unsafe String(cString: name) })
            }, directory, 0)
    }

    /// Neighbours of the file are no news, but for the links and directories that Kubernetes swaps (`..data`, `..2025_…`).
    private func arrived(_ changedName: String?) {
        guard let changedName, changedName != name, !changedName.hasPrefix("..") else { return changed() }
    }
}

/// Compares what the system says of a file at an interval, on libuv's threads.
final class FilePolling: LoopHandle {
    private var changed: () -> Void

    init(
        loop: UnsafeMutablePointer<uv_loop_t>, path: String, interval: Int64, _ changed: @escaping () -> Void
    ) throws(EventLoopError) {
        self.changed = changed
        try unsafe super.init(UV_FS_POLL, "uv_fs_poll_init") { storage in
            unsafe uv_fs_poll_init(loop, storage.assumingMemoryBound(to: uv_fs_poll_t.self))
        }
        let milliseconds = UInt32(min(max(1, interval), Int64(Int32.max)))
        let code = unsafe uv_fs_poll_start(
            storage.assumingMemoryBound(to: uv_fs_poll_t.self),
            { handle, _, _, _ in unsafe FilePolling.object(of: handle)?.changed() }, path, milliseconds)
        guard code >= 0 else {
            close()
            throw EventLoopError(code: code, operation: "uv_fs_poll_start")
        }
    }

    override func releaseHandler() { changed = {} }
}
