import Threads

/// A value behind a lock whose changes others can wait for: the waits of these tests hang on signals, never on time.
final class Watched<State: Sendable>: Sendable {
    private struct Waiter: Sendable {
        let id: Int
        /// Looks at the state; resumes the waiter and says so when the condition holds.
        let check: @Sendable (State) -> Bool
        let expire: @Sendable () -> Void
    }

    private struct Content: Sendable {
        var state: State
        var waiters: [Waiter] = []
        var nextID = 0
    }

    private let content: Monitor<Content>

    init(_ state: State) { content = Monitor(Content(state: state)) }

    /// A copy of the state.
    var current: State { content.withLock { $0.state } }

    /// Changes the state and wakes those whose condition holds now. Any thread.
    @discardableResult
    func update<Result: Sendable>(_ change: @Sendable (inout State) -> Result) -> Result {
        content.withLock { content in
            let result = change(&content.state)
            let state = content.state
            content.waiters.removeAll { $0.check(state) }
            return result
        }
    }

    /// Waits until `condition` gives a value. The limit is a bound that fails.
    /// - Throws: `WaitTimeout`.
    @discardableResult
    func wait<Result: Sendable>(
        for what: String, limit: Duration = .seconds(40), until condition: @escaping @Sendable (State) -> Result?
    ) async throws -> Result {
        let id = content.withLock { content in
            content.nextID += 1
            return content.nextID
        }
        let bound = Task {
            try await Task.sleep(for: limit)
            expire(id)
        }
        defer { bound.cancel() }
        return try await withCheckedThrowingContinuation { continuation in
            content.withLock { content in
                let waiter = Waiter(
                    id: id,
                    check: { state in
                        guard let result = condition(state) else { return false }
                        continuation.resume(returning: result)
                        return true
                    },
                    expire: { continuation.resume(throwing: WaitTimeout(what: what, limit: limit)) })
                if !waiter.check(content.state) { content.waiters.append(waiter) }
            }
        }
    }

    private func expire(_ id: Int) {
        content.withLock { content in
            guard let index = content.waiters.firstIndex(where: { $0.id == id }) else { return }
            content.waiters.remove(at: index).expire()
        }
    }
}

/// What was waited for did not come.
struct WaitTimeout: Error, CustomStringConvertible {
    var what: String
    var limit: Duration

    var description: String { "waited \(limit) for \(what), in vain" }
}
