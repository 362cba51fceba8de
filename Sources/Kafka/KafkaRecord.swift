/// A record with bytes of its own. A plain value: tests make it without a broker.
public struct KafkaRecord: Hashable, Sendable {
    /// The topic's name.
    public var topic: String
    /// The partition.
    public var partition: Int32
    /// The offset in the partition.
    public var offset: Int64
    /// Milliseconds since 1970, as the producer or the broker set it; −1 when there is none.
    public var timestamp: Int64
    /// The key; nil is null, which differs from empty.
    public var key: [UInt8]?
    /// The value; nil is null (a tombstone), which differs from empty.
    public var value: [UInt8]?
    /// The headers in order; a name can occur more than once.
    public var headers: [KafkaHeader]

    /// Makes a record of its parts.
    public init(
        topic: String, partition: Int32, offset: Int64, timestamp: Int64 = -1, key: [UInt8]? = nil,
        value: [UInt8]? = nil, headers: [KafkaHeader] = []
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
    }

    /// The bytes of key, value, header names and header values together.
    public var byteCount: Int {
        var count = (key?.count ?? 0) + (value?.count ?? 0)
        for header in headers {
            count += header.name.utf8.count + (header.value?.count ?? 0)
        }
        return count
    }
}

/// One header of a record.
public struct KafkaHeader: Hashable, Sendable {
    /// The name. Bytes that are not UTF-8 are replaced when it is read.
    public var name: String
    /// The value; nil is null, which differs from empty.
    public var value: [UInt8]?

    /// Makes a header.
    public init(name: String, value: [UInt8]?) {
        self.name = name
        self.value = value
    }

    /// Makes a header whose value is text in UTF-8.
    public init(name: String, text: String) {
        self.init(name: name, value: Array(text.utf8))
    }
}

/// A partition and an offset in it.
public struct KafkaPartitionOffset: Hashable, Sendable {
    /// Logical: the start of the log.
    public static let beginning: Int64 = -2
    /// Logical: the end of the log.
    public static let end: Int64 = -1

    /// The partition.
    public var partition: Int32
    /// The offset of the next record to read; or `beginning` or `end`.
    public var offset: Int64

    /// Makes a pair.
    public init(partition: Int32, offset: Int64) {
        self.partition = partition
        self.offset = offset
    }
}

/// One partition's part of a commit.
public struct KafkaCommit: Hashable, Sendable {
    /// The partition.
    public var partition: Int32
    /// The offset of the next record to read.
    public var offset: Int64
    /// Kept by the broker with the offset: text without NUL bytes, at most 4,096 bytes (`offset.metadata.max.bytes`).
    public var metadata: [UInt8]

    /// Makes one partition's part of a commit.
    public init(partition: Int32, offset: Int64, metadata: [UInt8] = []) {
        self.partition = partition
        self.offset = offset
        self.metadata = metadata
    }
}
