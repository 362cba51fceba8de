/// One line of librdkafka's own log.
public struct KafkaLogLine: Hashable, Sendable {
    /// syslog's levels: 0 emergency to 7 debug.
    public let level: Int
    /// What it is about, for example `FAIL` or `CONFWARN`.
    public let facility: String
    /// The text.
    public let text: String
}

/// Takes librdkafka's log lines. It is called on librdkafka's threads, also while a client is destroyed: it must be
/// quick, must not block and must not call the client.
public typealias KafkaLogHandler = @Sendable (KafkaLogLine) -> Void
