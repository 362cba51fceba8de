internal import Configuration
internal import EventLoop
internal import Kafka
internal import RevokeEvents
internal import RevokeModel

/// `revoke-worker publish`: writes one event to the topic.
public enum PublishCommand {
    private static let usage = "--contract N [flags]"
    private static let flags = [
        CommandFlag("contract", placeholder: "N", "The ACME contract whose credentials are to be revoked (required)."),
        CommandFlag("reason", placeholder: "TEXT", "Why."),
        CommandFlag("account", placeholder: "NAME", "The account; without it the worker's default one."),
        CommandFlag("id", placeholder: "ID", "The event's id; without it a random one."),
        CommandFlag("source", placeholder: "URI", "The event's source (default /revoke-worker/publish)."),
        CommandFlag(
            "count", placeholder: "N", "Publish N events instead of one, for load tests; their ids are numbered."),
        CommandFlag(
            "contracts", placeholder: "M", "With --count: over M contracts, from --contract on (default N)."),
        CommandFlag("structured", "Write a structured CloudEvent instead of a binary one."),
    ]

    /// Publishes and waits for the broker's acknowledgement. Returns the exit code.
    public static func run(_ arguments: [String]) -> Int32 {
        let about = "Writes one revoke-credentials event and waits until the broker has stored it."
        switch CommandContext.start(
            "publish", usage: usage, about: about, flags: flags, arguments: arguments, checks: .kafka)
        {
        case .end(let code): return code
        case .go(let parsed, let arguments): return publish(parsed.configuration, arguments.values)
        }
    }

    private static func publish(_ configuration: WorkerConfiguration, _ values: [String: String]) -> Int32 {
        guard let contract = values["contract"].flatMap({ Int64($0) }).flatMap({ ContractID($0) }) else {
            Terminal.complain(
                "error: --contract: an integer from 1 to \(ContractID.maximum) is needed: write --contract 12345")
            CommandContext.complainUsage("publish", usage)
            return Terminal.usageExit
        }
        guard let count = number(values["count"], 1, 10_000_000),
            let spread = number(values["contracts"], Int64(count), Int64(count)),
            contract.value <= ContractID.maximum - Int64(spread - 1)
        else {
            Terminal.complain(
                "error: --count and --contracts: integers from 1 up are needed, M at most N, and the last contract at most \(ContractID.maximum)"
            )
            CommandContext.complainUsage("publish", usage)
            return Terminal.usageExit
        }
        if let problem = accountProblem(configuration, values["account"]) {
            Terminal.complain("error: \(problem)")
            CommandContext.complainUsage("publish", usage)
            return Terminal.usageExit
        }
        let id = values["id"] ?? randomID()
        let mode: OutgoingEvent.Mode = values["structured"] == nil ? .binary : .structured
        let contents = (0..<count).lazy.compactMap { index -> RecordContent? in
            guard let contract = ContractID(contract.value + Int64(index % spread)) else { return nil }
            let now = EventLoop.wallTime()
            var event = OutgoingEvent(
                id: count == 1 ? id : "\(id)-\(index)", source: values["source"] ?? "/revoke-worker/publish",
                contract: contract)
            event.account = values["account"]
            event.reason = values["reason"]
            event.reportedBy = "revoke-worker publish"
            event.detectedAt = now
            event.time = now
            return EventEncoder.encode(event, mode: mode)
        }
        do {
            let kafka = KafkaConfiguration(
                try ConfigurationFiles.kafkaProperties(configuration).map { (name: $0.name, value: $0.value.reveal()) })
            if let problem = try topicProblem(configuration.topic, kafka) {
                Terminal.complain("error: the event is not published: \(problem)")
                return 1
            }
            let place = try store(contents, topic: configuration.topic, kafka)
            Terminal.print(
                count == 1
                    ? "published \(id) for contract \(contract): \(configuration.topic)/\(place)"
                    : "published \(count) events for \(spread) contracts from \(contract) on")
            return 0
        } catch {
            Terminal.complain("error: the event is not published: \(error)")
            return 1
        }
    }

    /// An account that no worker of this configuration has: its event would become a dead letter. A configuration without
    /// an account, as one that only publishes has it, says nothing of the workers' accounts.
    private static func accountProblem(_ configuration: WorkerConfiguration, _ account: String?) -> String? {
        guard let account, !configuration.account.keyFile.isEmpty else { return nil }
        let known = configuration.account.name.text
        guard account != known else { return nil }
        return "--account: the configuration has no account of this name; write --account \(known), or leave it out"
    }

    /// Why the topic cannot take an event. A producer would wait for it until its time is over.
    private static func topicProblem(_ topic: String, _ kafka: KafkaConfiguration) throws(KafkaSetupError) -> String? {
        let trouble = ConnectionTrouble()
        let client = try KafkaClient(configuration: kafka) { trouble.take($0) }
        defer { client.close() }
        do throws(KafkaError) {
            guard try client.queries.topicMetadata(topic, limit: 5_000) == nil else { return nil }
            return "the topic \(topic) does not exist: create it, or name another one with --topic"
        } catch {
            switch error.code {
            case .topicAuthorizationFailed:
                return "the broker refuses: \(error): grant this user Describe and Write on the topic \(topic)"
            default: return "no broker answers: \(trouble.text ?? "\(error)")"
            }
        }
    }

    private static func number(_ text: String?, _ default: Int64, _ most: Int64) -> Int? {
        guard let text else { return Int(`default`) }
        guard let value = Int64(text), value >= 1, value <= most else { return nil }
        return Int(value)
    }

    private static func randomID() -> String {
        String(UInt64.random(in: 0...UInt64.max), radix: 16) + String(UInt64.random(in: 0...UInt64.max), radix: 16)
    }

    /// Hands the records over as fast as the producer takes them, and waits for all acknowledgements.
    private static func store(
        _ contents: some Sequence<RecordContent>, topic: String, _ kafka: KafkaConfiguration
    ) throws -> String {
        let loop = try EventLoop()
        defer { loop.close() }
        var place = ""
        var failure: KafkaError?
        var lastError: KafkaError?
        var open = 0
        let producer = try KafkaProducer(configuration: kafka, loop: loop, log: { _ in }) { event in
            switch event {
            case .delivered(_, let partition, let offset):
                place = "\(partition)/\(offset)"
                open -= 1
            case .failed(_, let error, _):
                failure = lastError ?? error
                open -= 1
            case .error(let error, _): lastError = error
            }
            if open <= 1_000 { loop.stop() }
        }
        let timer = try loop.makeTimer {
            failure = lastError ?? KafkaError(.timedOut)
            loop.stop()
        }
        var next: UInt64 = 1
        for content in contents {
            try producer.produce(
                id: next, topic: topic, key: content.key, value: content.value,
                headers: content.headers.map { KafkaHeader(name: $0.name, value: $0.value) })
            next += 1
            open += 1
            if open >= 10_000 {
                timer.start(after: 30_000)
                while open > 1_000, failure == nil { loop.run() }
            }
        }
        timer.start(after: 30_000)
        while open > 0, failure == nil { loop.run() }
        timer.close()
        producer.close(limit: 1_000) { loop.stop() }
        loop.run()
        if let failure { throw failure }
        return place
    }
}
