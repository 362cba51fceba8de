internal import Configuration
internal import EventLoop
internal import HTTPServer
internal import Threads

/// The endpoints below `/stub/`.
enum StubControl {
    static func answer(_ request: HTTPRequest, _ state: Monitor<StubState>) -> HTTPResponse {
        switch (request.method, request.path) {
        case ("GET", "/stub/counts"):
            return HTTPResponse(
                status: 200, text: state.withLock { $0.counts }.json, contentType: "application/json")
        case ("GET", "/stub/contracts"):
            // How many contracts got a 204: cheap, for programs that wait for a number.
            return HTTPResponse(status: 200, text: "\(state.withLock { $0.counts.revokedContracts })\n")
        case ("GET", "/stub/credentials"):
            guard let contract = request.parameter("contract").flatMap({ Int64($0) }) else {
                return HTTPResponse(status: 400, text: "contract=NUMBER is missing\n")
            }
            let wall = EventLoop.wallTime()
            let list = state.withLock { $0.credentials(of: contract, wall: wall) }
            return HTTPResponse(
                status: 200, text: "{\"credentials\":[\(list.map(\.json).joined(separator: ","))]}\n",
                contentType: "application/json")
        case ("POST", "/stub/reset"):
            state.withLock { $0.resetCounts() }
            return HTTPResponse(status: 204)
        case ("POST", "/stub/fault"):
            if let problem = state.withLock({ apply(request, &$0) }) {
                return HTTPResponse(status: 400, text: problem + "\n")
            }
            return HTTPResponse(status: 204)
        default:
            return HTTPResponse(status: 404, text: "there is no such control\n")
        }
    }

    /// Applies all parameters, or none when one of them is wrong; the text says which.
    private static func apply(_ request: HTTPRequest, _ state: inout StubState) -> String? {
        var faults = state.faults
        var key = state.key
        for field in request.query {
            let text = field.value
            let number = Int(text).flatMap { $0 >= 0 ? $0 : nil }
            let status = number.flatMap { (200...599).contains($0) ? $0 : nil }
            switch field.name {
            case "latency":
                guard let number, number <= 3_600_000 else { return "latency=MILLISECONDS" }
                faults.latency = Int64(number)
            case "outage":
                guard let outage = StubFaults.Outage(rawValue: text) else { return "outage=503|close|none" }
                faults.outage = outage
            case "status":
                guard status != nil || text == "none" else { return "status=STATUS|none" }
                faults.statusForAll = status
            case "page":
                let every = request.parameter("page-every").map { Int($0) ?? 0 } ?? 1
                guard status != nil && every >= 1 || text == "none" else {
                    return "page=STATUS|none, page-every=NUMBER"
                }
                faults.pages = status.map { StubFaults.Pages(status: $0, every: every) }
            case "page-every":
                guard request.parameter("page") != nil else { return "page=STATUS is missing" }
            case "contract":
                guard let number, let value = request.parameter("contract-status") else {
                    return "contract=NUMBER&contract-status=STATUS|none"
                }
                let status = Int(value).flatMap { (200...599).contains($0) ? $0 : nil }
                guard status != nil || value == "none" else { return "contract-status=STATUS|none" }
                faults.statusByContract[Int64(number)] = status
            case "contract-status":
                guard request.parameter("contract") != nil else { return "contract=NUMBER is missing" }
            case "budget":
                guard let budget = Budget(text: text) else { return "budget=80/5s,800/3m|unlimited" }
                faults.budget = budget
            case "retry-after":
                guard number != nil || text == "none" else { return "retry-after=SECONDS|none" }
                faults.retryAfter = number
            case "key":
                guard !text.isEmpty else { return "key=KEY" }
                key = text
            default:
                return "there is no fault of that name"
            }
        }
        if faults != state.faults { state.faults = faults }
        state.key = key
        return nil
    }
}
