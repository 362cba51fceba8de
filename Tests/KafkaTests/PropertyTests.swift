import Kafka
import Testing

@Suite struct PropertyTests {
    @Test(arguments: [
        "bootstrap.servers", "client.id", "client.rack", "group.instance.id", "session.timeout.ms",
        "security.protocol", "sasl.mechanism", "sasl.username", "sasl.password", "ssl.ca.location",
        "ssl.endpoint.identification.algorithm", "enable.ssl.certificate.verification", "socket.timeout.ms",
        "reconnect.backoff.max.ms", "broker.address.family", "fetch.max.bytes", "queued.min.messages",
        "topic.metadata.refresh.interval.ms", "debug",
    ])
    func allowed(_ property: String) {
        #expect(KafkaProperty.isAllowed(property: property) == .allowed)
    }

    @Test(arguments: [
        ("group.id", "option group"), ("enable.auto.commit", "set by the worker"),
        ("enable.auto.offset.store", "set by the worker"), ("auto.offset.reset", "start-at"),
        ("partition.assignment.strategy", "set by the worker"), ("isolation.level", "set by the worker"),
        ("check.crcs", "set by the worker"), ("max.poll.interval.ms", "set by the worker"),
        ("heartbeat.interval.ms", "set by the worker"), ("statistics.interval.ms", "set by the worker"),
        ("metadata.broker.list", "bootstrap.servers"), ("test.mock.num.brokers", "mock"),
        ("delivery.report.only.error", "set by the worker"), ("request.required.acks", "set by the worker"),
        ("acks", "set by the worker"), ("topic.blacklist", "hides topics"), ("transactional.id", "order"),
        ("message.timeout.ms", "set by the worker"), ("ssl.certificate.verify_cb", "function"),
        ("interceptors", "not one of"), ("ssl.", "not one of"), ("", "not one of"), ("Client.id", "not one of"),
        ("plugin.library.paths", "not one of"), ("ssl", "not one of"), ("enable.random.seed", "not one of"),
    ])
    func refused(_ property: String, _ part: String) {
        guard case .refused(let reason) = KafkaProperty.isAllowed(property: property) else {
            Issue.record("\(property) is allowed")
            return
        }
        #expect(reason.contains(part))
    }

    @Test(arguments: [
        ("enable.ssl.certificate.verification", "true", false), ("enable.ssl.certificate.verification", "TRUE", false),
        ("enable.ssl.certificate.verification", "1", false), ("enable.ssl.certificate.verification", "false", true),
        ("enable.ssl.certificate.verification", "0", true), ("enable.ssl.certificate.verification", "F", true),
        ("ssl.endpoint.identification.algorithm", "https", false),
        ("ssl.endpoint.identification.algorithm", "none", true),
        ("ssl.endpoint.identification.algorithm", "None", true), ("ssl.ca.location", "/x", false),
    ])
    func weakensTLS(_ name: String, _ value: String, _ weakens: Bool) {
        #expect(KafkaProperty.weakensTLS(name, value) == weakens)
    }

    @Test func refusesBadNamesAndValuesWithTheLibrarysText() {
        #expect(
            throws: KafkaSetupError.configuration(
                property: "no.such.thing", reason: .unknownProperty,
                text: "No such configuration property: \"no.such.thing\"")
        ) { try KafkaConfiguration([("no.such.thing", "1")]).validate() }
        do throws(KafkaSetupError) {
            try KafkaConfiguration([("client.id", "x"), ("session.timeout.ms", "soon")]).validate()
            Issue.record("accepted")
        } catch {
            guard case .configuration("session.timeout.ms", .invalidValue, let text) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(text.contains("session.timeout.ms"))
        }
        #expect(throws: KafkaSetupError.self) { try KafkaConfiguration([("client.id", "a\0b")]).validate() }
        #expect(throws: Never.self) { try KafkaConfiguration.consumerDefaults.validate() }
        #expect(throws: Never.self) { try KafkaConfiguration.producerDefaults.validate() }
    }

    @Test func refusesWhatIsValidOnlyOneByOne() {
        do throws(KafkaSetupError) {
            _ = try KafkaClient(
                configuration: KafkaConfiguration([("security.protocol", "ssl"), ("ssl.ca.location", "/nowhere")]),
                log: { _ in })
            Issue.record("accepted")
        } catch {
            guard case .configuration(nil, .clientRefused, let text) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(text.contains("ssl.ca.location"))
        }
    }

    @Test func showsNoSecret() {
        let configuration = KafkaConfiguration([
            ("sasl.username", "worker"), ("sasl.password", "hunter2"), ("ssl.key.password", "hunter2"),
            ("ssl.key.pem", "hunter2"), ("ssl.keystore.password", "hunter2"),
            ("sasl.oauthbearer.client.secret", "hunter2"), ("sasl.oauthbearer.config", "hunter2"),
        ])
        #expect(!"\(configuration)".contains("hunter2"))
        #expect("\(configuration)".contains("sasl.username=worker"))
        #expect(configuration["sasl.password"] == "hunter2")
    }

    @Test func theLastValueCounts() {
        var configuration = KafkaConfiguration([("client.id", "a")])
        configuration.set("client.id", "b")
        #expect(configuration["client.id"] == "b")
        #expect(configuration.overridden(by: KafkaConfiguration([("client.id", "c")]))["client.id"] == "c")
        #expect(configuration["client.rack"] == nil)
    }
}
