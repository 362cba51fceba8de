internal import Configuration
internal import Kafka

/// librdkafka's own judgement of the configuration's Kafka properties, at the place where each stands.
enum KafkaSettings {
    /// Asks librdkafka about each value, and then about all of them together. Connects to nobody; blocks shortly.
    /// - Throws: `ConfigurationError` with what it refuses; never with a secret.
    static func check(_ parsed: ParsedConfiguration) throws(ConfigurationError) {
        var problems: [ConfigurationProblem] = []
        for property in parsed.configuration.kafkaProperties {
            let value: String
            switch property.value {
            case .text(let text): value = text
            case .secret(let secret): value = secret.reveal()
            // Any text is a value of a secret.
            case .file: continue
            }
            do throws(KafkaSetupError) {
                try KafkaConfiguration([(property.name, value)]).validate()
            } catch {
                problems.append(problem(error, of: property.name, parsed))
            }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        // A file that cannot be read is told where the command reads it.
        guard let properties = try? ConfigurationFiles.kafkaProperties(parsed.configuration) else { return }
        // Without brokers the client opens no connection.
        let alone = properties.filter { $0.name != "bootstrap.servers" }
        do throws(KafkaSetupError) {
            try KafkaClient(
                configuration: KafkaConfiguration(alone.map { (name: $0.name, value: $0.value.reveal()) }),
                group: parsed.configuration.group, log: { _ in }
            ).close()
        } catch {
            throw ConfigurationError([problem(error, of: nil, parsed)])
        }
    }

    private static func problem(
        _ error: KafkaSetupError, of name: String?, _ parsed: ParsedConfiguration
    ) -> ConfigurationProblem {
        var text = "\(error)"
        var mend = "see librdkafka's CONFIGURATION.md for what it takes"
        var place = name
        if case .configuration(let property, let reason, let said) = error {
            text = said
            if reason == .unknownProperty { mend = "leave it out: librdkafka \(KafkaLibrary.version) does not have it" }
            // Of all properties together only the text tells which one it is about; the longest name is the nearest.
            place =
                place ?? property
                ?? parsed.kafkaOrigins.keys.filter { said.contains($0) }.max { $0.utf8.count < $1.utf8.count }
        }
        if let place, KafkaPropertyRules.isSecret(place) { text = "librdkafka refuses the value" }
        return ConfigurationProblem(
            place.flatMap { parsed.kafkaOrigins[$0] } ?? .configuration,
            "the Kafka propert\(place.map { "y \($0)" } ?? "ies"): \(text)", mend: mend)
    }
}
