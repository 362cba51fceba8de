import RevokeEngine
import RevokeModel

/// A fresh engine that takes over a partition whose commit has some metadata, and reads a few records. No call is
/// answered, so that a record is settled only if the metadata says so, and that counts only from a text of ours at its
/// own offset, in a log whose first record has the fingerprint that the text names.
struct MetadataTrial {
    private let text: [UInt8]
    private let claim: MetadataClaim?
    private let start: Int64
    private let log: [(offset: Int64, fingerprint: UInt64)]
    private let now = Instant(boot: 1_000_000, wall: 1_800_000_000_000)
    private var engine: Engine
    private var stored: (offset: Int64, metadata: [UInt8])
    private var token: UInt32 = 0
    private var actions: [EngineAction] = []

    /// - Parameter steering: Eight bytes or fewer that make the offsets and fingerprints.
    init(_ text: [UInt8], steering: [UInt8]) {
        self.text = text
        let claim = MetadataClaim(text)
        self.claim = claim
        var bytes = steering.makeIterator()
        let flags = bytes.next() ?? 0
        let byte = Int64(bytes.next() ?? 0)
        let watermark = claim.map { Int64($0.watermark) } ?? byte
        start = flags & 1 == 0 ? watermark : max(0, watermark - 128 + min(byte, Int64.max - 2 - watermark))
        var log: [(offset: Int64, fingerprint: UInt64)] = []
        var next = start + min(Int64(flags >> 2 & 3), Int64.max - 3 - min(start, Int64.max - 3))
        while let byte = bytes.next() {
            if byte >= 128, let claim, !claim.runs.isEmpty {
                // To an end of a run, or one beside it.
                let run = claim.runs[Int(byte & 7) % claim.runs.count]
                let end = byte & 8 == 0 ? run.start : run.end
                next = max(next, Int64(end) - (byte & 16 == 0 ? 0 : 1))
            } else {
                next += Int64(byte & 15)
            }
            guard next < .max - 64 else { break }
            let isFirst = log.isEmpty && flags & 2 == 0
            log.append((next, isFirst ? claim?.fingerprint ?? 7 : UInt64(token) &* 31 &+ 11))
            next += 1
        }
        self.log = log
        stored = (start, text)
        engine = Engine(configuration: EngineConfiguration(), seed: 1, now: now)
    }

    /// Whether what the text says of this offset counts.
    private func isClaimed(_ offset: Int64) -> Bool {
        guard let claim, let first = log.first else { return false }
        return claim.watermark == UInt64(start) && claim.fingerprint == first.fingerprint && claim.names(offset)
    }

    /// Reads the log in one assignment, and what is left of it in a second.
    mutating func run() {
        for rebalance in [UInt64(1), 3] {
            let end = max(stored.offset, (log.last?.offset ?? 0) + 1)
            engine.assigned(
                [
                    AssignedPartition(
                        partition: 0, committedOffset: stored.offset, metadata: stored.metadata, logStart: 0,
                        logEnd: end, startOffset: 0)
                ], topicPartitions: 4, rebalance: rebalance, now: now)
            take()
            for record in log where record.offset >= stored.offset { read(record, isFirstTime: rebalance == 1) }
            for _ in 0..<8 {
                engine.turn(now: now)
                take()
            }
            engine.lost(rebalance: rebalance + 1, now: now)
            take()
        }
    }

    private mutating func read(_ record: (offset: Int64, fingerprint: UInt64), isFirstTime: Bool) {
        token += 1
        guard let contract = ContractID(Int64(token)) else { return }
        let facts = EventFacts(
            contract: contract, identity: EventIdentity(high: 0, low: UInt64(record.offset)), earliestTime: now.wall)
        engine.received(
            ReceivedRecord(
                partition: 0, offset: record.offset, token: token, size: 100, fingerprint: record.fingerprint,
                content: .event(facts)), now: now)
        var taken: [EngineAction] = []
        engine.takeActions(into: &taken)
        let isSettled = taken.contains(.release(token: token))
        if isSettled, !isClaimed(record.offset) { fatalError("\(record.offset) is settled without a reason") }
        if !isSettled, isFirstTime, isClaimed(record.offset) { fatalError("\(record.offset) is not taken as settled") }
        actions = taken
        look()
    }

    private mutating func take() {
        engine.takeActions(into: &actions)
        look()
    }

    private mutating func look() {
        let taken = actions
        actions = []
        for action in taken {
            switch action {
            case .settled(_, let offset, _, _, _): fatalError("\(offset) is settled without an answer")
            case .produceDeadLetter(let order): fatalError("a dead letter of \(order.offset)")
            case .commit(let id, let parts):
                for part in parts {
                    check(part)
                    stored = (part.offset, part.metadata)
                }
                engine.commitFinished(
                    id, parts.map { CommitPartResult(partition: $0.partition, result: .stored) }, now: now)
                take()
            default: break
            }
        }
    }

    /// A commit is not above a record that is open, and claims none.
    private func check(_ part: CommitPart) {
        let open = log.filter { $0.offset >= start && !isClaimed($0.offset) }.map(\.offset)
        if let lowest = open.first, part.offset > lowest { fatalError("commits \(part.offset) above \(lowest)") }
        guard let claim = MetadataClaim(part.metadata), claim.watermark == UInt64(part.offset),
            let first = log.first(where: { $0.offset >= part.offset }), claim.fingerprint == first.fingerprint
        else { return }
        for offset in open where claim.names(offset) { fatalError("the commit at \(part.offset) claims \(offset)") }
    }
}
