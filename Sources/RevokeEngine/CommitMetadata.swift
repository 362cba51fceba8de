public import RevokeModel

/// What travels in the metadata of a commit: which log it is of, the settled offsets beyond the committed one, what may
/// have been called, the charges of the partition's part of the budget, and what a restart must not forget.
///
/// The text is base64 without padding of a binary record: two magic bytes, a version, the fields as variable-length
/// integers (LEB128), and a 32-bit FNV-1a checksum. Base64 keeps NUL bytes out (librdkafka #4876). What does not decode
/// is not ours and is ignored.
public struct CommitMetadata: Hashable, Sendable {
    /// Charges of one second of the wall clock.
    public struct Charge: Hashable, Sendable {
        /// Seconds since 1970; every request of the bucket was sent before the end of this second.
        public var second: Int64
        /// How many requests.
        public var count: Int

        /// Makes a bucket.
        public init(second: Int64, count: Int) {
            self.second = second
            self.count = count
        }
    }

    /// When the group first read the topic.
    public struct GroupStart: Hashable, Sendable {
        /// Wall-clock milliseconds since 1970.
        public var time: Int64
        /// How many partitions the topic had then; those from this number on were added later.
        public var partitions: Int32

        /// Makes a start.
        public init(time: Int64, partitions: Int32) {
            self.time = time
            self.partitions = partitions
        }
    }

    /// The most contracts of a streak that travel.
    public static let streakLimit = 16

    /// The committed offset that the metadata belongs to.
    public var watermark: Int64
    /// Whether the owner drained cleanly: no call in flight, every charge saved.
    public var clean: Bool
    /// The highest offset that may have been called; nil when none was.
    public var highestCalled: Int64?
    /// The fingerprint of the first record at or above `watermark`; needed by `settled` only.
    public var fingerprint: UInt64?
    /// Settled offsets from the watermark on: ascending, apart, not empty.
    public var settled: [Range<Int64>]
    /// The charges of the last window, oldest first.
    public var charges: [Charge]
    /// Charges of calls in flight, whose time of sending is not known yet.
    public var pendingCharges: Int
    /// A hash of the id of the cluster that the log is in: offsets and metadata are copied by mirroring, while offsets
    /// behind a gap shift. Nil when the cluster did not tell its id.
    public var cluster: UInt64?
    /// A record that was read below `watermark`, with nothing but settled ones between; tells a recreated log, also one
    /// that is longer than the commit.
    public var before: Anchor?
    /// When the group first read the topic; nil when that is not known.
    public var groupStart: GroupStart?
    /// Hashes of the contracts of the account's streak that got a dead letter, at most `streakLimit`.
    public var streak: [UInt32] = []
    /// How many undecodable records in a row were read since an event was decoded.
    public var undecodable: UInt32 = 0
    /// Until when calls of the writer may be in flight, in wall-clock milliseconds; nil when none was.
    public var callsUntil: Int64?

    /// Makes metadata.
    public init(
        watermark: Int64, clean: Bool = false, highestCalled: Int64? = nil, fingerprint: UInt64? = nil,
        settled: [Range<Int64>] = [], charges: [Charge] = [], pendingCharges: Int = 0
    ) {
        self.watermark = watermark
        self.clean = clean
        self.highestCalled = highestCalled
        self.fingerprint = fingerprint
        self.settled = settled
        self.charges = charges
        self.pendingCharges = pendingCharges
    }

    private static let magic: [UInt8] = [0xA7, 0x52]
    private static let version: UInt8 = 2

    /// What stands for a contract in `streak`: FNV-1a of its 8 bytes.
    public static func hash(of contract: ContractID) -> UInt32 {
        var bytes: [UInt8] = []
        append(word: UInt64(clamping: contract.value), bytes: 8, to: &bytes)
        return checksum(bytes[...])
    }

