/// One request that the stub has decided on.
public struct StubCall: Hashable, Sendable {
    /// Which endpoint it was for.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        /// Revoke all active credentials: what the worker calls.
        case revokeAll = "revoke_all"
        /// List the credentials.
        case list
        /// Revoke one credential.
        case revokeOne = "revoke_one"
        /// Make new credentials.
        case regenerate
        /// Another path or method.
        case other
    }

    /// The endpoint.
    public var kind: Kind
    /// The contract's id; nil when the path has none.
    public var contract: Int64?
    /// CLOCK_BOOTTIME in milliseconds when the request had been read.
    public var time: Int64
    /// The status; 0 when the connection was closed instead.
    public var status: Int
}

/// What the stub has counted since its start or the last reset.
public struct StubCounts: Hashable, Sendable {
    /// Calls of revoke-all by contract and status; status 0 is a closed connection.
    public internal(set) var revokeAll: [Int64: [Int: Int]] = [:]
    /// Calls of revoke-all by status.
    public internal(set) var revokeAllByStatus: [Int: Int] = [:]
    /// Requests of each kind.
    public internal(set) var byKind: [StubCall.Kind: Int] = [:]

    /// How many contracts got a 204.
    public internal(set) var revokedContracts = 0

    /// No counts.
    public init() {}

    /// All calls of revoke-all.
    public var calls: Int { byKind[.revokeAll] ?? 0 }
    /// All requests.
    public var requests: Int { byKind.values.reduce(0, +) }

    /// The calls of revoke-all for a contract.
    public func calls(_ contract: Int64) -> Int { revokeAll[contract]?.values.reduce(0, +) ?? 0 }

    /// The calls of revoke-all for a contract that ended with a status.
    public func calls(_ contract: Int64, status: Int) -> Int { revokeAll[contract]?[status] ?? 0 }

    /// The calls of revoke-all that ended with a status.
    public func calls(status: Int) -> Int { revokeAllByStatus[status] ?? 0 }

    mutating func add(_ call: StubCall) {
        byKind[call.kind, default: 0] += 1
        guard call.kind == .revokeAll, let contract = call.contract else { return }
        revokeAllByStatus[call.status, default: 0] += 1
        let former = revokeAll[contract, default: [:]].updateValue(
            calls(contract, status: call.status) + 1, forKey: call.status)
        if call.status == 204, former == nil { revokedContracts += 1 }
    }

    /// The counts as JSON, with keys in order.
    public var json: String {
        func object(_ statuses: [Int: Int]) -> String {
            "{\(statuses.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ","))}"
        }
        let kinds = StubCall.Kind.allCases.map { "\"\($0.rawValue)\":\(byKind[$0] ?? 0)" }.joined(separator: ",")
        let contracts = revokeAll.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\(object($0.value))" }
        return "{\"calls\":\(calls),\"by_status\":\(object(revokeAllByStatus)),\"requests\":{\(kinds)},"
            + "\"contracts\":{\(contracts.joined(separator: ","))}}\n"
    }
}
