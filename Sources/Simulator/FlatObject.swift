import JSON

/// A JSON object whose values are integers, texts, literals and arrays of integers.
struct FlatObject {
    enum Value {
        case integer(Int64)
        case text(String)
        case integers([Int64])
        case other
    }

    private(set) var members: [(name: String, value: Value)] = []

    /// nil for any other text.
    init?(_ line: some Sequence<UInt8>) {
        var reader = JSONReader(Array(line))
        do throws(JSONError) {
            guard try reader.next() == .beginObject else { return nil }
            while case .key(let key) = try reader.next() {
                guard let name = reader.text(of: key), let value = try Self.value(&reader) else { return nil }
                members.append((name, value))
            }
            try reader.finish()
        } catch {
            return nil
        }
    }

    private static func value(_ reader: inout JSONReader) throws(JSONError) -> Value? {
        switch try reader.next() {
        case .string(let string): return reader.text(of: string).map { .text($0) } ?? .other
        case .number(let number): return number.int64.map { .integer($0) }
        case .bool, .null: return .other
        case .beginArray:
            var values: [Int64] = []
            while true {
                switch try reader.next() {
                case .endArray: return .integers(values)
                case .number(let number):
                    guard let value = number.int64 else { return nil }
                    values.append(value)
                case .beginObject, .endObject, .beginArray, .key, .string, .bool, .null, .end: return nil
                }
            }
        case .beginObject, .endObject, .endArray, .key, .end: return nil
        }
    }

    func text(_ name: String) -> String? {
        guard case .text(let text) = members.first(where: { $0.name == name })?.value else { return nil }
        return text
    }

    func integer(_ name: String) -> Int64? {
        guard case .integer(let number) = members.first(where: { $0.name == name })?.value else { return nil }
        return number
    }
}
