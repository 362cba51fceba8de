/// Dates and times of RFC 3339 section 5.6, in milliseconds since 1970-01-01T00:00:00Z. Pure; usable on any thread.
public enum RFC3339 {
    /// The first moment of the year 0000.
    private static let earliest: Int64 = -62_167_219_200_000
    /// The last millisecond of the year 9999.
    private static let latest: Int64 = 253_402_300_799_999
    private static let dayMilliseconds: Int64 = 86_400_000

    /// Reads a date and time with a zone: `2026-06-01T14:00:00.250+02:00`.
    ///
    /// `T` and `Z` may be in lower case. Digits of the fraction behind the third are dropped. A leap second (`:60`, at
    /// 23:59 UTC only) counts as the first second of the next day.
    /// - Returns: nil when the bytes have another form, or name a day or a time that does not exist.
    public static func milliseconds(_ bytes: some RandomAccessCollection<UInt8>) -> Int64? {
        var scanner = Scanner(bytes: bytes)
        guard let year = scanner.number(4), scanner.skip("-"), let month = scanner.number(2), scanner.skip("-"),
            let day = scanner.number(2), scanner.skip("T") || scanner.skip("t"), let hour = scanner.number(2),
            scanner.skip(":"), let minute = scanner.number(2), scanner.skip(":"), let second = scanner.number(2),
            (1...12).contains(month), day >= 1, day <= daysInMonth(month, year: year), hour <= 23, minute <= 59,
            second <= 60
        else { return nil }
        var fraction: Int64 = 0
        if scanner.skip(".") {
            guard let read = scanner.fraction() else { return nil }
            fraction = read
        }
        var offsetMinutes: Int64 = 0
        if !(scanner.skip("Z") || scanner.skip("z")) {
            let isWest = scanner.skip("-")
            guard isWest || scanner.skip("+"), let hours = scanner.number(2), scanner.skip(":"),
                let minutes = scanner.number(2), hours <= 23, minutes <= 59
            else { return nil }
            offsetMinutes = (hours * 60 + minutes) * (isWest ? -1 : 1)
        }
        guard scanner.isAtEnd else { return nil }
        let minutes = days(year: year, month: month, day: day) * 1_440 + hour * 60 + minute - offsetMinutes
        if second == 60, floorModulo(minutes, 1_440) != 1_439 { return nil }
        return minutes * 60_000 + second * 1_000 + fraction
    }

    /// Writes a time in UTC with milliseconds: `2026-06-01T12:00:00.250Z`. A time before the year 0000 or after 9999,
    /// which the format cannot hold, becomes the nearest that it can.
    public static func text(_ milliseconds: Int64) -> String {
        let time = min(max(milliseconds, earliest), latest)
        let millisecondOfDay = floorModulo(time, dayMilliseconds)
        let date = date(day: (time - millisecondOfDay) / dayMilliseconds)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(24)
        func append(_ number: Int64, digits: Int) {
            var divisor: Int64 = digits == 4 ? 1_000 : digits == 3 ? 100 : 10
            while divisor > 0 {
                bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
                divisor /= 10
            }
        }
        append(date.year, digits: 4)
        bytes.append(UInt8(ascii: "-"))
        append(date.month, digits: 2)
        bytes.append(UInt8(ascii: "-"))
        append(date.day, digits: 2)
        bytes.append(UInt8(ascii: "T"))
        append(millisecondOfDay / 3_600_000, digits: 2)
        bytes.append(UInt8(ascii: ":"))
        append(millisecondOfDay / 60_000 % 60, digits: 2)
        bytes.append(UInt8(ascii: ":"))
        append(millisecondOfDay / 1_000 % 60, digits: 2)
        bytes.append(UInt8(ascii: "."))
        append(millisecondOfDay % 1_000, digits: 3)
        bytes.append(UInt8(ascii: "Z"))
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func daysInMonth(_ month: Int64, year: Int64) -> Int64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar. The year is counted from March, so that a leap day is
    /// its last; 400 years have 146,097 days.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The inverse of `days`.
    private static func date(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let dayOfEra = floorModulo(shifted, 146_097)
        let era = (shifted - dayOfEra) / 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    private static func floorModulo(_ value: Int64, _ modulus: Int64) -> Int64 {
        let remainder = value % modulus
        return remainder < 0 ? remainder + modulus : remainder
    }
}

private struct Scanner<Bytes: RandomAccessCollection<UInt8>> {
    private let bytes: Bytes
    private var index: Bytes.Index

    init(bytes: Bytes) {
        self.bytes = bytes
        self.index = bytes.startIndex
    }

    var isAtEnd: Bool { index == bytes.endIndex }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.endIndex, UInt32(bytes[index]) == character.value else { return false }
        bytes.formIndex(after: &index)
        return true
    }

    private mutating func digit() -> Int64? {
        guard index < bytes.endIndex else { return nil }
        let digit = bytes[index] &- UInt8(ascii: "0")
        guard digit < 10 else { return nil }
        bytes.formIndex(after: &index)
        return Int64(digit)
    }

    /// A number of exactly so many digits.
    mutating func number(_ digits: Int) -> Int64? {
        var number: Int64 = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            number = number * 10 + digit
        }
        return number
    }

    /// One digit or more, as milliseconds.
    mutating func fraction() -> Int64? {
        var milliseconds: Int64 = 0
        var weight: Int64 = 100
        guard let first = digit() else { return nil }
        milliseconds = first * weight
        while let digit = digit() {
            weight /= 10
            milliseconds += digit * weight
        }
        return milliseconds
    }
}
