public import Configuration

/// What the stub does wrong. All of it can change while the stub runs.
public struct StubFaults: Hashable, Sendable {
    /// How the whole API is down.
    public enum Outage: String, CaseIterable, Hashable, Sendable {
        /// It is up.
        case none
        /// Every answer is 503.
        case unavailable = "503"
        /// Every connection is closed without an answer after the request was read.
        case close
    }

    /// Milliseconds before each answer.
    public var latency: Int64 = 0
    /// How the whole API is down.
    public var outage = Outage.none
    /// A status that every request gets, as a wrong path gives 404 and a firewall 403.
    public var statusForAll: Int?
    /// A status that every request for a contract gets, by its id.
    public var statusByContract: [Int64: Int] = [:]
    /// The API's own budget; a request beyond it gets 429.
    public var budget = Budget.unlimited
    /// Seconds in `Retry-After` of 429 and 503; nil: for 429 the time until the budget allows a request again, and
    /// none for 503.
    public var retryAfter: Int?

    /// No fault.
    public init() {}
}
