internal import Threads

/// A worker on a thread of its own: for the demo and for tests. Any thread may use it.
package final class WorkerThread: Sendable {
    private struct State {
        var control: WorkerHost.Control?
        var end: Result<WorkerEnd, WorkerThreadError>?
    }

    /// The worker could not begin; one sentence.
    package struct WorkerThreadError: Error, CustomStringConvertible {
        package var description: String
    }

    private let state = Monitor(State())
    private let setup: WorkerSetup
    private let logger: Logger
    /// Where the worker's figures are.
    package let board: MetricsBoard

    /// Starts the thread; the worker begins at once.
    package init(_ setup: WorkerSetup, logger: Logger, board: MetricsBoard = MetricsBoard()) {
        self.setup = setup
        self.logger = logger
        self.board = board
        if !POSIXThread.start({ self.run() }) {
            state.withLock { $0.end = .failure(WorkerThreadError(description: "no thread can be started")) }
        }
    }

    private func run() {
        let end: Result<WorkerEnd, WorkerThreadError>
        do {
            end = .success(
                try WorkerHost.run(setup, logger: logger, board: board, handlesSignals: false) { control in
                    state.withLock { $0.control = control }
                    state.signal()
                })
        } catch {
            end = .failure(WorkerThreadError(description: "\(error)"))
        }
        state.withLock { $0.end = end }
        state.signal()
    }

    /// Asks the worker to drain and end; waits until it has begun.
    package func shutdown() {
        state.wait { state in
            if state.end != nil { return .done(()) }
            guard let control = state.control else { return .wait(until: nil) }
            control.shutdown()
            return .done(())
        }
    }

    /// Blocks until the worker has ended, or for so many milliseconds at most; nil then.
    package func waitForEnd(upTo milliseconds: Int64) -> Result<WorkerEnd, WorkerThreadError>? {
        let deadline = Monitor<Int>.now() + milliseconds * 1_000_000
        return state.wait { state in
            if let end = state.end { return .done(end) }
            return Monitor<Int>.now() >= deadline ? .done(nil) : .wait(until: deadline)
        }
    }
}
