internal import Threads

/// Where the loop puts copies of its metrics and other threads read them, also when the loop stands still. Any thread.
public final class MetricsBoard: Sendable {
    /// A copy and when it was made.
    public struct Entry: Sendable {
        /// The metrics.
        public var metrics: WorkerMetrics
        /// When they were published, in boot milliseconds.
        public var publishedAt: Int64
    }

    /// The least time between two copies of `publishIfDue`, in milliseconds.
    public static let interval: Int64 = 1_000

    private let entry = Monitor<Entry?>(nil)

    /// Makes an empty board.
    public init() {}

    /// Publishes a copy now.
    public func publish(_ metrics: WorkerMetrics, now: Int64) {
        entry.withLock { $0 = Entry(metrics: metrics, publishedAt: now) }
    }

    /// Publishes a copy when the last one is a second old or there is none.
    ///
    /// - Parameters:
    ///   - now: CLOCK_BOOTTIME in milliseconds.
    ///   - metrics: Is only called when it is due.
    /// - Returns: Whether it was due.
    @discardableResult
    public func publishIfDue(now: Int64, _ metrics: () -> WorkerMetrics) -> Bool {
        let last = entry.withLock { $0?.publishedAt }
        if let last, now - last < Self.interval, now >= last { return false }
        publish(metrics(), now: now)
        return true
    }

    /// The last copy; nil before the first one.
    public var latest: Entry? { entry.withLock { $0 } }

    /// The last copy as Prometheus text, with ages as of now; metrics that are all zero before the first one.
    ///
    /// - Parameter now: CLOCK_BOOTTIME in milliseconds.
    public func prometheusText(now: Int64) -> [UInt8] {
        let entry = latest
        var text = (entry?.metrics ?? WorkerMetrics()).prometheusText(now: now)
        var age = PrometheusText()
        let name = "revoke_worker_metrics_age_seconds"
        age.family(name, .gauge, "How old these figures are: above a few seconds the loop stands still.")
        age.seconds(name, milliseconds: entry.map { max(0, now - $0.publishedAt) } ?? 0)
        text.append(contentsOf: age.bytes)
        return text
    }
}
