import CRdKafka

/// Questions to the brokers that block: made on a helper thread, through `EventLoop.offload`. Each limit is in
/// milliseconds and bounds the whole call. They can be asked while the client closes: then they throw `_DESTROY`, or
/// the client's end waits for them.
public struct KafkaQueries: Sendable {
    private let handle: ClientHandle

    init(_ handle: ClientHandle) {
        self.handle = handle
    }

    /// The group's committed offsets of these partitions, in the order asked, with the metadata that was committed.
    /// - Throws: `KafkaError`, also when one partition has an error: then nothing about it is known.
    public func committed(
        topic: String, partitions: [Int32], limit: Int64
    ) throws(KafkaError) -> [KafkaCommittedOffset] {
        guard !partitions.isEmpty else { return [] }
        return try unsafe handle.query { (client) throws(KafkaError) in
            let list = PartitionList(topic: topic, partitions)
            try KafkaError.check(unsafe rd_kafka_committed(client, list.pointer, milliseconds(limit)))
            var offsets: [KafkaCommittedOffset] = []
            for index in unsafe list.elements.indices {
                let element = unsafe list.elements[index]
                try KafkaError.check(unsafe element.err)
                unsafe offsets.append(
                    KafkaCommittedOffset(
                        partition: element.partition, offset: element.offset < 0 ? nil : element.offset,
                        metadata: copyBytes(element.metadata, element.metadata_size) ?? []))
            }
            return offsets
        }
    }

    /// The first offset of each partition's log and the one behind its last that is readable (with open transactions:
    /// the first of the oldest one), in the order asked.
    ///
    /// Not by `rd_kafka_query_watermark_offsets`, which asks for one partition at a time and keeps no limit in 2.0.2:
    /// ListOffsets takes the logical offsets as times.
    /// - Throws: `KafkaError`, also when one partition has an error.
    public func watermarks(
        topic: String, partitions: [Int32], limit: Int64
    ) throws(KafkaError) -> [KafkaWatermarks] {
        let deadline = Deadline(limit)
        let low = try listOffsets(topic, partitions, KafkaPartitionOffset.beginning, Int64(deadline.remaining))
        let high = try listOffsets(topic, partitions, KafkaPartitionOffset.end, Int64(deadline.remaining))
        return zip(low, high).map { KafkaWatermarks(partition: $0.partition, low: $0.offset, high: $1.offset) }
    }

    /// The first offset whose record is not older than `time` (milliseconds since 1970), in the order asked; the
    /// log's end (`KafkaPartitionOffset.end`) where there is none.
    /// - Throws: `KafkaError`, also when one partition has an error.
    public func offsets(
        topic: String, partitions: [Int32], time: Int64, limit: Int64
    ) throws(KafkaError) -> [KafkaPartitionOffset] {
        try listOffsets(topic, partitions, max(0, time), limit)
    }

    private func listOffsets(
        _ topic: String, _ partitions: [Int32], _ time: Int64, _ limit: Int64
    ) throws(KafkaError) -> [KafkaPartitionOffset] {
        guard !partitions.isEmpty else { return [] }
        return try unsafe handle.query { (client) throws(KafkaError) in
            let list = PartitionList(
                topic: topic, partitions.map { KafkaPartitionOffset(partition: $0, offset: time) })
            try KafkaError.check(unsafe rd_kafka_offsets_for_times(client, list.pointer, milliseconds(limit)))
            var offsets: [KafkaPartitionOffset] = []
            for index in unsafe list.elements.indices {
                let element = unsafe list.elements[index]
                try KafkaError.check(unsafe element.err)
                let offset = unsafe element.offset < 0 ? KafkaPartitionOffset.end : element.offset
                unsafe offsets.append(KafkaPartitionOffset(partition: element.partition, offset: offset))
            }
            return offsets
        }
    }

