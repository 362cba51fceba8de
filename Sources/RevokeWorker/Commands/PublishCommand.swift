internal import Configuration
internal import EventLoop
internal import Kafka
internal import RevokeEvents
internal import RevokeModel

/// `revoke-worker publish`: writes one event to the topic.
public enum PublishCommand {
    private static let flags = [
        CommandFlag("contract", placeholder: "N", "The ACME contract whose credentials are to be revoked (required)."),
        CommandFlag("reason", placeholder: "TEXT", "Why."),
        CommandFlag("account", placeholder: "NAME", "The account; without it the worker's default one."),
        CommandFlag("id", placeholder: "ID", "The event's id; without it a random one."),
        CommandFlag("source", placeholder: "URI", "The event's source (default /revoke-worker/publish)."),
        CommandFlag("structured", "Write a structured CloudEvent instead of a binary one."),
    ]

    /// Publishes and waits for the broker's acknowledgement. Returns the exit code.
    public static func run(_ arguments: [String]) -> Int32 {
        let about = "Writes one revoke-credentials event and waits until the broker has stored it."
        switch CommandContext.start(
            "publish", about: about, flags: flags, arguments: arguments, checks: .formOnly)
        {
        case .end(let code): return code
        case .go(let parsed, let arguments): return publish(parsed.configuration, arguments.values)
        }
    }

    private static func publish(_ configuration: WorkerConfiguration, _ values: [String: String]) -> Int32 {
        guard let contract = values["contract"].flatMap({ Int64($0) }).flatMap({ ContractID($0) }) else {
            Terminal.complain(
                "error: --contract: an integer from 1 to \(ContractID.maximum) is needed: write --contract 12345")
            Terminal.complain("usage: revoke-worker publish --contract N [flags], see revoke-worker publish --help")
            return Terminal.usageExit
        }
        let now = EventLoop.wallTime()
        var event = OutgoingEvent(
            id: values["id"] ?? randomID(), source: values["source"] ?? "/revoke-worker/publish", contract: contract)
        event.account = values["account"]
        event.reason = values["reason"]
        event.reportedBy = "revoke-worker publish"
        event.detectedAt = now
        event.time = now
        let content = EventEncoder.encode(event, mode: values["structured"] == nil ? .binary : .structured)
        do {
            let kafka = try ConfigurationFiles.kafkaProperties(configuration)
            let place = try store(
                content, topic: configuration.topic,
                KafkaConfiguration(kafka.map { (name: $0.name, value: $0.value.reveal()) }))
            Terminal.print("published \(event.id) for contract \(contract): \(configuration.topic)/\(place)")
            return 0
        } catch {
            Terminal.complain("error: the event is not published: \(error)")
            return 1
        }
    }

    private static func randomID() -> String {
        String(UInt64.random(in: 0...UInt64.max), radix: 16) + String(UInt64.random(in: 0...UInt64.max), radix: 16)
    }

    private static func store(
        _ content: RecordContent, topic: String, _ kafka: KafkaConfiguration
    ) throws -> String {
        let loop = try EventLoop()
        defer { loop.close() }
        var result: Result<String, KafkaError>?
        var lastError: KafkaError?
        let producer = try KafkaProducer(configuration: kafka, loop: loop, log: { _ in }) { event in
            switch event {
            case .delivered(_, let partition, let offset):
                result = .success("\(partition)/\(offset)")
                loop.stop()
            case .failed(_, let error, _):
                result = .failure(error)
                loop.stop()
            case .error(let error, _): lastError = error
            }
        }
        try producer.produce(
            id: 1, topic: topic, key: content.key, value: content.value,
            headers: content.headers.map { KafkaHeader(name: $0.name, value: $0.value) })
        let timer = try loop.makeTimer {
            result = .failure(lastError ?? KafkaError(.timedOut))
            loop.stop()
        }
        timer.start(after: 30_000)
        loop.run()
        timer.close()
        producer.close(limit: 1_000) { loop.stop() }
        loop.run()
        return try (result ?? .failure(KafkaError(.timedOut))).get()
    }
}
