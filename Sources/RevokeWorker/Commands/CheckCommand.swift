internal import Configuration
internal import Curl
internal import EventLoop
internal import Glibc
internal import HTTPServer
internal import Kafka
internal import RevokeClient
internal import RevokeModel

/// `revoke-worker check`: looks at everything that a worker needs, and changes nothing.
public enum CheckCommand {
    private static let flags = [
        CommandFlag(
            "contract", placeholder: "N",
            "List this contract's credentials: proves key and base URL without revoking anything.")
    ]

    /// Checks. Returns 0 when every check is well, 1 when one failed.
    public static func run(_ arguments: [String]) -> Int32 {
        let about = "Checks configuration, key file, broker, topics and the API's host; changes nothing."
        switch CommandContext.start("check", about: about, flags: flags, arguments: arguments) {
        case .end(let code): return code
        case .go(let parsed, let arguments):
            var contract: ContractID?
            if let text = arguments.values["contract"] {
                contract = Int64(text).flatMap { ContractID($0) }
                if contract == nil {
                    Terminal.complain(
                        "error: --contract: an integer from 1 to \(ContractID.maximum) is needed: write --contract 12345"
                    )
                    CommandContext.complainUsage("check")
                    return Terminal.usageExit
                }
            }
            let warnings = ProcessSettings.prepare(concurrency: parsed.configuration.account.concurrency)
            for warning in warnings { Terminal.print("warn  process: \(warning)") }
            var check = Check(configuration: parsed.configuration) { Terminal.print($0) }
            return check.run(notices: parsed.notices, contract: contract) ? 0 : 1
        }
    }
}

/// One run of all checks. Blocks; never shows the key.
struct Check {
    let configuration: WorkerConfiguration
    /// Takes one line a check.
    let say: (String) -> Void
    private var failures = 0

    init(configuration: WorkerConfiguration, say: @escaping (String) -> Void) {
        self.configuration = configuration
        self.say = say
    }

    private func ok(_ text: String) { say("ok    \(text)") }
    private func warn(_ text: String) { say("warn  \(text)") }
    private mutating func fail(_ text: String, mend: String) {
        failures += 1
        say("FAIL  \(text); \(mend)")
    }

    /// Runs all checks; false when one failed.
    mutating func run(notices: [String], contract: ContractID?) -> Bool {
        ok("configuration: topic \(configuration.topic), group \(configuration.group)")
        for notice in notices { warn("configuration: \(notice)") }
        checkLibraries()
        let key = checkKey()
        let base = checkBaseURL()
        let hasCertificates = checkCAFile()
        checkKafka()
        if let base, checkHost(base), hasCertificates { checkAPI(key, contract) }
        return failures == 0
    }

    // MARK: This machine

    private mutating func checkLibraries() {
        do {
            try LibraryVersions.check()
            ok("libraries: \(LibraryVersions.text)")
        } catch {
            fail("libraries: \(error)", mend: "install a newer package of it")
        }
        if hasBrokenSCRAM {
            warn(
                "SASL SCRAM: librdkafka \(KafkaLibrary.version) fails against brokers of Kafka 4 with \"invalid credentials\"; use librdkafka 2.6.1 or newer, or sasl.mechanism PLAIN over TLS"
            )
        }
    }

    /// SCRAM is configured and the library is of those that Kafka 4 refuses.
    private var hasBrokenSCRAM: Bool {
        guard KafkaLibrary.hasBrokenSCRAM else { return false }
        return configuration.kafkaProperties.contains { property in
            guard ["sasl.mechanism", "sasl.mechanisms"].contains(property.name), case .text(let text) = property.value
            else { return false }
            return text.uppercased().hasPrefix("SCRAM")
        }
    }

    private mutating func checkKey() -> APIKey? {
        do throws(ConfigurationError) {
            let key = try WorkerSetup.readKey(configuration)
            ok("key file: \(configuration.account.keyFile) holds one key")
            return key
        } catch {
            failConfiguration(error)
            return nil
        }
    }