    /// The id of the cluster; nil when no broker has told it within `limit` milliseconds.
    public func clusterID(limit: Int64) throws(KafkaError) -> String? {
        try unsafe handle.query { (client) throws(KafkaError) in
            guard let raw = unsafe rd_kafka_clusterid(client, milliseconds(limit)) else { return nil }
            defer { unsafe rd_kafka_mem_free(client, raw) }
            return unsafe String(cString: raw)
        }
    }

    /// What the brokers know of a topic; nil when it does not exist. It creates no topic. An answer, nil too, also
    /// shows that a broker can be reached.
    /// - Throws: `KafkaError`: `_TRANSPORT` or `_TIMED_OUT` when no broker answers, or the topic's error.
    public func topicMetadata(_ topic: String, limit: Int64) throws(KafkaError) -> KafkaTopicMetadata? {
        try unsafe handle.query { (client) throws(KafkaError) in
            guard let object = unsafe rd_kafka_topic_new(client, topic, nil) else {
                throw KafkaError(KafkaErrorCode(rd_kafka_last_error()))
            }
            defer { unsafe rd_kafka_topic_destroy(object) }
            var answer: UnsafePointer<rd_kafka_metadata>?
            try KafkaError.check(unsafe rd_kafka_metadata(client, 0, object, &answer, milliseconds(limit)))
            guard let answer = unsafe answer else { throw KafkaError(.fail) }
            defer { unsafe rd_kafka_metadata_destroy(answer) }
            guard unsafe answer.pointee.topic_cnt == 1, let found = unsafe answer.pointee.topics else { return nil }
            if unsafe found.pointee.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART {
                return nil
            }
            try KafkaError.check(unsafe found.pointee.err)
            let partitions = unsafe UnsafeBufferPointer(
                start: found.pointee.partitions, count: Int(found.pointee.partition_cnt))
            return unsafe KafkaTopicMetadata(
                partitionCount: partitions.count,
                replicationFactor: partitions.map { unsafe Int($0.replica_cnt) }.min() ?? 0,
                brokerCount: Int(answer.pointee.broker_cnt),
                leaders: Dictionary(
                    partitions.filter { unsafe $0.leader >= 0 }.map { unsafe ($0.id, $0.leader) },
                    uniquingKeysWith: { first, _ in first }))
        }
    }

    /// A topic's configuration by the admin interface. The mock cluster does not offer it.
    /// - Throws: `KafkaError`, for example `UNKNOWN_TOPIC_OR_PART`, `TOPIC_AUTHORIZATION_FAILED`.
    public func topicConfiguration(_ topic: String, limit: Int64) throws(KafkaError) -> KafkaTopicConfiguration {
        KafkaTopicConfiguration(values: try configuration(RD_KAFKA_RESOURCE_TOPIC, topic, limit))
    }

    /// A broker's configuration by the admin interface, all settings by name. The mock cluster does not offer it.
    /// - Throws: `KafkaError`, for example `CLUSTER_AUTHORIZATION_FAILED`.
    public func brokerConfiguration(_ broker: Int32, limit: Int64) throws(KafkaError) -> [String: String] {
        try configuration(RD_KAFKA_RESOURCE_BROKER, String(broker), limit)
    }

