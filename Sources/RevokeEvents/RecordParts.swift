/// A header of a Kafka record.
public struct RecordHeader: Hashable, Sendable {
    /// The name; Kafka compares names byte for byte.
    public var name: String
    /// The value; nil is a null value, which differs from an empty one.
    public var value: [UInt8]?

    /// Makes a header of a name and bytes.
    public init(name: String, value: [UInt8]?) {
        self.name = name
        self.value = value
    }

    /// Makes a header whose value is a text's UTF-8.
    public init(name: String, text: String) {
        self.name = name
        self.value = Array(text.utf8)
    }
}

/// What a record says: the parts of a record that a producer gives.
public struct RecordContent: Hashable, Sendable {
    /// The key; nil is null, which differs from an empty key.
    public var key: [UInt8]?
    /// The value; nil is null, which differs from an empty value.
    public var value: [UInt8]?
    /// The headers in their order; a name may stand more than once.
    public var headers: [RecordHeader]

    /// Makes a content of its parts.
    public init(key: [UInt8]? = nil, value: [UInt8]?, headers: [RecordHeader] = []) {
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// Where a record stands: its text is `topic/partition/offset` (a topic's name holds no slash).
public struct RecordCoordinates: Hashable, Sendable, CustomStringConvertible {
    /// The topic's name.
    public var topic: String
    /// The partition, from 0 up.
    public var partition: Int32
    /// The offset, from 0 up.
    public var offset: Int64

    /// Makes coordinates of their parts.
    public init(topic: String, partition: Int32, offset: Int64) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }

    /// Reads coordinates from `topic/partition/offset`, or gives nil when the text has another form.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, let partition = DecimalText.int64(parts[1].utf8),
            let exactPartition = Int32(exactly: partition), let offset = DecimalText.int64(parts[2].utf8),
            partition >= 0, offset >= 0
        else { return nil }
        self.init(topic: String(parts[0]), partition: exactPartition, offset: offset)
    }

    /// The text `topic/partition/offset`.
    public var description: String { "\(topic)/\(partition)/\(offset)" }
}

/// A Kafka record as plain values, as the codec takes it. Copying it copies references only.
public struct RecordParts: Hashable, Sendable {
    /// Where the record stands.
    public var coordinates: RecordCoordinates
    /// The record's timestamp in milliseconds since 1970; nil when it has none.
    public var timestamp: Int64?
    /// Key, value and headers.
    public var content: RecordContent

    /// Makes a record of its parts.
    public init(coordinates: RecordCoordinates, timestamp: Int64?, content: RecordContent) {
        self.coordinates = coordinates
        self.timestamp = timestamp
        self.content = content
    }

    /// Makes a record of its parts.
    public init(
        topic: String, partition: Int32, offset: Int64, timestamp: Int64?, key: [UInt8]?, value: [UInt8]?,
        headers: [RecordHeader]
    ) {
        self.coordinates = RecordCoordinates(topic: topic, partition: partition, offset: offset)
        self.timestamp = timestamp
        self.content = RecordContent(key: key, value: value, headers: headers)
    }
}
