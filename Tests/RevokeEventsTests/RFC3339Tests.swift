import Foundation
import RevokeEvents
import Testing

@Suite("RFC 3339")
struct RFC3339Tests {
    static let valid: [(String, Int64)] = [
        ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.001Z", 1), ("1969-12-31T23:59:59.999Z", -1),
        ("2026-06-01T12:00:00Z", 1_780_315_200_000), ("2026-06-01t12:00:00z", 1_780_315_200_000),
        ("2026-06-01T14:00:00+02:00", 1_780_315_200_000), ("2026-06-01T06:30:00-05:30", 1_780_315_200_000),
        ("2026-06-01T12:00:00-00:00", 1_780_315_200_000), ("2026-06-01T12:00:00.5Z", 1_780_315_200_500),
        ("2026-06-01T12:00:00.123456789Z", 1_780_315_200_123), ("2026-06-01T12:00:00.0009Z", 1_780_315_200_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("2000-02-29T00:00:00Z", 951_782_400_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000), ("2017-01-01T01:59:60+02:00", 1_483_228_800_000),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000), ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000), ("2038-01-19T03:14:08Z", 2_147_483_648_000),
        ("2026-01-01T00:30:00+23:59", 1_767_141_060_000),
    ]

    @Test("Valid times", arguments: valid)
    func reads(text: String, expected: Int64) {
        #expect(RFC3339.milliseconds(Array(text.utf8)) == expected)
        #expect(RFC3339.milliseconds(Array("x\(text)y".utf8)[1...].dropLast()) == expected)
    }

    static let invalid: [String] = [
        "", "2026", "2026-06-01", "2026-06-01T12:00:00", "2026-06-01 12:00:00Z", "2026-06-01T12:00Z",
        "2026-06-01T12:00:00.Z", "2026-06-01T12:00:00,5Z", "2026-13-01T12:00:00Z", "2026-00-01T12:00:00Z",
        "2026-06-00T12:00:00Z", "2026-06-31T12:00:00Z", "2026-02-29T12:00:00Z", "1900-02-29T12:00:00Z",
        "2100-02-29T12:00:00Z", "2026-06-01T24:00:00Z", "2026-06-01T12:60:00Z", "2026-06-01T12:00:61Z",
        "2026-06-01T12:00:60Z", "2026-06-01T23:59:60+01:00", "2026-06-01T12:00:00+24:00", "2026-06-01T12:00:00+02:60",
        "2026-06-01T12:00:00+0200", "2026-06-01T12:00:00+02", "2026-06-01T12:00:00ZZ", "2026-06-01T12:00:00Z ",
        " 2026-06-01T12:00:00Z", "26-06-01T12:00:00Z", "+2026-06-01T12:00:00Z", "-2026-06-01T12:00:00Z",
        "2026-6-1T12:00:00Z", "20260601T120000Z", "2026-06-01T1a:00:00Z", "2026-06-01T12:00:00UTC", "1780315200000",
    ]

    @Test("Invalid times", arguments: invalid)
    func refuses(text: String) { #expect(RFC3339.milliseconds(Array(text.utf8)) == nil) }

    @Test("Times are written in UTC with milliseconds")
    func writes() {
        #expect(RFC3339.text(0) == "1970-01-01T00:00:00.000Z")
        #expect(RFC3339.text(-1) == "1969-12-31T23:59:59.999Z")
        #expect(RFC3339.text(1_780_315_200_007) == "2026-06-01T12:00:00.007Z")
        #expect(RFC3339.text(1_709_251_199_999) == "2024-02-29T23:59:59.999Z")
        #expect(RFC3339.text(.min) == "0000-01-01T00:00:00.000Z")
        #expect(RFC3339.text(.max) == "9999-12-31T23:59:59.999Z")
    }

    @Test("What is written is read back, and Foundation agrees", arguments: 0..<8 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for _ in 0..<300 {
            let time = Int64.random(in: -62_167_219_200_000...253_402_300_799_999, using: &random)
            let text = RFC3339.text(time)
            #expect(RFC3339.milliseconds(Array(text.utf8)) == time)
            // Foundation's calendar is Gregorian from 1582 on only.
            guard time > -12_000_000_000_000 else { continue }
            let date = try style.parse(text)
            #expect(Int64((date.timeIntervalSince1970 * 1_000).rounded()) == time)
        }
    }

    @Test("Every day from 1899 to 2100 follows the one before")
    func days() {
        var previous: Int64?
        for day in -25_600..<47_500 as Range<Int64> {
            let text = RFC3339.text(day * 86_400_000)
            let read = RFC3339.milliseconds(Array(text.utf8))
            if read != day * 86_400_000 || (previous.map { $0 + 86_400_000 != read } ?? false) {
                Issue.record("\(text)")
                return
            }
            previous = read
        }
    }
}
