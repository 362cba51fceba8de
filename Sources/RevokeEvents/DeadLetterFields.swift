internal import JSON
internal import RevokeModel

/// The `revoke-dlq-…` headers of a record by name, with the forms that their values have.
struct DeadLetterFields {
    private enum Field {
        case text(String)
        case invalid
        case duplicate
    }

    private var fields: [String: Field] = [:]

    /// Whether the record has any such header.
    var isPresent: Bool { !fields.isEmpty }

    /// Whether the field is there, in whatever form.
    func contains(_ name: String) -> Bool { fields[name] != nil }

    init(_ headers: [RecordHeader]) {
        for header in headers where HeaderName.kind(of: header.name) == .deadLetter {
            let name = String(header.name.utf8.dropFirst(HeaderName.deadLetterPrefix.utf8.count)) ?? ""
            var field = Field.invalid
            if let value = header.value, UTF8Form.isValid(value) {
                field = .text(String(decoding: value, as: UTF8.self))
            }
            switch (fields[name], field) {
            case (nil, _): fields[name] = field
            case (.text(let first), .text(let second)) where first.utf8.elementsEqual(second.utf8): continue
            default: fields[name] = .duplicate
            }
        }
    }

    func optional<Value>(_ name: String, _ read: (String) -> Value?) throws(DeadLetterError) -> Value? {
        switch fields[name] {
        case nil: return nil
        case .invalid: throw .invalid(name)
        case .duplicate: throw .duplicate(name)
        case .text(let text):
            guard let value = read(text) else { throw .invalid(name) }
            return value
        }
    }

    func required<Value>(_ name: String, _ read: (String) -> Value?) throws(DeadLetterError) -> Value {
        guard let value = try optional(name, read) else { throw .missing(name) }
        return value
    }

    /// The value if the field is there and has its form.
    func valid<Value>(_ name: String, _ read: (String) -> Value?) -> Value? {
        guard case .text(let text) = fields[name] else { return nil }
        return read(text)
    }

    static func integer(_ text: String) -> Int64? { DecimalText.int64(text.utf8) }

    static func offset(_ text: String) -> Int64? { integer(text).flatMap { $0 >= 0 ? $0 : nil } }

    static func partition(_ text: String) -> Int32? { offset(text).flatMap { Int32(exactly: $0) } }

    static func count(_ text: String) -> Int? { offset(text).flatMap { Int(exactly: $0) } }

    static func contract(_ text: String) -> ContractID? { integer(text).flatMap { ContractID($0) } }

    static func notEmpty(_ text: String) -> String? { text.isEmpty ? nil : text }

    static func time(_ text: String) -> Int64? { RFC3339.milliseconds(Array(text.utf8)) }
}
