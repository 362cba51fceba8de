// How a record is laid out in an input of the target `events`: flags; the number of headers; each as a length, a name,
// a length (255 is null), a value; a length (255 is null) and the key; all that is left is the value.
import RevokeEvents

struct RecordFrame {
    static let bare: UInt8 = 1
    static let registryPrefix: UInt8 = 2
    static let nullValue: UInt8 = 4
    static let smallLimit: UInt8 = 8

    var flags: UInt8 = 0
    var content = RecordContent(value: nil)

    init() {}

    init(_ bytes: [UInt8]) {
        var rest = bytes[...]
        func take(_ count: Int) -> [UInt8] {
            let part = Array(rest.prefix(count))
            rest = rest.dropFirst(count)
            return part
        }
        func takeField() -> [UInt8]? {
            let count = rest.popFirst() ?? 0
            return count == 255 ? nil : take(Int(count))
        }
        flags = rest.popFirst() ?? 0
        let count = rest.popFirst() ?? 0
        for _ in 0..<count where !rest.isEmpty {
            let name = String(decoding: takeField() ?? [], as: UTF8.self)
            content.headers.append(RecordHeader(name: name, value: takeField()))
        }
        content.key = takeField()
        content.value = flags & Self.nullValue != 0 ? nil : Array(rest)
    }

    /// nil when a part is too long for its length.
    var bytes: [UInt8]? {
        var bytes = [flags | (content.value == nil ? Self.nullValue : 0), UInt8(clamping: content.headers.count)]
        func add(_ field: [UInt8]?) -> Bool {
            guard let field else {
                bytes.append(255)
                return true
            }
            guard field.count < 255 else { return false }
            bytes.append(UInt8(field.count))
            bytes += field
            return true
        }
        for header in content.headers {
            guard add(Array(header.name.utf8)), add(header.value) else { return nil }
        }
        guard add(content.key) else { return nil }
        return bytes + (content.value ?? [])
    }
}
