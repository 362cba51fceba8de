import CRdKafka

/// librdkafka's properties by name, in the order in which they are set: a later one wins. A plain value.
public struct KafkaConfiguration: Hashable, Sendable, CustomStringConvertible {
    /// One property.
    public struct Property: Hashable, Sendable {
        /// The name, as in librdkafka's CONFIGURATION.md.
        public var name: String
        /// The value as text.
        public var value: String

        /// Makes a property.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The properties in order.
    public private(set) var properties: [Property] = []

    /// No property.
    public init() {}

    /// The properties of a list of names and values.
    public init(_ properties: [(name: String, value: String)]) {
        self.properties = properties.map { Property($0.name, $0.value) }
    }

    /// The properties for a client of these brokers.
    public init(bootstrapServers: String) {
        set("bootstrap.servers", bootstrapServers)
    }

    /// Adds a property after all others.
    public mutating func set(_ name: String, _ value: String) {
        properties.append(Property(name, value))
    }

    /// The value that counts: that of the last property with this name.
    public subscript(name: String) -> String? {
        properties.last { $0.name == name }?.value
    }

    /// Whether librdkafka knows each name and accepts each value. Any thread.
    /// - Throws: `KafkaSetupError.configuration` with librdkafka's text for the first that it refuses.
    public func validate() throws(KafkaSetupError) {
        _ = try NativeConfiguration(self)
    }

    /// The properties, one a line, without values that are secrets.
    public var description: String {
        properties.map { "\($0.name)=\(KafkaProperty.isSecret($0.name) ? "[secret]" : $0.value)" }
            .joined(separator: "\n")
    }

    /// What the worker's consumer starts from; a user's properties go on top of it.
    public static var consumerDefaults: KafkaConfiguration {
        consumerDefaults(of: KafkaLibrary.version)
    }

    static func consumerDefaults(of version: KafkaLibraryVersion) -> KafkaConfiguration {
        var defaults = KafkaConfiguration([
            ("session.timeout.ms", "15000"),
            ("heartbeat.interval.ms", "1000"),
            ("max.poll.interval.ms", "300000"),
            ("reconnect.backoff.ms", "50"),
            ("reconnect.backoff.max.ms", "1000"),
            ("queued.min.messages", "20000"),
            ("queued.max.messages.kbytes", "16384"),
            // An answer comes on top of what is queued, once for each broker, and its batches are inflated as a whole.
            ("fetch.max.bytes", "1048576"),
            ("fetch.message.max.bytes", "65536"),
            ("statistics.interval.ms", "5000"),
            ("topic.metadata.refresh.interval.ms", "30000"),
        ])
        if version >= KafkaLibraryVersion(major: 2, minor: 3, revision: 0) {
            defaults.set("fetch.queue.backoff.ms", "10")
        }
        return defaults
    }

    /// What a consumer must be for this module to work; goes on top of everything.
    static let consumerRequired = KafkaConfiguration([
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("auto.offset.reset", "error"),
        ("partition.assignment.strategy", KafkaConsumer.assignor),
        ("isolation.level", "read_committed"),
        ("check.crcs", "true"),
        ("allow.auto.create.topics", "false"),
    ])

    /// What the worker's producer starts from; a user's properties go on top of it.
    public static var producerDefaults: KafkaConfiguration {
        KafkaConfiguration([
            ("reconnect.backoff.ms", "50"),
            ("reconnect.backoff.max.ms", "1000"),
            ("topic.metadata.refresh.interval.ms", "30000"),
        ])
    }

    /// What a producer must be for this module to work; goes on top of everything.
    static let producerRequired = KafkaConfiguration([
        ("acks", "all"),
        ("linger.ms", "0"),
        ("enable.idempotence", "false"),
        ("delivery.report.only.error", "false"),
        ("allow.auto.create.topics", "false"),
    ])

    /// These properties and then those of another, which win.
    public func overridden(by other: KafkaConfiguration) -> KafkaConfiguration {
        var result = self
        result.properties += other.properties
        return result
    }
}

/// A `rd_kafka_conf_t`; freed with the value unless a client took it.
@safe struct NativeConfiguration: ~Copyable {
    private var pointer: OpaquePointer?

    /// Sets all properties.
    /// - Throws: `KafkaSetupError.configuration`.
    init(_ configuration: KafkaConfiguration) throws(KafkaSetupError) {
        unsafe pointer = unsafe rd_kafka_conf_new()
        for property in configuration.properties {
            try set(property)
        }
    }

    private func set(_ property: KafkaConfiguration.Property) throws(KafkaSetupError) {
        guard !property.name.utf8.contains(0), !property.value.utf8.contains(0) else {
            throw .configuration(property: property.name, reason: .invalidValue, text: "contains a NUL byte")
        }
        var text = [CChar](repeating: 0, count: 512)
        let result = unsafe rd_kafka_conf_set(pointer, property.name, property.value, &text, text.count)
        if result == RD_KAFKA_CONF_OK {
            return
        }
        var reason = string(text)
        if KafkaProperty.isSecret(property.name) {
            reason = "librdkafka refuses the value"
        }
        throw .configuration(
            property: property.name,
            reason: result == RD_KAFKA_CONF_UNKNOWN ? .unknownProperty : .invalidValue,
            text: reason)
    }

    /// Makes a client of the configuration and the log's opaque pointer, which must outlive the client.
    /// - Throws: `KafkaSetupError.configuration` with no property.
    consuming func makeClient(
        _ type: rd_kafka_type_t, events: Int32, log: UnsafeMutableRawPointer
    ) throws(KafkaSetupError) -> OpaquePointer {
        unsafe rd_kafka_conf_set_events(pointer, events)
        unsafe rd_kafka_conf_set_opaque(pointer, log)
        unsafe rd_kafka_conf_set_log_cb(pointer) { client, level, facility, text in
            guard let client = unsafe client, let opaque = unsafe rd_kafka_opaque(client) else { return }
            unsafe Unmanaged<LogSink>.fromOpaque(opaque).takeUnretainedValue()
                .write(level: level, facility: facility, text: text)
        }
        var text = [CChar](repeating: 0, count: 512)
        guard let client = unsafe rd_kafka_new(type, pointer, &text, text.count) else {
            throw .configuration(property: nil, reason: .clientRefused, text: string(text))
        }
        // The client owns it now.
        unsafe pointer = nil
        return unsafe client
    }

    deinit {
        if let pointer = unsafe pointer {
            unsafe rd_kafka_conf_destroy(pointer)
        }
    }
}

/// What a client's log callback reaches through the client's opaque pointer.
final class LogSink: Sendable {
    private let handler: KafkaLogHandler

    init(_ handler: @escaping KafkaLogHandler) {
        self.handler = handler
    }

    func write(level: Int32, facility: UnsafePointer<CChar>?, text: UnsafePointer<CChar>?) {
        unsafe handler(
            KafkaLogLine(
                level: Int(level),
                facility: facility.map { unsafe String(cString: $0) } ?? "",
                text: text.map { unsafe String(cString: $0) } ?? ""))
    }
}

/// The text of a C buffer up to its NUL; bytes that are not UTF-8 are replaced.
func string(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
