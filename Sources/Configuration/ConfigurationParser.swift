internal import RevokeModel

/// What a parse gives.
public struct ParsedConfiguration: Sendable {
    /// The validated configuration.
    public var configuration: WorkerConfiguration
    /// What is odd and does not stop the worker: unknown environment variables.
    public var warnings: [ConfigurationProblem]
    /// What the worker says at start, since it takes a guard away.
    public var notices: [String]
    /// Where each of Kafka's properties stands, by its name without `-file`.
    public var kafkaOrigins: [String: ConfigurationProblem.Origin]
}

/// Makes a configuration of its sources, from low to high precedence: the defaults of the table, the file, the
/// environment, the flags. Pure: it reads no file and no environment by itself.
public struct ConfigurationParser: Sendable {
    /// The bytes of the configuration file and the path for messages.
    public struct File: Sendable {
        /// The path, for messages only.
        public var path: String
        /// The content.
        public var bytes: [UInt8]

        /// Makes a file of its parts.
        public init(path: String, bytes: [UInt8]) {
            self.path = path
            self.bytes = bytes
        }
    }

    /// What is checked beside the form of each value.
    public enum Checks: Hashable, Sendable {
        /// Everything: required options and the values together.
        case full
        /// Kafka's properties together: for commands that need the brokers only.
        case kafka
        /// Nothing more: for commands that need a few values only.
        case formOnly
    }

    /// The largest file, in bytes.
    public static let maximumFileSize = 1 << 20
    /// The environment variable that names the file where no `--config` does.
    public static let pathVariable = OptionTable.environmentPrefix + "CONFIG"

    private let table: OptionTable

    /// Makes a parser for a table.
    public init(table: OptionTable = .standard) { self.table = table }

    /// Parses and checks.
    /// - Throws: `ConfigurationError` with all that is wrong. A text that is not YAML ends the search at its place.
    public func parse(
        file: File? = nil, environment: [String: String] = [:], arguments: CommandLineArguments? = nil,
        checks: Checks = .full
    ) throws(ConfigurationError) -> ParsedConfiguration {
        var state = ParserState(table: table)
        state.applyDefaults()
        if let file { state.apply(file) }
        state.apply(environment)
        if let arguments { state.apply(arguments) }
        if checks == .full { state.requireAll() }
        state.finish()
        if checks != .formOnly, state.problems.isEmpty { state.checkKafkaTogether() }
        if checks == .full, state.problems.isEmpty { state.checkTogether() }
        guard state.problems.isEmpty else { throw ConfigurationError(state.problems) }
        return ParsedConfiguration(
            configuration: state.configuration, warnings: state.warnings, notices: state.notices,
            kafkaOrigins: state.kafkaOrigins)
    }
}

/// A parse on its way.
private struct ParserState {
    private typealias Origin = ConfigurationProblem.Origin

    private struct GivenProperty {
        var name: String
        var isFile: Bool
        var text: String
        var origin: Origin
    }

    let table: OptionTable
    var configuration = WorkerConfiguration()
    var problems: [ConfigurationProblem] = []
    var warnings: [ConfigurationProblem] = []

    private var origins: [String: Origin] = [:]
    private var accountName: String?
    private var accountOrigin = Origin.configuration
    private var properties: [GivenProperty] = []
    /// What is given at some place and is wrong there, so that it is not missing: names of options, and of properties
    /// with `kafka.` before.
    private var excused: Set<String> = []
    /// The path of a file without content.
    private var emptyFile: String?

    init(table: OptionTable) { self.table = table }

    mutating func applyDefaults() {
        for option in table.options {
            if let text = option.defaultText { assign(option, text, .builtIn) }
        }
    }

    mutating func apply(_ environment: [String: String]) {
        let byName = table.worker.compactMap { option in option.environmentName.map { ($0, option) } }
        for name in environment.keys.filter({ $0.hasPrefix(OptionTable.environmentPrefix) }).sorted() {
            guard let value = environment[name], name != ConfigurationParser.pathVariable else { continue }
            if let option = byName.first(where: { $0.0 == name })?.1 {
                assign(option, value, .environment(name: name))
            } else if !KubernetesVariables.isOne(name: name, value: value) {
                let known = byName.map(\.0) + [ConfigurationParser.pathVariable]
                let near = EditDistance.nearest(to: name, in: known)
                let shown = String(TextRules.quote(name).dropFirst().dropLast())
                warnings.append(
                    ConfigurationProblem(
                        .environment(name: shown), "there is no such option; the variable is ignored",
                        mend: near.map { "perhaps \($0) is meant" } ?? "unset it"))
            }
        }
    }

