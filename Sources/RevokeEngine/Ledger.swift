/// Which record stands at an offset; tells whether a log is still the same.
public struct Anchor: Hashable, Sendable {
    /// The record's offset.
    public var offset: Int64
    /// `ReceivedRecord.fingerprint` of the record.
    public var fingerprint: UInt64

    /// Makes an anchor.
    public init(offset: Int64, fingerprint: UInt64) {
        self.offset = offset
        self.fingerprint = fingerprint
    }
}

/// What is known of a partition from before its assignment: of the predecessor by the commit's metadata, or of this
/// worker's own former assignment. It counts only once the record at the anchor was read with the anchor's fingerprint.
struct PriorKnowledge: Sendable {
    /// A former open event that a call or a dead letter in flight covers.
    struct Covered: Sendable {
        var offset: Int64
        var fingerprint: UInt64
        var work: Work
    }

    enum Work: Sendable, Equatable {
        case call(CallID)
        case deadLetter(DeadLetterID)
    }

    var anchor: Anchor
    /// Settled offsets: ascending, apart.
    var settled: [Range<Int64>]
    /// Ascending by offset.
    var covered: [Covered] = []

    /// What it weighs against the limit of remembered bytes.
    var weight: Int { 32 + settled.count * 16 + covered.count * 32 }

    func isSettled(_ offset: Int64) -> Bool {
        var low = 0
        var high = settled.count
        while low < high {
            let middle = (low + high) / 2
            if settled[middle].upperBound <= offset { low = middle + 1 } else { high = middle }
        }
        return low < settled.count && settled[low].contains(offset)
    }

    /// With what the commit's metadata says of the same log, which another owner may have written since.
    func joined(with metadata: PriorKnowledge?) -> PriorKnowledge {
        guard let metadata else { return self }
        var joined = self
        joined.settled = []
        let runs = (settled + metadata.settled).sorted { $0.lowerBound < $1.lowerBound }
        for run in runs {
            if let last = joined.settled.last, last.upperBound >= run.lowerBound {
                joined.settled[joined.settled.count - 1] = last.lowerBound..<max(last.upperBound, run.upperBound)
            } else {
                joined.settled.append(run)
            }
        }
        return joined
    }

    /// A call or a dead letter ended: `update` gets each offset that it covered, and nothing is covered by it any more.
    mutating func workEnded(_ work: Work, _ update: (inout PriorKnowledge, Int64) -> Void) {
        guard !covered.isEmpty else { return }
        for item in covered where item.work == work { update(&self, item.offset) }
        covered.removeAll { $0.work == work }
    }

    mutating func settle(_ offset: Int64) {
        guard !isSettled(offset) else { return }
        let index = settled.firstIndex { $0.lowerBound > offset } ?? settled.count
        settled.insert(offset..<offset + 1, at: index)
        if index + 1 < settled.count, settled[index + 1].lowerBound == offset + 1 {
            settled[index] = offset..<settled[index + 1].upperBound
            settled.remove(at: index + 1)
        }
        if index > 0, settled[index - 1].upperBound == offset {
            settled[index - 1] = settled[index - 1].lowerBound..<settled[index].upperBound
            settled.remove(at: index)
        }
    }
}

/// What a restart or a take-over must not forget, so that it does not begin at 0 each time. It is the same in the commits of
/// all partitions of a worker.
struct FleetMemory: Sendable, Equatable {
    /// Hashes of the contracts of the streak that may have got a dead letter.
    var streak: [UInt32] = []
    /// How many undecodable records became dead letters while none of ours was decoded.
    var undecodable: UInt32 = 0
}

/// Tells a commit again: another owner's commit at the same offset has other metadata.
struct CommitMark: Sendable, Equatable {
    var offset: Int64
    /// FNV-1a, 64 bits, of the metadata's text.
    var hash: UInt64

    init(offset: Int64, metadata: [UInt8]) {
        self.offset = offset
        hash = 0xCBF2_9CE4_8422_2325
        for byte in metadata { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    }
}

/// A partition's account of what was read, settled and committed in one assignment (epoch).
struct Ledger: Sendable {
    struct Slot: Sendable {
        var offset: Int64
        /// The open record's index, or −1 when it is settled.
        var entry: Int32
        /// Whether a settled record stood between this slot and the one before it.
        var afterSettled: Bool
    }

    let partition: Int32
    /// Where this assignment reads from.
    private(set) var position: Int64
    /// Offsets from here on were not there, or not called, when the partition was assigned.
    var freshFrom: Int64
    var charges: ChargeBook

