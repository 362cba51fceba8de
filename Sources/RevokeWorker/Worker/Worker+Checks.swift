internal import Configuration
internal import EventLoop
internal import Kafka
internal import RevokeEngine

/// What the worker looks at before it begins: both topics, by the brokers.
extension Worker {
    /// Looks, again and again until a broker answers; no assignment is answered before.
    func checkTopics() {
        guard let consumer, !isEnding else { return }
        let queries = consumer.queries
        let configuration = setup.configuration
        do {
            try loop.offload({ TopicCheck.run(queries, configuration) }) { [weak self] result in
                self?.checked(result)
            }
        } catch {
            fail(.fatal("the event loop takes no work: \(error)"))
        }
    }

    private func checked(_ result: TopicCheck.Result) {
        guard !isEnding else { return }
        switch result {
        case .unreachable(let error):
            let text = trouble.text ?? "\(error)"
            logger.warning("no broker answers; trying again", [.error: .text(text)])
            tellStatus("waits for a broker: \(text)")
            checkTimer?.start(after: 1_000)
        case .refused(let reasons):
            for reason in reasons.dropLast() { logger.error("start refused", [.error: .text(reason)]) }
            fail(.fatal(reasons.last ?? "the topics cannot be used"))
        case .usable(let deadReplicas, let warnings):
            for warning in warnings { logger.error("the budget does not reach", [.error: .text(warning)]) }
            isChecked = true
            retryAssign()
            checkSettings(deadReplicas: deadReplicas)
        }
    }

    /// Looks at the topics' settings beside the work: a broker may not answer this at all.
    private func checkSettings(deadReplicas: Int) {
        guard setup.looksAtTopicSettings, let consumer else { return }
        let queries = consumer.queries
        let configuration = setup.configuration
        try? loop.offload({ TopicCheck.settings(queries, configuration, deadReplicas: deadReplicas) }) {
            [weak self] settings in
            guard let self, !isEnding else { return }
            switch settings {
            case .unknown(let error):
                logger.warning(TopicCheck.unseenSettings, [.error: .describing(error)])
            case .refused(let reason): fail(.fatal(reason), drains: true)
            case .known(let warnings):
                for warning in warnings { logger.warning("topic settings", [.error: .text(warning)]) }
            }
        }
    }
}

/// The look at both topics; also used by `revoke-worker check`.
enum TopicCheck {
    enum Result: Sendable {
        case unreachable(KafkaError)
        case refused([String])
        /// The warnings do not keep a worker from its work: a topic that grew must not take down a fleet one by one.
        case usable(deadReplicas: Int, warnings: [String])
    }

    enum Settings: Sendable {
        /// The broker does not tell: no right to ask, or a broker without an admin interface.
        case unknown(KafkaError)
        case refused(String)
        case known(warnings: [String])
    }

    private static let day: Int64 = 86_400_000

    /// What it means that the settings are not known.
    static let unseenSettings: StaticString =
        "topic settings are not known, so a compacted dead-letter topic, which loses dead letters, cannot be seen: grant this user DescribeConfigs on both topics"

    /// Blocks: for a helper thread.
    static func run(_ queries: KafkaQueries, _ configuration: WorkerConfiguration) -> Result {
        do throws(KafkaError) {
            var main = try queries.topicMetadata(configuration.topic, limit: 5_000)
            var dead = try queries.topicMetadata(configuration.deadLetterTopic, limit: 5_000)
            if configuration.createTopics, main == nil || dead == nil {
                try create(queries, configuration, main: main == nil, dead: dead == nil)
                main = try queries.topicMetadata(configuration.topic, limit: 5_000)
                dead = try queries.topicMetadata(configuration.deadLetterTopic, limit: 5_000)
                // The brokers hear of a new topic one after the other.
                if main == nil || dead == nil { return .unreachable(KafkaError(.unknownTopicOrPartition)) }
            }
            var refusals: [String] = []
            if main == nil { refusals.append(missing("topic", configuration.topic)) }
            if dead == nil { refusals.append(missing("dead-letter-topic", configuration.deadLetterTopic)) }
            guard let main, let dead, refusals.isEmpty else { return .refused(refusals) }
            var warnings: [String] = []
            if case .windows(let windows) = configuration.account.budget,
                let smallest = windows.map(\.limit).min(), main.partitionCount > smallest
            {
                warnings.append(
                    "topic \(configuration.topic) has \(main.partitionCount) partitions, more than the smallest budget of \(smallest) requests, so that some have no part of it: raise the budget, or use a topic with fewer partitions"
                )
            }
            return .usable(deadReplicas: dead.replicationFactor, warnings: warnings)
        } catch {
            return result(error)
        }
    }

