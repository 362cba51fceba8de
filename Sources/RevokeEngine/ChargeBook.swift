/// One partition's part of the account's budget: what was charged in the rolling windows, and what of it is saved
/// with a commit.
///
/// Each of the topic's P partitions carries B/P of a window of B requests (the first B mod P partitions one more), and
/// no partition is ever charged beyond its part in any rolling window, so the fleet never passes B.
struct ChargeBook: Sendable {
    private struct Charge: Sendable {
        /// The first request that the charge counts.
        var since: Int64
        /// The last one; all count until this leaves the window.
        var at: Int64
        var count: Int
    }

    private struct Window: Sendable {
        var duration: Int64
        var limit: Int
        var sum = 0
        var tail = 0
    }

    private var windows: [Window]
    private var charges = RingQueue<Charge>()
    /// Charges of calls in flight; they count in every window until their time is known.
    private(set) var pending = 0
    /// Starts since the last snapshot that a stored commit carried.
    private(set) var unsaved = 0
    private var unsavedAtSnapshot = 0
    /// How many starts may be unsaved.
    let allowance: Int
    /// Whether the broker's metadata holds less than what is charged.
    private(set) var isDirty = false

    init(budget: [BudgetWindow], partition: Int32, topicPartitions: Int) {
        let parts = max(1, topicPartitions)
        windows = budget.map { window in
            let extra = Int(partition) < window.limit % parts ? 1 : 0
            return Window(duration: window.duration, limit: window.limit / parts + extra)
        }
        let smallest = budget.map(\.limit).min() ?? 0
        allowance = max(1, smallest / parts / 10)
    }

    var isUnlimited: Bool { windows.isEmpty }
    /// Whether the topic has more partitions than a window has requests, and this one got none.
    var hasNoPart: Bool { windows.contains { $0.limit == 0 } }

    /// How many requests may start now under the pace (in 1/1024 of the budget), the unsaved allowance included.
    mutating func left(now: Int64, pace: Int) -> Int {
        guard !isUnlimited else { return .max }
        return min(leftInWindows(now: now, pace: pace), allowance - unsaved)
    }

    /// How many requests the windows alone allow now.
    mutating func leftInWindows(now: Int64, pace: Int) -> Int {
        var least = Int.max
        expire(now: now)
        for window in windows {
            least = min(least, Self.paced(window.limit, pace) - window.sum - pending)
        }
        return least
    }

    /// When the windows allow the next request, if no charge is added meanwhile; nil when only an answer can free one.
    mutating func nextFree(now: Int64, pace: Int) -> Int64? {
        expire(now: now)
        var latest = now
        for window in windows {
            var over = window.sum + pending - Self.paced(window.limit, pace) + 1
            var position = window.tail
            while over > 0 {
                guard let charge = charges[position] else { return nil }
                over -= charge.count
                latest = max(latest, charge.at + window.duration + 1)
                position += 1
            }
        }
        return latest
    }

    /// A call takes a token.
    mutating func reserve() {
        guard !isUnlimited else { return }
        pending += 1
        unsaved += 1
        isDirty = true
    }

    /// The call's request was sent at this time.
    mutating func stamp(sentAt: Int64) {
        guard !isUnlimited else { return }
        pending = max(0, pending - 1)
        add(at: sentAt, count: 1)
        isDirty = true
    }

    /// Nothing was sent: the token is given back.
    mutating func giveBack() {
        guard !isUnlimited else { return }
        pending = max(0, pending - 1)
        isDirty = true
    }

    /// Counts requests that another owner, or a former assignment, made.
    mutating func inherit(at: Int64, count: Int) {
        guard !isUnlimited, count > 0 else { return }
        add(at: at, count: count)
        isDirty = true
    }

    private mutating func add(at: Int64, count: Int) {
        // Times only rise: a late stamp counts as made at the last one, which is the safe side.
        var at = at
        if charges.count > 0, let last = charges[charges.end - 1] { at = max(at, last.at) }
        if charges.count > 0, var last = charges[charges.end - 1], at - last.since <= 50, notExpired(charges.end - 1) {
            last.at = at
            last.count += count
            charges[charges.end - 1] = last
        } else {
            charges.append(Charge(since: at, at: at, count: count))
        }
        for index in windows.indices { windows[index].sum += count }
    }

    private func notExpired(_ position: Int) -> Bool {
        for window in windows where window.tail > position { return false }
        return true
    }

    private mutating func expire(now: Int64) {
        var oldest = charges.end
        for index in windows.indices {
            while let charge = charges[windows[index].tail], charge.at + windows[index].duration < now {
                windows[index].sum -= charge.count
                windows[index].tail += 1
            }
            oldest = min(oldest, windows[index].tail)
        }
        while charges.first < oldest { charges.popFirst() }
    }

    private static func paced(_ limit: Int, _ pace: Int) -> Int { max(min(limit, 1), limit * pace / 1_024) }

    // MARK: Metadata

    /// The charges for the metadata: wall-clock seconds, oldest first, each rounded up to its second's end.
    mutating func snapshot(now: Int64, wall: Int64) -> (charges: [CommitMetadata.Charge], pending: Int) {
        expire(now: now)
        var result: [CommitMetadata.Charge] = []
        var position = charges.first
        while let charge = charges[position] {
            let second = (wall - (now - charge.at)) / 1_000
            if let last = result.last, last.second == second {
                result[result.count - 1].count += charge.count
            } else {
                result.append(CommitMetadata.Charge(second: max(0, second), count: charge.count))
            }
            position += 1
        }
        unsavedAtSnapshot = unsaved
        isDirty = false
        return (result, pending)
    }

    /// The commit with the last snapshot was stored.
    mutating func snapshotStored() {
        unsaved = max(0, unsaved - unsavedAtSnapshot)
        unsavedAtSnapshot = 0
    }

    /// The commit with the last snapshot failed.
    mutating func snapshotLost() {
        unsavedAtSnapshot = 0
        isDirty = true
    }
}
