internal import Curl
package import EventLoop
package import RevokeModel

/// An account's client on a loop that the caller runs: one multi handle, connections of its own.
///
/// The caller bounds the calls in flight by the account's `maximumConnections`. Used on the loop's thread only;
/// `close()` has to be called. A `done` is called once, on the loop, later than the method that it was given to (at once
/// after `close()`).
package final class LoopRevokeClient {
    /// The most of a list of credentials that is read.
    private static let listLimit = 1_048_576
    /// What each request says beside the key: firewalls refuse requests that accept nothing.
    private static let plainHeaders = [(name: "Accept", value: "application/json")]
    /// What libcurl would send by itself.
    private static let suppressedHeaders = ["Content-Type", "Expect"]

    /// The version of the key that new requests are made with: 1 at first, one more with each `updateKey`.
    package private(set) var keyVersion: UInt64 = 1
    private let loop: EventLoop
    private let options: TransferOptions
    private let gateLimit: Int64?
    private var transfers: CurlMulti
    /// Those whose CA file has changed, until their last request has ended.
    private var retiring: [CurlMulti] = []
    private var headers: HeaderList
    private var key: APIKey
    private var previousKey: APIKey?
    private var path: [UInt8] = []
    private var trustWatch: FileContentWatch?

    /// Makes a client.
    ///
    /// - Parameters:
    ///   - loop: The loop on which it works.
    ///   - account: How requests are made.
    ///   - userAgent: The header `User-Agent`: printable ASCII.
    ///   - gateLimit: Nothing is sent when the last `tick()` (at first: this call) is older, in CLOCK_BOOTTIME
    ///     milliseconds: half the session timeout. nil: no limit.
    package init(
        loop: EventLoop, account: AccountConfiguration, userAgent: String = RevokeClient.userAgent, gateLimit: Int64?
    ) throws(RevokeClientError) {
        let options = try account.transferOptions(userAgent: userAgent)
        self.loop = loop
        self.options = options
        self.gateLimit = gateLimit
        key = account.key
        do throws(CurlError) {
            headers = try Self.headers(account.key)
            transfers = try CurlMulti(loop: loop, options: options, gateLimit: gateLimit)
        } catch {
            throw .cannotStart(error.description)
        }
        guard let caFile = account.caFile else { return }
        do throws(EventLoopError) {
            trustWatch = try FileContentWatch(loop: loop, path: caFile, pollInterval: 10_000) { [weak self] in
                self?.renewTrust()
            }
        } catch {
            transfers.close()
            throw .cannotStart(error.description)
        }
    }

    /// The requests whose `done` was not called yet.
    package var inFlight: Int { retiring.reduce(transfers.inFlight) { $0 + $1.inFlight } }

    /// Revokes all active credentials of a contract: `POST /acme/{contract}/credentials/revoke`.
    ///
    /// - Parameters:
    ///   - contract: The contract.
    ///   - freshConnection: Whether to make a new connection: after an ambiguous end, 408, 421 and 425.
    ///   - done: Called with the result.
    package func revokeAll(
        _ contract: ContractID, freshConnection: Bool = false, _ done: @escaping (CallResult) -> Void
    ) {
        setPath(contract, "/credentials/revoke")
        let started = EventLoop.boottime()
        let version = keyVersion
        let sentKey = key
        transfers.start(.post, path: path, headers: headers, freshConnection: freshConnection) { [self] result in
            done(
                CallResult(
                    outcome: OutcomeTable.outcome(of: result, keyVersion: version, keys: keys(and: sentKey)),
                    sentAt: result.sentAt, keyVersion: version, duration: EventLoop.boottime() - started,
                    detail: result.detail.map { safeDetail($0, sentKey) }))
        }
    }

    /// Lists the credentials of a contract: `GET /acme/{contract}/credentials`. Changes nothing; a good answer proves key
    /// and URL.
    package func listCredentials(
        _ contract: ContractID, freshConnection: Bool = false, _ done: @escaping (ListResult) -> Void
    ) {
        setPath(contract, "/credentials")
        let started = EventLoop.boottime()
        let version = keyVersion
        let sentKey = key
        transfers.start(
            .get, path: path, headers: headers, freshConnection: freshConnection, bodyLimit: Self.listLimit
        ) { [self] result in
            done(
                ListResult(
                    outcome: listOutcome(result, version, sentKey), sentAt: result.sentAt, keyVersion: version,
                    duration: EventLoop.boottime() - started, detail: result.detail.map { safeDetail($0, sentKey) }))
        }
    }

    /// Takes another key: requests that begin from now on use it, those in flight keep theirs. The same key changes
    /// nothing.
    package func updateKey(_ key: APIKey) {
        // Without memory for the list the old key stays, and so does its version.
        guard key != self.key, let headers = try? Self.headers(key) else { return }
        self.headers = headers
        previousKey = self.key
        self.key = key
        keyVersion += 1
    }

    /// Tells the gate that the loop lives: in each turn, with the time that what decides has looked at.
    package func tick(at boottime: Int64) {
        transfers.tick(at: boottime)
        for multi in retiring { multi.tick(at: boottime) }
    }

    /// Stops the requests that were begun before and are not sent yet: each ends `withheld`. For a worker that lost its
    /// right to make them while they waited for a connection.
    package func withholdUnsent() {
        transfers.withholdUnsent()
        for multi in retiring { multi.withholdUnsent() }
    }

    /// Ends all requests at once: those that were sent end `ambiguous`, others `unreachable`. Idempotent.
    package func close() {
        trustWatch?.close()
        transfers.close()
        for multi in retiring { multi.close() }
        retiring = []
    }

    private static func headers(_ key: APIKey) throws(CurlError) -> HeaderList {
        let list = key.withBytes { bytes in
            Result { () throws(CurlError) in
                try HeaderList(
                    secret: "X-PARTNER-APIKEY", value: bytes, plain: plainHeaders, suppressed: suppressedHeaders)
            }
        }
        return try list.get()
    }

    /// libcurl reads a CA file once and keeps it: a new multi handle reads it again.
    private func renewTrust() {
        guard !transfers.isClosed,
            let renewed = try? CurlMulti(loop: loop, options: options, gateLimit: gateLimit)
        else { return }
        let old = transfers
        transfers = renewed
        guard old.inFlight > 0 else { return old.close() }
        retiring.append(old)
        old.whenIdle = { [weak self, unowned old] in
            old.close()
            self?.retiring.removeAll { $0 === old }
        }
    }

    /// Prints the path from the integer, into the same memory each time.
    private func setPath(_ contract: ContractID, _ end: StaticString) {
        path.removeAll(keepingCapacity: true)
        path.append(contentsOf: "/acme/".utf8)
        path.append(contentsOf: contract.description.utf8)
        unsafe path.append(contentsOf: UnsafeBufferPointer(start: end.utf8Start, count: end.utf8CodeUnitCount))
    }

    private func keys(and sentKey: APIKey) -> [APIKey] { [key, sentKey] + (previousKey.map { [$0] } ?? []) }

    private func safeDetail(_ detail: String, _ sentKey: APIKey) -> String {
        keys(and: sentKey).contains { $0.sharesPiece(with: detail.utf8) } ? "" : detail
    }

    private func listOutcome(_ result: TransferResult, _ version: UInt64, _ sentKey: APIKey) -> ListOutcome {
        if result.end == .answered(status: 200, isBodyComplete: true),
            let credentials = AnswerBody.credentials(in: result.body)
        {
            return .listed(credentials)
        }
        // A 204 is no answer to a list.
        if case .answered(204, _) = result.end { return .failed(.misdirected(status: 204)) }
        return .failed(OutcomeTable.outcome(of: result, keyVersion: version, keys: keys(and: sentKey)))
    }
}

