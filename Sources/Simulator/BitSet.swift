/// A set of small integers.
struct BitSet: Sendable {
    private var words: [UInt64] = []

    /// Whether the set holds a number.
    func contains(_ value: Int) -> Bool {
        let word = value >> 6
        guard word < words.count else { return false }
        return words[word] & (1 << UInt64(value & 63)) != 0
    }

    /// Adds a number; gives whether it was new.
    @discardableResult
    mutating func insert(_ value: Int) -> Bool {
        let word = value >> 6
        while words.count <= word { words.append(0) }
        let bit: UInt64 = 1 << UInt64(value & 63)
        defer { words[word] |= bit }
        return words[word] & bit == 0
    }

    /// Takes a number out.
    mutating func remove(_ value: Int) {
        let word = value >> 6
        guard word < words.count else { return }
        words[word] &= ~(1 << UInt64(value & 63))
    }

    /// Adds all numbers of another set.
    mutating func formUnion(_ other: BitSet) {
        while words.count < other.words.count { words.append(0) }
        for index in other.words.indices { words[index] |= other.words[index] }
    }
}
