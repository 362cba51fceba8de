internal import CMicrohttpd
internal import CMicrohttpdShims
internal import Threads

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A small HTTP/1.1 server on threads of its own.
///
/// The handler runs on these threads, one call at a time for each of them; it must not block for long and must not
/// call ``stop(grace:)``. A request that breaks HTTP is answered by libmicrohttpd itself and never reaches the
/// handler. All methods may be called on any thread.
@safe public final class HTTPServer: Sendable {
    /// What bounds a server.
    public struct Limits: Hashable, Sendable {
        /// Connections at a time; more wait or are closed.
        public var connections: Int
        /// Seconds without traffic after which a connection is closed, at least 1.
        public var idleTimeout: Int
        /// Bytes of a request's body; with more the answer is 413, or the connection is closed.
        public var body: Int
        /// Bytes of a request's head, at least 1,024; with more the answer is 431 or 414.
        public var head: Int
        /// Threads that serve requests, at least 1.
        public var threads: Int

        /// Makes limits; what is left out gets the value for a small server.
        public init(
            connections: Int = 256, idleTimeout: Int = 30, body: Int = 64 << 10, head: Int = 32 << 10,
            threads: Int = 1
        ) {
            self.connections = connections
            self.idleTimeout = idleTimeout
            self.body = body
            self.head = head
            self.threads = threads
        }
    }

    /// The version of the libmicrohttpd that is loaded, such as `0.9.75`. Any thread.
    public static var libraryVersion: String { unsafe String(cString: MHD_get_version()) }

    /// Answers a request; runs on a thread of the server.
    public typealias Handler = @Sendable (HTTPRequest) -> HTTPResponse

    /// The address that the server listens on, as it was given.
    public let address: String
    /// The port that the server listens on; the system's choice when 0 was given.
    public let port: UInt16

    private let core: Core
    private let daemon: Monitor<Daemon?>

    /// Starts a server.
    /// - Parameters:
    ///   - address: A literal IPv4 or IPv6 address (`127.0.0.1`, `::1`).
    ///   - port: The port; 0 lets the system choose one.
    ///   - limits: What bounds the server.
    ///   - handler: Answers the requests.
    /// - Throws: `HTTPServerError`.
    public init(
        address: String, port: UInt16, limits: Limits = Limits(), handler: @escaping Handler
    ) throws(HTTPServerError) {
        let socket = try ListeningSocket.open(address: address, port: port)
        let core = Core(handler: handler, bodyLimit: max(0, limits.body))
        let context = unsafe Unmanaged.passRetained(core).toOpaque()
        let values = chttp_limits(
            connection_limit: UInt32(clamping: max(1, limits.connections)),
            idle_timeout: UInt32(clamping: max(1, limits.idleTimeout)),
            threads: UInt32(clamping: max(1, limits.threads)),
            connection_memory: max(1024, limits.head) + 1024)
        guard let started = unsafe chttp_start(socket.descriptor, values, Core.handle, Core.completed, context) else {
            unsafe Unmanaged<Core>.fromOpaque(context).release()
            close(socket.descriptor)
            throw .cannotStart
        }
        self.address = address
        self.port = socket.port
        self.core = core
        daemon = unsafe Monitor(Daemon(pointer: started))
    }

    deinit { stop(grace: 0) }

    /// Stops the server: no connection is accepted any more, delayed answers are sent at once, requests under way
    /// get up to `grace` milliseconds, then all connections are closed and the threads end. Idempotent.
    public func stop(grace: Int64 = 2_000) {
        let taken = daemon.withLock { daemon in
            defer { daemon = nil }
            return daemon
        }
        guard let taken else { return }
        let listening = unsafe MHD_quiesce_daemon(taken.pointer)
        core.delays.finish()
        core.waitUntilIdle(for: grace)
        unsafe MHD_stop_daemon(taken.pointer)
        if listening >= 0 { close(listening) }
        // Balances the retain of `init`: no callback comes after the stop.
        unsafe Unmanaged.passUnretained(core).release()
    }
}

/// The daemon until it is stopped.
@safe private struct Daemon: @unchecked Sendable {
    let pointer: OpaquePointer
}

/// What libmicrohttpd's callbacks need.
private final class Core: Sendable {
    let delays = DelayQueue()
    private let handler: HTTPServer.Handler
    private let bodyLimit: Int
    private let underWay = Monitor<Int>(0)

    init(handler: @escaping HTTPServer.Handler, bodyLimit: Int) {
        self.handler = handler
        self.bodyLimit = bodyLimit
    }

    func waitUntilIdle(for milliseconds: Int64) {
        let deadline = Monitor<Int>.now() + max(0, milliseconds) * 1_000_000
        underWay.wait { count in
            count == 0 || Monitor<Int>.now() >= deadline ? .done(()) : .wait(until: deadline)
        }
    }

    private func begin() { underWay.withLock { $0 += 1 } }

    private func end() {
        if underWay.withLock({
            $0 -= 1; return $0 == 0
        }) {
            underWay.signal()
        }
    }

    private func answer(
        _ exchange: Exchange, _ connection: Connection, method: String, path: String
    ) -> MHD_Result {
        if let response = exchange.delayed {
            exchange.delayed = nil
            return connection.queue(response)
        }
        let response = handler(connection.request(method: method, path: path, body: exchange.body))
        guard response.delay > 0 else { return connection.queue(response) }
        exchange.delayed = response
        connection.suspend()
        if !delays.schedule(after: response.delay, { connection.resume() }) { connection.resume() }
        return .YES
    }

    static let handle: MHD_AccessHandlerCallback = {
        context, connection, path, method, _, data, size, slot in
        guard let context = unsafe context, let pointer = unsafe connection, let size = unsafe size,
            let slot = unsafe slot, let path = unsafe path, let method = unsafe method
        else { return .NO }
        let connection = unsafe Connection(pointer)
        let core = unsafe Unmanaged<Core>.fromOpaque(context).takeUnretainedValue()
        guard let known = unsafe slot.pointee else {
            unsafe slot.pointee = Unmanaged.passRetained(Exchange()).toOpaque()
            core.begin()
            if connection.announcesMore(than: core.bodyLimit) {
                return connection.queue(HTTPResponse(status: 413, text: "the body is too large\n"))
            }
            return .YES
        }
        let exchange = unsafe Unmanaged<Exchange>.fromOpaque(known).takeUnretainedValue()
        let count = unsafe size.pointee
        if count > 0 {
            guard let data = unsafe data, exchange.body.count + count <= core.bodyLimit else { return .NO }
            unsafe exchange.body.append(contentsOf: UnsafeRawBufferPointer(start: data, count: count))
            unsafe size.pointee = 0
            return .YES
        }
        return core.answer(
            exchange, connection, method: unsafe String(cString: method), path: unsafe String(cString: path))
    }

    static let completed: MHD_RequestCompletedCallback = { context, _, slot, _ in
        guard let context = unsafe context, let slot = unsafe slot, let known = unsafe slot.pointee else { return }
        unsafe slot.pointee = nil
        unsafe Unmanaged<Exchange>.fromOpaque(known).release()
        unsafe Unmanaged<Core>.fromOpaque(context).takeUnretainedValue().end()
    }
}
