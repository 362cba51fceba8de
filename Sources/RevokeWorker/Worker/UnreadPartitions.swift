/// Why a partition of the assignment is not read; the label `reason`.
public enum UnreadReason: String, CaseIterable, Hashable, Sendable {
    /// Its log's leader does not answer.
    case noLeader = "no_leader"
    /// librdkafka gave up its position, and it is to be read again.
    case positionLost = "position_lost"
    /// Its log has more, or its end is not known, and nothing comes: a batch that cannot be read.
    case stalled
    /// What its log has more belongs to a transaction that is open: the position waits for its end.
    case openTransaction = "open_transaction"
}

/// Which partitions of an assignment are not read, and whose log's leader is to be asked when. A value; times are
/// CLOCK_BOOTTIME milliseconds.
struct UnreadPartitions {
    /// Between two questions to a leader that does not answer, and between the first two losses of a position; doubles.
    static let firstWait: Int64 = 1_000
    static let longestWait: Int64 = 60_000

    /// Why a leader is asked.
    enum Question: Equatable {
        /// The log's ends are not known since the assignment.
        case ends
        /// The position was lost at this offset.
        case lost(next: Int64)
        /// Nothing has come for a while after this offset.
        case stalled(next: Int64)
    }

    private struct Place {
        var question: Question? = .ends
        var due: Int64
        var isAsked = false
        var wait = UnreadPartitions.firstWait
        var reason: UnreadReason?
        /// Losses since a record was read, and when the position may be repaired again.
        var losses = 0
        var nextRepair = Int64.min
        /// Where reading was when the reason or the loss was found.
        var next: Int64 = -1
    }

    private var places: [Int32: Place] = [:]

    /// Begins anew with an assignment; every leader is asked at once.
    mutating func begin(_ partitions: [Int32], now: Int64) {
        places = [:]
        for partition in partitions { places[partition] = Place(due: now) }
    }

    /// The partitions of the assignment, ascending.
    var partitions: [Int32] { places.keys.sorted() }

    /// The partitions that are not read, ascending.
    var all: [(partition: Int32, reason: UnreadReason)] {
        places.compactMap { partition, place in place.reason.map { (partition, $0) } }.sorted { $0.0 < $1.0 }
    }

    func reason(of partition: Int32) -> UnreadReason? { places[partition]?.reason }

    func question(of partition: Int32) -> Question? { places[partition]?.question }

    /// When the next question is due; nil when there is none.
    var nextDue: Int64? { places.values.compactMap { $0.question != nil && !$0.isAsked ? $0.due : nil }.min() }

    /// The partitions whose question is due, ascending; they count as asked.
    mutating func takeDue(now: Int64) -> [Int32] {
        let due = partitions.filter { partition in
            guard let place = places[partition] else { return false }
            return place.question != nil && !place.isAsked && place.due <= now
        }
        for partition in due { places[partition]?.isAsked = true }
        return due
    }

    /// The leader has not answered; it is asked again later. Returns whether that is news.
    mutating func notAnswered(_ partition: Int32, now: Int64) -> Bool {
        guard var place = places[partition], place.isAsked else { return false }
        place.isAsked = false
        place.due = now + place.wait
        place.wait = min(Self.longestWait, place.wait * 2)
        let isNews = place.reason != .noLeader
        place.reason = .noLeader
        places[partition] = place
        return isNews
    }

    /// The leader has answered. Returns what it was asked, and whether it had not answered before.
    mutating func answered(_ partition: Int32) -> (question: Question, isBack: Bool)? {
        guard var place = places[partition], place.isAsked, let question = place.question else { return nil }
        let isBack = place.reason == .noLeader
        place.isAsked = false
        place.question = nil
        place.wait = Self.firstWait
        if isBack { place.reason = place.losses > 0 ? .positionLost : nil }
        places[partition] = place
        return (question, isBack)
    }

    /// librdkafka has given up the partition's position, at this offset. The first time the leader is asked at once, then
    /// after a wait that doubles until a record comes: a damaged batch loses its position again and again. Returns
    /// whether that is news.
    mutating func positionLost(_ partition: Int32, next: Int64, now: Int64) -> Bool {
        guard var place = places[partition] else { return false }
        if place.next != next { place.losses = 0 }
        let isNews = place.reason != .positionLost
        place.reason = .positionLost
        place.next = next
        place.question = .lost(next: next)
        place.due = max(now, place.nextRepair)
        place.losses += 1
        let wait = min(Self.longestWait, Self.firstWait << Int64(min(10, place.losses - 1)))
        place.nextRepair = place.due + wait
        places[partition] = place
        return isNews
    }

    /// Nothing has come for a while after this offset; the leader is asked why.
    mutating func stalled(_ partition: Int32, next: Int64, now: Int64) {
        guard var place = places[partition], place.question == nil else { return }
        place.question = .stalled(next: next)
        place.due = now
        place.next = next
        places[partition] = place
    }

    /// The answer to a question about a stall, or its end (nil). Returns whether the reason is news.
    mutating func explain(_ partition: Int32, _ reason: UnreadReason?) -> Bool {
        guard var place = places[partition] else { return false }
        let isNews = place.reason != reason
        place.reason = reason
        places[partition] = place
        return isNews
    }

    /// How far reading is: a partition that goes on is read. Returns whether it was told as not read.
    mutating func progressed(_ partition: Int32, next: Int64) -> Bool {
        guard var place = places[partition], place.next != next else { return false }
        let isFirstLook = place.next < 0
        place.next = next
        defer { places[partition] = place }
        guard !isFirstLook else { return false }
        place.losses = 0
        if case .lost? = place.question { place.question = nil }
        let wasUnread = place.reason != nil
        place.reason = nil
        return wasUnread
    }
}
