/// The names of a dead letter's own headers, behind `revoke-dlq-`.
enum DeadLetterField {
    static let topic = "topic"
    static let partition = "partition"
    static let offset = "offset"
    static let timestamp = "timestamp"
    static let group = "group"
    static let reason = "reason"
    static let status = "status"
    static let attempts = "attempts"
    static let firstSeen = "first-seen"
    static let failedAt = "failed-at"
    static let contract = "contract"
    static let account = "account"
    static let leakTime = "leak-time"
    static let replayedFrom = "replayed-from"
    static let truncated = "truncated"
}
