public import RevokeModel

/// Why headers are not those of a dead letter.
public enum DeadLetterError: Error, Hashable, Sendable {
    /// The named `revoke-dlq-` field, which every dead letter has, is missing.
    case missing(String)
    /// The named field is null, not UTF-8 or has another form.
    case invalid(String)
    /// The named field stands twice with different values.
    case duplicate(String)
}

/// What a dead letter's `revoke-dlq-…` headers say about a record that failed.
///
/// A dead letter has the key and the value of the record, those of its headers that are kept (`encode`), and these
/// headers as UTF-8 text. When the record is a replay of a dead letter, the fields are replaced, never appended; what
/// the first dead letter knew and this one cannot know any more is carried on: the first record's timestamp, the leak
/// time, the contract and account, where it was replayed from, and that its value was cut. A pure value; usable on any
/// thread.
public struct DeadLetterEnvelope: Hashable, Sendable {
    /// Where the record that failed stands. It tells duplicates of a dead letter apart.
    public var coordinates: RecordCoordinates
    /// The timestamp of the record, or of the first one where the record is a replay; milliseconds since 1970.
    public var timestamp: Int64?
    /// The consumer group that gave the record up.
    public var group: String
    /// Why the record is a dead letter.
    public var reason: DeadLetterReason
    /// The HTTP status of the last answer, if there was one.
    public var status: Int?
    /// How many calls were made for the record; 0 for one that is malformed.
    public var attempts: Int
    /// When the record was first read; wall clock, milliseconds since 1970.
    public var firstSeen: Int64
    /// When the record was given up; wall clock, milliseconds since 1970.
    public var failedAt: Int64
    /// The event's contract, where it is known.
    public var contract: ContractID?
    /// The account that the event names, if it names one.
    public var account: String?
    /// The event's leak time; milliseconds since 1970.
    public var leakTime: Int64?
    /// Where the dead letter stands that the record is a replay of.
    public var replayedFrom: RecordCoordinates?
    /// The size of the first record's value in bytes, where the dead letter has only a part of the record.
    public var truncatedFrom: Int?

    /// Makes an envelope of its parts.
    public init(
        coordinates: RecordCoordinates, timestamp: Int64?, group: String, reason: DeadLetterReason, status: Int? = nil,
        attempts: Int, firstSeen: Int64, failedAt: Int64, contract: ContractID? = nil, account: String? = nil,
        leakTime: Int64? = nil, replayedFrom: RecordCoordinates? = nil, truncatedFrom: Int? = nil
    ) {
        self.coordinates = coordinates
        self.timestamp = timestamp
        self.group = group
        self.reason = reason
        self.status = status
        self.attempts = attempts
        self.firstSeen = firstSeen
        self.failedAt = failedAt
        self.contract = contract
        self.account = account
        self.leakTime = leakTime
        self.replayedFrom = replayedFrom
        self.truncatedFrom = truncatedFrom
    }

    /// Makes the envelope of a record that failed, and carries on what its own `revoke-dlq-…` headers know.
    /// - Parameters:
    ///   - record: the record.
    ///   - event: the event that it was decoded to; nil when it is malformed.
    ///   - group: the consumer group.
    ///   - reason: why it is given up.
    ///   - status: the HTTP status of the last answer.
    ///   - attempts: how many calls were made.
    ///   - firstSeen: when it was first read; wall clock, milliseconds since 1970.
    ///   - failedAt: when it was given up; wall clock, milliseconds since 1970.
    public init(
        record: RecordParts, event: RevokeEvent?, group: String, reason: DeadLetterReason, status: Int? = nil,
        attempts: Int, firstSeen: Int64, failedAt: Int64
    ) {
        self.init(
            coordinates: record.coordinates, timestamp: record.timestamp, group: group, reason: reason, status: status,
            attempts: attempts, firstSeen: firstSeen, failedAt: failedAt, contract: event?.contract,
            account: event?.account, leakTime: event?.leakTime)
        let fields = DeadLetterFields(record.content.headers)
        guard fields.isPresent else { return }
        timestamp = fields.valid(DeadLetterField.timestamp, DeadLetterFields.integer)
        replayedFrom = fields.valid(DeadLetterField.replayedFrom, RecordCoordinates.init)
        if fields.contains(DeadLetterField.truncated) {
            // Whatever the field says: decoding goes by its being there.
            let size = fields.valid(DeadLetterField.truncated, DeadLetterFields.count)
            truncatedFrom = size ?? record.content.value?.count ?? 0
        }
        if event == nil {
            contract = fields.valid(DeadLetterField.contract, DeadLetterFields.contract)
            account = fields.valid(DeadLetterField.account, DeadLetterFields.notEmpty)
            leakTime = fields.valid(DeadLetterField.leakTime, DeadLetterFields.time)
        }
    }

    // MARK: - Records