    mutating func apply(_ arguments: CommandLineArguments) {
        var given: [GivenProperty] = []
        for setting in arguments.settings {
            switch setting.target {
            case .option(let option): assign(option, setting.text, setting.origin)
            case .account(let name, let option):
                if take(accountName: name, setting.origin) { assign(option, setting.text, setting.origin) }
            case .kafka(let name):
                // Of a property that is set twice by flags the later one counts.
                let property = property(name, setting.text, setting.origin)
                given.removeAll { $0.name == property.name }
                given.append(property)
            }
        }
        take(given)
    }

    mutating func apply(_ file: ConfigurationParser.File) {
        guard file.bytes.count <= ConfigurationParser.maximumFileSize else {
            problems.append(
                ConfigurationProblem(
                    .wholeFile(path: file.path), "the file is larger than 1 MiB",
                    mend: "name the configuration file, not another one"))
            excuseAll()
            return
        }
        let root: YAMLNode?
        do throws(YAMLDocument.Failure) {
            root = try YAMLDocument.read(file.bytes)
        } catch {
            add(error.position, file.path, error.message, error.mend)
            excuseAll()
            return
        }
        guard let root, !root.isNull else {
            emptyFile = file.path
            return
        }
        guard case .mapping(let entries) = root.content else {
            excuseAll()
            add(root.position, file.path, "the file is \(root.kind)", "write NAME: VALUE lines")
            return
        }
        for entry in entries {
            switch entry.key {
            case "kafka": applyKafka(entry, file.path)
            case "accounts": applyAccounts(entry, file.path)
            default: apply(entry, scope: .worker, prefix: "", file.path)
            }
        }
    }

    /// Applies an entry of the top, of a mapping of the top, or of an account.
    private mutating func apply(_ entry: YAMLNode.Entry, scope: Option.Scope, prefix: String, _ path: String) {
        let name = prefix + entry.key
        if prefix.isEmpty, scope == .worker, table.worker.contains(where: { $0.name.hasPrefix(name + ".") }) {
            guard let entries = mapping(entry, path) else { return }
            for inner in entries { apply(inner, scope: .worker, prefix: name + ".", path) }
            return
        }
        // A dotted name at the top would be a second spelling of a nested one.
        guard let option = table.option(name, scope), prefix.isEmpty != option.name.contains(".") else {
            unknown(entry, scope: scope, prefix: prefix, path)
            return
        }
        guard let text = text(entry.value, isList: option.isList, entry.key, path) else {
            excused.insert(option.name)
            return
        }
        let position = entry.value.position
        assign(option, text, .file(path: path, line: position.line, column: position.column))
    }

    private mutating func unknown(_ entry: YAMLNode.Entry, scope: Option.Scope, prefix: String, _ path: String) {
        let names: [String]
        switch scope {
        case .account: names = table.account.map(\.name)
        case .worker where prefix.isEmpty:
            names = table.worker.map { String($0.name.prefix { $0 != "." }) } + ["accounts", "kafka"]
        case .worker:
            names = table.worker.filter { $0.name.hasPrefix(prefix) }.map { String($0.name.dropFirst(prefix.count)) }
        }
        let near = EditDistance.nearest(to: entry.key, in: names)
        if let near { excuse(prefix + near) }
        var mend = near.map { "perhaps \($0) is meant" }
        if scope == .worker, table.option(entry.key, .account) != nil {
            excused.insert(entry.key)
            mend = "it belongs to an account, below accounts: and its name"
        } else if scope == .account, table.option(entry.key, .worker) != nil {
            mend = "it belongs to the top of the file"
        } else if scope == .worker, entry.key.contains("."), table.option(entry.key, .worker) != nil {
            mend = "write it nested: the part after the dot below the part before"
        }
        add(
            entry.position, path, "there is no option \(TextRules.quote(entry.key))",
            mend ?? "see --help for all options")
    }

    private mutating func applyKafka(_ entry: YAMLNode.Entry, _ path: String) {
        guard let entries = mapping(entry, path) else { return excuse("kafka") }
        var given: [GivenProperty] = []
        for inner in entries {
            guard let text = text(inner.value, isList: false, inner.key, path) else {
                excused.insert("kafka.\(inner.key)")
                continue
            }
            let origin = Origin.file(path: path, line: inner.position.line, column: inner.position.column)
            let property = property(inner.key, text, origin)
            if given.contains(where: { $0.name == property.name }) {
                add(
                    inner.position, path, "the property is given both in place and by file",
                    "leave one of them out")
            } else {
                given.append(property)
            }
        }
        take(given)
    }

