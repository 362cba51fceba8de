/// Hashes that tell records apart, the same in every process, version and machine.
///
/// SipHash-2-4 under the fixed key `revoke-worker/v1` (16 bytes of ASCII). The message of a hash is its fields in order;
/// an integer is its 64 bits, little-endian; a byte string is its length as an integer, then its bytes filled up with
/// zero bytes to a multiple of 8; a null one is the length −1 alone. The key is public: the hashes find records that
/// were exchanged by chance or by a topic that was made anew, and are no defence against a forger, who could send the
/// event itself. Pure; usable on any thread.
public enum RecordFingerprint {
    private static let key: (UInt64, UInt64) = (0x772d_656b_6f76_6572, 0x3176_2f72_656b_726f)

    /// The hash that travels in a commit's metadata for the first unsettled record: of timestamp (milliseconds; −1 when
    /// there is none), key and value.
    public static func hash(timestamp: Int64?, key: [UInt8]?, value: [UInt8]?) -> UInt64 {
        var hash = SipHash(key: Self.key, wide: false)
        hash.absorb(UInt64(bitPattern: timestamp ?? -1))
        absorb(key, into: &hash)
        absorb(value, into: &hash)
        return hash.finish().0
    }

    /// The identity of an event's copies: two records are identical copies when source, id and the value's bytes are
    /// the same.
    public static func identity(source: String, id: String, value: [UInt8]?) -> RecordIdentity {
        var hash = SipHash(key: Self.key, wide: true)
        absorb(Array(source.utf8), into: &hash)
        absorb(Array(id.utf8), into: &hash)
        absorb(value, into: &hash)
        let (first, second) = hash.finish()
        return RecordIdentity(first: first, second: second)
    }

    private static func absorb(_ bytes: [UInt8]?, into hash: inout SipHash) {
        guard let bytes else {
            hash.absorb(UInt64.max)
            return
        }
        hash.absorb(UInt64(bytes.count))
        hash.absorb(padded: bytes)
    }
}

/// 128 bits that stand for source, id and value of an event.
public struct RecordIdentity: Hashable, Sendable {
    /// The hash's first 64 bits.
    public let first: UInt64
    /// The hash's last 64 bits.
    public let second: UInt64

    /// Makes an identity of its two halves.
    public init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }
}
