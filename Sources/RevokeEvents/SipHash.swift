/// SipHash-2-4 (Aumasson and Bernstein, 2012), with a result of 64 or 128 bits, fed word by word.
///
/// The words are the message's bytes, little-endian. The state is four words; nothing is allocated.
struct SipHash {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64
    private var wordCount: UInt64 = 0
    private let isWide: Bool

    /// Makes a hash under a key of two words.
    init(key: (UInt64, UInt64), wide: Bool) {
        v0 = key.0 ^ 0x736f_6d65_7073_6575
        v1 = key.1 ^ 0x646f_7261_6e64_6f6d ^ (wide ? 0xee : 0)
        v2 = key.0 ^ 0x6c79_6765_6e65_7261
        v3 = key.1 ^ 0x7465_6462_7974_6573
        isWide = wide
    }

    /// Takes the message's next eight bytes.
    mutating func absorb(_ word: UInt64) {
        wordCount &+= 1
        compress(word)
    }

    /// Takes the message's next bytes, the last word filled up with zero bytes.
    mutating func absorb(padded bytes: [UInt8]) {
        let whole = bytes.count & ~7
        var index = 0
        while index < whole {
            absorb(Self.word(bytes, at: index))
            index += 8
        }
        if index < bytes.count { absorb(Self.partialWord(bytes, from: index)) }
    }

    /// Ends the message with up to seven more bytes, the lowest first, and gives the hash; the second word is 0 unless
    /// the hash is wide.
    consuming func finish(tail: UInt64 = 0, tailCount: Int = 0) -> (UInt64, UInt64) {
        compress((wordCount &* 8 &+ UInt64(truncatingIfNeeded: tailCount)) << 56 | tail)
        v2 ^= isWide ? 0xee : 0xff
        for _ in 0..<4 { round() }
        let first = v0 ^ v1 ^ v2 ^ v3
        guard isWide else { return (first, 0) }
        v1 ^= 0xdd
        for _ in 0..<4 { round() }
        return (first, v0 ^ v1 ^ v2 ^ v3)
    }

    /// The hash of plain bytes, as the paper defines it.
    static func hash(_ bytes: [UInt8], key: (UInt64, UInt64), wide: Bool) -> (UInt64, UInt64) {
        var hash = SipHash(key: key, wide: wide)
        let whole = bytes.count & ~7
        for index in stride(from: 0, to: whole, by: 8) { hash.absorb(word(bytes, at: index)) }
        return hash.finish(tail: partialWord(bytes, from: whole), tailCount: bytes.count - whole)
    }

    private static func word(_ bytes: [UInt8], at index: Int) -> UInt64 {
        UInt64(bytes[index]) | UInt64(bytes[index + 1]) << 8 | UInt64(bytes[index + 2]) << 16
            | UInt64(bytes[index + 3]) << 24 | UInt64(bytes[index + 4]) << 32 | UInt64(bytes[index + 5]) << 40
            | UInt64(bytes[index + 6]) << 48 | UInt64(bytes[index + 7]) << 56
    }

    private static func partialWord(_ bytes: [UInt8], from start: Int) -> UInt64 {
        var word: UInt64 = 0
        for (position, byte) in bytes[start...].enumerated() { word |= UInt64(byte) << UInt64(8 * position) }
        return word
    }

    private mutating func compress(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
    }

    private mutating func round() {
        v0 &+= v1
        v1 = Self.rotate(v1, 13) ^ v0
        v0 = Self.rotate(v0, 32)
        v2 &+= v3
        v3 = Self.rotate(v3, 16) ^ v2
        v0 &+= v3
        v3 = Self.rotate(v3, 21) ^ v0
        v2 &+= v1
        v1 = Self.rotate(v1, 17) ^ v2
        v2 = Self.rotate(v2, 32)
    }

    private static func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 { word << count | word >> (64 - count) }
}