extension AccountConfiguration {
    /// Checks the configuration.
    func transferOptions(userAgent: String = RevokeClient.userAgent) throws(RevokeClientError) -> TransferOptions {
        let base: BaseURL
        do throws(BaseURLError) {
            base = try BaseURL(baseURL, allowPlainHTTP: allowPlainHTTP)
        } catch {
            throw .baseURL(name, error)
        }
        guard (1...3_600_000).contains(requestDeadline) else { throw .outOfRange(name, option: "requestDeadline") }
        guard (1...3_600_000).contains(connectTimeout) else { throw .outOfRange(name, option: "connectTimeout") }
        guard (1...1_024).contains(maximumConnections) else { throw .outOfRange(name, option: "maximumConnections") }
        guard (1_000...3_600_000).contains(maximumIdleTime) else { throw .outOfRange(name, option: "maximumIdleTime") }
        if let proxy {
            guard let url = try? BaseURL(proxy, allowPlainHTTP: true), !url.isHTTPS, url.path.isEmpty, url.port != nil
            else { throw .proxy(name) }
            guard base.isHTTPS || allowPlainHTTP else { throw .plainHTTPThroughProxy(name) }
        }
        return TransferOptions(
            baseURL: base, deadline: requestDeadline, connectTimeout: min(connectTimeout, requestDeadline),
            maximumConnections: maximumConnections, maximumIdleTime: maximumIdleTime, caFile: caFile, proxy: proxy,
            userAgent: userAgent, reusesConnections: reusesConnections)
    }
}
