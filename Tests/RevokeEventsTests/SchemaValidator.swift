import Foundation

/// The keywords of JSON Schema 2020-12 that the project's schemas use. One that it does not know is an error.
struct SchemaValidator {
    struct UnknownKeyword: Error { let keyword: String }

    private let schema: [String: Any]

    init(_ file: URL) throws {
        schema = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] ?? [:]
        try Self.checkKeywords(schema)
    }

    /// What is wrong with a value, one line for each; empty when it is valid.
    func errors(_ value: Any) throws -> [String] { try Self.errors(value, schema, "") }

    /// Judges the schema's own keywords, also where no value reaches them.
    private static func checkKeywords(_ schema: [String: Any]) throws {
        let known: Set = [
            "$schema", "$id", "title", "description", "format", "type", "required", "properties", "patternProperties",
            "additionalProperties", "minimum", "maximum", "minLength", "pattern", "enum", "const",
        ]
        for keyword in schema.keys where !known.contains(keyword) { throw UnknownKeyword(keyword: keyword) }
        for keyword in ["properties", "patternProperties"] {
            for case let child as [String: Any] in ((schema[keyword] as? [String: Any]) ?? [:]).values {
                try checkKeywords(child)
            }
        }
    }

    private static func errors(_ value: Any, _ schema: [String: Any], _ path: String) throws -> [String] {
        var errors: [String] = []
        for (keyword, rule) in schema {
            switch (keyword, rule) {
            case ("$schema", _), ("$id", _), ("title", _), ("description", _), ("format", _): continue
            case ("type", let type as String):
                if !isType(value, type) { errors.append("\(path): not of type \(type)") }
            case ("type", let types as [String]):
                if !types.contains(where: { isType(value, $0) }) { errors.append("\(path): not of types \(types)") }
            case ("required", let names as [String]):
                guard let object = value as? [String: Any] else { continue }
                for name in names where object[name] == nil { errors.append("\(path): no \(name)") }
            case ("properties", let properties as [String: Any]):
                guard let object = value as? [String: Any] else { continue }
                for case (let name, let child as [String: Any]) in properties {
                    if let member = object[name] { errors += try self.errors(member, child, "\(path)/\(name)") }
                }
            case ("patternProperties", let patterns as [String: Any]):
                guard let object = value as? [String: Any] else { continue }
                for case (let pattern, let child as [String: Any]) in patterns {
                    for (name, member) in object where matches(name, pattern) {
                        errors += try self.errors(member, child, "\(path)/\(name)")
                    }
                }
            case ("additionalProperties", true as Bool): continue
            case ("minimum", let minimum as Int64):
                if let number = number(value), number.compare(NSNumber(value: minimum)) == .orderedAscending {
                    errors.append("\(path): below \(minimum)")
                }
            case ("maximum", let maximum as Int64):
                if let number = number(value), number.compare(NSNumber(value: maximum)) == .orderedDescending {
                    errors.append("\(path): above \(maximum)")
                }
            case ("minLength", let length as Int):
                if let text = value as? String, text.unicodeScalars.count < length {
                    errors.append("\(path): shorter than \(length)")
                }
            case ("pattern", let pattern as String):
                if let text = value as? String, !matches(text, pattern) {
                    errors.append("\(path): \(text) does not match \(pattern)")
                }
            case ("enum", let texts as [String]):
                if !((value as? String).map { texts.contains($0) } ?? false) {
                    errors.append("\(path): not in the list")
                }
            case ("const", let text as String):
                if value as? String != text { errors.append("\(path): not \(text)") }
            default: throw UnknownKeyword(keyword: keyword)
            }
        }
        return errors
    }

    private static func isBoolean(_ value: Any) -> Bool {
        guard let number = value as? NSNumber else { return false }
        // JSON's numbers are never of the C type char, which a boolean is.
        return unsafe String(cString: number.objCType) == "c"
    }

    private static func number(_ value: Any) -> NSNumber? { isBoolean(value) ? nil : value as? NSNumber }

    private static func isType(_ value: Any, _ type: String) -> Bool {
        switch type {
        case "object": value is [String: Any]
        case "array": value is [Any]
        case "string": value is String
        case "boolean": isBoolean(value)
        case "null": value is NSNull
        case "number": number(value) != nil
        case "integer": number(value).map { $0.doubleValue == $0.doubleValue.rounded() } ?? false
        default: false
        }
    }

    private static func matches(_ text: String, _ pattern: String) -> Bool {
        text.range(of: pattern, options: .regularExpression) != nil
    }
}
