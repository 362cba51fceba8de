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

    /// Pages that something before the API answers in its place, whatever the request.
    public struct Pages: Hashable, Sendable {
        /// Their status.
        public var status: Int
        /// One request of so many gets one: 1 is each.
        public var every: Int

        /// Makes pages.
        public init(status: Int, every: Int) {
            self.status = status
            self.every = every
        }
    }

    /// Milliseconds before each answer.
    public var latency: Int64 = 0
    /// How the whole API is down.
    public var outage = Outage.none
    /// The pages of a firewall, a proxy or a load balancer; nil: none.
    public var pages: Pages?
    /// A status that every request gets, as a wrong path gives 404 and a key without rights 403.
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
