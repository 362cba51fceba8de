internal import JSON
public import RevokeModel

/// What decoding a record ends with.
public enum DecodingResult: Hashable, Sendable {
    /// The record is a `revoke-credentials` event.
    case event(RevokeEvent)
    /// The record is none, for the named reason.
    case failure(DecodingFailure)
}

/// Decodes records: CloudEvents 1.0 in binary and structured mode, structured without a content type, bare events by
/// option, and replayed dead letters.
///
/// Where several things are wrong, the first of this order is named: a null value, an empty one, its size, the headers, a
/// batch; then in binary mode the attributes, the content type, the JSON text; in the other modes the JSON text, the
/// attributes; last the data: doubled keys, the contract, the account. A pure value; usable on any thread.
public struct EventDecoder: Sendable {
    /// What a decoder accepts.
    public struct Options: Hashable, Sendable {
        /// Whether an object with `acme_contract_id` and without an envelope is an event.
        public var acceptBareEvents: Bool
        /// Whether the five bytes of a schema registry (0x00 and an id) before the JSON text are cut off.
        public var acceptRegistryPrefix: Bool
        /// The largest value in bytes.
        public var maximumRecordSize: Int
        /// How deep the JSON text may be nested, at most `JSONReader.depthLimit`.
        public var maximumDepth: Int

        /// Makes options; the defaults are those of the worker.
        public init(
            acceptBareEvents: Bool = false, acceptRegistryPrefix: Bool = false, maximumRecordSize: Int = 1 << 20,
            maximumDepth: Int = 32
        ) {
            self.acceptBareEvents = acceptBareEvents
            self.acceptRegistryPrefix = acceptRegistryPrefix
            self.maximumRecordSize = maximumRecordSize
            self.maximumDepth = maximumDepth
        }
    }

    /// The only type of event that is decoded.
    public static let eventType = "revoke-credentials"

    private let options: Options

    /// Makes a decoder.
    public init(options: Options = Options()) { self.options = options }

    /// Decodes a record.
    /// - Parameters:
    ///   - record: the record.
    ///   - now: the wall clock in milliseconds since 1970; times more than five minutes after it do not count.
    public func decode(_ record: RecordParts, now: Int64) -> DecodingResult {
        do throws(DecodingFailure) {
            return .event(try event(of: record, now: now))
        } catch {
            return .failure(error)
        }
    }

    private func event(of record: RecordParts, now: Int64) throws(DecodingFailure) -> RevokeEvent {
        guard let value = record.content.value else { throw .tombstone }
        let headers = try checkedHeaders(of: record, value: value)
        var decoding = RecordDecoding(record: record, headers: headers, now: now)
        if let event = try decoding.rebuiltEvent() { return event }

        let contentType = headers.contentType.map { MediaType($0) }
        switch contentType {
        case .cloudEventBatch: throw .batch
        case .otherCloudEvent: throw .contentType
        case .cloudEvent:
            let envelope = try envelope(in: value)
            return try decoding.event(envelope: envelope, maximumDepth: options.maximumDepth)
        case .json, .other, nil:
            if headers.hasRequiredAttribute {
                try decoding.takeHeaderAttributes()
                if contentType == .other { throw .contentType }
                if let type = headers.dataContentType, MediaType(type) != .json { throw .dataContentType }
                return try decoding.event(data: reader(of: value))
            }
            if contentType == .other { throw .contentType }
            let envelope = try envelope(in: value)
            if envelope.specVersion != nil {
                return try decoding.event(envelope: envelope, maximumDepth: options.maximumDepth)
            }
            if headers.hasAttributes { throw .specVersion }
            guard options.acceptBareEvents, envelope.hasContract else { throw .notACloudEvent }
            decoding.takeCoordinates()
            return try decoding.event(data: reader(of: value))
        }
    }

    private func reader(of value: [UInt8]) throws(DecodingFailure) -> JSONReader {
        JSONReader(value, in: try text(of: value), maximumDepth: options.maximumDepth)
    }

    private func envelope(in value: [UInt8]) throws(DecodingFailure) -> Envelope {
        try Envelope(value, in: text(of: value), maximumDepth: options.maximumDepth)
    }

    /// A truncated dead letter is rebuilt from its headers, whatever is left of its value.
    private func checkedHeaders(of record: RecordParts, value: [UInt8]) throws(DecodingFailure) -> RecordHeaders {
        if value.isEmpty || value.count > options.maximumRecordSize {
            let failure: DecodingFailure = value.isEmpty ? .emptyValue : .tooLarge
            guard let headers = try? RecordHeaders(record.content.headers), headers.isTruncated else { throw failure }
            return headers
        }
        return try RecordHeaders(record.content.headers)
    }

    /// Finds the JSON text in a value and names what is surely none.
    private func text(of value: [UInt8]) throws(DecodingFailure) -> Range<Int> {
        var text = value.indices
        try TextForm.refuseOther(value, text)
        if value[0] == 0 {
            guard options.acceptRegistryPrefix, value.count >= 5 else { throw .registryPrefix }
            text = 5..<value.count
            if text.isEmpty { throw .emptyValue }
            try TextForm.refuseOther(value, text)
        }
        return text
    }
}