    private mutating func applyAccounts(_ entry: YAMLNode.Entry, _ path: String) {
        guard let entries = mapping(entry, path) else { return excuse("accounts") }
        for inner in entries {
            let origin = Origin.file(path: path, line: inner.position.line, column: inner.position.column)
            guard take(accountName: inner.key, origin), let options = mapping(inner, path) else {
                excuse("accounts")
                continue
            }
            for option in options { apply(option, scope: .account, prefix: "", path) }
        }
    }

    private func property(_ name: String, _ text: String, _ origin: Origin) -> GivenProperty {
        let suffix = KafkaPropertyRules.fileSuffix
        let isFile = name.hasSuffix(suffix)
        return GivenProperty(
            name: isFile ? String(name.dropLast(suffix.count)) : name, isFile: isFile, text: text, origin: origin)
    }

    /// Adds the properties of one source; a later source replaces what an earlier one gave.
    private mutating func take(_ given: [GivenProperty]) {
        for property in given {
            properties.removeAll { $0.name == property.name }
            properties.append(property)
        }
    }

    /// Takes the account's name where it first stands; false when it is another one or has the wrong form.
    private mutating func take(accountName name: String, _ origin: Origin) -> Bool {
        if let known = accountName {
            guard known != name else { return true }
            problems.append(
                ConfigurationProblem(
                    origin, "a second account stands here, and one account is supported",
                    mend: "leave only the account \(known)"))
            return false
        }
        guard let account = AccountName(name) else {
            problems.append(
                ConfigurationProblem(
                    origin, "\(TextRules.quote(name)) is not a name of an account",
                    mend: "write 1 to 64 characters of a-z, 0-9 and hyphen"))
            return false
        }
        accountName = name
        accountOrigin = origin
        configuration.account.name = account
        return true
    }

    private mutating func mapping(_ entry: YAMLNode.Entry, _ path: String) -> [YAMLNode.Entry]? {
        if case .mapping(let entries) = entry.value.content { return entries }
        add(
            entry.value.position, path,
            entry.value.isNull
                ? "\(TextRules.quote(entry.key)) has no value"
                : "\(TextRules.quote(entry.key)) is \(entry.value.kind) and must be a mapping",
            "write NAME: VALUE lines below it, further in")
        return nil
    }

    private mutating func text(_ node: YAMLNode, isList: Bool, _ key: String, _ path: String) -> String? {
        switch node.content {
        case .scalar(let text, _):
            guard !node.isNull else {
                add(
                    node.position, path, "\(TextRules.quote(key)) has no value",
                    "write a value, or leave the line out for the default")
                return nil
            }
            return text
        case .list(let nodes) where isList && !nodes.isEmpty:
            var texts: [String] = []
            for node in nodes {
                guard case .scalar = node.content, let text = text(node, isList: false, key, path) else {
                    if case .scalar = node.content { return nil }
                    add(
                        node.position, path, "an element of \(TextRules.quote(key)) is \(node.kind)",
                        "write single values")
                    return nil
                }
                texts.append(text)
            }
            return texts.joined(separator: ",")
        case .list, .mapping:
            let isEmpty = if case .list(let nodes) = node.content { nodes.isEmpty } else { false }
            add(
                node.position, path,
                isEmpty && isList
                    ? "\(TextRules.quote(key)) is an empty list" : "\(TextRules.quote(key)) is \(node.kind)",
                isList ? "write a list of single values" : "write a single value")
            return nil
        }
    }

    private mutating func assign(_ option: Option, _ text: String, _ origin: Origin) {
        if origin != .builtIn { origins[option.name] = origin }
        do throws(ValueError) {
            if option.isSecret || !option.isShown(text), text == Secret.redacted {
                throw ValueError(message: "stands for a secret that was left out", mend: "write the secret itself")
            }
            try option.assign(&configuration, text)
        } catch {
            let value = option.isSecret || !option.isShown(text) ? "the value" : TextRules.quote(text)
            // A flag names the option itself.
            let name = if case .flag = origin { "" } else { "\(option.name): " }
            problems.append(ConfigurationProblem(origin, "\(name)\(value) \(error.message)", mend: error.mend))
        }
    }

