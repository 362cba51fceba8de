internal import CCurl
internal import CCurlShims
public import EventLoop

/// Requests over one multi handle on a loop: one base URL, one pool of connections.
///
/// Key Responsibilities:
/// - drives `curl_multi_socket_action` from the loop's descriptors and one timer;
/// - keeps the gate, which every send passes, and begins a request that the gate stopped before an idle connection that
///   was not silent once more, on a fresh connection;
/// - keeps a pool of easy handles that are never reset.
///
/// It does not bound the requests in flight: the caller does (libcurl's deadline does not run while a request waits for
/// a connection). Used on the loop's thread only. `close()` has to be called.
@safe
public final class CurlMulti {
    private let loop: EventLoop
    private let options: TransferOptions
    private let multi: UnsafeMutableRawPointer
    private let share: UnsafeMutableRawPointer?
    private var gate: OpaquePointer?
    private var timer: LoopTimer?
    /// Fires in the next turn for requests that could not be begun.
    private var failureTimer: LoopTimer?
    private var failures: [(done: (TransferResult) -> Void, result: TransferResult)] = []
    /// By descriptor.
    private var sockets: [WatchedSocket?] = []
    private var transfers: [Transfer] = []
    private var idleTransfers: [Transfer] = []
    /// How many calls into libcurl, or of `done`, are on the stack.
    private var depth = 0
    private var isFreed = false
    /// Whether `close()` was called.
    public private(set) var isClosed = false
    /// The requests whose `done` was not called yet.
    public private(set) var inFlight = 0
    /// Called after the `done` of the last request in flight.
    public var whenIdle: (() -> Void)?

    /// Makes the multi handle.
    ///
    /// - Parameters:
    ///   - loop: Where it works.
    ///   - options: How requests are made.
    ///   - gateLimit: Nothing is sent when the last `tick()` (at first: this call) is older, in CLOCK_BOOTTIME
    ///     milliseconds; nil: no limit.
    /// - Throws: `CurlError`.
    public init(loop: EventLoop, options: TransferOptions, gateLimit: Int64?) throws(CurlError) {
        try CurlGlobal.initialize()
        guard let multi = unsafe curl_multi_init() else {
            throw .failed(operation: "curl_multi_init", reason: "out of memory")
        }
        self.loop = loop
        self.options = options
        unsafe self.multi = unsafe multi
        unsafe share = ccurl_share_create()
        unsafe gate = nil
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe gate = ccurl_gate_create(
            gateLimit ?? .max,
            { context, descriptor in
                unsafe Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue().socketClosing(descriptor)
            }, context)
        let code = unsafe ccurl_multi_configure(
            multi,
            { _, descriptor, what, context, _ in
                guard let context = unsafe context else { return 0 }
                unsafe Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue().socketChanged(descriptor, what)
                return 0
            },
            { _, milliseconds, context in
                guard let context = unsafe context else { return 0 }
                unsafe Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue().timerChanged(milliseconds)
                return 0
            }, context, max(1, options.maximumConnections))
        do throws(EventLoopError) {
            // The loop keeps the timers, and these keep this object, until it is closed.
            timer = try loop.makeTimer { self.act(CURLSocket.timeout, 0) }
            failureTimer = try loop.makeTimer { self.deliverFailures() }
        } catch {
            close()
            throw .failed(operation: "timer", reason: error.description)
        }
        guard unsafe gate != nil, code == CURLM_OK else {
            close()
            throw .failed(operation: "curl_multi_setopt", reason: "code \(code.rawValue)")
        }
    }

    /// Stops the requests that were started before and are not sent yet: each ends as not sent, by the gate.
    public func withholdUnsent() {
        if let gate = unsafe gate { unsafe ccurl_gate_withhold(gate) }
    }

    /// Tells the gate that the loop lives: what decides looked at this time, in CLOCK_BOOTTIME milliseconds, and knows of
    /// no reason to send nothing. The time that it looked at, and not that of the call: the process may have stood still
    /// in between.
    public func tick(at boottime: Int64) {
        if let gate = unsafe gate { unsafe ccurl_gate_tick(gate, boottime) }
    }