    private func configuration(
        _ type: rd_kafka_ResourceType_t, _ name: String, _ limit: Int64
    ) throws(KafkaError) -> [String: String] {
        try unsafe handle.query { (client) throws(KafkaError) in
            guard let resource = unsafe rd_kafka_ConfigResource_new(type, name) else {
                throw KafkaError(.invalidArgument)
            }
            defer { unsafe rd_kafka_ConfigResource_destroy(resource) }
            return try unsafe admin(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, limit) { options, queue in
                var resources: [OpaquePointer?] = unsafe [resource]
                unsafe rd_kafka_DescribeConfigs(client, &resources, resources.count, options, queue)
            } read: { (event) throws(KafkaError) in
                var count = 0
                guard let result = unsafe rd_kafka_event_DescribeConfigs_result(event),
                    let found = unsafe rd_kafka_DescribeConfigs_result_resources(result, &count), count == 1,
                    let first = unsafe found[0]
                else { throw KafkaError(.fail) }
                let code = unsafe rd_kafka_ConfigResource_error(first)
                if code != RD_KAFKA_RESP_ERR_NO_ERROR {
                    let text = unsafe rd_kafka_ConfigResource_error_string(first).map { unsafe String(cString: $0) }
                    throw KafkaError(KafkaErrorCode(code), text: text)
                }
                var values: [String: String] = [:]
                var entryCount = 0
                let entries = unsafe rd_kafka_ConfigResource_configs(first, &entryCount)
                for index in 0..<entryCount {
                    guard let entry = unsafe entries?[index], let name = unsafe rd_kafka_ConfigEntry_name(entry),
                        let value = unsafe rd_kafka_ConfigEntry_value(entry)
                    else { continue }
                    unsafe values[String(cString: name)] = unsafe String(cString: value)
                }
                return values
            }
        }
    }

    /// Creates topics; each has its own result, in the order asked. `TOPIC_ALREADY_EXISTS` is an error as well. The
    /// mock cluster does not offer it.
    /// - Throws: `KafkaError` when no broker answers at all, or a topic's numbers or settings are malformed.
    public func createTopics(
        _ topics: [KafkaNewTopic], limit: Int64
    ) throws(KafkaError) -> [(topic: String, error: KafkaError?)] {
        try unsafe handle.query { (client) throws(KafkaError) in
            var objects: [OpaquePointer?] = unsafe []
            defer { unsafe objects.forEach { unsafe rd_kafka_NewTopic_destroy($0) } }
            for topic in topics {
                var text = [CChar](repeating: 0, count: 512)
                guard
                    let object = unsafe rd_kafka_NewTopic_new(
                        topic.name, Int32(clamping: topic.partitionCount), Int32(clamping: topic.replicationFactor),
                        &text, text.count)
                else { throw KafkaError(.invalidArgument, text: string(text)) }
                unsafe objects.append(object)
                for (name, value) in topic.configuration {
                    try KafkaError.check(unsafe rd_kafka_NewTopic_set_config(object, name, value))
                }
            }
            return try unsafe admin(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, limit) { options, queue in
                unsafe rd_kafka_CreateTopics(client, &objects, objects.count, options, queue)
            } read: { (event) throws(KafkaError) in
                var count = 0
                guard let result = unsafe rd_kafka_event_CreateTopics_result(event),
                    let found = unsafe rd_kafka_CreateTopics_result_topics(result, &count)
                else { throw KafkaError(.fail) }
                var results: [(topic: String, error: KafkaError?)] = []
                for index in 0..<count {
                    guard let entry = unsafe found[index], let name = unsafe rd_kafka_topic_result_name(entry) else {
                        continue
                    }
                    let code = unsafe rd_kafka_topic_result_error(entry)
                    let text = unsafe rd_kafka_topic_result_error_string(entry).map { unsafe String(cString: $0) }
                    let error =
                        code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(KafkaErrorCode(code), text: text)
                    unsafe results.append((String(cString: name), error))
                }
                return results
            }
        }
    }

    /// What the group's coordinator says of its members; nil when it does not know the group.
    /// - Throws: `KafkaError`.
    public func groupMembers(_ group: String, limit: Int64) throws(KafkaError) -> KafkaGroupMembers? {
        try unsafe describe(group, limit) { found in
            func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String {
                unsafe pointer.map { unsafe String(cString: $0) } ?? ""
            }
            return unsafe KafkaGroupMembers(
                count: Int(found.member_cnt), type: text(found.protocol_type), assignor: text(found.protocol))
        }
    }

