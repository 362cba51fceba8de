/// The names of the headers that the codec reads and writes (CloudEvents Kafka protocol binding 1.0.2, section 3.2).
enum HeaderName {
    static let contentType = "content-type"
    static let specVersion = "ce_specversion"
    static let id = "ce_id"
    static let source = "ce_source"
    static let type = "ce_type"
    static let time = "ce_time"
    static let subject = "ce_subject"
    static let dataContentType = "ce_datacontenttype"
    static let traceParent = "traceparent"
    static let deadLetterPrefix = "revoke-dlq-"

    /// Whether the name is that of an attribute that every event has.
    static func isRequiredAttribute(_ name: String) -> Bool {
        name == id || name == source || name == specVersion || name == type
    }

    /// What a header's name says about it.
    enum Kind {
        /// `ce_…`
        case attribute
        /// `ce-…`, or `ce_…` not in lower case.
        case wrongPrefix
        case contentType
        /// `revoke-dlq-…`
        case deadLetter
        case other
    }

    static func kind(of name: String) -> Kind {
        var bytes = name.utf8.makeIterator()
        guard let first = bytes.next(), let second = bytes.next(), let third = bytes.next() else { return .other }
        if first | 0x20 == UInt8(ascii: "c"), second | 0x20 == UInt8(ascii: "e") {
            switch third {
            case UInt8(ascii: "-"): return .wrongPrefix
            case UInt8(ascii: "_"):
                let isLowerCase = first == UInt8(ascii: "c") && second == UInt8(ascii: "e")
                return isLowerCase ? .attribute : .wrongPrefix
            default: return .other
            }
        }
        if first == UInt8(ascii: "c"), name == contentType { return .contentType }
        if first == UInt8(ascii: "r"), name.utf8.starts(with: deadLetterPrefix.utf8) { return .deadLetter }
        return .other
    }
}
