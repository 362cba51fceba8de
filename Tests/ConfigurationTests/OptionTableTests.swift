import Configuration
import Testing

@Suite struct OptionTableTests {
    private let table = OptionTable.standard

    @Test func everyNameIsDeclaredOnce() {
        #expect(Set(table.options.map(\.name)).count == table.options.count)
        let variables = table.options.compactMap(\.environmentName)
        #expect(Set(variables).count == variables.count)
        #expect(table.option(named: "health.listen")?.environmentName == "REVOKE_WORKER_HEALTH_LISTEN")
        #expect(table.option(named: "health.listen")?.flagName == "--health.listen")
        #expect(table.option(named: "concurrency")?.environmentName == nil)
        #expect(table.option(named: "concurrency")?.flagName == nil)
    }

    @Test func everyOptionHasOneLineOfHelpAndAValue() {
        for option in table.options {
            #expect(option.help.hasSuffix(".") && !option.help.contains("\n"))
            #expect(!option.isRequired || option.defaultText == nil)
            #expect(!option.isSecret)
        }
    }

    @Test func everyOptionIsReachedByFlagAndVariable() throws {
        // The printed value of each option, given back by every way that the option has, changes nothing.
        let configuration = try Parsing.parse(
            arguments: ["--ca-file", "/ca", "--proxy", "http://p:1", "--default-account", "main"]
        ).configuration
        for option in table.worker {
            let value = option.name == "health.listen" ? "127.0.0.1:8480" : Self.value(option.name, configuration)
            let text = try #require(value)
            let flag = try #require(option.flagName)
            let variable = try #require(option.environmentName)
            for parsed in [
                try Parsing.parse(arguments: ["\(flag)=\(text)"]),
                try Parsing.parse(arguments: ["--set", "\(option.name)=\(text)"]),
                try Parsing.parse(environment: [variable: text]),
            ] {
                #expect(Self.value(option.name, parsed.configuration) == Self.value(option.name, configuration))
            }
        }
        for option in table.account {
            let text = option.defaultText ?? "/k"
            _ = try Parsing.parse(arguments: ["--set", "accounts.main.\(option.name)=\(text)"])
        }
    }

    /// The value in the print-out.
    private static func value(_ name: String, _ configuration: WorkerConfiguration) -> String? {
        let last = name.split(separator: ".").last.map(String.init) ?? name
        for line in ConfigurationPrinter.yaml(configuration).split(separator: "\n") {
            let line = line.drop { $0 == " " }
            guard line.hasPrefix("\(last): ") else { continue }
            return String(line.dropFirst(last.count + 2).filter { $0 != "\"" })
        }
        return nil
    }

    @Test func thePrintOutIsReadBack() throws {
        let sources: [(String, [String])] = [
            (Parsing.minimum, []),
            (
                Parsing.minimum,
                [
                    "--group", "it's \"odd\" #1: \\ \u{1F600} - x", "--topic", "010", "--dead-letter-topic", "no",
                    "--start-at", "2024-02-29T23:59:59.001Z", "--ca-file", "/with space ", "--health.listen=[::]:0",
                    "--set", "accounts.main.budget=unlimited", "--set", "kafka.client.id=~", "--set",
                    "kafka.client.rack=null", "--insecure", "--proxy", "http://p:3128", "--log-format=json",
                    "--unknown-types", "skip", "--default-account", "main", "--set", "kafka.debug=a, b",
                ]
            ),
            (Parsing.minimum + "group: 'null'\nlog-level: debug\n", ["--set", "accounts.main.budget=7/61s"]),
        ]
        for (yaml, arguments) in sources {
            let configuration = try Parsing.parse(yaml, arguments: arguments).configuration
            let printed = ConfigurationPrinter.yaml(configuration)
            #expect(try Parsing.parse(printed).configuration == configuration, "\(printed)")
        }
    }

    @Test func theHelpNamesEverything() {
        let text = ConfigurationHelp.text(flags: [CommandFlag("contract", placeholder: "N", "The contract.")])
        for option in table.options {
            #expect(text.contains(option.help))
            if let flag = option.flagName { #expect(text.contains("  \(flag)")) }
            if let variable = option.environmentName { #expect(text.contains(variable)) }
        }
        #expect(text.contains("  --contract N\n        The contract.\n"))
        #expect(text.contains("--print-config") && text.contains("sasl.*"))
        #expect(text.contains("  --insecure\n"))
    }

    @Test func theReferencePageIsUpToDate() throws {
        let path = TestFile.inPackage("docs/configuration.md")
        if TestFile.writesReference { try TestFile.write(ConfigurationHelp.reference(), path) }
        #expect(try TestFile.read(path) == ConfigurationHelp.reference(), "run scripts/generate-docs")
    }

    @Test func flagsOfACommandAreGiven() throws {
        let flags = [
            CommandFlag("contract", placeholder: "N", "x"), CommandFlag("ready", "x"),
            CommandFlag("group", placeholder: "G", "stands for itself"),
        ]
        let arguments = try CommandLineArguments(
            ["--contract", "-5", "--ready", "--print-config", "--config=c.yaml", "--group=g"], flags: flags)
        #expect(arguments.values == ["contract": "-5", "ready": "", "group": "g"])
        #expect(arguments.printsConfiguration && arguments.configurationPath == "c.yaml" && !arguments.showsHelp)
        #expect(try CommandLineArguments(["--nonsense", "--help"]).showsHelp)
        #expect(try CommandLineArguments(["-h"]).showsHelp)
    }

    @Test(arguments: [
        (["--topik", "x"], "--topik: there is no such flag; perhaps --topic is meant"),
        (
            ["--concurrency", "1"],
            "--concurrency: this option belongs to an account; write --set accounts.NAME.concurrency"
        ),
        (["--client.id=x"], "--client.id: this is a property of Kafka"),
        (["--topic"], "--topic: the value is missing"),
        (["--topic", "--group", "x"], "--topic: the value is missing"),
        (["--print-config=1"], "--print-config: the flag takes no value"),
        (["x"], "argument 1 is not a flag"),
        (["--insecure", "true"], "argument 2 is not a flag"),
        (["--"], "argument 1 is not a flag"),
        (["--set", "topic"], "--set: there is no = in the value"),
        (["--set", "topik=x"], "--set \"topik\": there is no such option; perhaps topic is meant"),
        (["--set", "accounts.main.concurency=1"], "perhaps accounts.NAME.concurrency is meant"),
        (["--set", "accounts.=1"], "there is no such option of an account"),
        (["--set", "kafka.=1"], "there is no such option"),
        (["--set", "=1"], "there is no such option"),
        (["--insecure=maybe"], "--insecure: \"maybe\" is not a boolean"),
        (["--=x"], "there is no such flag"),
    ])
    func errorsOfFlagsSayHowToMend(arguments: [String], expected: String) {
        let text = Parsing.failure(arguments: arguments)
        #expect(text.contains(expected), "\(text)")
    }
}