    /// Takes a name of the top, or of an account, for one that is meant: what belongs below it is not missing.
    private mutating func excuse(_ name: String) {
        switch name {
        case "accounts": excused.formUnion(table.account.map(\.name))
        case "kafka": excused.insert(Self.requiredProperty)
        default: excused.insert(name)
        }
    }

    private mutating func excuseAll() {
        excuse("accounts")
        excuse("kafka")
        excused.formUnion(table.worker.map(\.name))
    }

    private static let requiredProperty = "kafka.bootstrap.servers"

    private mutating func add(_ position: YAMLNode.Position, _ path: String, _ message: String, _ mend: String) {
        problems.append(
            ConfigurationProblem(
                .file(path: path, line: position.line, column: position.column), message, mend: mend))
    }

    // MARK: The values together

    mutating func requireAll() {
        var missing: [ConfigurationProblem] = []
        for option in table.options where option.isRequired && origins[option.name] == nil {
            if excused.contains(option.name) { continue }
            let place = option.scope == .account ? "accounts.\(accountName ?? "main").\(option.name)" : option.name
            missing.append(
                ConfigurationProblem(
                    .configuration, "\(place) is missing", mend: "write it into the file or give --set \(place)=VALUE"))
        }
        // A property with a name that is not allowed may be meant for this one.
        let isMeant = properties.contains { property in
            property.name == "bootstrap.servers" || nearestProperty(property.name) == "bootstrap.servers"
        }
        if !isMeant, !excused.contains(Self.requiredProperty) {
            missing.append(
                ConfigurationProblem(
                    .configuration, "\(Self.requiredProperty) is missing",
                    mend: "write the brokers below kafka:, as bootstrap.servers: HOST:PORT,HOST:PORT"))
        }
        if let emptyFile, !missing.isEmpty {
            problems.append(
                ConfigurationProblem(
                    .wholeFile(path: emptyFile), "the file is empty", mend: "write the configuration into it"))
        }
        problems += missing
    }

    /// The known property that a refused name is nearest to; nil for a name that may be set.
    private func nearestProperty(_ name: String) -> String? {
        guard KafkaPropertyRules.verdict(name: name, value: "") == .refused else { return nil }
        return EditDistance.nearest(to: name, in: KafkaPropertyRules.allowedNames + KafkaPropertyRules.secretNames)
    }

    /// Judges Kafka's properties, which needs `insecure`.
    mutating func finish() {
        configuration.kafkaProperties = properties.sorted { $0.name < $1.name }.compactMap { judge($0) }
    }

    private mutating func judge(_ property: GivenProperty) -> KafkaProperty? {
        let name = property.name
        let shown = TextRules.quote(name)
        func problem(_ message: String, _ mend: String) -> KafkaProperty? {
            problems.append(ConfigurationProblem(property.origin, message, mend: mend))
            return nil
        }
        let isSecret = KafkaPropertyRules.isSecret(name)
        switch KafkaPropertyRules.verdict(name: name, value: property.text) {
        case .refused:
            return problem(
                "the Kafka property \(shown) may not be set",
                nearestProperty(name).map { "perhaps \($0) is meant" }
                    ?? "leave it out: the worker sets what its guarantees need")
        case .needsInsecure where !configuration.insecure:
            return problem(
                "this value of the Kafka property \(shown) weakens TLS", "leave it out, or set insecure: true")
        case .needsInsecure, .allowed: break
        }
        if property.isFile {
            guard isSecret else {
                return problem("\(shown) is not a secret, and only secrets are given by file", "write the value itself")
            }
            guard property.text != Secret.redacted, let path = try? ValueFormat<String>.path.parse(property.text) else {
                return problem("\(shown) by file needs the path of a file", "write a path")
            }
            return KafkaProperty(name: name, value: .file(path: path))
        }
        guard !property.text.isEmpty, TextRules.isPrintable(property.text) || isSecret,
            !property.text.utf8.contains(0)
        else {
            return problem("the value of \(shown) is empty or has control characters", "write a plain text")
        }
        if isSecret, property.text == Secret.redacted {
            return problem("\(shown) stands for a secret that was left out", "write the secret itself, or its file")
        }
        if let bounds = KafkaPropertyRules.bounds[name] {
            guard let value = UnitText.digits(property.text), bounds.contains(value) else {
                let unit =
                    name.hasSuffix(".ms")
                    ? "milliseconds"
                    : name.hasSuffix(".kbytes") ? "KiB" : name.hasSuffix(".bytes") ? "bytes" : "a number"
                return problem(
                    "\(name) is out of bounds",
                    "write \(unit) from \(bounds.lowerBound) to \(bounds.upperBound), in digits")
            }
        }
        return KafkaProperty(name: name, value: isSecret ? .secret(Secret(property.text)) : .text(property.text))
    }

