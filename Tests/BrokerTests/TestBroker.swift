import Foundation
import Testing

/// A real broker, driven through `scripts/kafka`.
struct TestBroker: Sendable {
    /// How `scripts/kafka` finds a broker.
    enum Kind: Hashable, Sendable {
        /// Brokers of our own, as many as are wanted, that can be stopped and can have ACLs.
        case kit
        /// One broker that others may use too: topics and groups of our own, and nothing that disturbs.
        case shared
        /// None.
        case none
    }

    /// What there is, found once.
    static let kind: Kind = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: script)
        process.arguments = ["find"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return .none }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { return .none }
        return text.hasPrefix("kit ") ? .kit : .shared
    }()

    /// Why broker tests are skipped, where they are.
    static let skipped: Comment = "scripts/kafka finds no broker that can do this"

    /// One committed offset of a group.
    struct Committed: Hashable, Sendable {
        var partition: Int
        /// nil where the group has committed nothing.
        var offset: Int64?
        var logEnd: Int64
    }

    /// A record as Kafka's own console consumer shows it.
    struct Shown: Hashable, Sendable {
        var headers: [String: String]
        var key: String
        var value: String
    }

    /// For clients without security.
    var bootstrap: String
    /// For clients with TLS and SASL; empty without.
    var secureBootstrap = ""
    /// The broker's folder; nil for a shared broker.
    var folder: URL?

    private static let script = TestFolder.repository.appendingPathComponent("scripts/kafka").path

    /// Starts a broker; options are those of the kit.
    static func start(_ options: [String] = []) async throws -> TestBroker {
        guard kind == .kit else {
            let output = try await Command.run(script, ["start"]).standardOutput
            return TestBroker(bootstrap: try address(after: "ready ", in: output))
        }
        let folder = try TestFolder.make("broker")
        let ports = try FreePort.choose(3)
        let output = try await Command.run(
            script,
            [
                "start", "--dir", folder.path, "--port", "\(ports[0])", "--controller-port", "\(ports[1])",
                "--sasl-port", "\(ports[2])",
            ] + options
        ).standardOutput
        let secure = output.contains("sasl_ssl ") ? try address(after: "sasl_ssl ", in: output) : ""
        return TestBroker(
            bootstrap: try address(after: "ready ", in: output), secureBootstrap: secure, folder: folder)
    }

    private static func address(after prefix: String, in output: String) throws -> String {
        let line = try #require(output.split(separator: "\n").first { $0.hasPrefix(prefix) })
        return String(try #require(line.dropFirst(prefix.count).split(separator: " ").first))
    }

    /// `stop`, `kill`, `pause`, `resume` or `destroy`; a shared broker is left as it is.
    func control(_ command: String) async throws {
        guard let folder else { return }
        try await Command.run(Self.script, [command, "--dir", folder.path])
    }

    /// Starts the broker again, with the same settings and data.
    func startAgain() async throws {
        guard let folder else { return }
        try await Command.run(Self.script, ["start", "--dir", folder.path])
    }

    /// Runs one of Kafka's own tools.
    @discardableResult
    func tool(_ arguments: [String], input: [UInt8]? = nil, mayFail: Bool = false) async throws -> Command.Output {
        try await Command.run(
            Self.script, [arguments[0], "--bootstrap-server", bootstrap] + arguments.dropFirst(), input: input,
            mayFail: mayFail)
    }

    /// Adds partitions to a topic.
    func addPartitions(_ name: String, total: Int) async throws {
        try await tool(["topics", "--alter", "--topic", name, "--partitions", "\(total)"])
    }

    /// What the group committed, as Kafka's own tool tells it.
    func committed(group: String, topic: String) async throws -> [Committed] {
        let output = try await tool(["groups", "--describe", "--group", group]).standardOutput
        return output.split(separator: "\n").compactMap { line in
            // GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG …
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count >= 6, fields[0] == group, fields[1] == topic, let partition = Int(fields[2]),
                let logEnd = Int64(fields[4])
            else { return nil }
            return Committed(partition: partition, offset: Int64(fields[3]), logEnd: logEnd)
        }.sorted { $0.partition < $1.partition }
    }

    /// How many records a topic holds.
    func count(topic: String) async throws -> Int {
        try await tool(["offsets", "--topic", topic]).standardOutput.split(separator: "\n").reduce(0) {
            // topic:partition:offset
            $0 + (Int($1.split(separator: ":").last ?? "") ?? 0)
        }
    }

    /// All records of a topic, as Kafka's own console consumer shows them.
    func records(topic: String) async throws -> [Shown] {
        let count = try await count(topic: topic)
        guard count > 0 else { return [] }
        let output = try await tool([
            "consume", "--topic", topic, "--from-beginning", "--max-messages", "\(count)", "--timeout-ms", "20000",
            "--formatter-property", "print.headers=true", "--formatter-property", "print.key=true",
            "--formatter-property", "headers.separator=\u{1}", "--formatter-property", "key.separator=\u{2}",
            "--formatter-property", "line.separator=\u{3}",
        ]).standardOutput
        return output.split(separator: "\u{3}").compactMap { line in
            let parts = line.split(separator: "\u{2}", omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            var headers: [String: String] = [:]
            for header in parts[0].split(separator: "\u{1}") {
                let colon = header.firstIndex(of: ":") ?? header.endIndex
                headers[String(header[..<colon])] = String(header[colon...].dropFirst())
            }
            return Shown(headers: headers, key: String(parts[1]), value: String(parts[2]))
        }
    }
}
