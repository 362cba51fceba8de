public import Configuration
internal import Curl
internal import Glibc
internal import Kafka
public import RevokeClient
internal import RevokeEngine
internal import RevokeEvents
internal import RevokeModel

/// Everything that a worker is made of: the configuration with its secrets read.
public struct WorkerSetup: Sendable {
    /// The configuration.
    public var configuration: WorkerConfiguration
    /// Kafka's properties with the secrets of their files.
    public var kafkaProperties: [(name: String, value: Secret)]
    /// The API key.
    public var key: APIKey
    /// The seed of the engine's jitter.
    public var seed: UInt64
    /// Whether the worker looks at the topics' settings. A broker that does not know them, such as librdkafka's mock
    /// cluster, answers too late.
    public var looksAtTopicSettings = true

    /// Makes a setup of its parts.
    public init(
        configuration: WorkerConfiguration, kafkaProperties: [(name: String, value: Secret)], key: APIKey,
        seed: UInt64 = UInt64.random(in: 0...UInt64.max)
    ) {
        self.configuration = configuration
        self.kafkaProperties = kafkaProperties
        self.key = key
        self.seed = seed
    }

    /// Checks the base URL by the client's rule, and reads the files that the configuration names; blocks.
    /// - Throws: `ConfigurationError`: where, what and how to mend it, with nothing of a file's content.
    public static func load(_ configuration: WorkerConfiguration) throws(ConfigurationError) -> WorkerSetup {
        try checkBaseURL(configuration)
        _ = try checkCAFile(configuration)
        return WorkerSetup(
            configuration: configuration,
            kafkaProperties: try ConfigurationFiles.kafkaProperties(configuration),
            key: try readKey(configuration))
    }

    static func checkBaseURL(_ configuration: WorkerConfiguration) throws(ConfigurationError) {
        do throws(BaseURLError) {
            _ = try BaseURL(configuration.account.baseURL, allowPlainHTTP: configuration.allowPlainHTTP)
        } catch {
            throw problem(
                configuration, "base-url", "\(error)",
                mend: "write https://HOST/PATH, such as https://www.digicert.com/partner-subscription/api/v1")
        }
    }

    /// Whether the file of CA certificates can be used, when one is named.
    /// - Returns: how many certificates it holds; nil when none is named.
    static func checkCAFile(_ configuration: WorkerConfiguration) throws(ConfigurationError) -> Int? {
        guard let path = configuration.caFile else { return nil }
        do throws(ConfigurationError) {
            return try ConfigurationFiles.certificates(path)
        } catch {
            throw ConfigurationError(
                error.problems.map {
                    ConfigurationProblem(.configuration, "ca-file: \(path): \($0.message)", mend: $0.mend)
                })
        }
    }

    static func readKey(_ configuration: WorkerConfiguration) throws(ConfigurationError) -> APIKey {
        do throws(KeyFileError) {
            return try KeyFile.read(configuration.account.keyFile)
        } catch {
            throw problem(
                configuration, "key-file", "\(PathText.shown(configuration.account.keyFile)): \(text(error))",
                mend: "write the key, and nothing else, into a file that this user can read")
        }
    }

    /// What is wrong with a key file, with the system's own words where it cannot be read.
    static func text(_ error: KeyFileError) -> String {
        guard case .unreadable(let number) = error else { return "\(error)" }
        return unsafe String(cString: strerror(number))
    }

    private static func problem(
        _ configuration: WorkerConfiguration, _ option: String, _ message: String, mend: String
    ) -> ConfigurationError {
        let place = "accounts.\(configuration.account.name).\(option)"
        return ConfigurationError([ConfigurationProblem(.configuration, "\(place): \(message)", mend: mend)])
    }

    var kafka: KafkaConfiguration {
        KafkaConfiguration(kafkaProperties.map { (name: $0.name, value: $0.value.reveal()) })
    }

    /// The producer of dead letters: what is only the consumer's is left out, and a record of any size that was read may
    /// be tried; the broker's own limit decides.
    var deadLetterKafka: KafkaConfiguration {
        let consumers = ["session.timeout.ms", "group.", "fetch.", "queued.min.", "queued.max.messages.kbytes"]
        var configuration = KafkaConfiguration(
            kafkaProperties.filter { property in !consumers.contains { property.name.hasPrefix($0) } }
                .map { (name: $0.name, value: $0.value.reveal()) })
        configuration.set("message.max.bytes", String(self.configuration.recordSize + (2 << 20)))
        return configuration
    }

    var engine: EngineConfiguration {
        var engine = EngineConfiguration()
        engine.concurrency = configuration.account.concurrency
        switch configuration.account.budget {
        case .unlimited: engine.budget = []
        case .windows(let windows):
            engine.budget = windows.map { RevokeEngine.BudgetWindow(limit: $0.limit, duration: $0.milliseconds) }
        }
        engine.sessionTimeout = configuration.sessionTimeout
        engine.drainLimit = configuration.drainLimit
        engine.windowRecords = configuration.windowRecords
        engine.windowBytes = configuration.windowBytes
        engine.commitInterval = configuration.commitInterval
        engine.freshness = configuration.freshness
        engine.contractRetryLimit = configuration.contractRetryLimit
        engine.streakLimit = configuration.streakLimit
        engine.breaker = configuration.breaker
        engine.skipUnknownTypes = configuration.unknownTypes == .skip
        return engine
    }

    var decoder: EventDecoder {
        EventDecoder(
            options: EventDecoder.Options(
                acceptBareEvents: configuration.acceptBareEvents,
                acceptRegistryPrefix: configuration.acceptRegistryPrefix,
                maximumRecordSize: Int(clamping: configuration.recordSize)))
    }

    var client: ClientFactory {
        ClientFactory(
            name: configuration.account.name, baseURL: configuration.account.baseURL,
            requestDeadline: configuration.account.requestDeadline,
            concurrency: configuration.account.concurrency, caFile: configuration.caFile, proxy: configuration.proxy,
            allowPlainHTTP: configuration.allowPlainHTTP,
            reusesConnections: configuration.account.reusesConnections)
    }
}
