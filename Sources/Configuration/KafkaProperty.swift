/// One of librdkafka's own properties, as it was given.
public struct KafkaProperty: Hashable, Sendable {
    /// Where the value is.
    public enum Value: Hashable, Sendable {
        /// A value that may be shown.
        case text(String)
        /// A secret that stands in the configuration file.
        case secret(Secret)
        /// A secret that stands in a file of its own, given as `NAME-file`.
        case file(path: String)
    }

    /// librdkafka's name of the property, without `-file`.
    public var name: String
    /// The value.
    public var value: Value

    /// Makes a property of its parts.
    public init(name: String, value: Value) {
        self.name = name
        self.value = value
    }
}
