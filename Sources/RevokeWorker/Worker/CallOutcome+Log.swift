internal import RevokeModel

extension CallOutcome {
    /// The name in logs.
    var name: String { CallCounts.Kind(self).rawValue }

    /// The HTTP status, where there was an answer.
    var status: Int? {
        switch self {
        case .revoked: 204
        case .rejected(let status, _, _), .conflict(let status), .transient(let status), .unavailable(let status, _),
            .misdirected(let status, _):
            status
        case .unauthorized: 401
        case .rateLimited: 429
        case .unreachable, .ambiguous, .withheld: nil
        }
    }

    /// Why, where there was no answer; the server's code of an error otherwise.
    var cause: String? {
        switch self {
        case .unreachable(let cause): cause.rawValue
        case .ambiguous(let cause): cause.rawValue
        case .rejected(_, let code, _): code?.text
        case .revoked, .unauthorized, .conflict, .rateLimited, .transient, .unavailable, .misdirected, .withheld: nil
        }
    }
}
