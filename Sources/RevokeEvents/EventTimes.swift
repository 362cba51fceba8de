internal import RevokeModel

/// Gathers an event's plausible times: those from 2015 to five minutes after now.
struct EventTimes {
    /// 2015-01-01T00:00:00Z, which seconds and microseconds of our days taken for milliseconds miss.
    static let earliestPlausible: Int64 = 1_420_070_400_000
    /// How far a producer's clock may be ahead, in milliseconds.
    static let tolerance: Int64 = 300_000

    private let latestPlausible: Int64
    private(set) var latest: Int64?
    private(set) var earliest: Int64?
    /// Whether a time was given and ignored.
    private(set) var metImplausible = false

    init(now: Int64) {
        latestPlausible = now.addingReportingOverflow(Self.tolerance).overflow ? .max : now + Self.tolerance
    }

    /// Takes a time in milliseconds.
    /// - Returns: whether it counts.
    @discardableResult
    mutating func add(_ milliseconds: Int64) -> Bool {
        guard milliseconds >= Self.earliestPlausible, milliseconds <= latestPlausible else {
            metImplausible = true
            return false
        }
        latest = max(latest ?? milliseconds, milliseconds)
        earliest = min(earliest ?? milliseconds, milliseconds)
        return true
    }

    /// Takes a time as text: RFC 3339, or milliseconds in decimal.
    /// - Returns: the time if it counts.
    @discardableResult
    mutating func add(text: some RandomAccessCollection<UInt8>) -> Int64? {
        guard let time = RFC3339.milliseconds(text) ?? DecimalText.int64(text) else {
            metImplausible = true
            return nil
        }
        return add(time) ? time : nil
    }

    /// Takes something that is no time.
    mutating func addNonsense() { metImplausible = true }
}
