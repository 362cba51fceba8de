internal import Threads

/// Runs actions after a delay, on one thread of its own, which ends when the queue is finished. Any thread may call.
final class DelayQueue: Sendable {
    private struct Entry {
        var time: Int64
        var action: @Sendable () -> Void
    }

    private struct State {
        /// A binary heap by time, the earliest first.
        var heap: [Entry] = []
        var isFinished = false
        var hasThread = false
    }

    private let state = Monitor<State>(State())

    /// Runs the action after a delay in milliseconds. False when the queue is finished: the action is not run.
    func schedule(after delay: Int64, _ action: @escaping @Sendable () -> Void) -> Bool {
        let time = Monitor<State>.now() + min(delay, 86_400_000) * 1_000_000
        enum Need { case nothing, signal, thread, refused }
        let need: Need = state.withLock { state in
            if state.isFinished { return .refused }
            Self.push(&state.heap, Entry(time: time, action: action))
            if !state.hasThread {
                state.hasThread = true
                return .thread
            }
            return state.heap.first?.time == time ? .signal : .nothing
        }
        switch need {
        case .refused: return false
        case .nothing: return true
        case .signal:
            state.signal()
            return true
        case .thread:
            if POSIXThread.start({ self.run() }) { return true }
            state.withLock { $0.hasThread = false }
            finish()
            return true
        }
    }

    /// Runs all actions that are left at once on the calling thread, and refuses later ones. Idempotent.
    func finish() {
        let left = state.withLock { state in
            state.isFinished = true
            let left = state.heap
            state.heap = []
            return left
        }
        state.signal()
        for entry in left { entry.action() }
    }

    private func run() {
        while true {
            let due: [Entry]? = state.wait { state in
                if state.isFinished { return .done(nil) }
                guard let first = state.heap.first else { return .wait(until: nil) }
                let now = Monitor<State>.now()
                guard first.time <= now else { return .wait(until: first.time) }
                var due: [Entry] = []
                while let next = state.heap.first, next.time <= now { due.append(Self.pop(&state.heap, next)) }
                return .done(due)
            }
            guard let due else { return }
            for entry in due { entry.action() }
        }
    }

    private static func push(_ heap: inout [Entry], _ entry: Entry) {
        heap.append(entry)
        var index = heap.count - 1
        while index > 0, heap[(index - 1) / 2].time > heap[index].time {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private static func pop(_ heap: inout [Entry], _ first: Entry) -> Entry {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var index = 0
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if heap[child].time < heap[smallest].time { smallest = child }
            }
            if smallest == index { return first }
            heap.swapAt(index, smallest)
            index = smallest
        }
    }
}
