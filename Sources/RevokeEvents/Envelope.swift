internal import JSON
internal import RevokeModel

/// A structured event as it stands in a JSON text: the members that count, as tokens, and where the data is
/// (CloudEvents JSON event format 1.0.2). Nothing is judged but the grammar and doubled keys.
struct Envelope {
    /// The reader that gave the tokens, at the end of the text.
    private(set) var reader: JSONReader
    private(set) var specVersion: JSONToken?
    private(set) var id: JSONToken?
    private(set) var source: JSONToken?
    private(set) var type: JSONToken?
    private(set) var time: JSONToken?
    private(set) var subject: JSONToken?
    private(set) var dataContentType: JSONToken?
    /// Where the member `data` is; nil when there is none or it is null.
    private(set) var data: Range<Int>?
    /// The member `data_base64`; nil when there is none or it is null.
    private(set) var dataBase64: JSONToken?
    /// Whether there is a member `acme_contract_id`, as bare events have it.
    private(set) var hasContract = false

    init(_ bytes: [UInt8], in text: Range<Int>, maximumDepth: Int) throws(DecodingFailure) {
        reader = JSONReader(bytes, in: text, maximumDepth: maximumDepth)
        try reader.beginTopObject()
        var keys = JSONKeyList()
        while case .key(let key) = try reader.token() {
            keys.append(key)
            try readMember(key)
        }
        try reader.finishText()
        if keys.duplicate(in: reader) != nil { throw .duplicateKey }
    }

    /// The reader is behind a key.
    private mutating func readMember(_ key: JSONString) throws(DecodingFailure) {
        if reader.string(key, equals: MemberName.data) {
            let range = try reader.skippedValue()
            data = reader.bytes[range.lowerBound] == UInt8(ascii: "n") ? nil : range
            return
        }
        let value = try reader.memberValue()
        if reader.string(key, equals: MemberName.id) {
            id = value
        } else if reader.string(key, equals: MemberName.type) {
            type = value
        } else if reader.string(key, equals: MemberName.time) {
            time = value
        } else if reader.string(key, equals: MemberName.source) {
            source = value
        } else if reader.string(key, equals: MemberName.subject) {
            subject = value
        } else if reader.string(key, equals: MemberName.specVersion) {
            specVersion = value
        } else if reader.string(key, equals: MemberName.dataBase64) {
            if case .null = value { dataBase64 = nil } else { dataBase64 = value }
        } else if reader.string(key, equals: MemberName.dataContentType) {
            dataContentType = value
        } else if reader.string(key, equals: MemberName.contract) {
            hasContract = true
        }
    }
}
