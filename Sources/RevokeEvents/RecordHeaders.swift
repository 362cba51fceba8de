internal import JSON
internal import RevokeModel

/// The headers of a record that count for decoding, each checked: UTF-8, only one value for a name, and not null where
/// an event needs it. An optional attribute that is null counts as absent.
struct RecordHeaders {
    private(set) var contentType: [UInt8]?
    private(set) var specVersion: [UInt8]?
    private(set) var id: [UInt8]?
    private(set) var source: [UInt8]?
    private(set) var type: [UInt8]?
    private(set) var time: [UInt8]?
    private(set) var subject: [UInt8]?
    private(set) var dataContentType: [UInt8]?
    /// Whether there is a header `ce_…`, whatever its name, that is not absent.
    private(set) var hasAttributes = false
    /// The `revoke-dlq-…` headers by the rest of their names, if there is any.
    private(set) var replay: [String: [UInt8]]?
    /// The attributes that nobody reads, to find doubled ones: a few in a list, more in a dictionary.
    private var fewExtensions: [(name: String, value: [UInt8])] = []
    private var manyExtensions: [String: [UInt8]] = [:]

    /// Whether one of the attributes that every event has is in the headers: the record is in binary mode.
    var hasRequiredAttribute: Bool { specVersion != nil || id != nil || source != nil || type != nil }

    /// Whether the record is a replay of a dead letter whose value was cut and whose contract is in the headers.
    var isTruncated: Bool { replay?[DeadLetterField.truncated] != nil && replay?[DeadLetterField.contract] != nil }

    /// Where the record first stood that was replayed, if its headers say so.
    var replayCoordinates: RecordCoordinates? {
        guard let replay, let topic = replay[DeadLetterField.topic],
            let partition = replay[DeadLetterField.partition], let offset = replay[DeadLetterField.offset]
        else { return nil }
        let slash = [UInt8(ascii: "/")]
        return RecordCoordinates(String(decoding: topic + slash + partition + slash + offset, as: UTF8.self))
    }

    init(_ headers: [RecordHeader]) throws(DecodingFailure) {
        for header in headers {
            switch HeaderName.kind(of: header.name) {
            case .other:
                continue
            case .wrongPrefix:
                throw .wrongHeaderPrefix
            case .contentType:
                try Self.set(&contentType, try Self.checked(header))
            case .attribute:
                if header.value == nil, !HeaderName.isRequiredAttribute(header.name) { continue }
                hasAttributes = true
                try setAttribute(header.name, try Self.checked(header))
            case .deadLetter:
                let name = String(header.name.utf8.dropFirst(HeaderName.deadLetterPrefix.utf8.count)) ?? ""
                var values = replay ?? [:]
                // The only reference, so that the next line copies nothing.
                replay = nil
                try Self.set(&values[name], try Self.checked(header))
                replay = values
            }
        }
    }

    private mutating func setAttribute(_ name: String, _ value: [UInt8]) throws(DecodingFailure) {
        // The length rules out all but one or two names.
        switch name.utf8.count {
        case 5 where name == HeaderName.id: try Self.set(&id, value)
        case 7 where name == HeaderName.type: try Self.set(&type, value)
        case 7 where name == HeaderName.time: try Self.set(&time, value)
        case 9 where name == HeaderName.source: try Self.set(&source, value)
        case 10 where name == HeaderName.subject: try Self.set(&subject, value)
        case 14 where name == HeaderName.specVersion: try Self.set(&specVersion, value)
        case 18 where name == HeaderName.dataContentType: try Self.set(&dataContentType, value)
        default:
            if fewExtensions.count < 8 {
                for other in fewExtensions where other.name == name && other.value != value { throw .duplicateHeader }
                fewExtensions.append((name, value))
            } else {
                if manyExtensions.isEmpty {
                    for other in fewExtensions { manyExtensions[other.name] = other.value }
                }
                try Self.set(&manyExtensions[name], value)
            }
        }
    }

    private static func checked(_ header: RecordHeader) throws(DecodingFailure) -> [UInt8] {
        guard let value = header.value else { throw .nullHeader }
        guard UTF8Form.isValid(value) else { throw .headerNotUTF8 }
        return value
    }

    private static func set(_ slot: inout [UInt8]?, _ value: [UInt8]) throws(DecodingFailure) {
        if let first = slot, first != value { throw .duplicateHeader }
        slot = value
    }
}
