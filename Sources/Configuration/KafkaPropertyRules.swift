/// Which of librdkafka's properties a configuration may set, and which of them are secrets.
///
/// The list names what is allowed: a list of what is not would be unsafe, since librdkafka accepts properties that
/// break the worker's guarantees (`delivery.report.only.error`, `request.required.acks`, `topic.blacklist`,
/// `transactional.id`, `message.timeout.ms`) and gets new ones with each version.
public enum KafkaPropertyRules {
    /// The session timeout that the worker sets when the configuration does not, in milliseconds.
    public static let defaultSessionTimeout: Int64 = 15_000
    /// `max.poll.interval.ms` that the worker sets, in milliseconds; it cannot be configured.
    public static let maxPollInterval: Int64 = 300_000
    /// What a session timeout may be, in milliseconds.
    public static let sessionTimeoutBounds: ClosedRange<Int64> = 4_000...240_000
    /// What numbers may be, where librdkafka takes more than the worker can work with: a value without a bound would keep
    /// it waiting (added partitions that are never seen, a broker that is not asked for an hour), or its memory would have
    /// none.
    public static let bounds: [String: ClosedRange<Int64>] = [
        "fetch.error.backoff.ms": 0...10_000,
        "fetch.max.bytes": 1 << 20...64 << 20,
        "fetch.message.max.bytes": 1 << 10...64 << 20,
        "queued.max.messages.kbytes": 1 << 10...128 << 10,
        "queued.min.messages": 1...1_000_000,
        "reconnect.backoff.max.ms": 0...60_000,
        "reconnect.backoff.ms": 0...60_000,
        "session.timeout.ms": sessionTimeoutBounds,
        "socket.timeout.ms": 1_000...300_000,
        "topic.metadata.refresh.interval.ms": 1_000...300_000,
    ]
    /// What follows the name of a secret property that is given by file.
    public static let fileSuffix = "-file"

    /// The whole names that are allowed.
    public static let allowedNames = [
        "bootstrap.servers", "debug", "enable.ssl.certificate.verification", "group.instance.id",
        "session.timeout.ms", "topic.metadata.refresh.interval.ms",
    ]
    /// The first parts of names that are allowed.
    public static let allowedPrefixes = [
        "broker.", "client.", "fetch.", "queued.", "reconnect.", "sasl.", "security.", "socket.", "ssl.",
    ]
    /// The properties whose values are secrets.
    public static let secretNames = [
        "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config", "sasl.password", "ssl.key.password",
        "ssl.key.pem", "ssl.keystore.password",
    ]

    /// What the rules say about a property.
    public enum Verdict: Hashable, Sendable {
        /// It may be set.
        case allowed
        /// It may be set only together with `insecure: true`, since it weakens TLS.
        case needsInsecure
        /// It may not be set.
        case refused
    }

    /// Judges a property by its name, without `-file`, and its value.
    public static func verdict(name: String, value: String) -> Verdict {
        switch name {
        case "enable.ssl.certificate.verification" where value != "true": return .needsInsecure
        case "ssl.endpoint.identification.algorithm" where value != "https": return .needsInsecure
        default: break
        }
        if allowedNames.contains(name) { return .allowed }
        guard let prefix = allowedPrefixes.first(where: { name.hasPrefix($0) }), name != prefix,
            name.utf8.allSatisfy(isNameByte)
        else { return .refused }
        return .allowed
    }

    /// Whether the value of a property must never be shown. Names that look like a slip of a secret's name count too,
    /// so that a misspelled password is not printed.
    public static func isSecret(_ name: String) -> Bool {
        if secretNames.contains(name) || name.utf8.count > 200 { return true }
        for word in ["password", "secret", "token", "credential", "passphrase", "jaas"] where contains(name, word) {
            return true
        }
        return notSecret.contains(name) ? false : secretNames.contains { EditDistance.between(name, $0) <= 2 }
    }

    /// Names that are near to a secret's name and are none.
    private static let notSecret = ["sasl.oauthbearer.client.id"]

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func contains(_ text: String, _ word: String) -> Bool {
        let text = Array(text.utf8)
        let word = Array(word.utf8)
        guard text.count >= word.count else { return false }
        return (0...(text.count - word.count)).contains { text[$0..<($0 + word.count)].elementsEqual(word) }
    }
}
