import CRdKafka

/// A record that still lies in librdkafka's memory: lent to the consumer's record handler, which reads or copies what
/// it needs. It cannot be kept. On the loop's thread.
@safe public struct BorrowedRecord: ~Copyable {
    private let message: UnsafePointer<rd_kafka_message_t>
    /// The topic's name.
    public let topic: String

    init(_ message: UnsafePointer<rd_kafka_message_t>, topic: String) {
        unsafe self.message = unsafe message
        self.topic = topic
    }

    /// The partition.
    public var partition: Int32 { unsafe message.pointee.partition }

    /// The offset in the partition.
    public var offset: Int64 { unsafe message.pointee.offset }

    /// Milliseconds since 1970; −1 when there is none.
    public var timestamp: Int64 {
        var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let timestamp = unsafe rd_kafka_message_timestamp(message, &type)
        return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp
    }

    /// The key's size in bytes; 0 also for null.
    public var keySize: Int { unsafe message.pointee.key_len }

    /// The value's size in bytes; 0 also for null.
    public var valueSize: Int { unsafe message.pointee.len }

    /// Lends the key's bytes; nil is null.
    public borrowing func withKey<R: ~Copyable>(_ body: (RawSpan?) -> R) -> R {
        guard let start = unsafe message.pointee.key else { return body(nil) }
        return body(unsafe UnsafeRawBufferPointer(start: start, count: message.pointee.key_len).bytes)
    }

    /// Lends the value's bytes; nil is null.
    public borrowing func withValue<R: ~Copyable>(_ body: (RawSpan?) -> R) -> R {
        guard let start = unsafe message.pointee.payload else { return body(nil) }
        return body(unsafe UnsafeRawBufferPointer(start: start, count: message.pointee.len).bytes)
    }

    /// A copy of the key; nil is null.
    public borrowing func copyKey() -> [UInt8]? {
        unsafe copyBytes(message.pointee.key, message.pointee.key_len)
    }

    /// A copy of the value; nil is null.
    public borrowing func copyValue() -> [UInt8]? {
        unsafe copyBytes(message.pointee.payload, message.pointee.len)
    }

    /// Copies of the headers in order. librdkafka parses them at the first call.
    public borrowing func copyHeaders() -> [KafkaHeader] {
        var list: OpaquePointer?
        guard unsafe rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list = unsafe list
        else { return [] }
        let count = unsafe rd_kafka_header_cnt(list)
        var headers: [KafkaHeader] = []
        headers.reserveCapacity(count)
        for index in 0..<count {
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var size = 0
            guard unsafe rd_kafka_header_get_all(list, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR,
                let name = unsafe name
            else { break }
            headers.append(unsafe KafkaHeader(name: String(cString: name), value: copyBytes(value, size)))
        }
        return headers
    }

    /// A record with bytes of its own.
    public borrowing func copy() -> KafkaRecord {
        KafkaRecord(
            topic: topic, partition: partition, offset: offset, timestamp: timestamp, key: copyKey(),
            value: copyValue(), headers: copyHeaders())
    }
}

/// A copy of C bytes; nil for a null pointer.
func copyBytes(_ start: UnsafeRawPointer?, _ count: Int) -> [UInt8]? {
    guard let start = unsafe start else { return nil }
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
}
