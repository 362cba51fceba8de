/// Judges what the properties say together of TLS and the login. librdkafka takes each of these combinations and then waits
/// for ever, connects without TLS, or complains of Kerberos.
enum KafkaSecurityCheck {
    /// A property as it was given.
    struct Given {
        var name: String
        var text: String
        /// Whether the text is the path of a file with the value.
        var isFile: Bool
    }

    /// What is wrong, and at which property.
    struct Problem {
        var property: String
        var message: String
        var mend: String
    }

    private static let mechanisms = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI"

    /// The first problem; nil when there is none, or a value is unknown, which librdkafka itself tells.
    static func problem(_ given: [Given]) -> Problem? {
        func find(_ names: String...) -> Given? { given.first { names.contains($0.name) } }
        let security = find("security.protocol")
        let name = security?.text.lowercased() ?? "plaintext"
        guard ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"].contains(name) else { return nil }
        let because =
            security == nil ? "security.protocol is missing, which means PLAINTEXT" : "security.protocol is \(name)"
        let logsIn = name.hasPrefix("sasl_")
        if !logsIn, let sasl = given.first(where: { $0.name.hasPrefix("sasl.") }) {
            return Problem(
                property: sasl.name, message: "\(sasl.name) has no effect: \(because), so nobody logs in",
                mend: "set security.protocol: SASL_SSL, or leave the sasl properties out")
        }
        if !name.hasSuffix("ssl"), let tls = given.first(where: { $0.name.hasPrefix("ssl.") }) {
            return Problem(
                property: tls.name,
                message: "\(tls.name) has no effect: \(because), so the connection is not encrypted",
                mend: "set security.protocol: \(logsIn ? "SASL_SSL" : "SSL"), or leave the ssl properties out")
        }
        guard logsIn else { return nil }
        guard let mechanism = find("sasl.mechanism", "sasl.mechanisms") else {
            let place = find("sasl.username", "sasl.password")?.name ?? "security.protocol"
            return Problem(
                property: place,
                message: "sasl.mechanism is missing, and librdkafka would take GSSAPI (Kerberos)",
                mend: "set sasl.mechanism: \(mechanisms)")
        }
        switch mechanism.text.uppercased() {
        case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
            for needed in ["sasl.username", "sasl.password"] where find(needed) == nil {
                return missing(needed, mechanism)
            }
        case "OAUTHBEARER":
            guard find("sasl.oauthbearer.method")?.text.lowercased() == "oidc" else {
                return Problem(
                    property: find("sasl.oauthbearer.method")?.name ?? mechanism.name,
                    message: "sasl.mechanism OAUTHBEARER gets no token: the worker has no other source than OIDC",
                    mend: "set sasl.oauthbearer.method: oidc")
            }
            for part in ["client.id", "client.secret", "token.endpoint.url"]
            where find("sasl.oauthbearer.\(part)") == nil {
                return missing("sasl.oauthbearer.\(part)", mechanism)
            }
        default: break
        }
        return nil
    }

    private static func missing(_ name: String, _ mechanism: Given) -> Problem {
        let isSecret = KafkaPropertyRules.isSecret(name)
        return Problem(
            property: mechanism.name, message: "sasl.mechanism \(mechanism.text.uppercased()) needs \(name)",
            mend: isSecret ? "set \(name)\(KafkaPropertyRules.fileSuffix) to the path of a file with it" : "set \(name)"
        )
    }
}
