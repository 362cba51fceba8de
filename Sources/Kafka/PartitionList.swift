import CRdKafka
import CRdKafkaShims

/// A `rd_kafka_topic_partition_list_t` of our own; freed with the value.
@safe struct PartitionList: ~Copyable {
    let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(capacity: Int) {
        unsafe pointer = unsafe rd_kafka_topic_partition_list_new(Int32(clamping: capacity))
    }

    /// The topic's partitions without offsets.
    init(topic: String, _ partitions: some Collection<Int32>) {
        self.init(capacity: partitions.count)
        for partition in partitions {
            unsafe rd_kafka_topic_partition_list_add(pointer, topic, partition)
        }
    }

    /// The topic's partitions with offsets.
    init(topic: String, _ partitions: [KafkaPartitionOffset]) {
        self.init(capacity: partitions.count)
        for entry in partitions {
            let element = unsafe rd_kafka_topic_partition_list_add(pointer, topic, entry.partition)
            unsafe element?.pointee.offset = entry.offset
        }
    }

    /// The topic's partitions with offsets and metadata; nil when memory runs out.
    init?(topic: String, _ commits: [KafkaCommit]) {
        self.init(capacity: commits.count)
        for commit in commits {
            guard let element = unsafe rd_kafka_topic_partition_list_add(pointer, topic, commit.partition) else {
                return nil
            }
            let isSet = unsafe commit.metadata.withUnsafeBufferPointer {
                unsafe rks_set_offset(element, commit.offset, $0.baseAddress, $0.count)
            }
            guard isSet else { return nil }
        }
    }

    /// The elements of any list.
    static func elements(
        _ list: UnsafePointer<rd_kafka_topic_partition_list_t>
    ) -> UnsafeBufferPointer<rd_kafka_topic_partition_t> {
        unsafe UnsafeBufferPointer(start: list.pointee.elems, count: Int(list.pointee.cnt))
    }

    /// The elements.
    var elements: UnsafeBufferPointer<rd_kafka_topic_partition_t> {
        unsafe Self.elements(pointer)
    }

    deinit {
        unsafe rd_kafka_topic_partition_list_destroy(pointer)
    }
}
