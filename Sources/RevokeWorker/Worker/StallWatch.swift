/// Finds partitions that are not read although their log has more: a batch that cannot be read can repeat for ever
/// without an error. A value; times are CLOCK_BOOTTIME milliseconds.
struct StallWatch {
    /// How long a position may stand still: several fetches and statistics.
    static let limit: Int64 = 60_000

    /// What is known of a partition at one look.
    struct Look {
        var partition: Int32
        /// The offset behind the last record that was read; nil before the first one.
        var position: Int64?
        /// The offset behind the last record of the log; nil: unknown.
        var logEnd: Int64?
        var isPaused: Bool
    }

    private struct Place {
        var start: Int64
        var position: Int64
        var since: Int64?
    }

    private var places: [Int32: Place] = [:]

    /// Begins anew with an assignment.
    mutating func begin(_ positions: [(partition: Int32, offset: Int64)]) {
        places = [:]
        for (partition, offset) in positions { places[partition] = Place(start: offset, position: offset) }
    }

    /// Takes in a look; returns the partitions that have stood still for `limit`, again after each further `limit`. An
    /// end that is not known is no proof that all was read.
    mutating func look(_ looks: [Look], now: Int64) -> [Int32] {
        var found: [Int32] = []
        for look in looks {
            guard var place = places[look.partition] else { continue }
            let position = look.position ?? place.start
            let isAtEnd = look.logEnd.map { position >= $0 } ?? false
            if look.isPaused || position != place.position || isAtEnd {
                place.position = position
                place.since = nil
            } else if let since = place.since {
                if now - since >= Self.limit {
                    place.since = now
                    found.append(look.partition)
                }
            } else {
                place.since = now
            }
            places[look.partition] = place
        }
        return found
    }
}
