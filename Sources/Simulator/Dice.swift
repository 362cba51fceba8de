/// Keyed randomness: the same key gives the same number in every process, whatever was drawn before.
///
/// A draw depends on the seed and on its key alone, so that dropping a step of a schedule leaves all other draws as
/// they were; shrinking relies on it.
struct Dice: Sendable {
    /// What a draw is for; the first part of its key.
    enum Stream: UInt64 {
        case connectDelay = 1
        case latency
        case answer
        case applied
        case retryAfter
        case commitUp
        case commitDown
        case commitFate
        case deadLetterDelay
        case deadLetterFate
        case fetchDelay
        case assignDelay
        case joinDelay
        case rotation
        case lateRecord
        case engineSeed
        case fingerprint
        case identity
        case tickPhase
        case keyDelay
        case skew
        case trickle
        case initialCommit
        case damage
        case commitLoss
        case earlyJoin
        case refresh
        case wakeCheck
        case otherProgram
        case regeneration
    }

    /// The seed of the world.
    let seed: UInt64

    /// Scrambles a number (the finaliser of SplitMix64).
    static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// The number of a key.
    func roll(_ stream: Stream, _ a: Int64, _ b: Int64 = 0, _ c: Int64 = 0) -> UInt64 {
        var z = Self.mix(seed ^ (stream.rawValue &* 0xD6E8_FEB8_6659_FD93))
        z = Self.mix(z ^ UInt64(bitPattern: a))
        z = Self.mix(z ^ UInt64(bitPattern: b) &* 0xA076_1D64_78BD_642F)
        return Self.mix(z ^ UInt64(bitPattern: c) &* 0xE703_7ED1_A0B4_28DB)
    }

    /// A number of a range.
    func between(_ low: Int64, _ high: Int64, _ stream: Stream, _ a: Int64, _ b: Int64 = 0, _ c: Int64 = 0) -> Int64 {
        guard high > low else { return low }
        return low + Int64(roll(stream, a, b, c) % UInt64(high - low + 1))
    }

    /// Whether something happens that happens this many times in a thousand.
    func chance(_ permille: UInt64, _ stream: Stream, _ a: Int64, _ b: Int64 = 0, _ c: Int64 = 0) -> Bool {
        roll(stream, a, b, c) % 1_000 < permille
    }
}

/// A sequence of numbers from a seed (SplitMix64), for what is drawn up front.
struct Generator: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &+ 0x9E37_79B9_7F4A_7C15
        return Dice.mix(state)
    }

    mutating func between(_ low: Int64, _ high: Int64) -> Int64 {
        guard high > low else { return low }
        return low + Int64(next() % UInt64(high - low + 1))
    }

    mutating func chance(_ permille: UInt64) -> Bool { next() % 1_000 < permille }

    mutating func pick<T>(_ values: [T]) -> T { values[Int(next() % UInt64(values.count))] }
}
