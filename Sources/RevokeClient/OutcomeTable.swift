internal import Curl
internal import RevokeModel

/// From a transfer's end to a call's outcome. Pure.
enum OutcomeTable {
    /// The outcome of a revoking POST.
    ///
    /// - Parameters:
    ///   - keyVersion: The version of the key that it was sent with.
    ///   - keys: The keys of which nothing may be kept: the one that it was sent with, the current and the previous one.
    static func outcome(of result: TransferResult, keyVersion: UInt64, keys: [APIKey]) -> CallOutcome {
        switch result.end {
        case .notSent(let cause): notSent(cause)
        case .ambiguous(let cause): .ambiguous(ambiguous(cause))
        case .answered(let status, _): answered(status, result, keyVersion, keys)
        }
    }

    private static func answered(
        _ status: Int, _ result: TransferResult, _ keyVersion: UInt64, _ keys: [APIKey]
    ) -> CallOutcome {
        switch status {
        case 204: .revoked
        case 400, 403, 404, 410, 422:
            .rejected(
                status: status, code: AnswerBody.errorCode(in: result.body, keys: keys),
                retryAfter: retryAfter(result))
        case 401: .unauthorized(keyVersion: keyVersion)
        case 408, 421, 425: .transient(status: status)
        case 409, 423: .conflict(status: status)
        case 429: .rateLimited(retryAfter: retryAfter(result))
        case 501, 505, 511: .misdirected(status: status)
        case 500...599: .unavailable(status: status, retryAfter: retryAfter(result))
        default: .misdirected(status: status)
        }
    }

    private static func retryAfter(_ result: TransferResult) -> Int64? {
        RetryAfter.milliseconds(values: result.retryAfter, date: result.date)
    }

    private static func notSent(_ cause: NotSentCause) -> CallOutcome {
        switch cause {
        case .nameResolution: .unreachable(.nameResolution)
        case .connect: .unreachable(.connect)
        case .timeout: .unreachable(.timeout)
        case .tls: .unreachable(.tls)
        case .untrustedCertificate: .unreachable(.untrustedCertificate)
        case .late: .withheld
        case .closed, .other: .unreachable(.other)
        }
    }

    private static func ambiguous(_ cause: AmbiguousTransferCause) -> AmbiguousCause {
        switch cause {
        case .deadline: .deadline
        case .connectionClosed, .closed: .connectionClosed
        case .incompleteHead: .incompleteHead
        case .garbage: .garbage
        case .resendStopped: .resendStopped
        }
    }
}
