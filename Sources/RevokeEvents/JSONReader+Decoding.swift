internal import JSON
internal import RevokeModel

extension JSONReader {
    /// `next()`, with the error as the name that a dead letter carries.
    mutating func token() throws(DecodingFailure) -> JSONToken {
        do throws(JSONError) {
            return try next()
        } catch {
            throw DecodingFailure(error)
        }
    }

    /// `skipValue()`, with the error as the name that a dead letter carries.
    mutating func skippedValue() throws(DecodingFailure) -> Range<Int> {
        do throws(JSONError) {
            return try skipValue()
        } catch {
            throw DecodingFailure(error)
        }
    }

    /// Reads a value and gives its token; what is inside an array or an object is passed over.
    mutating func memberValue() throws(DecodingFailure) -> JSONToken {
        let value = try token()
        switch value {
        case .beginObject, .beginArray:
            do throws(JSONError) {
                try skipRestOfContainer()
            } catch {
                throw DecodingFailure(error)
            }
            return value
        case .endObject, .endArray, .key, .string, .number, .bool, .null, .end: return value
        }
    }

    /// Reads on to the end of the text.
    mutating func finishText() throws(DecodingFailure) {
        while true {
            if case .end = try token() { return }
        }
    }

    /// Reads the begin of the text's only value, which must be an object. The grammar is judged first.
    mutating func beginTopObject() throws(DecodingFailure) {
        if case .beginObject = try token() { return }
        try finishText()
        throw .notAnObject
    }

    /// A string that counts: not empty, and valid text without U+0000.
    func significantText(_ token: JSONToken?) -> String? {
        guard case .string(let string) = token, !string.range.isEmpty, let text = text(of: string) else { return nil }
        // Without an escape the grammar keeps U+0000 out.
        if string.hasEscapes, text.utf8.contains(0) { return nil }
        return text
    }
}

extension DecodingFailure {
    init(_ error: JSONError) {
        switch error.kind {
        case .invalidUTF8: self = .notUTF8
        case .tooDeep: self = .tooDeep
        case .trailingContent: self = .trailingDocument
        case .unexpectedEnd, .unexpectedByte, .invalidEscape, .controlCharacter, .invalidNumber: self = .notJSON
        }
    }
}