    /// Begins a request; `done` is called once, later, on the loop (at once when this is closed).
    ///
    /// - Parameters:
    ///   - method: GET or POST, without a body.
    ///   - path: What follows the base URL: begins with a slash, characters of the base URL's path only.
    ///   - headers: Held until the request has ended.
    ///   - freshConnection: Whether to make a new connection: after an ambiguous end.
    ///   - bodyLimit: The most bytes that are kept of the body of a 200; of others it is 16 KiB.
    public func start(
        _ method: TransferMethod, path: [UInt8], headers: HeaderList, freshConnection: Bool = false,
        bodyLimit: Int = 16_384, _ done: @escaping (TransferResult) -> Void
    ) {
        guard !isClosed, let gate = unsafe gate else { return done(.notSent(.closed, detail: nil)) }
        inFlight += 1
        let transfer: Transfer
        if let idle = idleTransfers.popLast() {
            transfer = idle
        } else {
            do throws(CurlError) {
                transfer = try unsafe Transfer(gate: gate, share: share, options: options)
            } catch {
                return fail(done, error.description)
            }
            transfers.append(transfer)
        }
        let code = transfer.prepare(
            method, path: path, headers: headers, timeout: options.deadline, freshConnection: freshConnection,
            bodyLimit: bodyLimit)
        guard code == CURLE_OK else {
            giveBack(transfer)
            return fail(done, CurlGlobal.text(of: code))
        }
        transfer.done = done
        transfer.deadline = EventLoop.boottime() + options.deadline
        guard unsafe transfer.add(to: multi) == CURLM_OK else {
            transfer.done = nil
            giveBack(transfer)
            return fail(done, "the request was not accepted")
        }
    }

    /// Ends all requests: each `done` is called, with `ambiguous` when it was sent. Closes all connections. Idempotent;
    /// allowed in `done`.
    public func close() {
        isClosed = true
        if depth == 0 { free() }
    }

    /// Lets libcurl work on a descriptor or on its timers, and hands out what has ended.
    private func act(_ descriptor: Int32, _ events: Int32) {
        guard !isClosed else { return }
        depth += 1
        var running: Int32 = 0
        _ = unsafe curl_multi_socket_action(multi, descriptor, events, &running)
        var code = CURLE_OK
        while !isClosed, let context = unsafe ccurl_multi_next_ended(multi, &code) {
            ended(unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue(), code)
        }
        depth -= 1
        if isClosed, depth == 0 { free() }
    }

    private func ended(_ transfer: Transfer, _ code: CURLcode) {
        unsafe transfer.remove(from: multi)
        var isLate = false
        if transfer.isDirty, !transfer.wasRepeated {
            let left = transfer.deadline - EventLoop.boottime()
            isLate = left <= 0
            if !isLate, transfer.prepareAgain(timeout: left) == CURLE_OK,
                unsafe transfer.add(to: multi) == CURLM_OK
            {
                return
            }
        }
        var result = transfer.result(code: code)
        if isLate { result.end = .notSent(.timeout) }
        guard let done = transfer.done else { return giveBack(transfer) }
        transfer.done = nil
        giveBack(transfer)
        finish(done, result)
    }

    private func finish(_ done: (TransferResult) -> Void, _ result: TransferResult) {
        inFlight -= 1
        done(result)
        if inFlight == 0 { whenIdle?() }
    }

    private func giveBack(_ transfer: Transfer) {
        transfer.finish()
        idleTransfers.append(transfer)
    }

    private func fail(_ done: @escaping (TransferResult) -> Void, _ reason: String) {
        failures.append((done, .notSent(.other, detail: reason)))
        failureTimer?.start(after: 0)
    }

    private func deliverFailures() {
        depth += 1
        let ended = failures
        failures = []
        for failure in ended { finish(failure.done, failure.result) }
        depth -= 1
        if isClosed, depth == 0 { free() }
    }

    private func free() {
        guard !isFreed else { return }
        isFreed = true
        timer?.close()
        failureTimer?.close()
        var ended = failures
        failures = []
        for transfer in transfers {
            if let done = transfer.done {
                unsafe transfer.remove(from: multi)
                ended.append((done, transfer.result(code: CURLE_ABORTED_BY_CALLBACK, closed: true)))
                transfer.done = nil
                transfer.finish()
            }
            transfer.destroy()
        }
        transfers = []
        idleTransfers = []
        _ = unsafe curl_multi_cleanup(multi)
        if let share = unsafe share { _ = unsafe curl_share_cleanup(share) }
        for socket in sockets { socket?.watch.close() }
        sockets = []
        if let gate = unsafe gate { unsafe ccurl_gate_destroy(gate) }
        unsafe gate = nil
        for end in ended { finish(end.done, end.result) }
        whenIdle = nil
    }

