import Configuration

/// Short ways to parse in tests.
enum Parsing {
    /// The least that a valid file needs.
    static let minimum = """
        kafka:
          bootstrap.servers: broker-1:9092
        accounts:
          main:
            key-file: /run/secrets/key

        """

    static func parse(
        _ yaml: String? = minimum, environment: [String: String] = [:], arguments: [String] = [],
        checks: ConfigurationParser.Checks = .full
    ) throws(ConfigurationError) -> ParsedConfiguration {
        try ConfigurationParser().parse(
            file: yaml.map { ConfigurationParser.File(path: "c.yaml", bytes: Array($0.utf8)) },
            environment: environment, arguments: try CommandLineArguments(arguments), checks: checks)
    }

    /// The error's text, or `no error`.
    static func failure(
        _ yaml: String? = minimum, environment: [String: String] = [:], arguments: [String] = []
    ) -> String {
        do {
            _ = try parse(yaml, environment: environment, arguments: arguments)
            return "no error"
        } catch {
            return "\(error)"
        }
    }
}
