internal import EventLoop
internal import RevokeClient
internal import RevokeModel

/// What the worker says about its account's client. Kept apart, since two modules have an `AccountConfiguration`.
struct ClientFactory {
    var name: AccountName
    var baseURL: String
    var requestDeadline: Int64
    var concurrency: Int
    var caFile: String?
    var proxy: String?
    var allowPlainHTTP: Bool
    var reusesConnections: Bool

    func make(
        loop: EventLoop, key: APIKey, gateLimit: Int64?
    ) throws(RevokeClientError) -> LoopRevokeClient {
        var account = AccountConfiguration(name: name, baseURL: baseURL, key: key)
        account.requestDeadline = requestDeadline
        account.connectTimeout = min(account.connectTimeout, requestDeadline)
        account.maximumConnections = concurrency
        account.caFile = caFile
        account.proxy = proxy
        account.allowPlainHTTP = allowPlainHTTP
        account.reusesConnections = reusesConnections
        return try LoopRevokeClient(
            loop: loop, account: account, userAgent: "revoke-worker/\(WorkerVersion.text)", gateLimit: gateLimit)
    }
}
