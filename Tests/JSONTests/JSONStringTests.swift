import JSON
import Testing

@Suite("JSON reader: strings and keys")
struct JSONStringTests {
    static func string(_ text: String) throws -> (JSONReader, JSONString) {
        var reader = JSONReader(Array(text.utf8))
        guard case .string(let string) = try reader.next() else { throw JSONError(kind: .unexpectedByte, position: 0) }
        return (reader, string)
    }

    static let decoded: [(String, String?)] = [
        (#""""#, ""), (#""abc""#, "abc"), (#""ä€😀""#, "ä€😀"), (#""\u0041""#, "A"), (#""\u00e4""#, "ä"),
        (#""\u20AC""#, "€"), (#""\ud83d\ude00""#, "😀"), (#""x\uD83D\uDE00y""#, "x😀y"), (#""\u0000""#, "\u{0}"),
        (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\ud800""#, nil), (#""\udc00""#, nil),
        (#""\ud800x""#, nil), (#""\ud800\u0041""#, nil), (#""\ud800\ud800\udc00""#, nil),
        (#""\udbff\udfff""#, "\u{10ffff}"),
        (#""\uffff""#, "\u{ffff}"), (#""\u07ff\u0800""#, "\u{7ff}\u{800}"),
    ]

    @Test("Escapes are undone, and a lone surrogate is no text", arguments: decoded)
    func text(json: String, expected: String?) throws {
        let (reader, string) = try Self.string(json)
        #expect(reader.text(of: string) == expected)
        #expect(reader.utf8(of: string) == expected.map { Array($0.utf8) })
        #expect(string.hasEscapes == json.contains("\\"))
        if let expected {
            #expect(reader.string(string, equals: expected))
            #expect(reader.string(string, equals: Array(expected.utf8)))
            #expect(!reader.string(string, equals: Array(expected.utf8) + [0x78]))
            #expect(!reader.string(string, equals: [0x78] + Array(expected.utf8)))
            #expect(!reader.string(string, equals: expected + "x"))
            #expect(!reader.string(string, equals: "x" + expected))
            if !expected.isEmpty { #expect(!reader.string(string, equals: "")) }
        }
    }

    @Test("Bytes are compared, without normalisation")
    func noNormalisation() throws {
        let (reader, string) = try Self.string("\"e\u{301}\"")
        #expect(!reader.string(string, equals: "\u{e9}"))
        #expect(reader.string(string, equals: "e\u{301}"))
    }

    static let duplicates: [(String, String?)] = [
        ("{}", nil), (#"{"a":1}"#, nil), (#"{"a":1,"b":2}"#, nil), (#"{"a":1,"a":2}"#, "a"),
        (#"{"a":1,"A":2}"#, nil), (#"{"a":1,"\u0061":2}"#, "a"), (#"{"\u0061":1,"a":2}"#, "a"),
        (#"{"\ud800":1,"\ud800":2}"#, "lone"), (#"{"\ud800":1,"\ud801":2}"#, nil), (#"{"ab":1,"a":2,"":3}"#, nil),
        (#"{"":1,"":2}"#, ""), (#"{"\ud83d\ude00":1,"😀":2}"#, "😀"), (#"{"/":1,"\/":2}"#, "/"),
    ]

    @Test("A key that stands twice is found, however it is spelled", arguments: duplicates)
    func duplicate(json: String, expected: String?) throws {
        // With many other keys the list sorts; the answer is the same.
        for others in [0, 20, 300] {
            var text = json
            if others > 0 {
                let members = (0..<others).map { "\"key \($0)\":0" }.joined(separator: ",")
                text = json == "{}" ? "{\(members)}" : String(json.dropLast()) + "," + members + "}"
            }
            var reader = JSONReader(Array(text.utf8))
            var keys = JSONKeyList()
            _ = try reader.next()
            while case .key(let key) = try reader.next() {
                keys.append(key)
                try reader.skipValue()
            }
            let found = keys.duplicate(in: reader)
            #expect(found.map { reader.text(of: $0) ?? "lone" } == expected)
            keys.removeAll()
            #expect(keys.duplicate(in: reader) == nil)
        }
    }

    @Test("UTF-8 is judged as RFC 3629 has it")
    func utf8() {
        for scalar in [0x24, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x1_0000, 0x10_FFFF] as [UInt32] {
            guard let value = Unicode.Scalar(scalar) else { continue }
            let bytes = Array(String(Character(value)).utf8)
            #expect(UTF8Form.isValid(bytes))
            #expect(UTF8Form.isValid(bytes + bytes))
            if bytes.count > 1 {
                #expect(!UTF8Form.isValid(Array(bytes.dropLast())))
                #expect(!UTF8Form.isValid(Array(bytes.dropFirst())))
            }
        }
        #expect(UTF8Form.isValid([]))
        #expect(!UTF8Form.isValid([0xC0, 0xAF]))
        #expect(!UTF8Form.isValid([0xED, 0xBF, 0xBF]))
        #expect(!UTF8Form.isValid([0xF8, 0x88, 0x80, 0x80, 0x80]))
    }

    @Test("UTF-8 is judged as the standard library judges it", arguments: 0..<10 as Range<UInt64>)
    func utf8AgreesWithStandardLibrary(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let edges: [UInt8] = [
            0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5,
        ]
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                edges[Int.random(in: edges.indices, using: &random)]
            }
            #expect(UTF8Form.isValid(bytes) == (String(validating: bytes, as: UTF8.self) != nil))
        }
    }
}
