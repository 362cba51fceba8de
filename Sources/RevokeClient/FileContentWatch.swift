internal import EventLoop
internal import Glibc

/// Tells when the content of a file has changed since the watch was made. Reads it once on the caller's thread, so that
/// whoever uses the file after that uses this content or one that is told, and then on the loop's helper threads. Used on
/// the loop's thread only.
final class FileContentWatch {
    private let loop: EventLoop
    private let path: String
    private let changed: () -> Void
    private var watch: FileWatch?
    /// The last content that could be read.
    private var last: UInt64?
    private var isReading = false
    private var isStale = false

    init(
        loop: EventLoop, path: String, pollInterval: Int64, _ changed: @escaping () -> Void
    ) throws(EventLoopError) {
        self.loop = loop
        self.path = path
        self.changed = changed
        watch = try loop.watchFile(path, pollInterval: pollInterval) { [weak self] in self?.look() }
        last = FileContent.hash(path)
    }

    /// Ends the watch. Idempotent.
    func close() {
        watch?.close()
        watch = nil
    }

    private func look() {
        guard watch != nil else { return }
        guard !isReading else {
            isStale = true
            return
        }
        isReading = true
        let path = self.path
        do throws(EventLoopError) {
            try loop.offload({ FileContent.hash(path) }, then: { [weak self] hash in self?.seen(hash) })
        } catch {
            isReading = false
        }
    }

    private func seen(_ hash: UInt64?) {
        isReading = false
        guard watch != nil else { return }
        // A file that is gone or cannot be read is no new content; one that appears is.
        if let hash, hash != last {
            last = hash
            changed()
        }
        if isStale {
            isStale = false
            look()
        }
    }
}

/// Reads files. Blocks; any thread.
enum FileContent {
    /// Lends at most `limit` bytes of a regular file, and overwrites them afterwards.
    static func read<R>(
        _ path: String, limit: Int, _ body: (UnsafeRawBufferPointer) throws(KeyFileError) -> R
    ) throws(KeyFileError) -> R {
        // Not blocking: a named pipe must not hold the thread.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(errno: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .unreadable(errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: limit, alignment: 1)
        guard let start = buffer.baseAddress else { throw .unreadable(errno: ENOMEM) }
        var length = 0
        defer {
            unsafe explicit_bzero(start, length)
            unsafe buffer.deallocate()
        }
        while length < limit {
            let got = unsafe Glibc.read(descriptor, start + length, limit - length)
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw .unreadable(errno: errno) }
            if got == 0 { break }
            length += got
        }
        return try unsafe body(UnsafeRawBufferPointer(start: start, count: length))
    }

    /// A hash of the first 4 MiB (FNV-1a); nil when the file cannot be read.
    static func hash(_ path: String) -> UInt64? {
        try? unsafe read(path, limit: 4 * 1_048_576) { content in
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            for index in content.indices { hash = unsafe (hash ^ UInt64(content[index])) &* 0x100_0000_01b3 }
            return hash
        }
    }
}
