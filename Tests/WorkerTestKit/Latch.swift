internal import Dispatch
internal import Threads

/// A signal between threads and tasks of a test: opened once, waited for by any number. A wait ends after a bound.
public final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [Int: @Sendable (Bool) -> Void] = [:]
        var next = 0
    }

    private let state = Monitor(State())

    /// Makes a latch that is closed.
    public init() {}

    /// Whether it is open.
    public var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Opens it for good.
    public func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            let waiters = state.waiters
            state.waiters = [:]
            return waiters
        }
        for waiter in waiters.values { waiter(true) }
    }

    /// Waits in a task: true when it is open, false when the bound passed.
    public func wait(seconds: Int = 20) async -> Bool {
        await withCheckedContinuation { continuation in whenOpen(seconds) { continuation.resume(returning: $0) } }
    }

    /// Waits on a thread of the test's own, never in a task.
    public func waitOnThread(seconds: Int = 20) -> Bool {
        let semaphore = DispatchSemaphore(value: 0)
        let result = Monitor(false)
        whenOpen(seconds) { isOpen in
            result.withLock { $0 = isOpen }
            semaphore.signal()
        }
        semaphore.wait()
        return result.withLock { $0 }
    }

    private func whenOpen(_ seconds: Int, _ body: @escaping @Sendable (Bool) -> Void) {
        let waiting: Int? = state.withLock { state in
            guard !state.isOpen else { return nil }
            state.next += 1
            state.waiters[state.next] = body
            return state.next
        }
        guard let waiting else { return body(true) }
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) { [self] in
            state.withLock { $0.waiters.removeValue(forKey: waiting) }?(false)
        }
    }
}