    /// Where each of Kafka's properties stands.
    var kafkaOrigins: [String: ConfigurationProblem.Origin] {
        Dictionary(properties.map { ($0.name, $0.origin) }, uniquingKeysWith: { $1 })
    }

    /// Kafka's properties that librdkafka takes one by one, and with which no connection ever comes to be.
    mutating func checkKafkaTogether() {
        let given = properties.map { KafkaSecurityCheck.Given(name: $0.name, text: $0.text, isFile: $0.isFile) }
        guard let problem = KafkaSecurityCheck.problem(given) else { return }
        problems.append(
            ConfigurationProblem(
                kafkaOrigins[problem.property] ?? .configuration, problem.message, mend: problem.mend))
    }

    /// The bounds between options (the table of defaults in the reference).
    mutating func checkTogether() {
        let configuration = configuration
        let session = configuration.sessionTimeout
        let deadline = configuration.account.requestDeadline
        let drain = configuration.drainLimit
        func text(_ value: Int64) -> String { UnitText.render(value, UnitText.durations) }
        if deadline > session {
            check(
                "request-deadline",
                "request-deadline (\(text(deadline))) is above session.timeout.ms (\(text(session)))",
                "lower it, or raise kafka.session.timeout.ms")
        }
        if drain < deadline + 2_000 {
            check(
                "drain-limit", "drain-limit (\(text(drain))) is below request-deadline + 2s",
                "set it to \(text(deadline + 2_000)) or more, or lower request-deadline")
        }
        if drain < session + 1_000 {
            check(
                "drain-limit", "drain-limit (\(text(drain))) is below session.timeout.ms + 1s",
                "set it to \(text(session + 1_000)) or more, or lower kafka.session.timeout.ms")
        }
        if drain + 5_000 >= configuration.terminationGrace {
            check(
                "termination-grace",
                "termination-grace (\(text(configuration.terminationGrace))) is not above drain-limit + 5s",
                "raise it above \(text(drain + 5_000)), as in the supervisor's own setting, or lower drain-limit")
        }
        if drain + deadline >= KafkaPropertyRules.maxPollInterval {
            check(
                "drain-limit", "drain-limit + request-deadline is not below max.poll.interval.ms (5m)",
                "lower drain-limit or request-deadline")
        }
        if configuration.topic == configuration.deadLetterTopic {
            check("dead-letter-topic", "dead-letter-topic is the same topic as topic", "name another topic")
        }
        if configuration.windowBytes < configuration.recordSize {
            check("window-bytes", "window-bytes is below record-size", "raise it, or lower record-size")
        }
        if let name = configuration.defaultAccount, name != configuration.account.name.text {
            check(
                "default-account", "default-account names no account",
                "write \(configuration.account.name.text), or leave it out")
        }
        checkPlainHTTP()
    }

    private mutating func checkPlainHTTP() {
        guard let url = URLText(configuration.account.baseURL), url.scheme == "http", !configuration.allowPlainHTTP
        else { return }
        if !url.isLoopback {
            check(
                "base-url", "base-url has plain http to another host than loopback, which sends the key in clear",
                "write https, or set allow-plain-http: true")
        } else if configuration.proxy != nil {
            check(
                "proxy", "proxy gets the key in clear, as base-url has plain http",
                "write https, leave proxy out, or set allow-plain-http: true")
        }
    }

    private mutating func check(_ option: String, _ message: String, _ mend: String) {
        problems.append(ConfigurationProblem(origins[option] ?? .configuration, message, mend: mend))
    }

    /// What the worker says at start.
    var notices: [String] {
        var result: [String] = []
        if configuration.account.budget == .unlimited {
            result.append(
                "budget: unlimited is for tests: nothing bounds the requests of account \(configuration.account.name)")
        }
        if configuration.allowPlainHTTP { result.append("allow-plain-http: the API key may be sent in clear") }
        if configuration.insecure { result.append("insecure: properties that weaken TLS to Kafka are accepted") }
        return result
    }
}
