internal import EventLoop
internal import RevokeModel
internal import Synchronization

/// What runs on the thread of a `RevokeClient`. Used on that thread only, but for its making.
final class ClientLoop {
    let wakeup: Wakeup
    var thread: ClientThread?
    private let loop: EventLoop
    private var accounts: [AccountQueue] = []
    private var isStopping = false

    init(
        accounts configurations: [AccountConfiguration], userAgent: String,
        keyFileProblem: (@Sendable (AccountName, KeyFileError?) -> Void)?
    ) throws(RevokeClientError) {
        let arrival = Arrival()
        do throws(EventLoopError) {
            loop = try EventLoop()
            wakeup = try loop.makeWakeup { arrival.loop?.work() }
        } catch {
            throw .cannotStart(error.description)
        }
        arrival.loop = self
        do throws(RevokeClientError) {
            for configuration in configurations {
                accounts.append(
                    try AccountQueue(
                        loop: loop, configuration: configuration, userAgent: userAgent, keyFileProblem: keyFileProblem))
            }
        } catch {
            close()
            throw error
        }
    }

    /// Runs until `stop` was posted and no call is left.
    func run() {
        loop.run()
        close()
        // A call that was posted before `stop` is always taken before it: none is left.
        thread?.ended()
        thread = nil
    }

    /// Closes what is open.
    func close() {
        for account in accounts { account.close() }
        accounts = []
        wakeup.close()
        loop.close()
    }

    private func work() {
        for command in thread?.takeCommands() ?? [] {
            switch command {
            case .call(let call, let index, let continuation):
                // One that is cancelled now gets no other command; one that is cancelled later gets `dropCancelled`.
                if call.isCancelled.load(ordering: .acquiring) {
                    continuation.resume(returning: .failure(.cancelled))
                } else {
                    accounts[index].queue.append((call, continuation))
                }
            case .updateKey(let key, let index): accounts[index].client.updateKey(key)
            case .dropCancelled: for account in accounts { account.dropCancelled() }
            case .stop: isStopping = true
            }
        }
        for account in accounts { startCalls(account) }
        stopWhenDone()
    }

    private func startCalls(_ account: AccountQueue) {
        while account.inFlight < account.limit, account.head < account.queue.count {
            let (call, continuation) = account.queue[account.head]
            account.head += 1
            if call.isCancelled.load(ordering: .acquiring) {
                continuation.resume(returning: .failure(.cancelled))
                continue
            }
            account.inFlight += 1
            account.client.revokeAll(call.contract, freshConnection: call.freshConnection) { [self] result in
                account.inFlight -= 1
                continuation.resume(returning: .success(result))
                startCalls(account)
                stopWhenDone()
            }
        }
        if account.head == account.queue.count || account.head >= 1_024 {
            account.queue.removeFirst(account.head)
            account.head = 0
        }
    }

    private func stopWhenDone() {
        guard isStopping else { return }
        for account in accounts where account.inFlight > 0 || !account.queue.isEmpty { return }
        loop.stop()
    }
}

/// The way from the wake-up, which is made first, to the loop that it wakes.
private final class Arrival {
    weak var loop: ClientLoop?
}

/// The calls of one account: those in flight and those that wait.
private final class AccountQueue {
    let client: LoopRevokeClient
    let limit: Int
    var queue: [(PendingCall, CallContinuation)] = []
    /// Where the waiting ones begin.
    var head = 0
    var inFlight = 0
    private var keyWatch: KeyFileWatch?

    init(
        loop: EventLoop, configuration: AccountConfiguration, userAgent: String,
        keyFileProblem: (@Sendable (AccountName, KeyFileError?) -> Void)?
    ) throws(RevokeClientError) {
        client = try LoopRevokeClient(loop: loop, account: configuration, userAgent: userAgent, gateLimit: nil)
        limit = configuration.maximumConnections
        guard let path = configuration.keyFile else { return }
        let name = configuration.name
        let client = client
        do throws(RevokeClientError) {
            keyWatch = try KeyFileWatch(
                loop: loop, path: path, current: configuration.key, changed: { client.updateKey($0) },
                problem: { keyFileProblem?(name, $0) })
        } catch {
            client.close()
            throw error
        }
    }

    /// Ends the waiting calls whose task was cancelled.
    func dropCancelled() {
        queue.removeFirst(head)
        head = 0
        queue.removeAll { call, continuation in
            guard call.isCancelled.load(ordering: .acquiring) else { return false }
            continuation.resume(returning: .failure(.cancelled))
            return true
        }
    }

    func close() {
        keyWatch?.close()
        client.close()
    }
}
