package import EventLoop

/// Reads a key file again when it may have changed: by notification and by polling, since a notification is not certain.
///
/// A file that is gone, empty, half written or malformed changes no key; it is reported. Used on the loop's thread only;
/// the file is read on the loop's helper threads.
package final class KeyFileWatch {
    private let loop: EventLoop
    private let path: String
    private let changed: (APIKey) -> Void
    private let problem: (KeyFileError?) -> Void
    private var watch: FileWatch?
    private var current: APIKey
    private var lastProblem: KeyFileError?
    private var isReading = false
    private var isStale = false

    /// Begins to watch, and looks at once: the file may have changed since `current` was read.
    ///
    /// - Parameters:
    ///   - loop: The loop that calls the handlers.
    ///   - path: The file.
    ///   - current: The key that is in use.
    ///   - pollInterval: Milliseconds between two looks at what the system says of the file.
    ///   - changed: Called with a key that differs from the one before.
    ///   - problem: Called with what is wrong with the file when that changes; nil: it is well again.
    package init(
        loop: EventLoop, path: String, current: APIKey, pollInterval: Int64 = 5_000,
        changed: @escaping (APIKey) -> Void, problem: @escaping (KeyFileError?) -> Void
    ) throws(RevokeClientError) {
        self.loop = loop
        self.path = path
        self.current = current
        self.changed = changed
        self.problem = problem
        do throws(EventLoopError) {
            watch = try loop.watchFile(path, pollInterval: pollInterval) { [weak self] in self?.look() }
        } catch {
            throw .cannotStart(error.description)
        }
        look()
    }

    /// Ends the watch. Idempotent.
    package func close() {
        watch?.close()
        watch = nil
    }

    /// Reads the file now.
    package func look() {
        guard watch != nil else { return }
        guard !isReading else {
            isStale = true
            return
        }
        isReading = true
        let path = self.path
        do throws(EventLoopError) {
            try loop.offload(
                { Result { () throws(KeyFileError) in try KeyFile.read(path) } },
                then: { [weak self] read in self?.seen(read) })
        } catch {
            isReading = false
        }
    }

    private func seen(_ read: Result<APIKey, KeyFileError>) {
        isReading = false
        guard watch != nil else { return }
        let isStale = isStale
        self.isStale = false
        switch read {
        case .success(let key):
            report(nil)
            if key != current {
                current = key
                changed(key)
            }
        case .failure(let error): report(error)
        }
        if isStale { look() }
    }

    private func report(_ problem: KeyFileError?) {
        guard problem != lastProblem else { return }
        lastProblem = problem
        self.problem(problem)
    }
}
