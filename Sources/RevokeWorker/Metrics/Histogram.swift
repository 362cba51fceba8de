/// A histogram with fixed buckets, in milliseconds.
public struct Histogram: Hashable, Sendable {
    /// The buckets' upper bounds, inclusive, from 1 ms to 1 h. A last bucket has no bound.
    public static let bounds: [Int64] = [
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 120_000, 300_000, 600_000,
        1_800_000, 3_600_000,
    ]

    /// How many observations are in each bucket alone, the last one without a bound.
    public private(set) var counts = [UInt64](repeating: 0, count: Histogram.bounds.count + 1)
    /// The sum of all observations in milliseconds.
    public private(set) var sum: Int64 = 0

    /// Makes an empty histogram.
    public init() {}

    /// How many observations there are.
    public var count: UInt64 { counts.reduce(0, +) }

    /// Counts one observation; below 0 it is taken as 0.
    public mutating func observe(_ milliseconds: Int64) {
        let value = max(0, milliseconds)
        let index = Self.bounds.firstIndex { value <= $0 } ?? Self.bounds.count
        counts[index] += 1
        sum = sum.addingReportingOverflow(value).overflow ? .max : sum + value
    }
}
