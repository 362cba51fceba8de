import RevokeModel
import Testing

@testable import RevokeEngine

/// The codec of what travels with commits.
@Suite struct CommitMetadataTests {
    private func random(_ generator: inout Generator) -> CommitMetadata {
        let watermark = generator.upTo(1 << (generator.upTo(46) + 1))
        var metadata = CommitMetadata(watermark: watermark, clean: generator.upTo(1) == 1)
        if generator.upTo(1) == 1 { metadata.highestCalled = generator.upTo(watermark + 10_000) }
        if generator.upTo(3) > 0 {
            metadata.fingerprint = generator.next()
            var next = watermark
            for _ in 0..<generator.upTo(generator.upTo(3) == 0 ? 3_000 : 40) {
                let start = next + 1 + generator.upTo(1 << generator.upTo(16))
                let end = start + 1 + generator.upTo(1 << generator.upTo(12))
                metadata.settled.append(start..<end)
                next = end
            }
        }
        var second = generator.upTo(2_000_000_000)
        for _ in 0..<generator.upTo(generator.upTo(3) == 0 ? 700 : 10) {
            second += 1 + generator.upTo(3)
            metadata.charges.append(.init(second: second, count: Int(generator.upTo(1_000)) + 1))
        }
        metadata.pendingCharges = Int(generator.upTo(1_024))
        if generator.upTo(1) == 1 { metadata.cluster = generator.next() }
        if watermark > 0, generator.upTo(1) == 1 {
            metadata.before = Anchor(offset: generator.upTo(watermark - 1), fingerprint: generator.next())
        }
        if generator.upTo(1) == 1 {
            metadata.groupStart = .init(
                time: generator.upTo(2_000_000_000_000), partitions: Int32(generator.upTo(10_000)))
        }
        if generator.upTo(1) == 1 { metadata.callsUntil = generator.upTo(2_000_000_000_000) }
        if generator.upTo(3) == 0 { metadata.undecodable = UInt32(generator.upTo(1_000)) }
        for _ in 0..<generator.upTo(Int64(CommitMetadata.streakLimit)) {
            metadata.streak.append(UInt32(truncatingIfNeeded: generator.next()))
        }
        return metadata
    }

    @Test func whatFitsComesBackAsItWas() {
        var generator = Generator(seed: 1)
        for _ in 0..<100 {
            let metadata = random(&generator)
            let (text, complete) = metadata.encoded(limit: 1 << 20)
            #expect(complete)
            #expect(CommitMetadata(decoding: text) == metadata)
            #expect(text.allSatisfy { $0 >= 0x2B && $0 <= 0x7A })
        }
    }

    @Test func theLimitIsKeptAndAPrefixIsLeft() {
        var generator = Generator(seed: 2)
        for _ in 0..<150 {
            let metadata = random(&generator)
            let limit = Int(generator.upTo(generator.upTo(1) == 0 ? 4_096 : 200))
            let (text, complete) = metadata.encoded(limit: limit)
            #expect(text.count <= limit)
            guard let decoded = CommitMetadata(decoding: text) else {
                #expect(text.isEmpty)
                continue
            }
            #expect(decoded.settled == Array(metadata.settled.prefix(decoded.settled.count)))
            #expect(complete == (decoded.settled.count == metadata.settled.count))
            #expect(decoded.watermark == metadata.watermark)
            #expect(decoded.pendingCharges == metadata.pendingCharges)
            #expect(decoded.before == metadata.before && decoded.cluster == metadata.cluster)
            // Charges are rounded up: at any time no fewer count than before.
            #expect(decoded.charges.reduce(0) { $0 + $1.count } == metadata.charges.reduce(0) { $0 + $1.count })
            for charge in metadata.charges where charge.second % 16 == 0 {
                let before = metadata.charges.reduce(0) { $0 + ($1.second >= charge.second ? $1.count : 0) }
                let after = decoded.charges.reduce(0) { $0 + ($1.second >= charge.second ? $1.count : 0) }
                #expect(after >= before)
            }
        }
    }

    @Test func randomBytesAreRefused() {
        var generator = Generator(seed: 3)
        for round in 0..<4_000 {
            let alphabet = round % 2 == 0
            let bytes = (0..<generator.upTo(80)).map { _ in
                alphabet ? UInt8(65 + generator.upTo(25)) : UInt8(truncatingIfNeeded: generator.next())
            }
            #expect(CommitMetadata(decoding: bytes) == nil)
        }
    }

    @Test(arguments: ["", "A", "null", "{\"a\":1}", "p1I", "AAAAAAAAAAAAAAAA", "p1ICAAAAAAAAAAAA", "====", "\u{0}"])
    func foreignTextsAreRefused(text: String) {
        #expect(CommitMetadata(decoding: Array(text.utf8)) == nil)
    }

    @Test func aFlippedBitIsRefused() {
        var generator = Generator(seed: 4)
        for _ in 0..<6 {
            let (text, _) = random(&generator).encoded(limit: 400)
            for index in text.indices {
                for bit in 0..<8 {
                    var flipped = text
                    flipped[index] ^= 1 << UInt8(bit)
                    #expect(CommitMetadata(decoding: flipped) == nil)
                }
            }
        }
    }