    /// Open records in order, with holes for settled ones that are not compacted yet.
    var slots = RingQueue<Slot>()
    var openCount = 0
    var openBytes: Int64 = 0
    /// The highest offset read; below `position` when nothing was read.
    var lastReceived: Int64
    /// The highest settled offset of this assignment.
    var highestSettled: Int64 = -1
    /// The highest offset that a call or a dead letter of this assignment covered.
    var highestCalled: Int64?

    /// Knowledge from before the assignment; once a record was read, its anchor is proven.
    var prior: PriorKnowledge?
    /// What this worker knows from its own former assignment, when the metadata speaks of another log. The first record
    /// tells which of them counts.
    var ownPrior: PriorKnowledge?
    /// The metadata as it was read; committed once more, byte for byte, to open the gate.
    let openingMetadata: [UInt8]
    var isOpened = false
    /// A record below `position` that is known from before: reading begins at it, and the log is another one when it is
    /// not there any more. Nil when it was read, or cannot be.
    private var expected: Anchor?
    /// A record that was read, by this owner or one before it, with nothing but settled ones up to the watermark.
    private var before: Anchor?
    /// Whether another record than the expected one stands there. Nothing is read before the log's start is known.
    private(set) var isReplaced = false
    /// Whether reading goes on elsewhere, and the shell was not told yet: what comes was read where it was before.
    private(set) var isMoved = false
    /// The log's ends, as its leader said last; nil before it has answered.
    private(set) var log: LogEnds?

    /// Whether a commit with metadata of our own proved that the partition is ours, since the assignment or the last
    /// suspicion.
    var isConfirmed = false
    /// Rises with each suspicion; a commit that was sent before does not confirm.
    var suspicions: UInt64 = 0

    /// The last stored commit.
    var storedOffset: Int64
    var storedAnchor: Anchor?
    var storedMark: CommitMark?
    /// The commit in flight, or the last one without a stored answer.
    var sentOffset: Int64?
    var sentAnchor: Anchor?
    var sentMark: CommitMark?
    /// When the oldest settled offset that no commit in flight carries was settled.
    var unsentSince: Int64?
    /// The same for the commit in flight.
    var sentSince: Int64?
    /// The most bytes of metadata that the broker takes; shrinks when it refuses.
    var metadataLimit: Int
    /// Whether the last metadata had no room for all settled runs.
    var isMetadataFull = false
    /// Whether the metadata is full of what this owner read: its open events make room when they are settled. Runs that
    /// are known from before and not read again yet are no reason to wait; nothing but reading on makes them fewer.
    var isFull: Bool { isMetadataFull && openCount > 0 && !hasUnreadRuns }
    var isPaused = false
    /// What the last stored commit, and the one in flight, tell of the account and the topic.
    var storedMemory = FleetMemory()
    var sentMemory = FleetMemory()
    /// Lanes whose oldest event is of this partition, while it is not confirmed.
    var waitingLanes: [LaneTicket] = []

    init(
        partition: Int32, position: Int64, freshFrom: Int64, charges: ChargeBook,
        openingMetadata: [UInt8], prior: PriorKnowledge?, before: Anchor?, metadataLimit: Int
    ) {
        self.partition = partition
        self.position = position
        self.freshFrom = freshFrom
        self.charges = charges
        self.openingMetadata = openingMetadata
        self.prior = prior
        self.before = before
        expected = before
        self.metadataLimit = metadataLimit
        lastReceived = position - 1
        storedOffset = position
    }

    /// Where reading goes on.
    var nextOffset: Int64 { expected?.offset ?? lastReceived + 1 }

    /// The log's ends came after the assignment. Records behind the end of now were surely not there before. Returns
    /// whether reading is to go on elsewhere than before.
    @discardableResult
    mutating func found(_ log: LogEnds) -> Bool {
        self.log = log
        freshFrom = min(freshFrom, max(log.end, lastReceived + 1))
        // Retention passed: the record that would tell is gone.
        guard let expected, expected.offset < log.start else { return false }
        self.expected = nil
        return true
    }

    /// What a record says of the log.
    enum Look {
        /// It is not to be read: it is below the position, or was read where reading does not go on.
        case known
        /// It stands where another record was read, or comes behind such a one: the log is another one.
        case replaced(isNews: Bool)
        /// It is to be read.
        case new
    }

