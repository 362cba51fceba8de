import CRdKafka

/// A client that only asks: for command-line tools that neither consume nor produce. Any thread; everything blocks.
public final class KafkaClient: Sendable {
    /// The questions; valid until `close`.
    public let queries: KafkaQueries
    private let handle: ClientHandle

    /// Makes a client. With a group it can be asked for that group's committed offsets; it never joins it.
    /// - Throws: `KafkaSetupError`.
    public init(
        configuration: KafkaConfiguration, group: String? = nil, log: @escaping KafkaLogHandler
    ) throws(KafkaSetupError) {
        if let group {
            var all = KafkaConfiguration.consumerDefaults.overridden(by: configuration)
                .overridden(by: .consumerRequired)
            all.set("group.id", group)
            handle = try ClientHandle(RD_KAFKA_CONSUMER, all, events: 0, log: log)
        } else {
            let all = KafkaConfiguration.producerDefaults.overridden(by: configuration)
                .overridden(by: .producerRequired)
            handle = try ClientHandle(RD_KAFKA_PRODUCER, all, events: 0, log: log)
        }
        queries = KafkaQueries(handle)
    }

    /// Destroys the client after the queries that run. The second call does nothing.
    public func close() {
        handle.destroy()
    }
}
