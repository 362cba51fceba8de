internal import JSON
internal import RevokeModel

/// Reads bodies of the API. Pure.
enum AnswerBody {
    /// Whether a body is one whole JSON object (RFC 8259) of a media type of JSON: `application/json` or one with the
    /// suffix `+json` (RFC 6839, section 3.1).
    static func isObject(_ body: [UInt8], mediaType: String?) -> Bool {
        guard let mediaType, isJSON(mediaType) else { return false }
        var reader = JSONReader(body)
        return (try? isObject(&reader)) ?? false
    }

    private static func isObject(_ reader: inout JSONReader) throws(JSONError) -> Bool {
        guard try reader.next() == .beginObject else { return false }
        try reader.finish()
        return true
    }

    private static func isJSON(_ mediaType: String) -> Bool {
        let name = mediaType.lowercased()
        if name == "application/json" { return true }
        guard name.hasPrefix("application/"), name.hasSuffix("+json") else { return false }
        let facet = name.dropFirst("application/".count).dropLast("+json".count)
        // RFC 6838, section 4.2.
        return !facet.isEmpty
            && facet.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "!#$&-^_.+".contains($0)) }
    }

    /// The error code of a body of the form `{"errors":[{"code":…}]}` or `{"error":{"code":…}}`.
    ///
    /// Servers repeat keys in what they say, and in other forms too: a code counts only if it has the form of `ErrorCode`
    /// and shares no 8 letters in a row with a key, in either direction.
    static func errorCode(in body: [UInt8], keys: [APIKey]) -> ErrorCode? {
        guard !body.isEmpty else { return nil }
        var reader = JSONReader(body)
        guard let text = try? firstCode(&reader), let code = ErrorCode(text) else { return nil }
        for key in keys where key.sharesPiece(with: text.utf8) || key.sharesLetters(with: text.utf8) { return nil }
        return code
    }

    private static func firstCode(_ reader: inout JSONReader) throws(JSONError) -> String? {
        guard try reader.next() == .beginObject else { return nil }
        while case .key(let name) = try reader.next() {
            if reader.string(name, equals: "errors") {
                guard try reader.next() == .beginArray else { return nil }
                return try code(ofObject: &reader)
            }
            if reader.string(name, equals: "error") { return try code(ofObject: &reader) }
            try reader.skipValue()
        }
        return nil
    }

    private static func code(ofObject reader: inout JSONReader) throws(JSONError) -> String? {
        guard try reader.next() == .beginObject else { return nil }
        while case .key(let name) = try reader.next() {
            if reader.string(name, equals: "code") {
                guard case .string(let code) = try reader.next() else { return nil }
                return reader.text(of: code)
            }
            try reader.skipValue()
        }
        return nil
    }

    /// The credentials of a list; nil when the body is not a valid one.
    static func credentials(in body: [UInt8]) -> [Credential]? {
        var reader = JSONReader(body)
        return (try? credentials(&reader)) ?? nil
    }

    private static func credentials(_ reader: inout JSONReader) throws(JSONError) -> [Credential]? {
        guard try reader.next() == .beginObject else { return nil }
        var found: [Credential]?
        while case .key(let name) = try reader.next() {
            guard reader.string(name, equals: "credentials") else {
                try reader.skipValue()
                continue
            }
            guard found == nil, try reader.next() == .beginArray else { return nil }
            var list: [Credential] = []
            while true {
                let token = try reader.next()
                if token == .endArray { break }
                guard token == .beginObject, let credential = try credential(&reader) else { return nil }
                list.append(credential)
            }
            found = list
        }
        try reader.finish()
        return found
    }

    /// Reads the members of an entry whose brace was read.
    private static func credential(_ reader: inout JSONReader) throws(JSONError) -> Credential? {
        var id: Int64?
        var status: String?
        var createdAt: String?
        while case .key(let name) = try reader.next() {
            if reader.string(name, equals: "credential_id") {
                guard id == nil, case .number(let number) = try reader.next() else { return nil }
                id = number.int64
            } else if reader.string(name, equals: "status") {
                guard status == nil, case .string(let text) = try reader.next() else { return nil }
                status = reader.text(of: text)
            } else if reader.string(name, equals: "created_at") {
                guard createdAt == nil, case .string(let text) = try reader.next() else { return nil }
                createdAt = reader.text(of: text)
            } else {
                try reader.skipValue()
            }
        }
        guard let id, let createdAt, status == "active" || status == "revoked" else { return nil }
        return Credential(id: id, isActive: status == "active", createdAt: createdAt)
    }
}
