import DemoKit
import Foundation
import Kafka
import RevokeWorker
import Testing

@Suite("Kafka settings that cannot work")
struct KafkaSettingsTests {
    struct Wrong: Sendable, CustomTestStringConvertible {
        var lines: [String]
        var place: String
        var text: String
        var testDescription: String { lines.joined(separator: ", ") }
    }

    @Test(
        "A value that librdkafka refuses is exit 64, with its line and without the value of a secret",
        arguments: [
            Wrong(
                lines: ["security.protocol: foo"], place: "3:3", text: "the Kafka property security.protocol: Invalid"),
            Wrong(lines: ["client.nonsense: x"], place: "3:3", text: "the Kafka property client.nonsense: No such"),
            Wrong(
                lines: ["security.protocol: ssl", "ssl.ca.location: /nonexistent/ca"], place: "4:3",
                text: "the Kafka property ssl.ca.location: ssl.ca.location failed"),
            Wrong(
                lines: ["security.protocol: ssl", "ssl.key.pem: hunter2"], place: "4:3",
                text: "the Kafka property ssl.key.pem: librdkafka refuses the value"),
            Wrong(lines: ["sasl.username: u"], place: "3:3", text: "sasl.username has no effect"),
        ])
    func refused(_ wrong: Wrong) async throws {
        try await scenario { scenario in
            let file = try scenario.configurationFile(kafka: wrong.lines)
            for command in [["run"], ["check"], ["publish", "--contract", "1"]] {
                let result = try ChildProcess.run(command + ["--config", file])
                #expect(result.code == 64)
                #expect(result.errors.hasPrefix("error: \(file):\(wrong.place): \(wrong.text)"), "\(result.errors)")
                #expect(!(result.errors + result.output).contains("hunter2"))
            }
        }
    }

    @Test("A session timeout that the brokers refuse ends the worker, with the property's name")
    func sessionTimeout() async throws {
        try await scenario { scenario in
            scenario.cluster.failNext(.joinGroup, with: [.invalidSessionTimeout])
            let end = try scenario.start().end()
            guard case .fatal(let text) = end else {
                Issue.record("\(end)")
                return
            }
            #expect(text.hasPrefix("the brokers refuse kafka.session.timeout.ms (15000): set it between"))
        }
    }

    @Test("Members with another assignor are told once, with the assignor's name, and the worker joins when they left")
    func assignor() async throws {
        try await scenario { scenario in
            scenario.cluster.failNext(
                .joinGroup, with: [.inconsistentGroupProtocol, .inconsistentGroupProtocol])
            let worker = try scenario.start()
            try worker.waitUntilReading()
            let lines = worker.log.lines.filter { $0.message.hasPrefix("the group refuses this worker") }
            #expect(lines.count == 1)
            #expect(
                lines.first?.message.contains("partition.assignment.strategy) than \(KafkaConsumer.assignor);") == true)
            #expect(lines.first?.level == "error")
            #expect(worker.log.count("Kafka reports trouble") == 0)
        }
    }

    @Test("A broker that does not answer the leave: the exit code says that the group was not left")
    func notLeft() async throws {
        try await scenario { scenario in
            let child = try ChildProcess(["run", "--config", scenario.configurationFile()])
            try child.errors?.wait(for: "reading")
            try scenario.cluster.setRoundTripTime(200_000)
            child.signal(SIGTERM)
            #expect(try child.wait() == ChildProcess.Result(code: 5))
            #expect(child.errors?.lines.contains { $0.message.hasPrefix("Kafka's client does not close") } == true)
        }
    }
}

@Suite("publish")
struct PublishCommandTests {
    @Test("A topic that does not exist is told at once")
    func missingTopic() async throws {
        try await scenario { scenario in
            scenario.cluster.setTopicError("absent", .unknownTopicOrPartition)
            let file = try scenario.configurationFile()
            let result = try ChildProcess.run(["publish", "--contract", "1", "--topic", "absent", "--config", file])
            #expect(result.code == 1)
            #expect(
                result.errors
                    == "error: the event is not published: the topic absent does not exist: create it, or name another one with --topic"
            )
        }
    }

    @Test("An account that the configuration does not have is refused; its own is taken")
    func account() async throws {
        try await scenario { scenario in
            let arguments = ["publish", "--contract", "1", "--config", try scenario.configurationFile()]
            let refused = try ChildProcess.run(arguments + ["--account", "mian"])
            #expect(refused.code == 64)
            #expect(refused.errors.hasPrefix("error: --account: the configuration has no account of this name"))
            #expect(try ChildProcess.run(arguments + ["--account", "main"]).code == 0)
            // A configuration that only publishes says nothing of the workers' accounts.
            let servers = "kafka.bootstrap.servers=\(scenario.cluster.bootstrapServers)"
            let plain = ["publish", "--contract", "1", "--set", servers, "--account", "other"]
            #expect(try ChildProcess.run(plain).code == 0)
        }
    }

    @Test("A broker that is away is told with the cause")
    func noBroker() async throws {
        try await scenario { scenario in
            let file = try scenario.configurationFile()
            try scenario.cluster.setBroker(up: false)
            let result = try ChildProcess.run(["publish", "--contract", "1", "--config", file])
            #expect(result.code == 1)
            #expect(result.errors.hasPrefix("error: the event is not published: no broker answers: "))
            #expect(!result.errors.contains("brokers are down"), "\(result.errors)")
        }
    }
}
