internal import EventLoop
internal import RevokeModel
internal import Synchronization
internal import Threads

/// A call on its way from a task to the loop.
final class PendingCall: Sendable {
    let contract: ContractID
    let freshConnection: Bool
    /// Set by the task; counts only until the call starts.
    let isCancelled = Atomic(false)

    init(contract: ContractID, freshConnection: Bool) {
        self.contract = contract
        self.freshConnection = freshConnection
    }
}

/// The way a call's end goes back to its task.
typealias CallContinuation = CheckedContinuation<Result<CallResult, RevokeClientError>, Never>

/// What other threads know of the loop's thread: a list of commands and a way to wake it. Any thread.
final class ClientThread: Sendable {
    enum Command: Sendable {
        case call(PendingCall, account: Int, CallContinuation)
        case updateKey(APIKey, account: Int)
        case dropCancelled
        case stop
    }

    private struct State {
        var commands: [Command] = []
        var isStopping = false
        var hasEnded = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Monitor(State())
    private let accounts: [AccountName: Int]
    private let wakeup: Wakeup

    /// Makes the loop and starts the thread that runs it.
    init(
        accounts: [AccountConfiguration], userAgent: String,
        keyFileProblem: (@Sendable (AccountName, KeyFileError?) -> Void)?
    ) throws(RevokeClientError) {
        let loop = try ClientLoop(accounts: accounts, userAgent: userAgent, keyFileProblem: keyFileProblem)
        self.accounts = Dictionary(
            accounts.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
        wakeup = loop.wakeup
        loop.thread = self
        let handover = Handover(loop: loop)
        guard POSIXThread.start({ handover.loop.run() }) else {
            loop.thread = nil
            loop.close()
            throw .cannotStart("no thread")
        }
    }

    func index(of account: AccountName?) throws(RevokeClientError) -> Int {
        if let account {
            guard let index = accounts[account] else { throw .unknownAccount(account) }
            return index
        }
        guard accounts.count == 1 else { throw .unknownAccount(nil) }
        return 0
    }

    func begin(_ call: PendingCall, account: Int, _ continuation: CallContinuation) {
        if !post(.call(call, account: account, continuation)) { continuation.resume(returning: .failure(.closed)) }
    }

    func cancel(_ call: PendingCall) {
        call.isCancelled.store(true, ordering: .releasing)
        _ = post(.dropCancelled)
    }

    func updateKey(_ key: APIKey, account: Int) throws(RevokeClientError) {
        guard post(.updateKey(key, account: account)) else { throw .closed }
    }

    func stop() { _ = post(.stop) }

    func shutdown() async {
        stop()
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.waiters.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    /// Takes what was posted. On the loop.
    func takeCommands() -> [Command] {
        state.withLock { state in
            let commands = state.commands
            state.commands = []
            return commands
        }
    }

    /// The loop has ended.
    func ended() {
        let waiters = state.withLock { state in
            state.hasEnded = true
            let waiters = state.waiters
            state.waiters = []
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Whether the command was taken: after `stop` none is.
    private func post(_ command: Command) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isStopping else { return false }
            if case .stop = command { state.isStopping = true }
            state.commands.append(command)
            return true
        }
        if isTaken { wakeup.signal() }
        return isTaken
    }

    /// Carries the loop to its thread; the thread that made it never touches it again.
    private struct Handover: @unchecked Sendable {
        let loop: ClientLoop
    }
}
