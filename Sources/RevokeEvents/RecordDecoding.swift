internal import JSON
internal import RevokeModel

/// The decoding of one record, once its mode is known.
struct RecordDecoding {
    private static let specVersion = Array("1.0".utf8)
    private static let eventType = Array(EventDecoder.eventType.utf8)

    private let record: RecordParts
    private let headers: RecordHeaders
    private var times: EventTimes
    private var warnings: EventWarnings = []
    private var id = ""
    private var source = ""
    /// The subject, to be compared with the contract.
    private var subject: [UInt8]?
    /// The leak time that a replayed dead letter carries.
    private var carriedLeakTime: Int64?

    init(record: RecordParts, headers: RecordHeaders, now: Int64) {
        self.record = record
        self.headers = headers
        self.times = EventTimes(now: now)
    }

    // MARK: - Attributes

    /// Takes the attributes of an event in binary mode from the headers.
    mutating func takeHeaderAttributes() throws(DecodingFailure) {
        guard let specVersion = headers.specVersion, specVersion == Self.specVersion else { throw .specVersion }
        guard let id = Self.significantText(headers.id) else { throw .idMissing }
        guard let source = Self.significantText(headers.source) else { throw .sourceMissing }
        guard let type = headers.type, !type.isEmpty, !type.contains(0) else { throw .typeMissing }
        guard type == Self.eventType else { throw .unknownType }
        self.id = id
        self.source = source
        subject = headers.subject
        if let time = headers.time { times.add(text: time) }
    }

    /// Decodes an event in structured mode.
    mutating func event(envelope: Envelope, maximumDepth: Int) throws(DecodingFailure) -> RevokeEvent {
        let reader = envelope.reader
        guard case .string(let specVersion) = envelope.specVersion, reader.string(specVersion, equals: "1.0") else {
            throw .specVersion
        }
        guard let id = reader.significantText(envelope.id) else { throw .idMissing }
        guard let source = reader.significantText(envelope.source) else { throw .sourceMissing }
        guard let type = reader.significantText(envelope.type) else { throw .typeMissing }
        guard type == EventDecoder.eventType else { throw .unknownType }
        switch envelope.dataContentType {
        case nil, .null: break
        case .string(let string):
            guard let mediaType = reader.utf8(of: string), MediaType(mediaType) == .json else { throw .dataContentType }
        default: throw .dataContentType
        }
        let data = try Self.data(of: envelope, maximumDepth: maximumDepth)
        self.id = id
        self.source = source
        switch envelope.subject {
        case nil, .null: break
        case .string(let string): subject = reader.utf8(of: string) ?? []
        default: subject = []
        }
        addTime(envelope.time, of: reader)
        return try event(data: data)
    }

    /// The data of a structured event: the member `data`, or the JSON text that `data_base64` holds (CloudEvents JSON
    /// event format 1.0.2, section 3.1).
    private static func data(of envelope: Envelope, maximumDepth: Int) throws(DecodingFailure) -> JSONReader {
        switch (envelope.data, envelope.dataBase64) {
        case (nil, nil): throw .dataMissing
        case (let data?, nil): return JSONReader(envelope.reader.bytes, in: data, maximumDepth: maximumDepth - 1)
        case (nil, .string(let string)):
            guard let text = envelope.reader.utf8(of: string), let bytes = Base64.decodePadded(text) else {
                throw .dataBase64
            }
            guard !bytes.isEmpty else { throw .dataMissing }
            try TextForm.refuseOther(bytes, bytes.indices)
            return JSONReader(bytes, maximumDepth: maximumDepth)
        // Not text, or beside a member `data`, which would leave two readers with two contracts.
        case (_, _?): throw .dataBase64
        }
    }

    /// Names an event without an envelope after its place: the first one, where the record is a replay.
    mutating func takeCoordinates() {
        let coordinates = headers.replayCoordinates ?? record.coordinates
        id = coordinates.description
        source = "kafka:\(coordinates.topic)"
    }

    // MARK: - Data