    /// What passes by itself is tried again; what an operator has to mend is said.
    private static func result(_ error: KafkaError) -> Result {
        switch error.code {
        case .topicAuthorizationFailed, .clusterAuthorizationFailed, .groupAuthorizationFailed:
            .refused([
                "the broker refuses: \(error): grant this user Describe and Read on the topic, Write on the dead-letter topic, Read on the group (and Create for create-topics)"
            ])
        case .policyViolation, .invalidReplicationFactor, .invalidPartitions, .invalidConfig:
            .refused(["create-topics: the broker refuses: \(error): create the topics by hand"])
        default: .unreachable(error)
        }
    }

    /// How a missing topic's sentence ends.
    static let creationHint = ": create it, mend the name, or set create-topics: true"

    private static func missing(_ option: String, _ topic: String) -> String {
        "\(option): the topic \(topic) does not exist\(creationHint)"
    }

    private static func create(
        _ queries: KafkaQueries, _ configuration: WorkerConfiguration, main: Bool, dead: Bool
    ) throws(KafkaError) {
        var topics: [KafkaNewTopic] = []
        if main {
            topics.append(KafkaNewTopic(name: configuration.topic, partitionCount: 8, replicationFactor: -1))
        }
        if dead {
            topics.append(
                KafkaNewTopic(
                    name: configuration.deadLetterTopic, partitionCount: 1, replicationFactor: -1,
                    configuration: ["retention.ms": String(90 * day), "cleanup.policy": "delete"]))
        }
        for (_, error) in try queries.createTopics(topics, limit: 10_000) {
            if let error, error.code != .topicAlreadyExists { throw error }
        }
    }

    /// What the topics' settings mean for the promise that no event is lost. Brokers that do not tell are asked no more.
    static func settings(
        _ queries: KafkaQueries, _ configuration: WorkerConfiguration, deadReplicas: Int
    ) -> Settings {
        var warnings: [String] = []
        let deadName = configuration.deadLetterTopic
        do throws(KafkaError) {
            let dead = try queries.topicConfiguration(deadName, limit: 5_000)
            guard dead.values["cleanup.policy"] != nil else { return .unknown(KafkaError(.noEntry)) }
            if dead.isCompacted {
                return .refused(
                    "dead-letter-topic: \(deadName) is compacted, so newer dead letters would delete older ones: set cleanup.policy=delete"
                )
            }
            if deadReplicas < 3 { warnings.append("\(deadName) has \(deadReplicas) replicas, fewer than 3") }
            if let least = dead.minimumInSyncReplicas, least < 2 {
                warnings.append("\(deadName) has min.insync.replicas \(least), below 2")
            }
            if let retention = dead.retention, retention >= 0, retention < 30 * day {
                warnings.append("\(deadName) keeps dead letters for less than 30 days")
            }
            let main = try queries.topicConfiguration(configuration.topic, limit: 5_000)
            if let retention = main.retention, retention >= 0, retention < 7 * day {
                warnings.append("\(configuration.topic) keeps events for less than 7 days")
            }
        } catch {
            return .unknown(error)
        }
        return .known(warnings: warnings)
    }
}
