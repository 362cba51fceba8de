internal import Foundation
internal import Threads

/// A TCP server on loopback that does to each connection what a script says, and records what it received.
///
/// Each connection has a thread, on which the script runs; it may block. When the script returns the connection is
/// closed. Sockets time out after 30 s.
public final class ScriptedServer: Sendable {
    /// A script: what is done with a connection.
    public typealias Script = @Sendable (ScriptedConnection) -> Void

    private struct State {
        var connections: [ScriptedConnection] = []
        var waiters: [(isMet: @Sendable (Observation) -> Bool, latch: Latch)] = []
        var isStopped = false
    }

    /// What a server has seen so far.
    public struct Observation: Sendable {
        /// The connections that were accepted.
        public var connections: Int
        /// The complete heads of requests that were received.
        public var requests: Int
        /// The connections that the script has let go of.
        public var ended: Int
    }

    /// The port on 127.0.0.1.
    public let port: UInt16
    private let listener: Int32
    private let state = Monitor(State())

    /// Listens on a free port and serves from then on.
    public init(_ script: @escaping Script) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = self.listener
        let isListening = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(listener, pointer, length) == 0 && listen(listener, 128) == 0
                    && getsockname(listener, pointer, &length) == 0
            }
        }
        guard listener >= 0, isListening else { throw SystemError(number: errno) }
        port = UInt16(bigEndian: address.sin_port)
        let thread = Thread { [self] in acceptAll(script) }
        thread.start()
    }

    deinit { stop() }

    /// The address, such as `http://127.0.0.1:4711`.
    public var url: String { "http://127.0.0.1:\(port)" }

    /// What was seen so far.
    public var observation: Observation { state.withLock { Self.observe($0) } }

    /// All bytes that each connection has received, in the order of their coming.
    public var received: [[UInt8]] { state.withLock { $0.connections.map(\.received) } }

    /// The same as text.
    public var receivedText: [String] { received.map { String(decoding: $0, as: UTF8.self) } }

    /// The complete heads of requests.
    public var requests: Int { observation.requests }

    /// Waits until what was seen meets a condition; false when the bound passed.
    public func wait(seconds: Int = 20, until isMet: @escaping @Sendable (Observation) -> Bool) async -> Bool {
        let latch = Latch()
        state.withLock { state in
            if isMet(Self.observe(state)) { latch.open() } else { state.waiters.append((isMet, latch)) }
        }
        return await latch.wait(seconds: seconds)
    }

    /// Takes no more connections and shuts the open ones down. Idempotent.
    public func stop() {
        let connections: [ScriptedConnection]? = state.withLock { state in
            guard !state.isStopped else { return nil }
            state.isStopped = true
            return state.connections
        }
        guard let connections else { return }
        shutdown(listener, Int32(SHUT_RDWR))
        for connection in connections { connection.shutDown() }
    }

    private func acceptAll(_ script: @escaping Script) {
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                close(listener)
                return
            }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let connection: ScriptedConnection? = state.withLock { state in
                guard !state.isStopped else { return nil }
                let connection = ScriptedConnection(descriptor, index: state.connections.count) { [weak self] in
                    self?.changed()
                }
                state.connections.append(connection)
                return connection
            }
            guard let connection else {
                close(descriptor)
                continue
            }
            changed()
            let thread = Thread {
                script(connection)
                connection.close()
            }
            thread.start()
        }
    }

    private func changed() {
        let met: [Latch] = state.withLock { state in
            let observation = Self.observe(state)
            let met = state.waiters.filter { $0.isMet(observation) }.map(\.latch)
            state.waiters.removeAll { $0.isMet(observation) }
            return met
        }
        for latch in met { latch.open() }
    }

    private static func observe(_ state: State) -> Observation {
        Observation(
            connections: state.connections.count,
            requests: state.connections.reduce(0) { $0 + $1.requests },
            ended: state.connections.count { $0.isClosed })
    }
}

/// One connection of a `ScriptedServer`, for the script's thread.
public final class ScriptedConnection: Sendable {
    private struct State {
        var received: [UInt8] = []
        /// How much of it `readRequest` has handed out.
        var consumed = 0
        var requests = 0
        var isClosing = false
        var isClosed = false
    }

    /// Which connection of the server it is, counted from 0.
    public let index: Int
    private let descriptor: Int32
    private let changed: @Sendable () -> Void
    private let state = Monitor(State())

    init(_ descriptor: Int32, index: Int, changed: @escaping @Sendable () -> Void) {
        self.descriptor = descriptor
        self.index = index
        self.changed = changed
        var timeout = timeval(tv_sec: 30, tv_usec: 0)
        let length = socklen_t(MemoryLayout<timeval>.size)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, length)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, length)
        var one: Int32 = 1
        _ = unsafe setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    /// All bytes received so far.
    public var received: [UInt8] { state.withLock { $0.received } }

    /// Whether the script has let go of it.
    public var isClosed: Bool { state.withLock { $0.isClosed } }

    /// The complete heads received so far.
    public var requests: Int { state.withLock { $0.requests } }

    /// Reads the next request's head, to its blank line; nil when the client closed before.
    public func readRequest() -> String? {
        while true {
            let head: String? = state.withLock { state in
                let open = state.received[state.consumed...]
                guard let end = open.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
                state.consumed = end.upperBound
                return String(decoding: open[..<end.upperBound], as: UTF8.self)
            }
            if let head { return head }
            guard readSome() else { return nil }
        }
    }

    /// Reads until the client closes (or 30 s pass).
    public func readToEnd() { while readSome() {} }

    /// Sends text as it stands; false when the client is gone.
    @discardableResult
    public func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    /// Sends bytes; false when the client is gone.
    @discardableResult
    public func write(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe send(
                    descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Closes the connection.
    public func close() {
        let wasOpen = state.withLock { state in
            let wasOpen = !state.isClosing
            state.isClosing = true
            return wasOpen
        }
        guard wasOpen else { return }
        // A child process of another test may have inherited the descriptor: its close alone would not reach the client.
        shutdown(descriptor, Int32(SHUT_RDWR))
        _ = Foundation.close(descriptor)
        state.withLock { $0.isClosed = true }
        changed()
    }

    /// Closes the connection so that the client sees a reset.
    public func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        // Dissolves the connection at once (connect(2), AF_UNSPEC), whoever else holds the descriptor.
        var nowhere = sockaddr()
        nowhere.sa_family = sa_family_t(AF_UNSPEC)
        _ = unsafe connect(descriptor, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
        close()
    }

    func shutDown() {
        state.withLock { state in if !state.isClosing { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    private func readSome() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count > 0 else { return false }
        state.withLock { state in
            let from = max(0, state.received.count - 3)
            state.received.append(contentsOf: buffer[..<count])
            state.requests += state.received[from...].ranges(of: Array("\r\n\r\n".utf8)).count
        }
        changed()
        return true
    }
}

/// An error of the operating system.
public struct SystemError: Error {
    /// `errno`.
    public var number: Int32

    /// Makes an error of a number.
    public init(number: Int32) { self.number = number }
}
