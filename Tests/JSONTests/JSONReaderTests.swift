import JSON
import Testing

@Suite("JSON reader: the grammar of RFC 8259")
struct JSONReaderTests {
    static func read(_ bytes: [UInt8], maximumDepth: Int = 32) -> JSONError? {
        var reader = JSONReader(bytes, maximumDepth: maximumDepth)
        do throws(JSONError) {
            try reader.finish()
            return nil
        } catch {
            return error
        }
    }

    static func tokens(_ text: String) throws(JSONError) -> [JSONToken] {
        var reader = JSONReader(Array(text.utf8))
        var tokens: [JSONToken] = []
        while true {
            let token = try reader.next()
            tokens.append(token)
            if token == .end { return tokens }
        }
    }

    static let accepted: [String] = [
        "null", "true", "false", "0", "-0", "1", "-1", "12345678901234567890123", "0.5", "-0.5e-10", "1E+2", "1e2",
        "1e400", "18446744073709551615", "\"\"", "\"a\"", "\" \u{7f}\u{2028}\u{10ffff}\"", "{}", "[]", " { } ",
        "\t\r\n [ \t\r\n ] \t\r\n", "[1,2]", "[[],[]]", "{\"a\":1}", "{\"a\":{\"a\":[]},\"b\":null}",
        "{\"\":0,\"\":0}", #""\"\\\/\b\f\n\r\t\u0000\uABCD\uabcd""#, #""\ud800""#, #""\udc00\ud800""#,
        #""a\u0000b""#, "[1 , 2]", "{\"a\" : 1 , \"b\" : 2}",
    ]