    @Test func aCutOrLengthenedTextIsRefused() {
        var generator = Generator(seed: 5)
        for _ in 0..<200 {
            let (text, _) = random(&generator).encoded(limit: 400)
            guard !text.isEmpty else { continue }
            #expect(CommitMetadata(decoding: text.dropLast(1 + Int(generator.upTo(Int64(text.count) - 2)))) == nil)
            #expect(CommitMetadata(decoding: text + [65]) == nil)
            #expect(CommitMetadata(decoding: text + text) == nil)
        }
    }

    /// Whatever decodes is used at its own offset only, and never to settle what it does not name.
    @Test func mutatedMetadataThatDecodesIsWellFormed() {
        var generator = Generator(seed: 6)
        for _ in 0..<500 {
            var bytes = Base64.decode(random(&generator).encoded(limit: 400).text) ?? []
            guard bytes.count > 8 else { continue }
            for _ in 0...generator.upTo(3) {
                bytes[3 + Int(generator.upTo(Int64(bytes.count) - 8))] = UInt8(truncatingIfNeeded: generator.next())
            }
            // With a right checksum the reader is on its own.
            var sum: UInt32 = 0x811C_9DC5
            for byte in bytes.dropLast(4) { sum = (sum ^ UInt32(byte)) &* 0x0100_0193 }
            for index in 0..<4 {
                bytes[bytes.count - 4 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * index))
            }
            guard let decoded = CommitMetadata(decoding: Base64.encode(bytes)) else { continue }
            var end = decoded.watermark
            for run in decoded.settled {
                #expect(run.lowerBound >= end && !run.isEmpty)
                end = run.upperBound
            }
            #expect(decoded.settled.isEmpty || decoded.fingerprint != nil)
            #expect(decoded.before.map { $0.offset >= 0 && $0.offset < decoded.watermark } ?? true)
            #expect(decoded.streak.count <= CommitMetadata.streakLimit)
            #expect(decoded.charges.allSatisfy { $0.second >= 0 && $0.count >= 0 })
        }
    }

    private enum Flaw: CaseIterable {
        case none, anotherOffset, anotherLog, flippedBit, cut, random, foreign
    }

    /// A takeover with all kinds of metadata: a record counts as settled if and only if ours, at its own offset, in its own
    /// log, names the record. `EngineHarness` holds the commits that follow against what is settled.
    @Test func onlyARightClaimSettles() {
        var generator = Generator(seed: 7)
        var claims = 0
        for round in 0..<700 {
            let flaw = Flaw.allCases[round % Flaw.allCases.count]
            let world = World()
            let start = generator.upTo(1_000)
            world.logEnd[0] = start
            for contract in Int64(1)...(1 + generator.upTo(30)) {
                world.event(contract, gap: generator.upTo(3) == 0 ? generator.upTo(5) : 0)
            }
            let log = world.logs[0] ?? []
            var metadata = CommitMetadata(watermark: start, clean: generator.upTo(1) == 1)
            metadata.fingerprint = log.first?.fingerprint
            var next = start + generator.upTo(2)
            for _ in 0...generator.upTo(6) {
                let end = next + 1 + generator.upTo(4)
                metadata.settled.append(next..<end)
                next = end + 1 + generator.upTo(4)
            }
            switch flaw {
            case .anotherOffset: metadata.watermark += 1
            case .anotherLog: metadata.fingerprint = log.first.map { $0.fingerprint ^ 1 << UInt64(generator.upTo(63)) }
            case .none, .flippedBit, .cut, .random, .foreign: break
            }
            var text = metadata.encoded(limit: 4_096).text
            switch flaw {
            case .flippedBit: text[Int(generator.upTo(Int64(text.count) - 1))] ^= 1 << UInt8(generator.upTo(7))
            case .cut: text.removeLast(1 + Int(generator.upTo(Int64(text.count) - 1)))
            case .random: text = text.map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            case .foreign: text = Array("{\"offset\":\(start),\"settled\":[[\(start),\(next)]]}".utf8)
            case .none, .anotherOffset, .anotherLog: break
            }
            let named = log.map(\.offset).filter { offset in
                flaw == .none && metadata.settled.contains { $0.contains(offset) }
            }
            claims += named.count
            world.settled[0] = Set(named)
            world.logStart[0] = start
            world.committed[0] = (start, text)
            let harness = EngineHarness(world) { $0.concurrency = 64 }
            harness.assign([0])
            harness.advance(1_000)
            #expect(harness.snapshot.alreadySettled == UInt64(named.count), "\(flaw)")
            #expect(harness.started.count == log.count - named.count, "\(flaw)")
            harness.answerAll(.revoked)
            harness.advance(1_000)
            // With runs beyond what was read the commit stays at the last record, which tells the log.
            let last = log.last?.offset ?? 0
            let isBeyond = flaw == .none && (metadata.settled.last?.upperBound ?? 0) > last + 1
            #expect(harness.committedOffset() == (isBeyond ? last : last + 1), "\(flaw)")
        }
        #expect(claims > 300)
    }
}
