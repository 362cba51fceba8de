/// Times of RFC 3339, in milliseconds since 1970-01-01T00:00:00Z.
enum TimeText {
    /// Reads `2026-06-01T14:00:00Z`, with a fraction or an offset as well; nil when the text has another form.
    static func parse(_ text: String) -> Int64? {
        var rest = Substring(text)
        guard let year = number(&rest, 4), eat(&rest, "-"), let month = number(&rest, 2), eat(&rest, "-"),
            let day = number(&rest, 2), eat(&rest, "T") || eat(&rest, "t"), let hour = number(&rest, 2),
            eat(&rest, ":"), let minute = number(&rest, 2), eat(&rest, ":"), let second = number(&rest, 2),
            (1...12).contains(month), day >= 1, day <= days(inMonth: month, of: year), hour <= 23, minute <= 59,
            second <= 59
        else { return nil }
        var milliseconds: Int64 = 0
        if eat(&rest, ".") {
            let fraction = rest.prefix { ("0"..."9").contains($0) }
            guard (1...9).contains(fraction.count), let value = Int64("\(fraction)00".prefix(3)) else { return nil }
            milliseconds = value
            rest = rest.dropFirst(fraction.count)
        }
        var offset: Int64 = 0
        if !(eat(&rest, "Z") || eat(&rest, "z")) {
            let sign: Int64 = eat(&rest, "-") ? -1 : eat(&rest, "+") ? 1 : 0
            guard sign != 0, let hours = number(&rest, 2), eat(&rest, ":"), let minutes = number(&rest, 2), hours <= 23,
                minutes <= 59
            else { return nil }
            offset = sign * (hours * 60 + minutes)
        }
        guard rest.isEmpty else { return nil }
        let minutes = (daysSince1970(year, month, day) * 24 + hour) * 60 + minute - offset
        return (minutes * 60 + second) * 1_000 + milliseconds
    }

    /// Writes a time in UTC; the fraction only where there is one.
    static func render(_ time: Int64) -> String {
        let day = floorDivide(time, 86_400_000)
        let inDay = time - day * 86_400_000
        // Days from 0000-03-01, in eras of 400 years (the civil calendar algorithm of Howard Hinnant).
        let shifted = day + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = "\(pad(year, 4))-\(pad(month, 2))-\(pad(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1, 2))"
        let clock =
            "\(pad(inDay / 3_600_000, 2)):\(pad(inDay / 60_000 % 60, 2)):\(pad(inDay / 1_000 % 60, 2))"
        let fraction = inDay % 1_000 == 0 ? "" : ".\(pad(inDay % 1_000, 3))"
        return "\(date)T\(clock)\(fraction)Z"
    }

    private static func number(_ rest: inout Substring, _ count: Int) -> Int64? {
        let digits = rest.prefix(count)
        guard digits.utf8.count == count, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        rest = rest.dropFirst(count)
        return Int64(digits)
    }

    private static func eat(_ rest: inout Substring, _ character: Character) -> Bool {
        guard rest.first == character else { return false }
        rest = rest.dropFirst()
        return true
    }

    private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = floorDivide(shiftedYear, 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor)
    }

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