    /// Encodes as base64 text of at most `limit` bytes.
    ///
    /// Settled runs are kept nearest first while they fit; charges that do not fit are rounded up: older buckets
    /// merge into newer ones. `complete` tells whether all runs are in. A limit that is too small for even the charges
    /// gives no text at all.
    public func encoded(limit: Int) -> (text: [UInt8], complete: Bool) {
        let room = limit / 4 * 3 - 4
        var head = Self.magic
        head.append(Self.version)
        var flags: UInt8 = clean ? 1 : 0
        if highestCalled != nil { flags |= 2 }
        if fingerprint != nil { flags |= 4 }
        if cluster != nil { flags |= 8 }
        if before != nil { flags |= 16 }
        if groupStart != nil { flags |= 32 }
        if callsUntil != nil { flags |= 64 }
        head.append(flags)
        Self.append(UInt64(clamping: watermark), to: &head)
        if let highestCalled { Self.append(Self.zigzag(highestCalled &- watermark), to: &head) }
        if let fingerprint { Self.append(word: fingerprint, bytes: 8, to: &head) }
        if let cluster { Self.append(word: cluster, bytes: 8, to: &head) }
        if let before {
            Self.append(UInt64(clamping: watermark &- before.offset), to: &head)
            Self.append(word: before.fingerprint, bytes: 8, to: &head)
        }
        if let groupStart {
            Self.append(UInt64(clamping: groupStart.time), to: &head)
            Self.append(UInt64(clamping: groupStart.partitions), to: &head)
        }
        if let callsUntil { Self.append(UInt64(clamping: callsUntil), to: &head) }
        Self.append(UInt64(undecodable), to: &head)
        let letters = streak.prefix(Self.streakLimit)
        Self.append(UInt64(letters.count), to: &head)
        for contract in letters { Self.append(word: UInt64(contract), bytes: 4, to: &head) }
        Self.append(UInt64(clamping: pendingCharges), to: &head)

        var buckets = charges
        var chargeBytes = Self.encodedCharges(buckets)
        while head.count + chargeBytes.count + 1 > room, buckets.count > 1 {
            var merged: [Charge] = []
            for index in stride(from: buckets.count - 1, through: 0, by: -2) {
                var bucket = buckets[index]
                if index > 0 { bucket.count += buckets[index - 1].count }
                merged.append(bucket)
            }
            buckets = merged.reversed()
            chargeBytes = Self.encodedCharges(buckets)
        }
        head += chargeBytes
        guard head.count + 1 <= room else { return ([], settled.isEmpty) }

        var runs: [UInt8] = []
        var previousEnd = watermark
        var kept = 0
        if fingerprint != nil {
            for run in settled {
                let before = runs.count
                Self.append(UInt64(clamping: run.lowerBound - previousEnd), to: &runs)
                Self.append(UInt64(clamping: run.upperBound - run.lowerBound), to: &runs)
                if head.count + runs.count + 3 > room {
                    runs.removeSubrange(before...)
                    break
                }
                previousEnd = run.upperBound
                kept += 1
            }
        }
        Self.append(UInt64(kept), to: &head)
        head += runs
        Self.append(word: UInt64(Self.checksum(head)), bytes: 4, to: &head)
        return (Base64.encode(head), kept == settled.count)
    }

