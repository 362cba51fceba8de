/// Reads the header `Retry-After` (RFC 9110, section 10.2.3). Pure.
enum RetryAfter {
    /// The longest delay that counts, in milliseconds: 1 h.
    static let maximum: Int64 = 3_600_000

    /// The delay that an answer asks for, in milliseconds: the largest of its valid values, at most 1 h; nil when none is
    /// valid.
    ///
    /// - Parameters:
    ///   - values: The raw values.
    ///   - date: The answer's own `Date`, by which a date is judged; without it a date is not valid.
    static func milliseconds(values: [String], date: String?) -> Int64? {
        var largest: Int64?
        for value in values {
            guard let delay = seconds(value) ?? untilDate(value, date) else { continue }
            largest = max(largest ?? 0, min(delay, maximum / 1_000) * 1_000)
        }
        return largest
    }

    /// Digits only: `-5`, `1.5` and `120junk` are nothing. More than 18 digits are more than the maximum.
    private static func seconds(_ value: String) -> Int64? {
        let digits = value.utf8
        guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int64(value) ?? maximum
    }

    private static func untilDate(_ value: String, _ date: String?) -> Int64? {
        guard let date, let now = HTTPDate.seconds(date), let then = HTTPDate.seconds(value) else { return nil }
        return max(0, then - now)
    }
}

/// A date of HTTP in one of the three forms that a recipient accepts (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37
/// GMT`, and the obsolete `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`. Pure.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

    /// The seconds since 1970-01-01T00:00:00Z; nil when the text has another form.
    static func seconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        if bytes.count == 24 { return asctime(bytes) }
        guard let comma = bytes.firstIndex(of: UInt8(ascii: ",")) else { return nil }
        let weekday = piece(bytes, 0..<comma)
        // From here on the positions of both forms are fixed.
        let rest = Array(bytes[comma...])
        if weekdays.contains(where: { $0.prefix(3) == weekday }) {
            guard rest.count == 26, isSpaced(rest, [1, 4, 8, 13, 22]), piece(rest, 23..<26) == "GMT",
                let year = number(rest, 9..<13)
            else { return nil }
            return seconds(year, piece(rest, 5..<8), number(rest, 2..<4), time: rest, at: 14)
        }
        guard weekdays.contains(weekday), rest.count == 24, isSpaced(rest, [1, 11, 20]), rest[4] == UInt8(ascii: "-"),
            rest[8] == UInt8(ascii: "-"), piece(rest, 21..<24) == "GMT", let year = number(rest, 9..<11)
        else { return nil }
        // Of two digits: no answer comes from before 1970.
        let whole = year < 70 ? 2_000 + year : 1_900 + year
        return seconds(whole, piece(rest, 5..<8), number(rest, 2..<4), time: rest, at: 12)
    }

    private static func asctime(_ bytes: [UInt8]) -> Int64? {
        guard weekdays.contains(where: { $0.prefix(3) == piece(bytes, 0..<3) }), isSpaced(bytes, [3, 7, 10, 19]),
            let year = number(bytes, 20..<24)
        else { return nil }
        let day = bytes[8] == UInt8(ascii: " ") ? number(bytes, 9..<10) : number(bytes, 8..<10)
        return seconds(year, piece(bytes, 4..<7), day, time: bytes, at: 11)
    }

    /// Reads `08:49:37` and puts all together.
    private static func seconds(_ year: Int, _ month: String, _ day: Int?, time: [UInt8], at start: Int) -> Int64? {
        guard let month = months.firstIndex(of: month), let day,
            (1...daysIn(month: month + 1, year: year)).contains(day),
            time[start + 2] == UInt8(ascii: ":"), time[start + 5] == UInt8(ascii: ":"),
            let hour = number(time, start..<start + 2), let minute = number(time, start + 3..<start + 5),
            let second = number(time, start + 6..<start + 8), hour < 24, minute < 60, second <= 60
        else { return nil }
        return Int64(days(year: year, month: month + 1, day: day)) * 86_400 + Int64(hour * 3_600 + minute * 60 + second)
    }

    private static func isSpaced(_ bytes: [UInt8], _ positions: [Int]) -> Bool {
        positions.allSatisfy { bytes[$0] == UInt8(ascii: " ") }
    }

    private static func piece(_ bytes: [UInt8], _ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }

    private static func number(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        var number = 0
        for byte in bytes[range] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return number
    }

    private static func daysIn(month: Int, year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// The days since 1970-01-01 of a date of the Gregorian calendar. The year begins in March here, so that the leap
    /// day is its last.
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }
}
