/// The help text and the reference page, both from the table.
public enum ConfigurationHelp {
    /// What `--help` prints about flags: the command's own ones, those of every command, and all options.
    public static func text(flags: [CommandFlag] = [], table: OptionTable = .standard) -> String {
        var lines: [String] = []
        if !flags.isEmpty { lines += ["Flags of this command:"] + flags.flatMap(entry) + [""] }
        lines += ["Flags of every command with a configuration:"] + CommandFlag.common.flatMap(entry)
        lines += ["", "Options of the worker (flag; name in the file; environment variable):"]
        for option in table.worker {
            let flag = option.flagName.map { option.isBoolean ? $0 : "\($0) \(option.placeholder)" } ?? option.name
            lines += entry("\(flag)", details(option))
        }
        lines += ["", "Options of an account (below accounts: and its name, or --set accounts.NAME.OPTION=VALUE):"]
        for option in table.account { lines += entry("\(option.name) \(option.placeholder)", details(option)) }
        lines += [
            "", "Properties of Kafka (below kafka:, or --set kafka.PROPERTY=VALUE):",
            "  \(KafkaPropertyRules.allowedNames.joined(separator: ", ")),",
            "  \(KafkaPropertyRules.allowedPrefixes.map { $0 + "*" }.joined(separator: ", ")).",
            "  A secret is given by file, as sasl.password-file.",
            "", "Each source replaces what the ones before gave: defaults, file, environment, flags.",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func entry(_ flag: CommandFlag) -> [String] {
        entry("--\(flag.name)\(flag.placeholder.map { " \($0)" } ?? "")", [flag.help])
    }

    private static func entry(_ head: String, _ details: [String]) -> [String] {
        ["  \(head)"] + details.map { "        \($0)" }
    }

    private static func details(_ option: Option) -> [String] {
        var facts: [String] = []
        if option.isRequired { facts.append("required") }
        if let text = option.defaultText { facts.append("default \(text)") }
        if !option.bounds.isEmpty, option.bounds != option.placeholder { facts.append(option.bounds) }
        if let name = option.environmentName { facts.append(name) }
        return [option.help] + (facts.isEmpty ? [] : ["(\(facts.joined(separator: "; ")))"])
    }

    /// The reference page `docs/configuration.md`.
    public static func reference(table: OptionTable = .standard) -> String {
        var lines = [
            "# Configuration",
            "",
            "<!-- Written by scripts/generate-docs from the option table. Do not edit. -->",
            "",
            "The worker reads one YAML file (`--config FILE`, or the environment variable "
                + "`\(ConfigurationParser.pathVariable)`), then the environment, then the flags. "
                + "Each source replaces what the ones before gave.",
            "",
            "```yaml",
            "topic: revoke-credentials",
            "kafka:",
            "  bootstrap.servers: broker-1:9092,broker-2:9092",
            "accounts:",
            "  main:",
            "    key-file: /run/secrets/digicert-key",
            "    budget: [80/5s, 800/3m]",
            "health:",
            "  listen: 127.0.0.1:8480",
            "```",
            "",
            "- Durations carry a unit (`200ms`, `10s`, `3m`, `1h`), sizes too (`512KiB`, `32MiB`).",
            "- Every value is text, and the option gives its type: `no` can be a name, `010` is no number.",
            "- Unknown keys, duplicate keys, keys without a value, anchors, aliases, tags and a second document "
                + "are errors with line and column.",
            "- `--NAME VALUE` and `--NAME=VALUE` set an option of the worker. A boolean flag stands alone or with "
                + "`=true` or `=false`. `--set NAME=VALUE` reaches every option: "
                + "`--set accounts.main.concurrency=16`, `--set kafka.client.rack=a`.",
            "- An unknown environment variable that begins with `\(OptionTable.environmentPrefix)` is a warning. "
                + "The variables that Kubernetes sets for a service are ignored.",
            "- `--print-config` prints the configuration that results, without secrets.",
            "",
            "## Options of the worker",
            "",
            "A dot in a name leads into a mapping: `health.listen` is `listen:` below `health:`.",
            "",
            "| name | type | default | bounds | environment | |",
            "|---|---|---|---|---|---|",
        ]
        lines += table.worker.map { row($0, withEnvironment: true) }
        lines += [
            "", "## Options of an account", "",
            "`accounts:` has one account below it; its name is made of `a-z`, `0-9` and hyphen.",
            "", "| name | type | default | bounds | |", "|---|---|---|---|---|",
        ]
        lines += table.account.map { row($0, withEnvironment: false) }
        lines += [
            "", "## Properties of Kafka", "",
            "`kafka:` has librdkafka's own properties below it. These may be set:",
            "\((KafkaPropertyRules.allowedNames + KafkaPropertyRules.allowedPrefixes.map { $0 + "*" }).map { "`\($0)`" }.joined(separator: ", ")).",
            "All others are refused: the worker sets what its guarantees need. `bootstrap.servers` is required.",
            "",
            "Secrets (\(KafkaPropertyRules.secretNames.map { "`\($0)`" }.joined(separator: ", "))) are given by "
                + "file, under the name with `\(KafkaPropertyRules.fileSuffix)` behind it "
                + "(`sasl.password-file: /run/secrets/kafka-password`), or stand in the configuration file. "
                + "They are refused as a flag.",
            "",
            "`session.timeout.ms` is \(KafkaPropertyRules.defaultSessionTimeout) by default, "
                + "\(KafkaPropertyRules.sessionTimeoutBounds.lowerBound) to "
                + "\(KafkaPropertyRules.sessionTimeoutBounds.upperBound). "
                + "What weakens TLS (`enable.ssl.certificate.verification`, "
                + "`ssl.endpoint.identification.algorithm`) needs `insecure: true`.",
            "",
            "## Bounds between options", "",
            "- `request-deadline` is at most `session.timeout.ms`.",
            "- `drain-limit` is at least `request-deadline` + 2s and at least `session.timeout.ms` + 1s; with 5s more "
                + "it is below `termination-grace`, and with `request-deadline` it is below 5m "
                + "(`max.poll.interval.ms`).",
            "- `dead-letter-topic` is not `topic`.",
            "- `window-bytes` is at least `record-size`.",
            "- `base-url` has https, or a loopback host and no `proxy` is set, or `allow-plain-http` is true.",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func row(_ option: Option, withEnvironment: Bool) -> String {
        func code(_ text: String) -> String { text.isEmpty ? "" : "`\(text)`" }
        let value = option.isRequired ? "required" : code(option.defaultText ?? "")
        var cells = ["`\(option.name)`", option.type, value, option.bounds]
        if withEnvironment { cells.append(code(option.environmentName ?? "")) }
        cells.append(option.help)
        return "| \(cells.joined(separator: " | ")) |"
    }
}
