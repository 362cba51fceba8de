/// librdkafka's properties as the worker's configuration sees them: which a user may set, and which weaken TLS.
/// Pure functions, any thread.
public enum KafkaProperty {
    /// Whether a user may set a property.
    public enum Verdict: Hashable, Sendable {
        /// The user may set it.
        case allowed
        /// The user may not; the text says why, as a clause for a message after the property's name.
        case refused(reason: String)
    }

    /// Whether a user may set the property. A list of what is allowed, since a list of what is not is never complete:
    /// librdkafka accepts `request.required.acks=0` or `message.timeout.ms` without a word, and they break guarantees.
    public static func isAllowed(property: String) -> Verdict {
        if exact.contains(property) {
            return .allowed
        }
        if let reason = reasons[property] {
            return .refused(reason: reason)
        }
        if property.hasSuffix("_cb") || property.hasSuffix("_cookie") {
            return .refused(reason: "is a function or pointer, which no text can be")
        }
        if prefixes.contains(where: { property.hasPrefix($0) && property.utf8.count > $0.utf8.count }) {
            return .allowed
        }
        return .refused(reason: "is not one of the properties that may be set")
    }

    /// Whether the value makes TLS accept a server that it would refuse: needs the user's express consent.
    public static func weakensTLS(_ name: String, _ value: String) -> Bool {
        switch name {
        case "enable.ssl.certificate.verification":
            // librdkafka reads these three as true; what it reads as false weakens, what it refuses does not matter.
            !["true", "t", "1"].contains(value.lowercased())
        case "ssl.endpoint.identification.algorithm":
            value.lowercased() != "https"
        default:
            false
        }
    }

    /// Whether the value is a secret, which no text may show.
    public static func isSecret(_ name: String) -> Bool {
        secrets.contains(name) || name.hasSuffix(".password") || name.hasSuffix(".secret")
    }

    private static let exact: Set<String> = [
        "bootstrap.servers", "group.instance.id", "session.timeout.ms", "topic.metadata.refresh.interval.ms", "debug",
        "enable.ssl.certificate.verification",
    ]

    private static let prefixes = [
        "client.", "security.", "sasl.", "ssl.", "socket.", "reconnect.", "broker.", "fetch.", "queued.",
    ]

    private static let secrets: Set<String> = [
        "sasl.password", "ssl.key.password", "ssl.key.pem", "ssl_key", "ssl.keystore.password",
        "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config",
    ]

    private static let worker = "is set by the worker itself"

    private static let reasons: [String: String] = [
        "metadata.broker.list": "is another name of bootstrap.servers; use that",
        "group.id": "is set by the option group",
        "enable.auto.commit": "\(worker): offsets move only after a revocation or a stored dead letter",
        "auto.commit.enable": "\(worker): offsets move only after a revocation or a stored dead letter",
        "auto.commit.interval.ms": "has no meaning: the worker commits by itself",
        "enable.auto.offset.store": "\(worker): offsets move only after a revocation or a stored dead letter",
        "auto.offset.reset": "is set by the option start-at",
        "partition.assignment.strategy": "\(worker): every worker of a group needs the same one",
        "heartbeat.interval.ms": "\(worker): members hear of a rebalance by heartbeat",
        "max.poll.interval.ms": "\(worker): it must exceed the drain limit",
        "statistics.interval.ms": "\(worker): the lag metrics hang on it",
        "isolation.level": "\(worker): records of aborted transactions must not be read",
        "check.crcs": "\(worker): a damaged record must not revoke another contract",
        "enable.partition.eof": worker,
        "allow.auto.create.topics": "\(worker): a misspelled topic must be an error",
        "acks": "\(worker): a dead letter counts only when all in-sync replicas have it",
        "request.required.acks": "\(worker): a dead letter counts only when all in-sync replicas have it",
        "linger.ms": worker,
        "queue.buffering.max.ms": worker,
        "enable.idempotence": "\(worker): one sequence error would end the producer",
        "delivery.report.only.error": "\(worker): a dead letter counts only on its delivery report",
        "message.timeout.ms": worker,
        "delivery.timeout.ms": worker,
        "transactional.id": "breaks the order of dead letter and commit",
        "topic.blacklist": "hides topics from the worker",
        "log_level": "is set by the worker's log level",
        "log.queue": worker,
        "test.mock.num.brokers": "replaces the cluster by a mock; use the demo",
    ]
}