    /// Compares a record with what is known from before. To be asked for each record, in their order.
    mutating func look(at anchor: Anchor) -> Look {
        if isReplaced { return .replaced(isNews: false) }
        if let expected, anchor.offset == expected.offset, anchor.fingerprint != expected.fingerprint {
            isReplaced = true
            return .replaced(isNews: true)
        }
        if isMoved { return .known }
        // Behind it without having met it: compaction or retention took it, which says nothing.
        if let expected, anchor.offset >= expected.offset { self.expected = nil }
        return anchor.offset > lastReceived ? .new : .known
    }

    /// A record that tells the log again, below a commit at this offset.
    func anchor(below offset: Int64) -> Anchor? {
        [slots.isEmpty ? lastRead : nil, before].lazy.compactMap(\.self).first { $0.offset < offset }
    }

    /// From when on a commit may be sent: before, the log may be another one. Nil while that is not known. A record that would
    /// tell, but that compaction took, is waited for until `limit`.
    func mayCommit(from limit: Int64) -> Int64? {
        if hasRead { return 0 }
        guard log != nil, !isReplaced else { return nil }
        return expected == nil ? 0 : limit
    }

    /// Reading goes on at the record that was read last, which tells whether the log is still the same, unless retention
    /// took it.
    mutating func compareAgain(in log: LogEnds) {
        guard !isMoved, let last = anchor(below: lastReceived + 1), last.offset >= log.start else { return }
        expected = last
        isMoved = true
    }

    /// The shell is told where reading goes on.
    mutating func moved() { isMoved = false }

    /// The records below this offset are gone, which a commit is to save.
    mutating func jump(to offset: Int64, now: Int64) {
        lastReceived = offset - 1
        if unsentSince == nil { unsentSince = now }
        // What is known of the log from before cannot be proven by its first record any more.
        if !hasRead { forgetLog(position: offset) }
    }

    /// Nothing was read yet, and the log is another one. A commit of its start, with metadata of our own, comes before
    /// the first call.
    mutating func restart(_ log: LogEnds) {
        lastReceived = log.start - 1
        isMoved = true
        freshFrom = log.end
        forgetLog(position: log.start)
        isConfirmed = false
        suspicions += 1
    }

    private mutating func forgetLog(position: Int64) {
        expected = nil
        before = nil
        isReplaced = false
        self.position = position
        prior = nil
        ownPrior = nil
    }

    /// The offset to commit: the lowest unsettled one, or the one after the last that was read.
    var watermark: Int64 { slots.head?.offset ?? lastReceived + 1 }

    /// The highest offset that this owner or one before it may have called; nil when that is below the watermark.
    var mayBeCalled: Int64? {
        let highest = max(highestCalled ?? -1, freshFrom - 1)
        return highest >= watermark ? highest : nil
    }

    /// A call or a dead letter covers the record at this offset.
    mutating func called(_ offset: Int64) { highestCalled = max(highestCalled ?? offset, offset) }

    var oldestUncommitted: Int64? {
        switch (unsentSince, sentSince) {
        case (let unsent?, let sent?): min(unsent, sent)
        case (let unsent, let sent): unsent ?? sent
        }
    }

    /// The last record that was read.
    private(set) var lastRead: Anchor?

    /// The first record of the assignment proves what is known from before, or makes it void. Returns whether something
    /// was void.
    mutating func prove(_ first: Anchor) -> Bool {
        guard !hasRead, let candidate = prior else { return false }
        func isProven(_ knowledge: PriorKnowledge) -> Bool {
            knowledge.anchor.fingerprint == first.fingerprint && first.offset >= knowledge.anchor.offset
        }
        defer { ownPrior = nil }
        if isProven(candidate) { return false }
        // The commits before this record were of the place where it stands.
        storedAnchor = nil
        sentAnchor = nil
        prior = ownPrior.flatMap { isProven($0) ? $0 : nil }
        return true
    }

    mutating func sawRecord(_ anchor: Anchor) {
        if slots.isEmpty, let lastRead { before = lastRead }
        lastReceived = anchor.offset
        lastRead = anchor
        if storedAnchor == nil { storedAnchor = anchor }
        if sentOffset != nil, sentAnchor == nil { sentAnchor = anchor }
    }

    mutating func append(entry: Int32, offset: Int64, size: Int64) -> Int {
        let position = slots.end
        slots.append(Slot(offset: offset, entry: entry, afterSettled: highestSettled > (lastSlotOffset ?? -1)))
        openCount += 1
        openBytes += size
        return position
    }