    @Test("What the grammar allows is read", arguments: accepted)
    func accepts(text: String) { #expect(Self.read(Array(text.utf8)) == nil) }

    struct Refusal: CustomTestStringConvertible, Sendable {
        let bytes: [UInt8]
        let kind: JSONError.Kind
        let position: Int

        init(_ text: String, _ kind: JSONError.Kind, _ position: Int) {
            self.init(Array(text.utf8), kind, position)
        }

        init(_ bytes: [UInt8], _ kind: JSONError.Kind, _ position: Int) {
            self.bytes = bytes
            self.kind = kind
            self.position = position
        }

        var testDescription: String { String(decoding: bytes, as: UTF8.self) }
    }

    static let refused: [Refusal] = [
        Refusal("", .unexpectedEnd, 0),
        Refusal("  ", .unexpectedEnd, 2),
        Refusal("tru", .unexpectedEnd, 3),
        Refusal("trux", .unexpectedByte, 3),
        Refusal("True", .unexpectedByte, 0),
        Refusal("nul", .unexpectedEnd, 3),
        Refusal("NaN", .unexpectedByte, 0),
        Refusal("Infinity", .unexpectedByte, 0),
        Refusal("'a'", .unexpectedByte, 0),
        Refusal("+1", .unexpectedByte, 0),
        Refusal(".5", .unexpectedByte, 0),
        Refusal("-", .unexpectedEnd, 1),
        Refusal("-a", .invalidNumber, 1),
        Refusal("012", .invalidNumber, 1),
        Refusal("-012", .invalidNumber, 2),
        Refusal("00", .invalidNumber, 1),
        Refusal("1.", .unexpectedEnd, 2),
        Refusal("1.e1", .invalidNumber, 2),
        Refusal("1e", .unexpectedEnd, 2),
        Refusal("1e+", .unexpectedEnd, 3),
        Refusal("1ex", .invalidNumber, 2),
        Refusal("0x10", .trailingContent, 1),
        Refusal("1 2", .trailingContent, 2),
        Refusal("{}{}", .trailingContent, 2),
        Refusal("{} ]", .trailingContent, 3),
        Refusal("{}\u{0}", .trailingContent, 2),
        Refusal("{", .unexpectedEnd, 1),
        Refusal("{\"a\"", .unexpectedEnd, 4),
        Refusal("{\"a\":", .unexpectedEnd, 5),
        Refusal("{\"a\":1", .unexpectedEnd, 6),
        Refusal("{\"a\":1,", .unexpectedEnd, 7),
        Refusal("{\"a\":1,}", .unexpectedByte, 7),
        Refusal("{\"a\":1]", .unexpectedByte, 6),
        Refusal("{\"a\" 1}", .unexpectedByte, 5),
        Refusal("{\"a\":1 \"b\":2}", .unexpectedByte, 7),
        Refusal("{a:1}", .unexpectedByte, 1),
        Refusal("{,}", .unexpectedByte, 1),
        Refusal("{1:2}", .unexpectedByte, 1),
        Refusal("[", .unexpectedEnd, 1),
        Refusal("[1", .unexpectedEnd, 2),
        Refusal("[1,", .unexpectedEnd, 3),
        Refusal("[1,]", .unexpectedByte, 3),
        Refusal("[,1]", .unexpectedByte, 1),
        Refusal("[1}", .unexpectedByte, 2),
        Refusal("[1 2]", .unexpectedByte, 3),
        Refusal("]", .unexpectedByte, 0),
        Refusal("}", .unexpectedByte, 0),
        Refusal("/* c */1", .unexpectedByte, 0),
        Refusal("\"a", .unexpectedEnd, 2),
        Refusal("\"a\n\"", .controlCharacter, 2),
        Refusal("\"\u{0}\"", .controlCharacter, 1),
        Refusal("\"\u{1f}\"", .controlCharacter, 1),
        Refusal(#""\x""#, .invalidEscape, 2),
        Refusal(#""\u12G4""#, .invalidEscape, 5),
        Refusal(#""\u12""#, .invalidEscape, 5),
        Refusal(#""\u12"#, .unexpectedEnd, 5),
        Refusal(#""\"#, .unexpectedEnd, 2),
        Refusal(#""\U0041""#, .invalidEscape, 2),
        Refusal("\u{feff}1", .unexpectedByte, 0),
        Refusal("\u{a0}1", .unexpectedByte, 0),
        Refusal("[\u{e4}]", .unexpectedByte, 1),
        Refusal([0xFF], .invalidUTF8, 0),
        Refusal([0x5B, 0xC3], .invalidUTF8, 1),
        Refusal([0x22, 0x80, 0x22], .invalidUTF8, 1),
        Refusal([0x22, 0xC0, 0x80, 0x22], .invalidUTF8, 1),
        Refusal([0x22, 0xC1, 0xBF, 0x22], .invalidUTF8, 1),
        Refusal([0x22, 0xE0, 0x9F, 0xBF, 0x22], .invalidUTF8, 1),
        Refusal([0x22, 0xED, 0xA0, 0x80, 0x22], .invalidUTF8, 1),
        Refusal([0x22, 0xF0, 0x8F, 0xBF, 0xBF, 0x22], .invalidUTF8, 1),
        Refusal([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], .invalidUTF8, 1),
        Refusal([0x22, 0xF5, 0x80, 0x80, 0x80, 0x22], .invalidUTF8, 1),
        Refusal([0x22, 0x61, 0xE2, 0x82, 0x22], .invalidUTF8, 2),
        Refusal([0x22, 0xE2, 0x82], .invalidUTF8, 1),
        Refusal([0x7B, 0x22, 0xE4, 0x22, 0x3A, 0x31, 0x7D], .invalidUTF8, 2),
    ]

    @Test("What it does not allow is named with its place", arguments: refused)
    func refuses(refusal: Refusal) {
        #expect(Self.read(refusal.bytes) == JSONError(kind: refusal.kind, position: refusal.position))
    }

    @Test("A part that is passed over is held to the same grammar", arguments: refused)
    func skippingRefuses(refusal: Refusal) {
        var reader = JSONReader(refusal.bytes)
        #expect(throws: JSONError(kind: refusal.kind, position: refusal.position)) {
            try reader.skipValue()
            try reader.finish()
        }
    }

    @Test("After an error every call gives it again")
    func errorsStay() {
        var reader = JSONReader(Array("[x]".utf8))
        let error = JSONError(kind: .unexpectedByte, position: 1)
        #expect(throws: Never.self) { try reader.next() }
        for _ in 0..<3 {
            #expect(throws: error) { try reader.next() }
            #expect(throws: error) { try reader.skipValue() }
        }
    }

    @Test("Tokens come in order, keys apart from strings")
    func tokenOrder() throws {
        let tokens = try Self.tokens(#"{"a":[true,false,null,"b",{}],"c":-12}"#)
        let kinds = tokens.map { token in
            switch token {
            case .beginObject: "{"
            case .endObject: "}"
            case .beginArray: "["
            case .endArray: "]"
            case .key: "key"
            case .string: "string"
            case .number(let number): "number \(number.int64 ?? 0)"
            case .bool(let value): "\(value)"
            case .null: "null"
            case .end: "end"
            }
        }
        let expected = [
            "{", "key", "[", "true", "false", "null", "string", "{", "}", "]", "key", "number -12", "}", "end",
        ]
        #expect(kinds == expected)
    }

    @Test("A value is passed over whole, and its place is given")
    func skipping() throws {
        let text = Array(#" {"a" : [1,{"b":"]"}] , "c":2} "#.utf8)
        var reader = JSONReader(text)
        #expect(try reader.next() == .beginObject)
        guard case .key = try reader.next() else {
            Issue.record("no key")
            return
        }
        let range = try reader.skipValue()
        #expect(String(decoding: text[range], as: UTF8.self) == #"[1,{"b":"]"}]"#)
        guard case .key(let key) = try reader.next() else {
            Issue.record("no key")
            return
        }
        #expect(reader.string(key, equals: "c"))
        #expect(try String(decoding: text[reader.skipValue()], as: UTF8.self) == "2")
        #expect(try reader.next() == .endObject)
        #expect(try reader.next() == .end)
        #expect(try reader.next() == .end)
    }

    @Test("Elements of an array can be passed over, and its end is no value")
    func skippingElements() throws {
        let text = Array("[1, [2] ,{}]".utf8)
        var reader = JSONReader(text)
        #expect(try reader.next() == .beginArray)
        #expect(try String(decoding: text[reader.skipValue()], as: UTF8.self) == "1")
        #expect(try String(decoding: text[reader.skipValue()], as: UTF8.self) == "[2]")
        #expect(try String(decoding: text[reader.skipValue()], as: UTF8.self) == "{}")
        #expect(throws: JSONError(kind: .unexpectedByte, position: 11)) { try reader.skipValue() }
    }

    @Test("The rest of a container is passed over, its end included")
    func skippingRest() throws {
        var reader = JSONReader(Array(#"[[1,{"a":[2]},3],4]"#.utf8))
        #expect(try reader.next() == .beginArray)
        #expect(try reader.next() == .beginArray)
        _ = try reader.next()
        try reader.skipRestOfContainer()
        guard case .number(let four) = try reader.next() else {
            Issue.record("no number")
            return
        }
        #expect(four.int64 == 4)
    }

    @Test("The depth limit counts open containers", arguments: [0, 1, 2, 31, 32, 63, 64])
    func depth(limit: Int) {
        let open = String(repeating: "[", count: limit)
        let close = String(repeating: "]", count: limit)
        #expect(Self.read(Array((open + "1" + close).utf8), maximumDepth: limit) == nil)
        #expect(
            Self.read(Array((open + "[1]" + close).utf8), maximumDepth: limit)
                == JSONError(kind: .tooDeep, position: limit))
    }

    @Test("No limit above 64 is taken, and hostile depth costs no stack")
    func depthBound() {
        let bytes = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(Self.read(bytes, maximumDepth: .max) == JSONError(kind: .tooDeep, position: 64))
        #expect(Self.read(bytes, maximumDepth: -1) == JSONError(kind: .tooDeep, position: 0))
    }

    @Test("Objects and arrays that alternate close in order")
    func mixedNesting() {
        #expect(Self.read(Array(#"[{"a":[{"b":[]}]}]"#.utf8)) == nil)
        #expect(Self.read(Array(#"[{"a":[{"b":[}]}]"#.utf8)) == JSONError(kind: .unexpectedByte, position: 13))
    }

    @Test("Only the range is read")
    func range() {
        let bytes = Array("xx{}yy".utf8)
        var reader = JSONReader(bytes, in: 2..<4)
        #expect(throws: Never.self) { try reader.finish() }
        var short = JSONReader(bytes, in: 2..<3)
        #expect(throws: JSONError(kind: .unexpectedEnd, position: 3)) { try short.finish() }
        var outside = JSONReader(bytes, in: 90..<100)
        #expect(throws: JSONError(kind: .unexpectedEnd, position: 6)) { try outside.finish() }
    }

    static let integers: [(String, Int64?)] = [
        ("0", 0), ("-0", 0), ("1", 1), ("9007199254740991", 9_007_199_254_740_991),
        ("9223372036854775807", .max), ("9223372036854775808", nil), ("-9223372036854775808", .min),
        ("-9223372036854775809", nil), ("18446744073709551615", nil), ("18446744073709551616", nil),
        ("99999999999999999999999999", nil), ("1.0", nil), ("1e3", nil), ("-1", -1),
    ]

    @Test("Integers are exact", arguments: integers)
    func integer(text: String, value: Int64?) throws {
        guard case .number(let number) = try Self.tokens(text)[0] else {
            Issue.record("no number")
            return
        }
        #expect(number.int64 == value)
        #expect(number.range == 0..<text.utf8.count)
        #expect(number.isNegative == text.hasPrefix("-"))
        #expect(number.isInteger == !(text.contains(".") || text.contains("e")))
    }

    @Test("Every prefix of a text is refused, at its end")
    func prefixes() {
        let text = Array(#"{"a":[1.5e+3,true,null,"\u00e4ä"],"b":{"c":-1}}"#.utf8)
        #expect(Self.read(text) == nil)
        for length in text.indices {
            let error = Self.read(Array(text[..<length]))
            // A sequence of UTF-8 that is cut is named as such.
            #expect(error?.kind == .unexpectedEnd || error?.kind == .invalidUTF8)
        }
    }

    @Test("Walking and skipping agree on any bytes", arguments: 0..<20 as Range<UInt64>)
    func walkingAgreesWithSkipping(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet: [[UInt8]] =
            [
                "{", "}", "[", "]", ":", ",", "\"", "a", "\\", "u00", "1", "0", "-", ".", "e", " ", "true", "null", "ä",
                "\"a\":",
            ].map { Array($0.utf8) } + [[0xFF], [0x00], [0xC3]]
        for _ in 0..<500 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                bytes += alphabet[Int.random(in: alphabet.indices, using: &random)]
            }
            let walked = Self.read(bytes)
            var reader = JSONReader(bytes)
            var skipped: JSONError?
            do throws(JSONError) {
                let range = try reader.skipValue()
                #expect(range.upperBound <= bytes.count)
                try reader.finish()
            } catch {
                skipped = error
            }
            #expect(walked == skipped)
            if let walked { #expect((0...bytes.count).contains(walked.position)) }
        }
    }
}