    /// Asks for a group, by the old question: see `ownedPartitions`.
    private func describe<R>(
        _ group: String, _ limit: Int64, _ body: (rd_kafka_group_info) -> R?
    ) throws(KafkaError) -> R? {
        try unsafe handle.query { (client) throws(KafkaError) in
            var list: UnsafePointer<rd_kafka_group_list>?
            let code = unsafe rd_kafka_list_groups(client, group, &list, milliseconds(limit))
            defer { if let list = unsafe list { unsafe rd_kafka_group_list_destroy(list) } }
            // Some brokers did not answer: the group's own may have.
            if code != RD_KAFKA_RESP_ERR__PARTIAL { try KafkaError.check(code) }
            guard let list = unsafe list, unsafe list.pointee.group_cnt > 0 else { return nil }
            let found = unsafe list.pointee.groups[0]
            try KafkaError.check(unsafe found.err)
            return unsafe body(found)
        }
    }

    /// The partitions of the topic that the group's coordinator says this consumer owns; nil when the group does not
    /// know this member (any more). For a watchdog that compares them with what is read.
    ///
    /// It uses the old question for groups: librdkafka 2.0.2 aborts the process when the newer one of its admin
    /// interface is refused (`rd_kafka_enq_once_del_source_return: eonce->refcnt > 0`, seen on the mock cluster).
    /// - Throws: `KafkaError`.
    public func ownedPartitions(group: String, topic: String, limit: Int64) throws(KafkaError) -> [Int32]? {
        let member = try unsafe handle.query { (client) throws(KafkaError) -> String in
            guard let raw = unsafe rd_kafka_memberid(client) else { return "" }
            defer { unsafe rd_kafka_mem_free(client, raw) }
            return unsafe String(cString: raw)
        }
        guard !member.isEmpty else { return nil }
        return try unsafe describe(group, limit) { found in
            for index in 0..<(unsafe Int(found.member_cnt)) {
                let one = unsafe found.members[index]
                guard let id = unsafe one.member_id, unsafe String(cString: id) == member else { continue }
                let bytes = unsafe copyBytes(one.member_assignment, Int(one.member_assignment_size)) ?? []
                return MemberAssignment.partitions(of: topic, in: bytes)
            }
            return nil
        }
    }

    /// Sends an admin request and reads its one answer.
    private func admin<R>(
        _ client: OpaquePointer, _ operation: rd_kafka_admin_op_t, _ limit: Int64,
        send: (_ options: OpaquePointer, _ queue: OpaquePointer) -> Void,
        read: (OpaquePointer) throws(KafkaError) -> R
    ) throws(KafkaError) -> R {
        guard let options = unsafe rd_kafka_AdminOptions_new(client, operation) else { throw KafkaError(.fail) }
        defer { unsafe rd_kafka_AdminOptions_destroy(options) }
        var text = [CChar](repeating: 0, count: 512)
        let code = unsafe rd_kafka_AdminOptions_set_request_timeout(
            options, milliseconds(limit), &text, text.count)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(KafkaErrorCode(code), text: string(text))
        }
        guard let queue = unsafe rd_kafka_queue_new(client) else { throw KafkaError(.criticalSystemResource) }
        defer { unsafe rd_kafka_queue_destroy(queue) }
        unsafe send(options, queue)
        // librdkafka answers at its own limit; one second more is for its threads.
        guard let event = unsafe rd_kafka_queue_poll(queue, milliseconds(limit + 1_000)) else {
            throw KafkaError(.timedOut)
        }
        defer { unsafe rd_kafka_event_destroy(event) }
        let error = unsafe rd_kafka_event_error(event)
        guard error == RD_KAFKA_RESP_ERR_NO_ERROR else {
            let text = unsafe rd_kafka_event_error_string(event).map { unsafe String(cString: $0) }
            throw KafkaError(KafkaErrorCode(error), text: text)
        }
        return try unsafe read(event)
    }
}