    /// False when the file that is named cannot be used.
    private mutating func checkCAFile() -> Bool {
        do throws(ConfigurationError) {
            if let count = try WorkerSetup.checkCAFile(configuration), let path = configuration.caFile {
                ok("ca-file: \(path) holds \(count) certificate\(count == 1 ? "" : "s")")
            }
            return true
        } catch {
            failConfiguration(error)
            return false
        }
    }

    private mutating func checkBaseURL() -> BaseURL? {
        do throws(ConfigurationError) {
            try WorkerSetup.checkBaseURL(configuration)
        } catch {
            failConfiguration(error)
            return nil
        }
        return try? BaseURL(configuration.account.baseURL, allowPlainHTTP: configuration.allowPlainHTTP)
    }

    private mutating func failConfiguration(_ error: ConfigurationError) {
        for problem in error.problems {
            let message = problem.origin == .configuration ? problem.message : "\(problem)"
            fail(message, mend: problem.mend)
        }
    }

    // MARK: Kafka

    private mutating func checkKafka() {
        let properties: [(name: String, value: Secret)]
        do throws(ConfigurationError) {
            properties = try ConfigurationFiles.kafkaProperties(configuration)
        } catch {
            return failConfiguration(error)
        }
        // What librdkafka says of a connection that fails stands in its log alone.
        let trouble = ConnectionTrouble()
        do throws(KafkaSetupError) {
            let client = try KafkaClient(
                configuration: KafkaConfiguration(properties.map { (name: $0.name, value: $0.value.reveal()) }),
                group: configuration.group
            ) { trouble.take($0) }
            defer { client.close() }
            checkBroker(client.queries, trouble)
        } catch {
            fail("kafka: \(error)", mend: "correct the properties below kafka:")
        }
    }

    private mutating func checkBroker(_ queries: KafkaQueries, _ trouble: ConnectionTrouble) {
        var looking = configuration
        looking.createTopics = false
        switch TopicCheck.run(queries, looking) {
        case .unreachable(let error):
            let text = trouble.text ?? "\(error)"
            let mend =
                hasBrokenSCRAM
                ? "see the warning about SASL SCRAM above" : "check bootstrap.servers, security.protocol, sasl.*, ssl.*"
            fail("broker: no answer: \(text)", mend: mend)
        case .refused(let reasons):
            ok("broker: it answers")
            for reason in reasons {
                if configuration.createTopics, reason.hasSuffix(TopicCheck.creationHint) {
                    let what = reason.dropLast(TopicCheck.creationHint.count)
                    warn("topics: \(what): the worker will create it (create-topics: true)")
                } else {
                    // The reason says itself how to mend it.
                    failures += 1
                    say("FAIL  topics: \(reason)")
                }
            }
        case .usable(let deadReplicas, let warnings):
            ok("broker: it answers")
            ok("topics: \(configuration.topic) and \(configuration.deadLetterTopic) exist")
            for warning in warnings {
                failures += 1
                say("FAIL  budget: \(warning)")
            }
            let tells = checkSettings(queries, deadReplicas)
            if warnings.isEmpty { checkBudget(queries) }
            if tells { checkSessionTimeout(queries) }
            checkGroup(queries)
        }
    }

    /// What the budget gives to each partition, which is all that its events can have.
    private func checkBudget(_ queries: KafkaQueries) {
        guard case .windows(let windows) = configuration.account.budget,
            let count = try? queries.topicMetadata(configuration.topic, limit: 5_000)?.partitionCount, count > 0
        else { return }
        let parts = windows.map { window in
            let least = window.limit / count
            let most = window.limit % count == 0 ? least : least + 1
            return
                "\(least == most ? "\(least)" : "\(least) or \(most)") of \(window.limit) per \(window.milliseconds / 1_000) s"
        }
        ok("budget: each of \(count) partitions gets \(parts.joined(separator: " and "))")
    }

