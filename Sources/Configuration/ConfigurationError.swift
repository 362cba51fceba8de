/// Everything that is wrong with a configuration or a command line. No text in it holds a secret's value.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The problems, in the order of the sources; never empty.
    public var problems: [ConfigurationProblem]

    /// Makes an error of its problems.
    public init(_ problems: [ConfigurationProblem]) { self.problems = problems }

    /// One line for each problem.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// One thing that is wrong, where it stands and how to mend it.
public struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
    /// Where a value comes from.
    public enum Origin: Hashable, Sendable {
        /// The configuration file; line and column count from 1.
        case file(path: String, line: Int, column: Int)
        /// A whole file.
        case wholeFile(path: String)
        /// An environment variable.
        case environment(name: String)
        /// A flag of the command line.
        case flag(name: String)
        /// The default of the option.
        case builtIn
        /// Several values together, or one that is missing.
        case configuration
    }

    /// Where it stands.
    public var origin: Origin
    /// What is wrong.
    public var message: String
    /// How to mend it.
    public var mend: String

    /// Makes a problem of its parts.
    public init(_ origin: Origin, _ message: String, mend: String) {
        self.origin = origin
        self.message = message
        self.mend = mend
    }

    /// `where: what; how to mend it`.
    public var description: String {
        let place =
            switch origin {
            case .file(let path, let line, let column): "\(path):\(line):\(column): "
            case .wholeFile(let path): "\(path): "
            case .environment(let name): "environment variable \(name): "
            case .flag(let name): "\(name): "
            case .builtIn: "default: "
            case .configuration: ""
            }
        return "\(place)\(message); \(mend)"
    }
}
