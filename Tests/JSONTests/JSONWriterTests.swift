import Foundation
import JSON
import Testing

@Suite("JSON writer")
struct JSONWriterTests {
    @Test("Objects, arrays and all kinds of values")
    func allKinds() {
        var writer = JSONWriter(appendingTo: Array("log ".utf8))
        writer.beginObject()
        writer.member("text", "a")
        writer.member("count", 18_446_744_073_709_551_615 as UInt64)
        writer.member("least", Int64.min)
        writer.member("yes", true)
        writer.key("none")
        writer.null()
        writer.key("list")
        writer.beginArray()
        writer.integer(1)
        writer.beginArray()
        writer.endArray()
        writer.beginObject()
        writer.endObject()
        writer.bool(false)
        writer.raw("[null]".utf8)
        writer.string("")
        writer.endArray()
        writer.endObject()
        let expected =
            #"log {"text":"a","count":18446744073709551615,"least":-9223372036854775808,"yes":true,"none":null,"#
            + #""list":[1,[],{},false,[null],""]}"#
        #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
    }

    @Test("Every ASCII character survives")
    func escapes() throws {
        let text =
            String(String.UnicodeScalarView((0..<128).compactMap { Unicode.Scalar($0 as UInt32) })) + "ä€😀\u{2028}"
        var writer = JSONWriter()
        writer.string(text)
        #expect(!writer.bytes.contains { $0 < 0x20 })
        let (reader, string) = try JSONStringTests.string(String(decoding: writer.bytes, as: UTF8.self))
        #expect(reader.text(of: string) == text)
        let object = try JSONSerialization.jsonObject(with: Data(writer.bytes), options: .fragmentsAllowed)
        #expect(object as? String == text)
    }

    @Test("What is written is read back", arguments: 0..<50 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var writer = JSONWriter()
        var expected: [String] = []
        Self.writeValue(&writer, &expected, depth: 0, &random)
        var reader = JSONReader(writer.bytes)
        var read: [String] = []
        loop: while true {
            switch try reader.next() {
            case .beginObject: read.append("{")
            case .endObject: read.append("}")
            case .beginArray: read.append("[")
            case .endArray: read.append("]")
            case .key(let key): read.append("key " + (reader.text(of: key) ?? "?"))
            case .string(let string): read.append("string " + (reader.text(of: string) ?? "?"))
            case .number(let number): read.append("number " + (number.int64.map { String($0) } ?? "?"))
            case .bool(let value): read.append("\(value)")
            case .null: read.append("null")
            case .end: break loop
            }
        }
        #expect(read == expected)
        // Another reader sees a valid text too.
        #expect(throws: Never.self) {
            try JSONSerialization.jsonObject(with: Data(writer.bytes), options: .fragmentsAllowed)
        }
    }

    private static func writeValue(
        _ writer: inout JSONWriter, _ expected: inout [String], depth: Int, _ random: inout SeededGenerator
    ) {
        switch Int.random(in: 0...(depth < 6 ? 6 : 3), using: &random) {
        case 0:
            writer.null()
            expected.append("null")
        case 1:
            let value = Bool.random(using: &random)
            writer.bool(value)
            expected.append("\(value)")
        case 2:
            let value = Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0...63, using: &random)
            writer.integer(value)
            expected.append("number \(value)")
        case 3:
            let value = text(&random)
            writer.string(value)
            expected.append("string " + value)
        case 4:
            writer.beginArray()
            expected.append("[")
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                writeValue(&writer, &expected, depth: depth + 1, &random)
            }
            writer.endArray()
            expected.append("]")
        default:
            writer.beginObject()
            expected.append("{")
            for index in 0..<Int.random(in: 0...4, using: &random) {
                let name = "\(index)" + text(&random)
                writer.key(name)
                expected.append("key " + name)
                writeValue(&writer, &expected, depth: depth + 1, &random)
            }
            writer.endObject()
            expected.append("}")
        }
    }

    private static func text(_ random: inout SeededGenerator) -> String {
        let scalars: [Unicode.Scalar] = ["a", "\"", "\\", "/", "\u{0}", "\n", "\u{1f}", "\u{7f}", "é", "€", "😀", "{"]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...8, using: &random) {
            text.append(scalars[Int.random(in: scalars.indices, using: &random)])
        }
        return String(text)
    }
}