    /// The brokers refuse a member whose session timeout is out of their bounds, again and again.
    private mutating func checkSessionTimeout(_ queries: KafkaQueries) {
        let timeout = configuration.sessionTimeout
        do throws(KafkaError) {
            guard let broker = try queries.topicMetadata(configuration.topic, limit: 5_000)?.leaders.values.min() else {
                return warn("session timeout: the brokers' bounds are not known: the topic has no leader")
            }
            let values = try queries.brokerConfiguration(broker, limit: 5_000)
            guard let least = values["group.min.session.timeout.ms"].flatMap({ Int64($0) }),
                let most = values["group.max.session.timeout.ms"].flatMap({ Int64($0) })
            else { return warn("session timeout: broker \(broker) does not tell its bounds") }
            guard least <= timeout, timeout <= most else {
                return fail(
                    "session timeout: kafka.session.timeout.ms \(timeout) is outside the brokers' bounds of \(least) to \(most) ms, so no worker can join the group",
                    mend:
                        "set kafka.session.timeout.ms within them, or change the brokers' group.min.session.timeout.ms and group.max.session.timeout.ms"
                )
            }
            ok("session timeout: \(timeout) ms is within the brokers' bounds of \(least) to \(most) ms")
        } catch {
            warn(
                "session timeout: the brokers' bounds are not known: \(error): grant this user DescribeConfigs on the cluster to see them"
            )
        }
    }

    /// Whether the brokers answer questions of this kind: also a refusal is an answer.
    private mutating func checkSettings(_ queries: KafkaQueries, _ deadReplicas: Int) -> Bool {
        switch TopicCheck.settings(queries, configuration, deadReplicas: deadReplicas) {
        case .unknown(let error):
            warn("\(TopicCheck.unseenSettings): \(error)")
            return [.topicAuthorizationFailed, .clusterAuthorizationFailed, .noEntry].contains(error.code)
        case .refused(let reason):
            failures += 1
            say("FAIL  topic settings: \(reason)")
        case .known(let warnings):
            if warnings.isEmpty { ok("topic settings: replicas and retention are well") }
            for warning in warnings { warn("topic settings: \(warning)") }
        }
        return true
    }

    private mutating func checkGroup(_ queries: KafkaQueries) {
        do throws(KafkaError) {
            let count = try queries.topicMetadata(configuration.topic, limit: 5_000)?.partitionCount ?? 0
            let committed = try queries.committed(
                topic: configuration.topic, partitions: (0..<Int32(clamping: count)).map { $0 }, limit: 5_000)
            let known = committed.reduce(0) { $0 + ($1.offset == nil ? 0 : 1) }
            ok("group: \(configuration.group) has committed offsets on \(known) of \(count) partitions")
            checkMembers(try? queries.groupMembers(configuration.group, limit: 5_000))
        } catch {
            fail(
                "group: the offsets of \(configuration.group) cannot be read: \(error)",
                mend: "give the user the right READ on the group, and DESCRIBE on the topic")
        }
    }

    /// Members that use another assignor keep every worker out.
    private mutating func checkMembers(_ members: KafkaGroupMembers??) {
        guard let members = members ?? nil, members.count > 0 else { return }
        let mend = "stop them, or give this fleet a group of its own"
        if members.type != "consumer" {
            fail(
                "group: \(configuration.group) has members of another kind than consumers (\(members.type))", mend: mend
            )
        } else if !members.assignor.isEmpty, members.assignor != KafkaConsumer.assignor {
            fail(
                "group: the \(members.count) members of \(configuration.group) use the assignor \(members.assignor), and the worker uses \(KafkaConsumer.assignor) (partition.assignment.strategy), so that it cannot join",
                mend: mend)
        }
    }

    // MARK: The API

