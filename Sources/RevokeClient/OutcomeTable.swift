internal import Curl
internal import RevokeModel

/// From a transfer's end to a call's outcome. Pure.
///
/// What a firewall, a proxy or a load balancer answers in the API's place has the same statuses as the API's own word
/// about a contract, but not its form: such an answer counts as the API's only with a JSON object as its whole body, in a
/// media type of JSON. A body that is cut off, by its sender, by the deadline or by the limit of 16 KiB, is no whole one.
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
        case .answered(let status, let isBodyComplete):
            answered(status, isBodyComplete ? result : result.withoutBody, keyVersion, keys)
        }
    }

    private static func answered(
        _ status: Int, _ result: TransferResult, _ keyVersion: UInt64, _ keys: [APIKey]
    ) -> CallOutcome {
        switch status {
        case 204: .revoked
        case 400, 403, 404, 410, 422, 409, 423:
            if !AnswerBody.isObject(result.body, mediaType: result.mediaType) {
                .misdirected(status: status, mayEndAlone: true)
            } else if status == 409 || status == 423 {
                .conflict(status: status)
            } else {
                .rejected(
                    status: status, code: AnswerBody.errorCode(in: result.body, keys: keys),
                    retryAfter: retryAfter(result))
            }
        case 401: .unauthorized(keyVersion: keyVersion)
        case 408, 421, 425: .transient(status: status)
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

extension TransferResult {
    /// The same with a body that says nothing.
    fileprivate var withoutBody: TransferResult {
        var result = self
        result.body = []
        return result
    }
}
