internal import Curl
public import RevokeModel

/// A client of the API for any program: `Sendable`, with an event loop on a thread of its own.
///
/// Each account has connections of its own, so that one account's trouble stays its own. At most `maximumConnections`
/// requests of an account are in flight; others wait in the order of their coming, and their deadline begins when they
/// start. The client neither retries nor paces: that is the caller's policy. A call that is repeated is safe in the
/// sense that it revokes what is active then, which may be more than the caller has seen.
///
/// It initialises libcurl when nobody has done so before; see `initializeWithWipingAllocator()`.
public final class RevokeClient: Sendable {
    /// The version of this library, by Semantic Versioning.
    public static let version = "0.1.0"

    /// What the library calls itself in the header `User-Agent`.
    package static let userAgent = "RevokeClient/\(version)"

    private let thread: ClientThread

    /// Makes a client and starts its thread.
    ///
    /// - Parameters:
    ///   - accounts: The accounts, at least one, with different names.
    ///   - program: What the program calls itself in the header `User-Agent`, before `RevokeClient/VERSION`: `NAME/VERSION`
    ///     by custom, 1 to 128 printable ASCII characters. Firewalls refuse requests that name nobody.
    ///   - keyFileProblem: Called on the client's thread when an account's key file, from which a new key was to be read,
    ///     is gone or malformed (the last key stays in use), and with nil when it is well again. It must not block.
    /// - Throws: `RevokeClientError` when a configuration is not accepted or the system refuses a thread.
    public init(
        accounts: [AccountConfiguration], program: String? = nil,
        keyFileProblem: (@Sendable (AccountName, KeyFileError?) -> Void)? = nil
    ) throws(RevokeClientError) {
        let userAgent = try Self.userAgent(of: program)
        guard !accounts.isEmpty else { throw .noAccounts }
        var names: Set<AccountName> = []
        for account in accounts {
            guard names.insert(account.name).inserted else { throw .duplicateAccount(account.name) }
        }
        thread = try ClientThread(accounts: accounts, userAgent: userAgent, keyFileProblem: keyFileProblem)
    }

    private static func userAgent(of program: String?) throws(RevokeClientError) -> String {
        guard let program else { return userAgent }
        let bytes = Array(program.utf8)
        guard (1...128).contains(bytes.count), bytes.allSatisfy({ (0x20...0x7e).contains($0) }), bytes.first != 0x20,
            bytes.last != 0x20
        else { throw .program }
        return "\(program) \(userAgent)"
    }

    deinit { thread.stop() }

    /// Makes libcurl overwrite all memory that it frees, so that no copy of a key stays there, and takes `SSLKEYLOGFILE`
    /// out of the environment. It costs some CPU time for each request.
    ///
    /// Only for the start of an executable, never for a library: it has to be the first use of libcurl in the process
    /// (FoundationNetworking uses it too), before other threads run.
    /// - Throws: `RevokeClientError.cannotStart` when it is too late, or this libcurl cannot be used.
    public static func initializeWithWipingAllocator() throws(RevokeClientError) {
        do throws(CurlError) {
            try CurlGlobal.initializeWithWipingAllocator()
        } catch {
            throw .cannotStart(error.description)
        }
    }

    /// Revokes all active credentials of a contract.
    ///
    /// Every end of the request is a result, not an error. When the task is cancelled before the request has begun it is
    /// not begun; a request that has begun goes on to its end, and its result is returned all the same.
    ///
    /// - Parameters:
    ///   - contract: The contract.
    ///   - account: The account whose key is used; nil where the client has only one. There is no fallback.
    ///   - freshConnection: Whether to make a new connection: wise after `ambiguous` and `transient`.
    /// - Throws: `RevokeClientError.unknownAccount`, `closed` or `cancelled`: nothing was sent.
    public func revokeAll(
        _ contract: ContractID, account: AccountName? = nil, freshConnection: Bool = false
    ) async throws(RevokeClientError) -> CallResult {
        let index = try thread.index(of: account)
        let call = PendingCall(contract: contract, freshConnection: freshConnection)
        let thread = thread
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in thread.begin(call, account: index, continuation) }
        } onCancel: {
            thread.cancel(call)
        }
        return try result.get()
    }

    /// Gives an account another key: calls that begin from now on use it.
    /// - Throws: `RevokeClientError.unknownAccount` or `closed`.
    public func updateKey(_ key: APIKey, account: AccountName? = nil) throws(RevokeClientError) {
        try thread.updateKey(key, account: try thread.index(of: account))
    }

    /// Takes no more calls, waits for those that were begun or wait, and ends the thread. Idempotent. Without it the
    /// same happens when the client is released.
    public func shutdown() async { await thread.shutdown() }
}
