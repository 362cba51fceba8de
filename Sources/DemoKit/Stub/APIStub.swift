internal import Configuration
internal import EventLoop
public import HTTPServer
internal import Threads

/// A stand-in for the ACME part of the API, over real HTTP: credentials with states, faults that can be set while it
/// runs, and exact counts. For the demo and for tests; never a model of limits that the API documents.
///
/// Below `/stub/` on the same port another process can drive it:
/// - `GET /stub/counts`: the counts as JSON. `POST /stub/reset` sets them to nothing.
/// - `POST /stub/fault?…`: sets the faults that are named and leaves the others: `latency=20` (milliseconds),
///   `outage=503|close|none`, `status=404|none`, `page=403&page-every=3`, `page=none`,
///   `contract=12345&contract-status=500|none`, `budget=80/5s,800/3m|unlimited`, `retry-after=2|none` (seconds), `key=…`.
/// - `GET /stub/credentials?contract=12345`: the credentials without a key.
///
/// All methods may be called on any thread.
public final class APIStub: Sendable {
    /// How a stub starts.
    public struct Options: Hashable, Sendable {
        /// The literal address to listen on.
        public var address = "127.0.0.1"
        /// The port; 0 lets the system choose one.
        public var port: UInt16 = 0
        /// The key that requests must carry.
        public var key: String
        /// The path before `/acme/`.
        public var basePath = "/partner-subscription/api/v1"
        /// Contracts with this id or a higher one do not exist.
        public var unknownFrom: Int64 = 900_000_000
        /// Other contracts that do not exist.
        public var unknownContracts: Set<Int64> = []
        /// The faults at start.
        public var faults = StubFaults()
        /// How many requests the log keeps, the first ones.
        public var logLimit = 500_000
        /// Threads that serve requests.
        public var threads = 1

        /// Makes options with a key.
        public init(key: String) { self.key = key }
    }

    private let options: Options
    private let state: Monitor<StubState>
    private let server: Monitor<HTTPServer?> = Monitor(nil)
    private let lastPort: Monitor<UInt16?> = Monitor(nil)

    /// Makes a stub that does not listen yet.
    public init(_ options: Options) {
        self.options = options
        state = Monitor(StubState(options: options))
    }

    /// Starts to listen. A stub that listens already is left as it is; one that was stopped listens on its former
    /// port again.
    /// - Throws: `HTTPServerError`.
    public func start() throws(HTTPServerError) {
        if server.withLock({ $0 != nil }) { return }
        let state = state
        let port = lastPort.withLock { $0 } ?? options.port
        let started = try HTTPServer(
            address: options.address, port: port,
            limits: HTTPServer.Limits(connections: 4_096, idleTimeout: 120, threads: options.threads)
        ) { request in
            if request.path.hasPrefix("/stub/") { return StubControl.answer(request, state) }
            let boot = EventLoop.boottime()
            let wall = EventLoop.wallTime()
            let response = state.withLock { $0.answer(request, boot: boot, wall: wall) }
            state.signal()
            return response
        }
        lastPort.withLock { $0 = started.port }
        server.withLock { $0 = started }
    }

    /// Stops to listen: answers under way are sent at once, connections are closed. Counts and credentials stay.
    public func stop() {
        let running = server.withLock { server in
            defer { server = nil }
            return server
        }
        running?.stop()
    }

    /// The port that the stub listens on; 0 before the first start.
    public var port: UInt16 { lastPort.withLock { $0 } ?? 0 }

    /// The base URL for the worker's configuration.
    public var baseURL: String {
        let host = options.address.contains(":") ? "[\(options.address)]" : options.address
        return "http://\(host):\(port)\(options.basePath)"
    }

    /// The counts so far.
    public var counts: StubCounts { state.withLock { $0.counts } }

    /// The calls of revoke-all for a contract so far.
    public func calls(_ contract: Int64) -> Int { state.withLock { $0.counts.calls(contract) } }

    /// The requests so far in the order of their arrival, up to the log's limit.
    public var log: [StubCall] { state.withLock { $0.log } }

    /// The credentials of a contract.
    public func credentials(_ contract: Int64) -> [StubCredential] {
        let wall = EventLoop.wallTime()
        return state.withLock { $0.credentials(of: contract, wall: wall) }
    }

    /// The faults that are set.
    public var faults: StubFaults { state.withLock { $0.faults } }

    /// Changes the faults for the requests that come.
    public func setFaults(_ change: (inout StubFaults) -> Void) {
        state.withLock { change(&$0.faults) }
    }

    /// Changes the key that requests must carry.
    public func setKey(_ key: String) { state.withLock { $0.key = key } }

    /// Sets counts and log to nothing; credentials stay.
    public func resetCounts() { state.withLock { $0.resetCounts() } }

    /// Blocks the calling thread until the counts satisfy the condition, looked at after each request.
    /// - Returns: False when they did not within the time in milliseconds.
    public func wait(upTo milliseconds: Int64, until condition: (StubCounts) -> Bool) -> Bool {
        let deadline = Monitor<StubState>.now() + milliseconds * 1_000_000
        return state.wait { state in
            if condition(state.counts) { return .done(true) }
            return Monitor<StubState>.now() >= deadline ? .done(false) : .wait(until: deadline)
        }
    }
}
