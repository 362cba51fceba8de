public import EventLoop

/// Why a consumer, producer or client could not be made.
public enum KafkaSetupError: Error, Hashable, Sendable, CustomStringConvertible {
    /// librdkafka refuses a property, or the properties together (then `property` is nil).
    case configuration(property: String?, reason: KafkaConfigurationProblem, text: String)
    /// librdkafka refuses a call on the new client.
    case client(KafkaError)
    /// The loop refuses a handle.
    case loop(EventLoopError)
    /// No pipe for wake-ups; the value is `errno`.
    case descriptor(Int32)

    /// One line for people; without the values of properties that hold secrets.
    public var description: String {
        switch self {
        case .configuration(let property?, _, let text): "Kafka property \(property): \(text)"
        case .configuration(nil, _, let text): "Kafka configuration: \(text)"
        case .client(let error): "Kafka client: \(error)"
        case .loop(let error): "event loop: \(error)"
        case .descriptor(let number): "no pipe: errno \(number)"
        }
    }
}

/// What is wrong with a property.
public enum KafkaConfigurationProblem: Hashable, Sendable {
    /// This version of librdkafka does not know the property.
    case unknownProperty
    /// The value is not one of the property's.
    case invalidValue
    /// Each property is valid, all together are not: for example a missing file or a contradiction.
    case clientRefused
}
