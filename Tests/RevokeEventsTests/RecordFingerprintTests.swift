import Testing

@testable import RevokeEvents

@Suite("Fingerprints")
struct RecordFingerprintTests {
    /// From OpenSSL's SIPHASH under the key 00 … 0f, of the bytes 00, 01, … ; results read little-endian.
    static let vectors: [(count: Int, narrow: UInt64, wide: (UInt64, UInt64))] = [
        (0, 0x726f_db47_dd0e_0e31, (0xe6a8_25ba_047f_81a3, 0x9302_55c7_1472_f66d)),
        (7, 0xab02_00f5_8b01_d137, (0x53c1_dbd8_beeb_f1a1, 0x3982_f01f_a64a_b8c0)),
        (8, 0x93f5_f579_9a93_2462, (0x61f5_5862_baa9_623b, 0xb497_14f3_64e2_830f)),
        (15, 0xa129_ca61_49be_45e5, (0x11a8_b033_99e9_9354, 0xd9c3_cf97_0fec_087e)),
        (16, 0x3f2a_cc7f_57c2_9bdb, (0xbb54_b067_caa4_e26e, 0x7705_2385_bf15_33fd)),
        (63, 0x958a_324c_eb06_4572, (0x4a83_502f_77d1_5051, 0x7cbd_3f97_9a06_3e50)),
    ]

    @Test("SipHash-2-4 gives the reference's results", arguments: vectors.indices)
    func reference(index: Int) {
        let vector = Self.vectors[index]
        let bytes = (0..<vector.count).map { UInt8($0) }
        let key: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)
        #expect(SipHash.hash(bytes, key: key, wide: false).0 == vector.narrow)
        let wide = SipHash.hash(bytes, key: key, wide: true)
        #expect(wide.0 == vector.wide.0)
        #expect(wide.1 == vector.wide.1)
    }

    @Test("The hash of a record is the same for ever")
    func pinned() {
        let hash = RecordFingerprint.hash(
            timestamp: 1_780_315_200_000, key: Array("12345".utf8), value: Array(#"{"acme_contract_id":12345}"#.utf8))
        #expect(hash == 0x46d2_60c4_8dcc_a780)
        let identity = RecordFingerprint.identity(source: "/scanner", id: "a1", value: Array("{}".utf8))
        #expect(identity == RecordIdentity(first: 0xcd49_6f78_41bb_a46e, second: 0x2a14_9095_caea_0c53))
    }

    @Test("Each part counts, and null, empty and zero bytes differ")
    func parts() {
        let parts: [(Int64?, [UInt8]?, [UInt8]?)] = [
            (1, [2], [3]), (2, [2], [3]), (nil, [2], [3]), (1, nil, [3]), (1, [], [3]), (1, [0], [3]), (1, [2], nil),
            (1, [2], []), (1, [2], [0]), (1, [2], [0, 0]), (1, [], [2, 3]), (1, [2, 3], []), (1, nil, nil),
            (1, [], nil),
            (1, nil, []), (1, [2, 0, 0, 0, 0, 0, 0, 0], [3]), (1, [2], [3, 0, 0, 0, 0, 0, 0, 0, 0]),
        ]
        let hashes = parts.map { RecordFingerprint.hash(timestamp: $0.0, key: $0.1, value: $0.2) }
        #expect(Set(hashes).count == parts.count)
        let texts: [(String, String, [UInt8]?)] = [
            ("a", "b", []), ("ab", "", []), ("", "ab", []), ("a", "b", nil), ("a", "b", [0]), ("b", "a", []),
            ("a", "b", [1, 2, 3]), ("a", "b", [1, 2, 4]),
        ]
        let identities = texts.map { RecordFingerprint.identity(source: $0.0, id: $0.1, value: $0.2) }
        #expect(Set(identities).count == texts.count)
    }

    @Test("Every bit of a value counts")
    func bits() {
        let value = [UInt8](repeating: 0x5A, count: 37)
        var hashes: Set<UInt64> = []
        for bit in 0..<value.count * 8 {
            var changed = value
            changed[bit / 8] ^= 1 << (bit % 8)
            hashes.insert(RecordFingerprint.hash(timestamp: 0, key: nil, value: changed))
        }
        hashes.insert(RecordFingerprint.hash(timestamp: 0, key: nil, value: value))
        #expect(hashes.count == value.count * 8 + 1)
    }
}