/// A group's committed offset of a partition.
public struct KafkaCommittedOffset: Hashable, Sendable {
    /// The partition.
    public var partition: Int32
    /// The offset of the next record to read; nil when none is committed, or it has expired.
    public var offset: Int64?
    /// What was committed with it, byte for byte; empty when there is none. Anybody may have written it.
    public var metadata: [UInt8]

    /// Makes a committed offset.
    public init(partition: Int32, offset: Int64?, metadata: [UInt8]) {
        self.partition = partition
        self.offset = offset
        self.metadata = metadata
    }
}

/// The ends of a partition's log.
public struct KafkaWatermarks: Hashable, Sendable {
    /// The partition.
    public var partition: Int32
    /// The first offset.
    public var low: Int64
    /// The offset behind the last one.
    public var high: Int64

    /// Makes the ends of a log.
    public init(partition: Int32, low: Int64, high: Int64) {
        self.partition = partition
        self.low = low
        self.high = high
    }
}

/// What a group's coordinator says of its members.
public struct KafkaGroupMembers: Hashable, Sendable {
    /// How many there are.
    public var count: Int
    /// What kind of group it is: `consumer`, or for example `connect`; empty when it has no members.
    public var type: String
    /// The assignor that all of them offer and that was chosen; empty while they join.
    public var assignor: String

    /// Makes it of its parts.
    public init(count: Int, type: String, assignor: String) {
        self.count = count
        self.type = type
        self.assignor = assignor
    }
}

/// What the brokers know of a topic.
public struct KafkaTopicMetadata: Hashable, Sendable {
    /// How many partitions it has.
    public var partitionCount: Int
    /// The least number of replicas of a partition.
    public var replicationFactor: Int
    /// How many brokers the cluster has.
    public var brokerCount: Int
    /// The broker that leads each partition; partitions without one are left out. It may be away all the same.
    public var leaders: [Int32: Int32]
}

/// A topic's configuration.
public struct KafkaTopicConfiguration: Hashable, Sendable {
    /// All settings by name.
    public var values: [String: String]

    /// Whether old values of a key are dropped (`cleanup.policy` has `compact`).
    public var isCompacted: Bool {
        values["cleanup.policy"]?.split(separator: ",").contains { $0 == "compact" } ?? false
    }

    /// `retention.ms`; −1 is for ever. Nil when the broker does not say.
    public var retention: Int64? { values["retention.ms"].flatMap { Int64($0) } }

    /// `min.insync.replicas`. Nil when the broker does not say.
    public var minimumInSyncReplicas: Int? { values["min.insync.replicas"].flatMap { Int($0) } }

    /// Makes a configuration.
    public init(values: [String: String]) {
        self.values = values
    }
}

/// A topic to create.
public struct KafkaNewTopic: Hashable, Sendable {
    /// The name.
    public var name: String
    /// How many partitions.
    public var partitionCount: Int
    /// How many replicas; −1 is the broker's default.
    public var replicationFactor: Int
    /// Settings by name, for example `retention.ms`.
    public var configuration: [String: String]

    /// Makes a topic to create.
    public init(
        name: String, partitionCount: Int, replicationFactor: Int = -1, configuration: [String: String] = [:]
    ) {
        self.name = name
        self.partitionCount = partitionCount
        self.replicationFactor = replicationFactor
        self.configuration = configuration
    }
}

/// A limit as librdkafka takes it.
private func milliseconds(_ limit: Int64) -> Int32 {
    Int32(clamping: max(0, limit))
}

/// The end of several calls that share one limit.
private struct Deadline {
    private let end: ContinuousClock.Instant

    init(_ limit: Int64) {
        end = ContinuousClock.now + .milliseconds(limit)
    }

    /// What is left, in milliseconds.
    var remaining: Int32 {
        let left = (end - ContinuousClock.now).components
        return milliseconds(left.seconds * 1_000 + left.attoseconds / 1_000_000_000_000_000)
    }
}
