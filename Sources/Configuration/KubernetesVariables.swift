/// The variables that Kubernetes puts into each pod beside a service
/// (Kubernetes documentation, "Discovering services").
enum KubernetesVariables {
    /// Whether a variable is one of `…_SERVICE_HOST`, `…_SERVICE_PORT`, `…_SERVICE_PORT_NAME`, `…_PORT=tcp://…`,
    /// `…_PORT_8480_TCP`, `…_PORT_8480_TCP_PROTO`, `…_PORT` and `…_ADDR`.
    static func isOne(name: String, value: String) -> Bool {
        let words = name.split(separator: "_", omittingEmptySubsequences: false)
        for (index, word) in words.enumerated() {
            let rest = words[(index + 1)...]
            if word == "SERVICE", rest.first == "HOST", rest.count == 1 { return true }
            if word == "SERVICE", rest.first == "PORT" { return true }
            guard word == "PORT" else { continue }
            if rest.isEmpty { return ["tcp://", "udp://", "sctp://"].contains { value.hasPrefix($0) } }
            guard rest.count == 2 || rest.count == 3, let number = rest.first, UnitText.digits(number) != nil,
                ["TCP", "UDP", "SCTP"].contains(rest[rest.startIndex + 1])
            else { continue }
            if rest.count == 2 { return true }
            if let last = rest.last, ["PROTO", "PORT", "ADDR"].contains(last) { return true }
        }
        return false
    }
}