    // What libcurl tells.

    private func timerChanged(_ milliseconds: Int) {
        if milliseconds < 0 { timer?.stop() } else { timer?.start(after: Int64(milliseconds)) }
    }

    /// libcurl wants other events of a descriptor. At `CURL_POLL_REMOVE` a connection's descriptor is only marked: the
    /// next request on it wants the same again, and that costs no system call then. A descriptor that libcurl closes
    /// without a word (its resolver's) is let go at once.
    private func socketChanged(_ descriptor: Int32, _ what: Int32) {
        guard descriptor >= 0, !isFreed else { return }
        let index = Int(descriptor)
        if what == CURL_POLL_REMOVE {
            guard index < sockets.count, let socket = sockets[index] else { return }
            socket.isIdle = true
            if !socket.isConnection { forget(index) }
            return
        }
        while sockets.count <= index { sockets.append(nil) }
        let socket: WatchedSocket
        if let known = sockets[index] {
            socket = known
        } else {
            // When it cannot be watched the request ends at its deadline.
            guard let watch = try? loop.watch(descriptor: descriptor, { self.ready(descriptor, $0) }) else { return }
            socket = WatchedSocket(
                watch: watch, isConnection: unsafe gate.map { unsafe ccurl_gate_owns($0, descriptor) } ?? false)
            sockets[index] = socket
        }
        socket.isIdle = false
        socket.wanted = []
        if what & CURL_POLL_IN != 0 { socket.wanted.insert(.readable) }
        if what & CURL_POLL_OUT != 0 { socket.wanted.insert(.writable) }
        try? socket.watch.setInterest(socket.wanted)
    }

    private func socketClosing(_ descriptor: Int32) {
        guard descriptor >= 0, Int(descriptor) < sockets.count else { return }
        forget(Int(descriptor))
    }

    private func forget(_ index: Int) {
        sockets[index]?.watch.close()
        sockets[index] = nil
    }

    private func ready(_ descriptor: Int32, _ readiness: Readiness) {
        let index = Int(descriptor)
        guard index < sockets.count, let socket = sockets[index] else { return }
        if socket.isIdle {
            // The server closed an idle connection, or sent what nobody asked for: libcurl sees it at the next use.
            try? socket.watch.setInterest([])
            return
        }
        var events: Int32 = 0
        if readiness.contains(.readable) { events |= CURLSocket.canRead }
        if readiness.contains(.writable) { events |= CURLSocket.canWrite }
        act(descriptor, events)
        // An error stops a watch; libcurl, which was asked for nothing new, would wait for ever.
        if index < sockets.count, let after = sockets[index], after === socket, !after.isIdle {
            try? after.watch.setInterest(after.wanted)
        }
    }
}

/// A descriptor of libcurl's that the loop watches.
private final class WatchedSocket {
    let watch: DescriptorWatch
    /// Whether it is a connection, whose closing the gate tells.
    let isConnection: Bool
    /// Whether libcurl wants nothing of it now.
    var isIdle = false
    /// What libcurl wants.
    var wanted: Readiness = []

    init(watch: DescriptorWatch, isConnection: Bool) {
        self.watch = watch
        self.isConnection = isConnection
    }
}

/// curl.h's macros.
private enum CURLSocket {
    /// `CURL_SOCKET_TIMEOUT`
    static let timeout: Int32 = -1
    /// `CURL_CSELECT_IN`
    static let canRead: Int32 = 1
    /// `CURL_CSELECT_OUT`
    static let canWrite: Int32 = 2
}

extension TransferResult {
    static func notSent(_ cause: NotSentCause, detail: String?) -> TransferResult {
        TransferResult(
            end: .notSent(cause), sentAt: nil, wasReused: false, retryAfter: [], date: nil, mediaType: nil, body: [],
            code: 0, detail: detail)
    }
}