    /// Whether the host's name (with a proxy: the proxy's) has an address.
    private mutating func checkHost(_ base: BaseURL) -> Bool {
        var host = base.host
        var what = "API host"
        if let proxy = configuration.proxy, let url = try? BaseURL(proxy, allowPlainHTTP: true) {
            host = url.host
            what = "proxy"
        }
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &found)
        defer { if let found = unsafe found { unsafe freeaddrinfo(found) } }
        guard code == 0 else {
            fail(
                "\(what): the name \(host) is not resolved: \(unsafe String(cString: gai_strerror(code)))",
                mend: "check the name and this machine's DNS")
            return false
        }
        ok("\(what): \(host) has an address")
        return checkProxy()
    }

    /// Whether the proxy takes connections; true without one.
    private mutating func checkProxy() -> Bool {
        guard let proxy = configuration.proxy, let url = try? BaseURL(proxy, allowPlainHTTP: true) else { return true }
        // 1080 is libcurl's own for a proxy of which no port is given.
        let port = UInt16(clamping: url.port ?? (url.isHTTPS ? 443 : 1_080))
        switch TCPProbe.connect(url.host, port, seconds: 5) {
        case .success(let descriptor):
            close(descriptor)
            ok("proxy: \(url.host):\(port) takes connections")
            return true
        case .failure(let failure):
            fail(
                "proxy: \(url.host):\(port) takes no connection: \(failure.text)",
                mend: "check the option proxy, and firewalls on the way")
            return false
        }
    }

    private mutating func checkAPI(_ key: APIKey?, _ contract: ContractID?) {
        guard let contract else {
            return ok("API: no request was made; --contract N lists a contract's credentials and so proves key and URL")
        }
        guard let key else { return warn("API: no request was made without a key") }
        do {
            let result = try list(contract, key)
            judge(result, contract)
        } catch {
            fail("API: \(error)", mend: "mend the account's options")
        }
    }

    private func list(_ contract: ContractID, _ key: APIKey) throws -> ListResult? {
        let setup = WorkerSetup(configuration: configuration, kafkaProperties: [], key: key, seed: 0)
        let loop = try EventLoop()
        defer { loop.close() }
        let client = try setup.client.make(loop: loop, key: key, gateLimit: nil)
        defer { client.close() }
        var result: ListResult?
        client.listCredentials(contract) {
            result = $0
            loop.stop()
        }
        loop.run()
        return result
    }

    private mutating func judge(_ result: ListResult?, _ contract: ContractID) {
        guard let result else { return fail("API: no answer", mend: "try again") }
        switch result.outcome {
        case .listed(let credentials):
            let active = credentials.reduce(0) { $0 + ($1.isActive ? 1 : 0) }
            ok(
                "API: contract \(contract) has \(credentials.count) credentials, \(active) of them active: key and base URL work"
            )
        case .failed(let outcome):
            let (what, mend) = Self.explain(outcome)
            let detail = result.detail.map { $0.isEmpty ? "" : " (\($0))" } ?? ""
            fail("API: \(what)\(detail)", mend: mend)
        }
    }

    private static func explain(_ outcome: CallOutcome) -> (what: String, mend: String) {
        switch outcome {
        case .unauthorized: return ("401: the key is refused", "write the subaccount's own key into the key file")
        case .rejected(404, let code, _):
            return (
                "404\(text(code)): the contract or the path is not known", "check the contract's number and base-url"
            )
        case .rejected(let status, let code, _):
            return (
                "\(status)\(text(code)): refused",
                "check the contract's number; a key of a parent account is not accepted for ACME contracts"
            )
        case .rateLimited: return ("429: too many requests with this key", "try again later")
        case .conflict(let status), .transient(let status): return ("\(status): not now", "try again")
        case .unavailable(let status, _): return ("\(status): the API is not available", "try again later")
        case .misdirected(let status, true):
            return (
                "\(status): the answer is a page, not the API's: it says nothing about the contract or the key",
                "look at the proxies, firewalls and load balancers between this machine and base-url"
            )
        case .misdirected(let status, false):
            return ("\(status): this is no answer of the API", "check base-url, and proxies and firewalls on the way")
        case .unreachable(let cause):
            switch cause {
            case .nameResolution: return ("the host's name is not resolved", "check the name and DNS")
            case .connect, .timeout, .other: return ("no connection", "check base-url, routes and firewalls")
            case .tls: return ("the TLS handshake failed", "check that base-url's port speaks TLS 1.2 or newer")
            case .untrustedCertificate:
                return ("the server's certificate is not trusted", "set ca-file, or check who answers at base-url")
            }
        case .ambiguous(let cause): return ("no complete answer: \(cause.rawValue)", "try again")
        case .withheld, .revoked: return ("no answer to a list", "try again")
        }
    }

    private static func text(_ code: ErrorCode?) -> String { code.map { " \($0.text)" } ?? "" }
}