    /// Decodes the data, which must be the reader's only value, and makes the event.
    mutating func event(data: JSONReader) throws(DecodingFailure) -> RevokeEvent {
        var reader = data
        var contractValue: JSONToken?
        var accountValue: JSONToken?
        var reason: JSONToken?
        var reportedBy: JSONToken?
        var detectedAt: JSONToken?
        var keys = JSONKeyList()
        try reader.beginTopObject()
        while case .key(let key) = try reader.token() {
            keys.append(key)
            let value = try reader.memberValue()
            if reader.string(key, equals: MemberName.contract) {
                contractValue = value
            } else if reader.string(key, equals: MemberName.account) {
                accountValue = value
            } else if reader.string(key, equals: MemberName.reason) {
                reason = value
            } else if reader.string(key, equals: MemberName.detectedAt) {
                detectedAt = value
            } else if reader.string(key, equals: MemberName.reportedBy) {
                reportedBy = value
            }
        }
        try reader.finishText()
        if keys.duplicate(in: reader) != nil { throw .duplicateKey }
        let contract = try Self.contract(contractValue)
        var account: String?
        if let accountValue {
            account = reader.significantText(accountValue)
            if account == nil { throw .accountInvalid }
        }
        addTime(detectedAt, of: reader)
        return event(
            contract: contract, account: account, reason: reader.significantText(reason),
            reportedBy: reader.significantText(reportedBy))
    }

    private static func contract(_ value: JSONToken?) throws(DecodingFailure) -> ContractID {
        switch value {
        case .number(let number):
            guard number.isInteger else { throw .contractFloat }
            if number.magnitude == 0 { throw .contractZero }
            if number.isNegative { throw .contractNegative }
            guard let value = number.int64, let contract = ContractID(value) else { throw .contractTooLarge }
            return contract
        case .string: throw .contractString
        case .bool: throw .contractBoolean
        case .null: throw .contractNull
        case .beginObject, .beginArray: throw .contractNotANumber
        case nil, .key, .endObject, .endArray, .end: throw .contractMissing
        }
    }

    /// Rebuilds a replayed dead letter whose value was cut from its headers.
    /// - Returns: nil when the record is none.
    mutating func rebuiltEvent() throws(DecodingFailure) -> RevokeEvent? {
        guard headers.isTruncated, let replay = headers.replay else { return nil }
        guard let digits = replay[DeadLetterField.contract], let value = DecimalText.int64(digits),
            let contract = ContractID(value)
        else { throw .contractMissing }
        var account: String?
        if let bytes = replay[DeadLetterField.account] {
            account = Self.significantText(bytes)
            if account == nil { throw .accountInvalid }
        }
        takeCoordinates()
        if let id = Self.significantText(headers.id) { self.id = id }
        if let source = Self.significantText(headers.source) { self.source = source }
        subject = headers.subject
        if let time = headers.time { times.add(text: time) }
        return event(contract: contract, account: account, reason: nil, reportedBy: nil)
    }

    // MARK: - Parts

    private mutating func event(
        contract: ContractID, account: String?, reason: String?, reportedBy: String?
    ) -> RevokeEvent {
        takeRecordTimes()
        let digits = String(contract.value).utf8
        if let key = record.content.key, !key.elementsEqual(digits) { warnings.insert(.keyDiffers) }
        if let subject, !subject.elementsEqual(digits) { warnings.insert(.subjectDiffers) }
        if times.metImplausible { warnings.insert(.implausibleTime) }
        return RevokeEvent(
            id: id, source: source, contract: contract, account: account, reason: reason, reportedBy: reportedBy,
            leakTime: carriedLeakTime ?? times.latest, earliestTime: times.earliest, warnings: warnings,
            isReplay: headers.replay != nil)
    }

    /// A replay's own timestamp says when it was replayed: its headers have the first record's.
    private mutating func takeRecordTimes() {
        guard let replay = headers.replay else {
            if let timestamp = record.timestamp { times.add(timestamp) }
            return
        }
        if let timestamp = replay[DeadLetterField.timestamp] { times.add(text: timestamp) }
        if let leakTime = replay[DeadLetterField.leakTime] { carriedLeakTime = times.add(text: leakTime) }
    }

    private mutating func addTime(_ value: JSONToken?, of reader: JSONReader) {
        switch value {
        case nil, .null: return
        case .string(let string):
            if string.hasEscapes {
                times.add(text: reader.utf8(of: string) ?? [])
            } else {
                times.add(text: reader.bytes[string.range])
            }
        case .number(let number):
            if let milliseconds = number.int64 { times.add(milliseconds) } else { times.addNonsense() }
        default: times.addNonsense()
        }
    }

    /// A header's text if it counts: not empty and without U+0000. That it is UTF-8 was checked before.
    private static func significantText(_ bytes: [UInt8]?) -> String? {
        guard let bytes, !bytes.isEmpty, !bytes.contains(0) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
