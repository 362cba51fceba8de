public import RevokeModel

/// The validated configuration of a worker. Durations are milliseconds, sizes are bytes.
///
/// A value comes from ``ConfigurationParser`` only; ``OptionTable`` says what each field means, its default and its
/// bounds.
public struct WorkerConfiguration: Hashable, Sendable {
    /// The topic with the events: a name, never a pattern.
    public var topic = ""
    /// The topic for dead letters; never equal to `topic`.
    public var deadLetterTopic = ""
    /// The consumer group.
    public var group = ""
    /// Where a group without any committed offset starts.
    public var startAt = StartPosition.earliest
    /// Whether the worker makes topics that are missing.
    public var createTopics = false
    /// librdkafka's own properties that were given, by the rules of ``KafkaPropertyRules``, in the order of the names.
    public var kafkaProperties: [KafkaProperty] = []

    /// What happens to events of another type.
    public var unknownTypes = UnknownTypes.deadLetter
    /// Whether a bare `{"acme_contract_id":12345}` is an event.
    public var acceptBareEvents = false
    /// Whether the 5 bytes of a schema registry before a value are cut off.
    public var acceptRegistryPrefix = false
    /// The largest value of a record, in bytes.
    public var recordSize: Int64 = 0

    /// How old an event may be to count as fresh.
    public var freshness: Int64 = 0
    /// How long trouble of one contract alone is retried before its events become dead letters.
    public var contractRetryLimit: Int64 = 0
    /// How many contracts of a streak settle by a permanent answer.
    public var streakLimit = 0
    /// How many failures in a row over different contracts hold an account.
    public var breaker = 0

    /// The open events that the worker holds at most.
    public var windowRecords = 0
    /// The bytes of open events that the worker holds at most.
    public var windowBytes: Int64 = 0
    /// The time between commits while events settle.
    public var commitInterval: Int64 = 0
    /// How long a rebalance or a shutdown waits for calls in flight, dead letters and the last commit.
    public var drainLimit: Int64 = 0
    /// The time that the supervisor gives between SIGTERM and SIGKILL.
    public var terminationGrace: Int64 = 0

    /// The one account.
    public var account = AccountConfiguration()
    /// The account of events that name none, when it is given: then it is the name of the one account.
    public var defaultAccount: String?
    /// The time between two looks at a key file, beside notifications of the file system.
    public var keyPollInterval: Int64 = 0
    /// Whether a base URL with plain http may point to another host than loopback.
    public var allowPlainHTTP = false
    /// Whether properties that weaken TLS are accepted.
    public var insecure = false
    /// A file with the CA certificates for the API; nil: the system's.
    public var caFile: String?
    /// The HTTP proxy for the API (`http://host:port`); nil: none, whatever the environment says.
    public var proxy: String?

    /// Where health and metrics are served.
    public var healthListen = ListenAddress.none
    /// The least severe level that is logged.
    public var logLevel = LogLevel.info
    /// The form of log lines.
    public var logFormat = LogFormat.auto

    /// A configuration before the defaults of the table are applied.
    init() {}

    /// The session timeout of the consumer group in milliseconds: `session.timeout.ms` of the Kafka properties, or
    /// ``KafkaPropertyRules/defaultSessionTimeout``.
    public var sessionTimeout: Int64 {
        for property in kafkaProperties where property.name == "session.timeout.ms" {
            if case .text(let text) = property.value, let value = Int64(text) { return value }
        }
        return KafkaPropertyRules.defaultSessionTimeout
    }
}

/// The configuration of one account.
public struct AccountConfiguration: Hashable, Sendable {
    /// The account's name.
    public var name = AccountName.main
    /// The file with the API key.
    public var keyFile = ""
    /// The API's base URL without a slash at its end. The client checks it fully.
    public var baseURL = ""
    /// How many requests may start in rolling windows.
    public var budget = Budget.unlimited
    /// How many calls may be in flight.
    public var concurrency = 0
    /// The deadline of one request, from the name's resolution to the answer's end, in milliseconds.
    public var requestDeadline: Int64 = 0
    /// Whether a connection is used for more than one request.
    public var reusesConnections = true

    init() {}
}

/// Where a group that has no committed offset on any partition starts.
public enum StartPosition: Hashable, Sendable {
    /// At the log's start.
    case earliest
    /// At the log's end.
    case latest
    /// At the first record from this time on, in wall milliseconds.
    case time(Int64)
}

/// What happens to events whose type is not `revoke-credentials`.
public enum UnknownTypes: String, CaseIterable, Hashable, Sendable {
    /// They become dead letters.
    case deadLetter = "dead-letter"
    /// They are skipped and counted.
    case skip
}

/// How severe a log line is, the least severe first.
public enum LogLevel: String, CaseIterable, Hashable, Sendable, Comparable {
    /// For the search of a fault.
    case debug
    /// What an operator wants to see in normal times.
    case info
    /// What needs a look.
    case warning
    /// What needs an action.
    case error

    /// Whether the left level is less severe.
    public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }
}

/// The form of log lines.
public enum LogFormat: String, CaseIterable, Hashable, Sendable {
    /// Text on a terminal, JSON otherwise.
    case auto
    /// One line of text for each event.
    case text
    /// One JSON object for each event.
    case json
}

/// A literal address and a port.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A literal IPv4 or IPv6 address, without brackets.
    public var host: String
    /// The port; 0 lets the system choose one.
    public var port: UInt16

    /// Makes an address of its parts.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    static let none = ListenAddress(host: "", port: 0)

    /// The address as `host:port`, with brackets around an IPv6 address.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// How many requests an account may start.
public enum Budget: Hashable, Sendable {
    /// Any number; for tests.
    case unlimited
    /// At most so many in each of these rolling windows; never empty.
    case windows([BudgetWindow])
}

/// At most `limit` requests start in any rolling window of `milliseconds`.
public struct BudgetWindow: Hashable, Sendable {
    /// The number of requests, at least 1.
    public var limit: Int
    /// The length of the window: whole seconds, in milliseconds.
    public var milliseconds: Int64

    /// Makes a window of its parts.
    public init(limit: Int, milliseconds: Int64) {
        self.limit = limit
        self.milliseconds = milliseconds
    }
}

extension Budget {
    /// Reads `80/5s,800/3m` or `unlimited`; nil when the text has another form.
    public init?(text: String) {
        guard let budget = try? BudgetText.parse(text) else { return nil }
        self = budget
    }
}
