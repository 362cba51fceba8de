/// A flag of a command that is no option of the configuration.
public struct CommandFlag: Hashable, Sendable {
    /// The name without hyphens.
    public var name: String
    /// What stands for the value in the help text; nil when the flag takes none.
    public var placeholder: String?
    /// One line of help.
    public var help: String

    /// Makes a flag of its parts.
    public init(_ name: String, placeholder: String? = nil, _ help: String) {
        self.name = name
        self.placeholder = placeholder
        self.help = help
    }

    /// The flags that every command with a configuration has.
    static let common = [
        CommandFlag("config", placeholder: "FILE", "Read the configuration from a YAML file."),
        CommandFlag(
            "set", placeholder: "NAME=VALUE",
            "Set any option, also accounts.NAME.OPTION and kafka.PROPERTY; can be repeated."),
        CommandFlag("print-config", "Print the configuration that results, without secrets, and end."),
        CommandFlag("help", "Print this text and end."),
    ]
}

/// The arguments of a command, split into flags, with nothing checked that needs the configuration file.
public struct CommandLineArguments: Sendable {
    struct Setting: Sendable {
        var origin: ConfigurationProblem.Origin
        var target: Target
        var text: String
    }

    enum Target: Sendable {
        case option(Option)
        case account(name: String, option: Option)
        case kafka(String)
    }

    /// The file that `--config` names.
    public internal(set) var configurationPath: String?
    /// Whether `--print-config` is there.
    public internal(set) var printsConfiguration = false
    /// Whether `--help` or `-h` is there. Nothing else is then read.
    public internal(set) var showsHelp = false
    /// The values of the command's own flags; a flag without a value has an empty text.
    public internal(set) var values: [String: String] = [:]
    var settings: [Setting] = []

    /// Reads arguments: `--name value`, `--name=value`, `--set path=value`. A boolean option stands alone or with
    /// `=true` or `=false`. Of an option that stands twice the later one counts.
    /// - Parameters:
    ///   - arguments: The arguments after the command's name.
    ///   - flags: The command's own flags. They stand for themselves where an option has the same name.
    ///   - table: The options.
    /// - Throws: `ConfigurationError` with all that is wrong; values are never quoted.
    public init(
        _ arguments: [String], flags: [CommandFlag] = [], table: OptionTable = .standard
    ) throws(ConfigurationError) {
        if arguments.contains("--help") || arguments.contains("-h") {
            showsHelp = true
            return
        }
        var problems: [ConfigurationProblem] = []
        let own = flags + CommandFlag.common
        var index = 0
        while index < arguments.count {
            let argument = arguments[index]
            index += 1
            guard argument.hasPrefix("--"), argument.utf8.count > 2 else {
                problems.append(
                    ConfigurationProblem(
                        .configuration, "argument \(index) is not a flag", mend: "write --NAME VALUE, see --help"))
                continue
            }
            let name = String(argument.dropFirst(2).prefix { $0 != "=" })
            var value = argument.contains("=") ? String(argument.dropFirst(3 + name.count)) : nil
            let origin = ConfigurationProblem.Origin.flag(name: "--\(name)")
            func takeValue() -> String? {
                if value == nil, index < arguments.count, !arguments[index].hasPrefix("--") {
                    value = arguments[index]
                    index += 1
                }
                if value == nil {
                    problems.append(
                        ConfigurationProblem(origin, "the value is missing", mend: "write --\(name) VALUE"))
                }
                return value
            }
            if let flag = own.first(where: { $0.name == name }) {
                if flag.placeholder != nil {
                    guard let text = takeValue() else { continue }
                    take(flag, text, origin, table, &problems)
                } else if value != nil {
                    problems.append(
                        ConfigurationProblem(origin, "the flag takes no value", mend: "write --\(name) alone"))
                } else {
                    take(flag, "", origin, table, &problems)
                }
            } else if let option = table.option(name, .worker) {
                if option.isSecret {
                    _ = takeValue()
                    problems.append(
                        ConfigurationProblem(origin, Self.secretAsFlag, mend: "write it into the configuration file"))
                } else if option.isBoolean {
                    settings.append(Setting(origin: origin, target: .option(option), text: value ?? "true"))
                } else if let text = takeValue() {
                    settings.append(Setting(origin: origin, target: .option(option), text: text))
                }
            } else {
                // What follows an unknown flag is taken for its value: it could be a secret.
                if value == nil, index < arguments.count, !arguments[index].hasPrefix("--") { index += 1 }
                problems.append(Self.unknownFlag(name, own, table))
            }
        }
        if !problems.isEmpty { throw ConfigurationError(problems) }
    }

