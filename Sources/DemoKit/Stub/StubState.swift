internal import Configuration
internal import HTTPServer

/// All that the stub knows, and how it decides about a request. A plain value: time comes in.
struct StubState {
    var key: String
    var faults = StubFaults() {
        didSet { if faults.budget != oldValue.budget { windows = Self.windows(faults.budget) } }
    }
    var counts = StubCounts()
    var log: [StubCall] = []
    var isRunning = true

    private let options: APIStub.Options
    private var credentials: [Int64: [StubCredential]] = [:]
    private var nextCredential: Int64 = 4_000
    /// Requests since the last page.
    private var pageTurn = 0
    private var windows: [RollingWindow] = []

    init(options: APIStub.Options) {
        self.options = options
        key = options.key
        faults = options.faults
        windows = Self.windows(options.faults.budget)
    }

    /// Decides about a request.
    /// - Parameters:
    ///   - boot: CLOCK_BOOTTIME in milliseconds.
    ///   - wall: The wall clock in milliseconds.
    mutating func answer(_ request: HTTPRequest, boot: Int64, wall: Int64) -> HTTPResponse {
        let target = StubTarget(request, basePath: options.basePath)
        var response = decide(target, request, boot: boot, wall: wall)
        response.delay = faults.latency
        let status = response.closesConnection ? 0 : response.status
        let call = StubCall(kind: target.kind, contract: target.contract, time: boot, status: status)
        counts.add(call)
        if log.count < options.logLimit { log.append(call) }
        return response
    }

    /// The credentials of a contract, in the state before any request where there was none.
    mutating func credentials(of contract: Int64, wall: Int64) -> [StubCredential] {
        if let known = credentials[contract] { return known }
        let made = [newCredential(wall - 86_400_000), newCredential(wall - 86_400_000)]
        credentials[contract] = made
        return made
    }

    mutating func resetCounts() {
        counts = StubCounts()
        log = []
    }

    private mutating func newCredential(_ createdAt: Int64) -> StubCredential {
        nextCredential += 1
        return StubCredential(id: nextCredential, isActive: true, createdAt: createdAt)
    }

    private mutating func decide(
        _ target: StubTarget, _ request: HTTPRequest, boot: Int64, wall: Int64
    ) -> HTTPResponse {
        switch faults.outage {
        case .none: break
        case .close: return HTTPResponse(status: 0, closesConnection: true)
        case .unavailable: return error(503, "unavailable", retryAfter: faults.retryAfter)
        }
        if let pages = faults.pages {
            pageTurn = (pageTurn + 1) % max(1, pages.every)
            if pageTurn == 0 {
                let text = "<html><body>The stub's firewall says \(pages.status).</body></html>\n"
                return HTTPResponse(status: pages.status, text: text, contentType: "text/html")
            }
        }
        if let status = faults.statusForAll { return error(status, "set_for_all") }
        guard request.header("X-PARTNER-APIKEY") == key else { return error(401, "access_denied") }
        if let wait = chargeOrWait(boot) {
            return error(429, "rate_limit", retryAfter: faults.retryAfter ?? Int((wait + 999) / 1_000))
        }
        guard target.kind != .other, let contract = target.contract else { return error(404, "not_found") }
        if let status = faults.statusByContract[contract] { return error(status, "set_for_contract") }
        guard contract >= 1, contract < options.unknownFrom, !options.unknownContracts.contains(contract) else {
            return error(404, "contract_not_found")
        }
        return act(target, contract, request, wall)
    }

    private mutating func act(
        _ target: StubTarget, _ contract: Int64, _ request: HTTPRequest, _ wall: Int64
    ) -> HTTPResponse {
        var known = credentials(of: contract, wall: wall)
        defer { credentials[contract] = known }
        switch target.kind {
        case .revokeAll:
            for index in known.indices { known[index].isActive = false }
            return HTTPResponse(status: 204)
        case .list:
            return Self.json(200, "{\"credentials\":[\(known.map(\.json).joined(separator: ","))]}")
        case .revokeOne:
            guard let index = known.firstIndex(where: { $0.id == target.credential }) else {
                return error(404, "credential_not_found")
            }
            known[index].isActive = false
            return HTTPResponse(status: 204)
        case .regenerate:
            if StubTarget.revokesExisting(request.body) {
                for index in known.indices { known[index].isActive = false }
            }
            let made = newCredential(wall)
            known.append(made)
            return Self.json(201, made.json)
        case .other:
            return error(404, "not_found")
        }
    }

    private func error(_ status: Int, _ code: String, retryAfter: Int? = nil) -> HTTPResponse {
        if status == 204 { return HTTPResponse(status: 204) }
        let text = "{\"errors\":[{\"code\":\"\(code)\",\"message\":\"The stub answers \(status).\"}]}"
        var response = Self.json(status, text)
        if let retryAfter {
            response.headers.append(HTTPRequest.Field(name: "Retry-After", value: String(retryAfter)))
        }
        return response
    }

    private static func json(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(status: status, text: text + "\n", contentType: "application/json")
    }

    // MARK: The API's own budget

    private struct RollingWindow {
        let limit: Int
        let length: Int64
        var times: [Int64] = []
        var first = 0

        mutating func forget(before time: Int64) {
            while first < times.count, times[first] <= time { first += 1 }
            if first > 4_096, first * 2 > times.count {
                times.removeFirst(first)
                first = 0
            }
        }

        /// Milliseconds until a request fits; nil when it fits now.
        func wait(_ now: Int64) -> Int64? {
            times.count - first < limit ? nil : times[times.count - limit] + length - now
        }
    }

    private static func windows(_ budget: Budget) -> [RollingWindow] {
        switch budget {
        case .unlimited: []
        case .windows(let windows): windows.map { RollingWindow(limit: $0.limit, length: $0.milliseconds) }
        }
    }

    /// Charges a request now, or gives the milliseconds until one fits. Refused requests are not charged.
    private mutating func chargeOrWait(_ now: Int64) -> Int64? {
        var wait: Int64?
        for index in windows.indices {
            windows[index].forget(before: now - windows[index].length)
            if let needed = windows[index].wait(now) { wait = max(wait ?? 0, needed) }
        }
        if wait == nil {
            for index in windows.indices { windows[index].times.append(now) }
        }
        return wait
    }
}
