/// One option of the configuration: everything about it is declared here, once, and parsing, the environment's names,
/// the flags, the help text, the checks, the print-out and the reference page come from it.
public struct Option: Sendable {
    /// Where an option stands in the file.
    public enum Scope: Hashable, Sendable {
        /// At the top; a dot in the name leads into a mapping.
        case worker
        /// In each account, below `accounts:`.
        case account
    }

    /// The name in the file, and of the flag.
    public let name: String
    /// Where it stands.
    public let scope: Scope
    /// The type's name, for people.
    public let type: String
    /// What stands for a value in the help text.
    public let placeholder: String
    /// The bounds or the allowed words; empty when there are none.
    public let bounds: String
    /// The default as it is written in the file; nil when there is none.
    public let defaultText: String?
    /// Whether a value must be given.
    public let isRequired: Bool
    /// Whether the value is never shown and refused as a flag and from the environment.
    public let isSecret: Bool
    /// Whether the file can give the value as a list; in texts its elements are joined by commas.
    public let isList: Bool
    /// Whether the flag may stand without a value.
    public let isBoolean: Bool
    /// Whether the value is a free text, which other readers of YAML need in quotes when it looks like a number.
    public let isText: Bool
    /// One line of help.
    public let help: String
    /// Whether a text that was given may stand in a message. What is no value of the option could be a secret that was put
    /// into its place.
    let isShown: @Sendable (String) -> Bool
    let assign: @Sendable (inout WorkerConfiguration, String) throws(ValueError) -> Void
    let render: @Sendable (WorkerConfiguration) -> String?

    init<Value: Sendable>(
        _ name: String, _ path: any WritableKeyPath<WorkerConfiguration, Value> & Sendable,
        _ format: ValueFormat<Value>, default defaultText: String? = nil, required: Bool = false, secret: Bool = false,
        scope: Scope = .worker, _ help: String
    ) {
        self.name = name
        self.scope = scope
        type = format.type
        placeholder = format.placeholder
        bounds = format.bounds
        self.defaultText = defaultText
        isRequired = required
        isSecret = secret
        isList = format.isList
        isBoolean = format.isBoolean
        isText = format.isText
        self.help = help
        isShown = format.isShown
        assign = { configuration, text throws(ValueError) in
            configuration[keyPath: path] = try format.parse(text)
        }
        render = { configuration in format.render(configuration[keyPath: path]) }
    }

    /// The environment variable, or nil for options that the environment does not reach.
    public var environmentName: String? {
        guard scope == .worker, !isSecret else { return nil }
        let upper = name.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "-"), UInt8(ascii: "."): UInt8(ascii: "_")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte & 0xDF
            default: byte
            }
        }
        return OptionTable.environmentPrefix + String(decoding: upper, as: UTF8.self)
    }

    /// The flag, or nil for options that only `--set` reaches.
    public var flagName: String? { scope == .worker && !isSecret ? "--\(name)" : nil }
}
