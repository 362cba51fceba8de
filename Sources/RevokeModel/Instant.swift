/// A point in time on two clocks: one for durations, one for dates. All times of the project are in milliseconds.
public struct Instant: Hashable, Sendable {
    /// CLOCK_BOOTTIME in milliseconds: goes on during a suspend and never goes back. For durations.
    public var boot: Int64
    /// The wall clock in milliseconds since 1970-01-01T00:00:00Z. For dates only: it can jump.
    public var wall: Int64

    /// Makes an instant of the readings of both clocks.
    public init(boot: Int64, wall: Int64) {
        self.boot = boot
        self.wall = wall
    }
}