    /// Reads an envelope from a dead letter's headers.
    /// - Throws: `DeadLetterError` for the first field that is missing or has another form.
    public init(headers: [RecordHeader]) throws(DeadLetterError) {
        let fields = DeadLetterFields(headers)
        self.init(
            coordinates: RecordCoordinates(
                topic: try fields.required(DeadLetterField.topic, DeadLetterFields.notEmpty),
                partition: try fields.required(DeadLetterField.partition, DeadLetterFields.partition),
                offset: try fields.required(DeadLetterField.offset, DeadLetterFields.offset)),
            timestamp: try fields.optional(DeadLetterField.timestamp, DeadLetterFields.integer),
            group: try fields.required(DeadLetterField.group, DeadLetterFields.notEmpty),
            reason: try fields.required(DeadLetterField.reason, DeadLetterReason.init(text:)),
            status: try fields.optional(DeadLetterField.status, DeadLetterFields.count),
            attempts: try fields.required(DeadLetterField.attempts, DeadLetterFields.count),
            firstSeen: try fields.required(DeadLetterField.firstSeen, DeadLetterFields.time),
            failedAt: try fields.required(DeadLetterField.failedAt, DeadLetterFields.time),
            contract: try fields.optional(DeadLetterField.contract, DeadLetterFields.contract),
            account: try fields.optional(DeadLetterField.account, DeadLetterFields.notEmpty),
            leakTime: try fields.optional(DeadLetterField.leakTime, DeadLetterFields.time),
            replayedFrom: try fields.optional(DeadLetterField.replayedFrom, RecordCoordinates.init),
            truncatedFrom: try fields.optional(DeadLetterField.truncated, DeadLetterFields.count))
    }

    /// The envelope's headers.
    public var headers: [RecordHeader] {
        var headers: [RecordHeader] = []
        func add(_ name: String, _ text: String?) {
            guard let text else { return }
            headers.append(RecordHeader(name: HeaderName.deadLetterPrefix + name, text: text))
        }
        add(DeadLetterField.topic, coordinates.topic)
        add(DeadLetterField.partition, String(coordinates.partition))
        add(DeadLetterField.offset, String(coordinates.offset))
        add(DeadLetterField.timestamp, timestamp.map { String($0) })
        add(DeadLetterField.group, group)
        add(DeadLetterField.reason, reason.text)
        add(DeadLetterField.status, status.map { String($0) })
        add(DeadLetterField.attempts, String(attempts))
        add(DeadLetterField.firstSeen, RFC3339.text(firstSeen))
        add(DeadLetterField.failedAt, RFC3339.text(failedAt))
        add(DeadLetterField.contract, contract?.description)
        add(DeadLetterField.account, account)
        add(DeadLetterField.leakTime, leakTime.map { RFC3339.text($0) })
        add(DeadLetterField.replayedFrom, replayedFrom?.description)
        add(DeadLetterField.truncated, truncatedFrom.map { String($0) })
        return headers
    }

    /// Makes the dead letter of the record.
    ///
    /// Key and value are the record's own, byte for byte; a null value stays null. Kept are the headers `ce_…`,
    /// `content-type` and `traceparent`, the misspelled ones (`ce-…`, `CE_…`) that decoding names, so that a replay is
    /// judged as the record was, and those that are named.
    /// - Parameters:
    ///   - content: the record's content.
    ///   - names: further headers to keep.
    ///   - valueLimit: nil for the whole record. With a limit the dead letter is cut, for a broker that refuses the
    ///     whole: the value to so many bytes, the key to 1 KiB, kept headers to those of 1 KiB at most and 8 KiB in all;
    ///     an account name of more than 1 KiB goes, and the contract with it, since an event must not be replayed to
    ///     another account.
    public func encode(
        _ content: RecordContent, keeping names: Set<String> = [], valueLimit: Int? = nil
    ) -> RecordContent {
        let kept = content.headers.filter { Self.isKept($0.name, names) }
        guard let valueLimit else {
            return RecordContent(key: content.key, value: content.value, headers: kept + headers)
        }
        var cut = content
        cut.value = content.value.map { Array($0.prefix(max(valueLimit, 0))) }
        cut.key = content.key.map { Array($0.prefix(Self.partLimit)) }
        cut.headers = []
        var total = 0
        for header in kept {
            let size = header.name.utf8.count + (header.value?.count ?? 0)
            guard size <= Self.partLimit, total + size <= Self.headerLimit else { continue }
            total += size
            cut.headers.append(header)
        }
        var envelope = self
        if let account, account.utf8.count > Self.partLimit {
            envelope.account = nil
            envelope.contract = nil
        }
        if cut.key != content.key || cut.value != content.value || cut.headers.count != kept.count || envelope != self {
            envelope.truncatedFrom = truncatedFrom ?? content.value?.count ?? 0
        }
        cut.headers += envelope.headers
        return cut
    }

    /// Makes the record that replays a dead letter: all as it stands, with `revoke-dlq-replayed-from` set to where the
    /// dead letter stands.
    public static func replay(_ deadLetter: RecordParts) -> RecordContent {
        let name = HeaderName.deadLetterPrefix + DeadLetterField.replayedFrom
        var content = deadLetter.content
        content.headers.removeAll { $0.name == name }
        content.headers.append(RecordHeader(name: name, text: deadLetter.coordinates.description))
        return content
    }

    private static let partLimit = 1_024
    private static let headerLimit = 8_192

    private static func isKept(_ name: String, _ names: Set<String>) -> Bool {
        switch HeaderName.kind(of: name) {
        case .attribute, .wrongPrefix, .contentType: true
        case .deadLetter: false
        case .other: name == HeaderName.traceParent || names.contains(name)
        }
    }
}