    private static let secretAsFlag = "a secret as a flag can be seen by every process of the machine"

    private mutating func take(
        _ flag: CommandFlag, _ text: String, _ origin: ConfigurationProblem.Origin, _ table: OptionTable,
        _ problems: inout [ConfigurationProblem]
    ) {
        switch flag.name {
        case "config": configurationPath = text
        case "print-config": printsConfiguration = true
        case "set": set(text, table, &problems)
        default:
            if values.updateValue(text, forKey: flag.name) != nil {
                problems.append(ConfigurationProblem(origin, "the flag stands twice", mend: "leave one of them out"))
            }
        }
    }

    /// Reads what follows `--set`.
    private mutating func set(_ text: String, _ table: OptionTable, _ problems: inout [ConfigurationProblem]) {
        guard let equals = text.firstIndex(of: "=") else {
            problems.append(
                ConfigurationProblem(
                    .flag(name: "--set"), "there is no = in the value", mend: "write --set NAME=VALUE"))
            return
        }
        let path = String(text[..<equals])
        let value = String(text[text.index(after: equals)...])
        let origin = ConfigurationProblem.Origin.flag(name: "--set \(TextRules.quote(path))")
        if path.hasPrefix("kafka."), path.utf8.count > 6 {
            let name = String(path.dropFirst(6))
            if KafkaPropertyRules.isSecret(name), !name.hasSuffix(KafkaPropertyRules.fileSuffix) {
                problems.append(
                    ConfigurationProblem(
                        origin, Self.secretAsFlag,
                        mend: "write it into a file and set kafka.NAME\(KafkaPropertyRules.fileSuffix) to its path"))
            } else {
                settings.append(Setting(origin: origin, target: .kafka(name), text: value))
            }
        } else if path.hasPrefix("accounts.") {
            let rest = path.dropFirst(9)
            let account = String(rest.prefix { $0 != "." })
            let name = String(rest.dropFirst(account.count + 1))
            guard let option = table.option(name, .account) else {
                let near = EditDistance.nearest(to: name, in: table.account.map(\.name))
                problems.append(
                    ConfigurationProblem(
                        origin, "there is no such option of an account",
                        mend: near.map { "perhaps accounts.NAME.\($0) is meant" } ?? "see --help"))
                return
            }
            if option.isSecret {
                problems.append(
                    ConfigurationProblem(origin, Self.secretAsFlag, mend: "write it into the configuration file"))
            } else {
                settings.append(Setting(origin: origin, target: .account(name: account, option: option), text: value))
            }
        } else if let option = table.option(path, .worker) {
            if option.isSecret {
                problems.append(
                    ConfigurationProblem(origin, Self.secretAsFlag, mend: "write it into the configuration file"))
            } else {
                settings.append(Setting(origin: origin, target: .option(option), text: value))
            }
        } else {
            let known = table.worker.map(\.name)
            problems.append(
                ConfigurationProblem(
                    origin, "there is no such option",
                    mend: EditDistance.nearest(to: path, in: known).map { "perhaps \($0) is meant" }
                        ?? "write NAME, accounts.NAME.OPTION or kafka.PROPERTY, see --help"))
        }
    }

    private static func unknownFlag(
        _ name: String, _ own: [CommandFlag], _ table: OptionTable
    ) -> ConfigurationProblem {
        let origin = ConfigurationProblem.Origin.flag(name: "--\(TextRules.quote(name).dropFirst().dropLast())")
        if table.option(name, .account) != nil {
            return ConfigurationProblem(
                origin, "this option belongs to an account", mend: "write --set accounts.NAME.\(name)=VALUE")
        }
        if KafkaPropertyRules.verdict(name: name, value: "") != .refused {
            return ConfigurationProblem(
                origin, "this is a property of Kafka", mend: "write it below kafka: in the file, or --set kafka.…")
        }
        let known = own.map(\.name) + table.worker.filter { !$0.isSecret }.map(\.name)
        return ConfigurationProblem(
            origin, "there is no such flag",
            mend: EditDistance.nearest(to: name, in: known).map { "perhaps --\($0) is meant" } ?? "see --help")
    }
}
