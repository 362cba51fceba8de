import CRdKafka
internal import Threads

/// librdkafka's mock cluster: brokers in this process that speak Kafka over loopback. For tests and the demo. It has
/// no admin interface and no static membership, wants a `session.timeout.ms` of 4000 or more, and keeps 5 MiB a
/// partition. Any thread; the calls take effect before they return.
@safe public final class MockCluster: @unchecked Sendable {
    /// The protocol's number of a request, for injected errors.
    public enum Request: Int16, Sendable {
        /// Produce.
        case produce = 0
        /// Fetch.
        case fetch = 1
        /// ListOffsets.
        case listOffsets = 2
        /// Metadata.
        case metadata = 3
        /// OffsetCommit.
        case offsetCommit = 8
        /// OffsetFetch.
        case offsetFetch = 9
        /// FindCoordinator.
        case findCoordinator = 10
        /// JoinGroup.
        case joinGroup = 11
        /// Heartbeat.
        case heartbeat = 12
        /// SyncGroup.
        case syncGroup = 14
    }

    private let handle: ClientHandle
    private let cluster: OpaquePointer
    private let isClosed = Monitor(false)
    /// Where clients find the brokers, for `bootstrap.servers`.
    public let bootstrapServers: String

    /// Starts a cluster whose brokers have the ids 1 to `brokers`.
    /// - Throws: `KafkaSetupError`.
    public init(brokers: Int = 1) throws(KafkaSetupError) {
        handle = try ClientHandle(RD_KAFKA_PRODUCER, KafkaConfiguration(), events: 0) { _ in }
        guard let cluster = unsafe rd_kafka_mock_cluster_new(handle.pointer, Int32(clamping: brokers)) else {
            throw .client(KafkaError(.fail, text: "no mock cluster"))
        }
        unsafe self.cluster = unsafe cluster
        bootstrapServers = unsafe rd_kafka_mock_cluster_bootstraps(cluster).map { unsafe String(cString: $0) } ?? ""
    }

    /// A configuration for clients of this cluster.
    public var configuration: KafkaConfiguration { KafkaConfiguration(bootstrapServers: bootstrapServers) }

    /// Creates a topic.
    /// - Throws: `KafkaError`.
    public func createTopic(_ name: String, partitions: Int, replicationFactor: Int = 1) throws(KafkaError) {
        try unsafe call { (cluster) in
            unsafe rd_kafka_mock_topic_create(
                cluster, name, Int32(clamping: partitions), Int32(clamping: replicationFactor))
        }
    }

    /// The next requests of this kind fail with these codes, one each; `_TRANSPORT` closes the connection instead,
    /// `NO_ERROR` lets one through.
    public func failNext(_ request: Request, with errors: [KafkaErrorCode]) {
        isClosed.withLock { isClosed in
            guard !isClosed else { return }
            let codes = errors.map(\.code)
            unsafe rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, codes.count, codes)
        }
    }

    /// Drops what `failNext` has left for this kind.
    public func clearFailures(of request: Request) {
        isClosed.withLock { isClosed in
            guard !isClosed else { return }
            unsafe rd_kafka_mock_clear_request_errors(cluster, request.rawValue)
        }
    }

    /// What metadata requests say of the topic.
    public func setTopicError(_ topic: String, _ error: KafkaErrorCode) {
        isClosed.withLock { isClosed in
            guard !isClosed else { return }
            unsafe rd_kafka_mock_topic_set_error(cluster, topic, error.code)
        }
    }

    /// Closes the broker's connections and refuses new ones, or accepts them again; −1 is all brokers.
    /// - Throws: `KafkaError` for an unknown broker.
    public func setBroker(_ broker: Int32 = -1, up: Bool) throws(KafkaError) {
        try unsafe call { (cluster) in
            up
                ? unsafe rd_kafka_mock_broker_set_up(cluster, broker)
                : unsafe rd_kafka_mock_broker_set_down(cluster, broker)
        }
    }

    /// Makes the broker the group's coordinator.
    /// - Throws: `KafkaError` for an unknown broker.
    public func setCoordinator(ofGroup group: String, broker: Int32) throws(KafkaError) {
        try unsafe call { (cluster) in unsafe rd_kafka_mock_coordinator_set(cluster, "group", group, broker) }
    }

    /// Makes the broker the partition's leader.
    /// - Throws: `KafkaError` for an unknown topic, partition or broker.
    public func setLeader(of topic: String, partition: Int32, broker: Int32) throws(KafkaError) {
        try unsafe call { (cluster) in unsafe rd_kafka_mock_partition_set_leader(cluster, topic, partition, broker) }
    }

    /// Delays the broker's answers by so many milliseconds; −1 is all brokers.
    /// - Throws: `KafkaError` for an unknown broker.
    public func setRoundTripTime(_ milliseconds: Int, broker: Int32 = -1) throws(KafkaError) {
        try unsafe call { (cluster) in
            unsafe rd_kafka_mock_broker_set_rtt(cluster, broker, Int32(clamping: milliseconds))
        }
    }

    private func call(_ body: (OpaquePointer) -> rd_kafka_resp_err_t) throws(KafkaError) {
        let code = isClosed.withLock { isClosed in
            isClosed ? RD_KAFKA_RESP_ERR__DESTROY : unsafe body(cluster)
        }
        try KafkaError.check(code)
    }

    /// Stops the cluster; blocks shortly. The second call does nothing.
    public func close() {
        let isFirst = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return !isClosed
        }
        guard isFirst else { return }
        unsafe rd_kafka_mock_cluster_destroy(cluster)
        handle.destroy()
    }

    deinit {
        close()
    }
}