    private var lastSlotOffset: Int64? { slots.isEmpty ? nil : slots[slots.end - 1]?.offset }

    /// The record at this position is settled.
    mutating func settle(position: Int, size: Int64, fingerprint: UInt64, now: Int64) {
        guard var slot = slots[position], slot.entry >= 0 else { return }
        if position == slots.first { before = Anchor(offset: slot.offset, fingerprint: fingerprint) }
        highestSettled = max(highestSettled, slot.offset)
        slot.entry = -1
        slots[position] = slot
        openCount -= 1
        openBytes -= size
        if unsentSince == nil { unsentSince = now }
        while let head = slots.head, head.entry < 0 { slots.popFirst() }
    }

    /// A record that was settled before this assignment was read.
    mutating func settleKnown(offset: Int64, now: Int64) {
        highestSettled = max(highestSettled, offset)
        if unsentSince == nil { unsentSince = now }
    }

    var wantsCompaction: Bool { slots.count - openCount > 64 && slots.count > 2 * openCount }

    /// Settled offsets beyond the watermark, ascending: of this assignment, then those known from before and not read
    /// again yet.
    var settledBeyond: [Range<Int64>] {
        var runs: [Range<Int64>] = []
        var previous: Int64?
        var holes = false
        var position = slots.first
        while let slot = slots[position], slot.offset <= highestSettled || slot.entry >= 0 {
            position += 1
            if slot.entry < 0 {
                holes = true
                continue
            }
            if let previous, holes || slot.afterSettled, slot.offset > previous + 1 {
                runs.append(previous + 1..<slot.offset)
            }
            holes = false
            previous = slot.offset
            if slot.offset > highestSettled { break }
        }
        if let previous, highestSettled > previous { runs.append(previous + 1..<highestSettled + 1) }
        for run in unreadRuns {
            if let last = runs.last, last.upperBound == run.lowerBound {
                runs[runs.count - 1] = last.lowerBound..<run.upperBound
            } else {
                runs.append(run)
            }
        }
        return runs
    }

    private var hasUnreadRuns: Bool {
        guard let last = prior?.settled.last else { return false }
        return last.upperBound > lastReceived + 1
    }

    /// Settled offsets that are known from before the assignment and were not read again yet.
    var unreadRuns: [Range<Int64>] {
        guard let prior else { return [] }
        var runs: [Range<Int64>] = []
        for run in prior.settled where run.upperBound > lastReceived + 1 {
            runs.append(max(run.lowerBound, lastReceived + 1)..<run.upperBound)
        }
        return runs
    }

    var hasRead: Bool { lastRead != nil }

    /// Drops the holes; open records learn their new positions.
    mutating func compact(_ entries: inout [Entry]) {
        var kept = RingQueue<Slot>()
        var holes = false
        while var slot = slots.popFirst() {
            if slot.entry < 0 {
                holes = true
                continue
            }
            slot.afterSettled = slot.afterSettled || holes
            holes = false
            entries[Int(slot.entry)].position = kept.end
            kept.append(slot)
        }
        slots = kept
    }

    /// What is remembered of this assignment for the case that the partition comes back at one of the offsets that this
    /// worker committed.
    func knowledge(covered: [PriorKnowledge.Covered]) -> [(committed: Int64, knowledge: PriorKnowledge)] {
        guard hasRead else {
            guard let known = ownPrior ?? prior else { return [] }
            return [(position, known)]
        }
        var settled: [Range<Int64>] = []
        let low = min(storedOffset, sentOffset ?? storedOffset)
        if low < watermark { settled.append(low..<watermark) }
        for run in settledBeyond {
            if let last = settled.last, last.upperBound == run.lowerBound {
                settled[settled.count - 1] = last.lowerBound..<run.upperBound
            } else {
                settled.append(run)
            }
        }
        var covered = covered
        if let prior {
            covered += prior.covered.filter { $0.offset > lastReceived }
        }
        guard !settled.isEmpty || !covered.isEmpty else { return [] }
        var result: [(committed: Int64, knowledge: PriorKnowledge)] = []
        if let storedAnchor {
            result.append(
                (storedOffset, PriorKnowledge(anchor: storedAnchor, settled: settled, covered: covered)))
        }
        if let sentOffset, let sentAnchor, sentOffset != storedOffset {
            result.append((sentOffset, PriorKnowledge(anchor: sentAnchor, settled: settled, covered: covered)))
        }
        return result
    }
}
