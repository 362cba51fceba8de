/// The timeline of a run: a hash of everything that happened and, on demand, lines of text.
struct Trace {
    /// A line of the timeline.
    struct Line {
        var text: String
        var partition: Int
        var contract: Int64
    }

    /// The running hash.
    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    /// The lines; empty unless `keepsLines`.
    private(set) var lines: [Line] = []
    /// Whether lines are kept.
    let keepsLines: Bool

    init(keepsLines: Bool) { self.keepsLines = keepsLines }

    /// Adds a number to the hash.
    @inline(__always)
    mutating func add(_ value: UInt64) {
        hash = (hash ^ value) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 29
    }

    @inline(__always)
    mutating func add(_ value: Int64) { add(UInt64(bitPattern: value)) }

    @inline(__always)
    mutating func add(_ value: Int) { add(UInt64(bitPattern: Int64(value))) }

    /// Adds bytes to the hash.
    mutating func add(_ bytes: [UInt8]) {
        add(bytes.count)
        var word: UInt64 = 0
        var filled = 0
        for byte in bytes {
            word = word << 8 | UInt64(byte)
            filled += 1
            if filled == 8 {
                add(word)
                word = 0
                filled = 0
            }
        }
        add(word)
    }

    /// Adds a word to the hash.
    mutating func add(_ text: String) { add(Array(text.utf8)) }

    /// Adds a line, which is made only if lines are kept.
    @inline(__always)
    mutating func line(_ text: @autoclosure () -> String, partition: Int = -1, contract: Int64 = -1) {
        guard keepsLines else { return }
        lines.append(Line(text: text(), partition: partition, contract: contract))
    }
}
