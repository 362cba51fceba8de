/// The keys of a log line's metadata: all that there are. None of them ever carries the value of an API key, of a record
/// or of a header.
public enum LogKey: String, CaseIterable, Hashable, Sendable {
    // A record's coordinates.
    case topic
    case partition
    case offset
    // An event.
    case eventID = "event_id"
    case eventSource = "event_source"
    case contract
    case account
    case reason
    case end
    case warnings
    // A call.
    case call
    case outcome
    case status
    case code
    case cause
    case attempts
    case keyVersion = "key_version"
    case retryAfter = "retry_after_ms"
    case duration = "duration_ms"
    case latency = "event_to_204_ms"
    // Kafka.
    case group
    case servers
    case partitions
    case committed
    case logStart = "log_start"
    case logEnd = "log_end"
    case lost
    case records
    case deadLetterTopic = "dead_letter_topic"
    // The engine.
    case hold
    case streak
    case gap = "gap_ms"
    case openEvents = "open_events"
    case callsInFlight = "calls_in_flight"
    case openCalls = "open_calls"
    // The process.
    case version
    case library
    case signal
    case path
    case host
    case port
    case address
    case option
    case operation
    case error
    case count
    case limit
    case next
    case dropped
    case test
}
