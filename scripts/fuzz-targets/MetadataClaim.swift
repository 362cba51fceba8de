/// What the metadata of a commit claims, read by a decoder of its own, so that the checks do not lean on the codec that
/// they check.
struct MetadataClaim {
    var watermark: UInt64
    var fingerprint: UInt64?
    var runs: [(start: UInt64, end: UInt64)] = []

    /// nil for what is no metadata of ours: a wrong letter, head, checksum, number or length, or offsets beyond 63 bits.
    init?(_ text: [UInt8]) {
        guard text.count % 4 != 1 else { return nil }
        var bits: [Bool] = []
        for letter in text {
            let value: UInt8
            switch letter {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = letter - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = letter - 97 + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = letter - 48 + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            default: return nil
            }
            for bit in (0..<6).reversed() { bits.append(value >> UInt8(bit) & 1 == 1) }
        }
        guard !bits[(bits.count / 8 * 8)...].contains(true) else { return nil }
        var bytes = (0..<bits.count / 8).map { index in
            bits[8 * index..<8 * index + 8].reduce(UInt8(0)) { $0 << 1 | ($1 ? 1 : 0) }
        }
        guard bytes.count >= 9 else { return nil }
        let stored = bytes.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        bytes.removeLast(4)
        var sum: UInt32 = 2_166_136_261
        for byte in bytes {
            sum ^= UInt32(byte)
            sum &*= 16_777_619
        }
        guard sum == stored, bytes.starts(with: [0xA7, 0x52, 2]), bytes[3] < 128 else { return nil }
        let flags = bytes[3]
        var rest = bytes[4...]

        guard let watermark = Self.number(&rest), watermark < UInt64(Int64.max) else { return nil }
        self.watermark = watermark
        if flags & 2 != 0 {
            guard let zigzag = Self.number(&rest) else { return nil }
            let distance = Int64(bitPattern: zigzag / 2)
            let (highest, overflow) =
                zigzag % 2 == 0
                ? Int64(watermark).addingReportingOverflow(distance)
                : Int64(watermark).subtractingReportingOverflow(distance + 1 > 0 ? distance + 1 : .max)
            guard !overflow, highest >= 0, highest < .max else { return nil }
        }
        if flags & 4 != 0 {
            guard rest.count >= 8 else { return nil }
            fingerprint = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            rest = rest.dropFirst(8)
        }
        let most: UInt64 = 1 << 31
        let year10000: UInt64 = 253_402_300_800_000
        if flags & 8 != 0 {
            guard rest.count >= 8 else { return nil }
            rest = rest.dropFirst(8)
        }
        if flags & 16 != 0 {
            guard let distance = Self.number(&rest), (1...max(1, watermark)).contains(distance), distance <= watermark,
                rest.count >= 8
            else { return nil }
            rest = rest.dropFirst(8)
        }
        if flags & 32 != 0 {
            guard let time = Self.number(&rest), time < year10000, let partitions = Self.number(&rest),
                partitions <= most
            else { return nil }
        }
        if flags & 64 != 0 {
            guard let time = Self.number(&rest), time < year10000 else { return nil }
        }
        guard let undecodable = Self.number(&rest),
            undecodable <= most, let letters = Self.number(&rest), letters <= 16, rest.count >= 4 * Int(letters)
        else { return nil }
        rest = rest.dropFirst(4 * Int(letters))
        guard let pending = Self.number(&rest), pending <= most, let charges = Self.number(&rest),
            charges <= UInt64(bytes.count)
        else { return nil }
        var second: UInt64 = 0
        for _ in 0..<charges {
            guard let step = Self.number(&rest), let count = Self.number(&rest), step <= 1 << 50, count <= most else {
                return nil
            }
            second += step
            guard second <= 1 << 50 else { return nil }
        }
        guard let count = Self.number(&rest), count <= UInt64(bytes.count), count == 0 || fingerprint != nil else {
            return nil
        }
        var end = watermark
        for index in 0..<count {
            guard let gap = Self.number(&rest), let length = Self.number(&rest), length > 0, index == 0 || gap > 0,
                gap < 1 << 63, length < 1 << 63
            else { return nil }
            let start = end + gap
            guard start < 1 << 63, start + length < UInt64(Int64.max) else { return nil }
            end = start + length
            runs.append((start, end))
        }
        guard rest.isEmpty else { return nil }
    }

    /// Whether the offset is in a run.
    func names(_ offset: Int64) -> Bool {
        runs.contains { $0.start <= UInt64(offset) && UInt64(offset) < $0.end }
    }

    /// A LEB128 number of at most 64 bits in at most ten bytes.
    private static func number(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        guard let last = bytes.prefix(10).firstIndex(where: { $0 < 128 }) else { return nil }
        var value: UInt64 = 0
        for byte in bytes[bytes.startIndex...last].reversed() {
            guard value < 1 << 57 else { return nil }
            value = value * 128 + UInt64(byte & 127)
        }
        bytes = bytes[(last + 1)...]
        return value
    }
}