    /// Decodes what `encoded(limit:)` wrote; nil for anything else.
    public init?(decoding text: [UInt8]) {
        guard let bytes = Base64.decode(text), bytes.count >= 9 else { return nil }
        let body = bytes.count - 4
        var end = Reader(bytes: bytes[body...])
        guard end.word(bytes: 4) == UInt64(Self.checksum(bytes[..<body])) else { return nil }
        var reader = Reader(bytes: bytes[..<body])
        guard reader.byte() == Self.magic[0], reader.byte() == Self.magic[1], reader.byte() == Self.version,
            let flags = reader.byte(), flags <= 127, let watermark = reader.integer(), watermark < .max
        else { return nil }
        var highestCalled: Int64?
        if flags & 2 != 0 {
            guard let raw = reader.raw() else { return nil }
            let (value, overflow) = watermark.addingReportingOverflow(Self.unzigzag(raw))
            guard !overflow, value >= 0, value < .max else { return nil }
            highestCalled = value
        }
        var fingerprint: UInt64?
        if flags & 4 != 0 {
            guard let value = reader.word(bytes: 8) else { return nil }
            fingerprint = value
        }
        var cluster: UInt64?
        if flags & 8 != 0 {
            guard let value = reader.word(bytes: 8) else { return nil }
            cluster = value
        }
        var before: Anchor?
        if flags & 16 != 0 {
            guard let distance = reader.integer(), distance > 0, distance <= watermark,
                let value = reader.word(bytes: 8)
            else { return nil }
            before = Anchor(offset: watermark - distance, fingerprint: value)
        }
        var groupStart: GroupStart?
        if flags & 32 != 0 {
            guard let time = reader.integer(), time < Self.latestTime, let partitions = reader.count() else {
                return nil
            }
            groupStart = GroupStart(time: time, partitions: Int32(clamping: partitions))
        }
        var callsUntil: Int64?
        if flags & 64 != 0 {
            guard let time = reader.integer(), time < Self.latestTime else { return nil }
            callsUntil = time
        }
        guard let undecodable = reader.count(), let letters = reader.count(),
            letters <= Self.streakLimit
        else { return nil }
        var streak: [UInt32] = []
        for _ in 0..<letters {
            guard let value = reader.word(bytes: 4) else { return nil }
            streak.append(UInt32(truncatingIfNeeded: value))
        }
        guard let pending = reader.count(), let chargeCount = reader.count(), chargeCount <= bytes.count else {
            return nil
        }
        var charges: [Charge] = []
        var second: Int64 = 0
        for _ in 0..<chargeCount {
            guard let step = reader.integer(), let count = reader.count() else { return nil }
            let (next, overflow) = second.addingReportingOverflow(step)
            guard !overflow, next <= 1 << 50 else { return nil }
            second = next
            charges.append(Charge(second: second, count: count))
        }
        guard let runCount = reader.count(), runCount <= bytes.count, runCount == 0 || fingerprint != nil else {
            return nil
        }
        var settled: [Range<Int64>] = []
        var runEnd = watermark
        for _ in 0..<runCount {
            guard let gap = reader.integer(), gap > 0 || settled.isEmpty, let length = reader.integer(), length > 0
            else { return nil }
            let (start, overflow) = runEnd.addingReportingOverflow(gap)
            guard !overflow else { return nil }
            let (next, overflowEnd) = start.addingReportingOverflow(length)
            guard !overflowEnd, next < .max else { return nil }
            settled.append(start..<next)
            runEnd = next
        }
        guard reader.isAtEnd else { return nil }
        self.init(
            watermark: watermark, clean: flags & 1 != 0, highestCalled: highestCalled, fingerprint: fingerprint,
            settled: settled, charges: charges, pendingCharges: pending)
        self.cluster = cluster
        self.before = before
        self.groupStart = groupStart
        self.callsUntil = callsUntil
        self.undecodable = UInt32(clamping: undecodable)
        self.streak = streak
    }

    // MARK: Parts

    /// Times beyond the year 9999 are not ours.
    private static let latestTime: Int64 = 253_402_300_800_000

    /// The lower `bytes` bytes of a word, the least first.
    private static func append(word: UInt64, bytes count: Int, to bytes: inout [UInt8]) {
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * index))) }
    }

    private static func encodedCharges(_ charges: [Charge]) -> [UInt8] {
        var bytes: [UInt8] = []
        append(UInt64(charges.count), to: &bytes)
        var previous: Int64 = 0
        for charge in charges {
            append(UInt64(clamping: charge.second - previous), to: &bytes)
            append(UInt64(clamping: charge.count), to: &bytes)
            previous = charge.second
        }
        return bytes
    }

    private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: value &<< 1) ^ UInt64(bitPattern: value >> 63)
    }

    private static func unzigzag(_ value: UInt64) -> Int64 {
        Int64(bitPattern: value >> 1) ^ (0 &- Int64(bitPattern: value & 1))
    }

    private static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var hash: UInt32 = 0x811C_9DC5
        for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return hash
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        var isAtEnd: Bool { bytes.isEmpty }

        mutating func byte() -> UInt8? { bytes.popFirst() }

        /// `bytes` bytes, the least first.
        mutating func word(bytes count: Int) -> UInt64? {
            var value: UInt64 = 0
            for index in 0..<count {
                guard let byte = bytes.popFirst() else { return nil }
                value |= UInt64(byte) << UInt64(8 * index)
            }
            return value
        }

        mutating func raw() -> UInt64? {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while let byte = bytes.popFirst() {
                let part = UInt64(byte & 0x7F)
                guard shift < 63 || (shift == 63 && part <= 1) else { return nil }
                value |= part << shift
                if byte & 0x80 == 0 { return value }
                shift += 7
            }
            return nil
        }

        mutating func integer() -> Int64? { raw().flatMap { Int64(exactly: $0) } }

        mutating func count() -> Int? { raw().flatMap { $0 <= 1 << 31 ? Int($0) : nil } }
    }
}
