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

/// A date of HTTP in its one form that is not obsolete: `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110, section
/// 5.6.7). Pure.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

    /// The seconds since 1970-01-01T00:00:00Z; nil when the text has another form.
    static func seconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 29, piece(bytes, 3..<5) == ", ", bytes[7] == UInt8(ascii: " "),
            bytes[11] == UInt8(ascii: " "), bytes[16] == UInt8(ascii: " "), bytes[19] == UInt8(ascii: ":"),
            bytes[22] == UInt8(ascii: ":"), piece(bytes, 25..<29) == " GMT",
            weekdays.contains(piece(bytes, 0..<3)), let month = months.firstIndex(of: piece(bytes, 8..<11)),
            let day = number(bytes, 5..<7), let year = number(bytes, 12..<16), let hour = number(bytes, 17..<19),
            let minute = number(bytes, 20..<22), let second = number(bytes, 23..<25),
            (1...daysIn(month: month + 1, year: year)).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        return Int64(days(year: year, month: month + 1, day: day)) * 86_400 + Int64(hour * 3_600 + minute * 60 + second)
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
