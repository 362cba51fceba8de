public import Configuration

/// What a command with a configuration begins with: flags and configuration read, or a reason to end.
public enum CommandContext {
    /// What came of the arguments.
    public enum Start {
        /// Go on.
        case go(ParsedConfiguration, CommandLineArguments)
        /// End with this exit code; everything is said.
        case end(Int32)
    }

    /// Reads arguments, file and environment of a command.
    /// - Parameters:
    ///   - name: The command, for the help text.
    ///   - usage: What follows the command in its usage.
    ///   - about: What it does, one line or more.
    ///   - flags: Its own flags.
    ///   - checks: What is checked of the configuration.
    public static func start(
        _ name: String, usage: String = "[flags]", about: String, flags: [CommandFlag] = [], arguments: [String],
        checks: ConfigurationParser.Checks = .full
    ) -> Start {
        do throws(ConfigurationError) {
            let parsed = try CommandLineArguments(arguments, flags: flags)
            if parsed.showsHelp {
                Terminal.print("usage: revoke-worker \(name) \(usage)\n\n\(about)\n")
                Terminal.print(ConfigurationHelp.text(flags: flags))
                return .end(0)
            }
            let environment = Terminal.environment
            let file = try ConfigurationFiles.load(arguments: parsed, environment: environment)
            let result = try ConfigurationParser().parse(
                file: file, environment: environment, arguments: parsed,
                checks: parsed.printsConfiguration ? .formOnly : checks)
            for warning in result.warnings { Terminal.complain("warning: \(warning)") }
            if parsed.printsConfiguration {
                Terminal.print(ConfigurationPrinter.yaml(result.configuration))
                return .end(0)
            }
            if checks != .formOnly { try KafkaSettings.check(result) }
            return .go(result, parsed)
        } catch {
            for problem in error.problems { Terminal.complain("error: \(problem)") }
            complainUsage(name, usage)
            return .end(Terminal.usageExit)
        }
    }

    static func complainUsage(_ name: String, _ usage: String = "[flags]") {
        Terminal.complain("usage: revoke-worker \(name) \(usage), see revoke-worker \(name) --help")
    }
}
