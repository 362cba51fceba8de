// The codec of commit metadata over any text, and over any bytes behind a valid head and under a valid checksum: it
// ends, it reads what a second decoder reads, and what it reads it writes so that it reads the same again. Then an engine
// takes over a partition with that metadata: nothing is settled that the metadata does not rightly claim.
import RevokeEngine

/// libFuzzer calls this with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    check(bytes)
    check(sealed(bytes))
    let steering = Array(bytes.prefix(8))
    let text = Array(bytes.dropFirst(8))
    for text in [text, sealed(text)] {
        check(text)
        var trial = MetadataTrial(text, steering: steering)
        trial.run()
    }
    return 0
}

private func check(_ text: [UInt8]) {
    let claim = MetadataClaim(text)
    guard let metadata = CommitMetadata(decoding: text) else {
        guard claim == nil else { fatalError("is not read: \(text)") }
        return
    }
    guard let claim, claim.watermark == UInt64(metadata.watermark), claim.fingerprint == metadata.fingerprint,
        claim.runs.elementsEqual(
            metadata.settled,
            by: { $0.start == UInt64($1.lowerBound) && $0.end == UInt64($1.upperBound) })
    else { fatalError("is read as \(metadata)") }
    var end = metadata.watermark
    for run in metadata.settled {
        guard run.lowerBound >= end, !run.isEmpty else { fatalError("runs overlap: \(metadata)") }
        end = run.upperBound
    }
    for limit in [4_096, 200, 60, 0] {
        let (encoded, complete) = metadata.encoded(limit: limit)
        guard encoded.count <= limit else { fatalError("\(encoded.count) bytes for a limit of \(limit)") }
        // Merged charges can pass what the form holds; without merging all must come back.
        guard let again = CommitMetadata(decoding: encoded) else { continue }
        guard again.watermark == metadata.watermark, again.clean == metadata.clean,
            again.highestCalled == metadata.highestCalled, again.fingerprint == metadata.fingerprint,
            again.settled.elementsEqual(metadata.settled.prefix(again.settled.count)),
            !complete || again.settled == metadata.settled
        else { fatalError("\(metadata) is read again as \(again)") }
        let charged = metadata.charges.reduce(0) { $0 + $1.count }
        guard again.charges.reduce(0, { $0 + $1.count }) == charged else { fatalError("charges are lost") }
    }
}

/// The text of a record with the codec's own head, these fields and the right checksum.
private func sealed(_ fields: [UInt8]) -> [UInt8] {
    var bytes = head + fields
    var hash: UInt32 = 0x811C_9DC5
    for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
    for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: hash >> shift)) }
    return base64(bytes)
}

/// The first three bytes that the codec writes: magic and version.
private let head: [UInt8] = {
    let text = CommitMetadata(
        watermark: 0, clean: true, highestCalled: nil, fingerprint: nil, settled: [], charges: [], pendingCharges: 0
    ).encoded(limit: 4_096).text
    let sextets = text.prefix(4).map { UInt32(alphabet.firstIndex(of: $0) ?? 0) }
    let word = sextets.reduce(0) { $0 << 6 | $1 }
    return [
        UInt8(truncatingIfNeeded: word >> 16), UInt8(truncatingIfNeeded: word >> 8), UInt8(truncatingIfNeeded: word),
    ]
}()

private let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

private func base64(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    var index = 0
    while index < bytes.count {
        let part = bytes[index..<min(index + 3, bytes.count)]
        var word: UInt32 = 0
        for byte in part { word = word << 8 | UInt32(byte) }
        word <<= UInt32(8 * (3 - part.count))
        for position in 0...part.count { text.append(alphabet[Int(word >> UInt32(18 - 6 * position) & 63)]) }
        index += 3
    }
    return text
}
