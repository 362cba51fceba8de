public import RevokeEngine
public import RevokeModel

/// All metrics of a worker as a value: the loop counts in its own copy and publishes copies.
public struct WorkerMetrics: Hashable, Sendable {
    /// What holds all calls, or all of an account's; the label `kind`.
    public enum Hold: String, CaseIterable, Hashable, Sendable {
        /// 429.
        case rateLimited = "rate_limited"
        /// 401.
        case unauthorized
        /// An outage, or a certificate that is not trusted.
        case unavailable
        /// Commits do not succeed.
        case commitsFailing = "commits_failing"
        /// Nothing could be decoded since the start.
        case undecodable
        /// The streak is over its limit: permanent answers do not settle, and little is called.
        case unproven

        /// The hold of an account.
        public init(_ kind: HoldKind) {
            switch kind {
            case .rateLimited: self = .rateLimited
            case .unauthorized: self = .unauthorized
            case .unavailable: self = .unavailable
            }
        }
    }

    // Counters.

    /// Records that were read, events or not.
    public var recordsRead: UInt64 = 0
    /// Events that a 204 covered.
    public var revoked: UInt64 = 0
    /// Events skipped, by the rule.
    public private(set) var skipped: [SkipReason: UInt64] = [:]
    /// Records in the dead-letter topic, by the reason.
    public private(set) var deadLettered: [DeadLetterReason: UInt64] = [:]
    /// Calls by outcome.
    public var calls = CallCounts()
    /// Commits that succeeded.
    public var commits: UInt64 = 0
    /// Commits that failed.
    public var commitFailures: UInt64 = 0
    /// Attempts to store a dead letter that failed.
    public var deadLetterFailures: UInt64 = 0
    /// Warnings about valid events, by kind.
    public private(set) var keyDiffers: UInt64 = 0
    /// See `keyDiffers`.
    public private(set) var subjectDiffers: UInt64 = 0
    /// See `keyDiffers`.
    public private(set) var implausibleTime: UInt64 = 0
    /// Offsets that were gone before they were read: retention passed.
    public var lostOffsets: UInt64 = 0
    /// How often the clocks made the assignment suspect.
    public var suspicions: UInt64 = 0
    /// Positions that were outside their log: retention passed, or the topic was recreated.
    public var positionsLost: UInt64 = 0
    /// Times that the group had no committed offset any more, though this worker knows of some.
    public var offsetsLost: UInt64 = 0
    /// How often Kafka gave up a position, whether it was outside its log or not.
    public var positionErrors: UInt64 = 0
    /// Contracts that could not be revoked for the retry limit.
    public var stuckContracts: UInt64 = 0
    /// Log lines that were lost.
    public var logLinesDropped: UInt64 = 0
    /// From the event's leak time, or its read where that is unknown, to the 204.
    public var eventToRevoked = Histogram()

    // Gauges.

    /// The engine's figures.
    public var engine = EngineSnapshot()
    /// When the oldest open event happened, in boot milliseconds; nil when none is open.
    public var oldestEventSince: Int64?
    /// Records between the committed offset and the log's end, by owned partition.
    public var lag: [Int32: Int64] = [:]
    /// Owned partitions that are not read, ascending, and why.
    public var unread: [Unread] = []
    /// How often the group was joined again, since it said that partitions are owned which are not read.
    public var rejoins: UInt64 = 0
    /// Whether the key file cannot be used; the key in memory is kept.
    public var keyFileProblem = false
    /// Whether the worker is ready.
    public var ready = false
    /// When the worker started, in wall milliseconds.
    public var startTime: Int64 = 0
    /// The worker's version.
    public var version = ""
    /// The libraries' versions, such as `("librdkafka", "2.8.0")`, in the order of their names.
    public var libraries: [Library] = []

    /// An owned partition that is not read.
    public struct Unread: Hashable, Sendable {
        /// The partition.
        public var partition: Int32
        /// Why.
        public var reason: UnreadReason

        /// Makes a pair.
        public init(partition: Int32, reason: UnreadReason) {
            self.partition = partition
            self.reason = reason
        }
    }

    /// A library and its version at run time.
    public struct Library: Hashable, Sendable {
        /// The library's name.
        public var name: String
        /// Its version.
        public var version: String

        /// Makes a pair.
        public init(name: String, version: String) {
            self.name = name
            self.version = version
        }
    }

    /// Makes metrics that are all zero.
    public init() {}

    /// Counts the end of an event.
    public mutating func count(_ end: EventEnd) {
        switch end {
        case .revoked: revoked += 1
        case .skipped(let reason): skipped[reason, default: 0] += 1
        case .deadLettered(let reason): deadLettered[reason, default: 0] += 1
        }
    }

    /// Counts the warnings of a valid event.
    public mutating func count(_ warnings: EventWarnings) {
        if warnings.contains(.keyDiffers) { keyDiffers += 1 }
        if warnings.contains(.subjectDiffers) { subjectDiffers += 1 }
        if warnings.contains(.implausibleTime) { implausibleTime += 1 }
    }

    /// Whether a hold is on.
    public func isHeld(by hold: Hold) -> Bool {
        switch hold {
        case .commitsFailing: engine.commitsFailing
        case .undecodable: engine.undecodable
        case .unproven: engine.unproven
        case .rateLimited, .unauthorized, .unavailable: engine.hold.map(Hold.init) == hold
        }
    }

    /// Every reason of a dead letter, in a fixed order.
    public static let deadLetterReasons: [DeadLetterReason] =
        [.rejected, .retryLimit, .unknownAccount] + DecodingFailure.allCases.map { .malformed($0) }
}
