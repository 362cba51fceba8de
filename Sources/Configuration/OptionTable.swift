/// All options of the configuration, each declared once.
public struct OptionTable: Sendable {
    /// What the names of all environment variables begin with.
    public static let environmentPrefix = "REVOKE_WORKER_"

    /// The options in the order of the print-out, the help text and the reference page.
    public let options: [Option]

    /// The options of the top of the file.
    public var worker: [Option] { options.filter { $0.scope == .worker } }
    /// The options of an account.
    public var account: [Option] { options.filter { $0.scope == .account } }

    /// The option of that name; names are unique over both scopes.
    public func option(named name: String) -> Option? { options.first { $0.name == name } }

    init(_ options: [Option]) { self.options = options }

    func option(_ name: String, _ scope: Option.Scope) -> Option? {
        options.first { $0.name == name && $0.scope == scope }
    }

    /// The table of the product.
    public static let standard = OptionTable([
        Option("topic", \.topic, .topic, default: "revoke-credentials", "The topic with the events."),
        Option(
            "dead-letter-topic", \.deadLetterTopic, .topic, default: "revoke-credentials-dead-letters",
            "The topic for events that cannot be settled by a 204."),
        Option("group", \.group, .name, default: "revoke-worker", "The consumer group; all workers share it."),
        Option(
            "start-at", \.startAt, .startPosition, default: "earliest",
            "Where a group that has never committed starts; it counts for nothing else."),
        Option(
            "create-topics", \.createTopics, .boolean, default: "false",
            "Make the topics at start when they are missing."),
        Option(
            "unknown-types", \.unknownTypes, .choice, default: "dead-letter",
            "What happens to events of another type than revoke-credentials."),
        Option(
            "accept-bare-events", \.acceptBareEvents, .boolean, default: "false",
            "Take a bare {\"acme_contract_id\":12345} for an event."),
        Option(
            "accept-registry-prefix", \.acceptRegistryPrefix, .boolean, default: "false",
            "Cut off the 5 bytes that a schema registry puts before a value."),
        Option(
            "record-size", \.recordSize, .size(1 << 10...16 << 20), default: "1MiB",
            "The largest value of a record; a larger one becomes a dead letter."),
        Option(
            "freshness", \.freshness, .duration(60_000...86_400_000), default: "1h",
            "How old an event may be to go before the backlog."),
        Option(
            "contract-retry-limit", \.contractRetryLimit, .duration(1_000...604_800_000), default: "1h",
            "How long trouble of one contract alone is retried before a dead letter."),
        Option(
            "streak-limit", \.streakLimit, .count(1...16), default: "2",
            "How many contracts in a row settle by a permanent answer without a good one between."),
        Option(
            "breaker", \.breaker, .count(2...1_000), default: "5",
            "How many failures in a row over different contracts hold an account."),
        Option(
            "window-records", \.windowRecords, .count(256...1_000_000), default: "20000",
            "How many open events a worker holds; at the limit partitions pause."),
        Option(
            "window-bytes", \.windowBytes, .size(1 << 20...4 << 30), default: "32MiB",
            "How many bytes of open events, and 1 KiB for each, a worker holds; at the limit partitions pause."),
        Option(
            "commit-interval", \.commitInterval, .duration(10...1_000), default: "200ms",
            "The time between commits while events settle."),
        Option(
            "drain-limit", \.drainLimit, .duration(3_000...290_000), default: "17s",
            "How long a rebalance or a shutdown waits for calls, dead letters and the last commit."),
        Option(
            "termination-grace", \.terminationGrace, .duration(5_000...600_000), default: "30s",
            "The time that the supervisor gives between SIGTERM and SIGKILL."),
        Option(
            "key-poll-interval", \.keyPollInterval, .duration(100...3_600_000), default: "10s",
            "The time between two looks at a key file, beside the file system's notifications."),
        Option(
            "allow-plain-http", \.allowPlainHTTP, .boolean, default: "false",
            "Allow plain http to another host than loopback, or through a proxy: the key is then sent in clear."),
        Option(
            "insecure", \.insecure, .boolean, default: "false",
            "Allow Kafka properties that weaken TLS."),
        Option(
            "ca-file", \.caFile, ValueFormat<String>.path.optional,
            "A file with the CA certificates for the API, in PEM; without it the system's are used."),
        Option(
            "proxy", \.proxy, ValueFormat<String>.proxy.optional,
            "An HTTP proxy for the API; proxy variables of the environment are ignored."),
        Option(
            "health.listen", \.healthListen, .address, default: "127.0.0.1:8480",
            "Where /livez, /readyz and /metrics are served."),
        Option("log-level", \.logLevel, .choice, default: "info", "The least severe level that is logged."),
        Option(
            "log-format", \.logFormat, .choice, default: "auto",
            "The form of log lines; auto is text on a terminal and JSON otherwise."),
        Option(
            "default-account", \.defaultAccount, ValueFormat<String>.name.optional,
            "The account of events that name none; with one account it is that one."),
        Option(
            "key-file", \.account.keyFile, .path, required: true, scope: .account,
            "The file with the API key of the subaccount."),
        Option(
            "base-url", \.account.baseURL, .url,
            default: "https://www.digicert.com/partner-subscription/api/v1", scope: .account,
            "The API's base URL."),
        Option(
            "budget", \.account.budget, .budget, default: "80/5s,800/3m", scope: .account,
            "How many requests the whole fleet may start in rolling windows; unlimited is for tests."),
        Option(
            "concurrency", \.account.concurrency, .count(1...1_024), default: "8", scope: .account,
            "How many calls a worker may have in flight."),
        Option(
            "request-deadline", \.account.requestDeadline, .duration(1_000...240_000), default: "10s",
            scope: .account, "The deadline of one request, from the name's resolution to the answer's end."),
        Option(
            "reuse-connections", \.account.reusesConnections, .boolean, default: "true", scope: .account,
            "Use a connection for more than one request; false costs a handshake for each, see docs/revoke-client.md."),
    ])
}
