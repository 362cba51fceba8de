/// An ACME credential of the stub.
public struct StubCredential: Hashable, Sendable {
    /// The id in the API.
    public var id: Int64
    /// Whether certificates can be ordered with it.
    public var isActive: Bool
    /// When it was made, in wall milliseconds.
    public var createdAt: Int64

    /// The credential as in the API's list. Times have no zone there; the stub's are UTC.
    var json: String {
        "{\"credential_id\":\(id),\"kid_hint\":\"\(hint)\",\"status\":\"\(isActive ? "active" : "revoked")\","
            + "\"created_at\":\"\(StubTime.text(createdAt))\"}"
    }

    private var hint: String {
        let text = String(id & 0xFFFF, radix: 16)
        return String(repeating: "0", count: max(0, 4 - text.utf8.count)) + text
    }
}

/// Times as the API writes them: `2026-06-01 14:00:00`.
enum StubTime {
    static func text(_ milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds) / 1_000
        var day = seconds / 86_400
        var year: Int64 = 1970
        while day >= length(of: year) {
            day -= length(of: year)
            year += 1
        }
        var month: Int64 = 1
        for length in [31, length(of: year) - 337, 31, 30, 31, 30, 31, 31, 30, 31, 30] as [Int64] {
            guard day >= length else { break }
            day -= length
            month += 1
        }
        return "\(year)-\(pad(month))-\(pad(day + 1)) "
            + "\(pad(seconds / 3_600 % 24)):\(pad(seconds / 60 % 60)):\(pad(seconds % 60))"
    }

    private static func length(of year: Int64) -> Int64 {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 366 : 365
    }

    private static func pad(_ value: Int64) -> String { value < 10 ? "0\(value)" : String(value) }
}
