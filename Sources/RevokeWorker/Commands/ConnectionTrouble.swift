internal import Kafka
internal import Threads

/// Keeps of librdkafka's log the line that tells why no broker answers. Any thread.
///
/// The cause stands in a line about one connection, of any level; "1/1 brokers are down" comes after it, with a more
/// severe one.
final class ConnectionTrouble: Sendable {
    private let cause = Monitor<(text: String, isConnection: Bool)?>(nil)

    /// Looks at a line.
    func take(_ line: KafkaLogLine) {
        let isConnection = line.facility == "FAIL"
        guard isConnection || line.level <= 4 else { return }
        cause.withLock { cause in
            if isConnection || cause?.isConnection != true { cause = (line.text, isConnection) }
        }
    }

    /// The cause; nil when the log did not tell one.
    var text: String? { cause.withLock { $0?.text } }
}
