// The event decoder over any record: it ends, and a dead letter and its replay say the same as the record.
import RevokeEvents
import RevokeModel

private let now: Int64 = 1_780_315_500_000

/// libFuzzer calls this with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let frame = RecordFrame(Array(UnsafeBufferPointer(start: data, count: size)))
    let decoder = EventDecoder(
        options: EventDecoder.Options(
            acceptBareEvents: frame.flags & RecordFrame.bare != 0,
            acceptRegistryPrefix: frame.flags & RecordFrame.registryPrefix != 0,
            maximumRecordSize: frame.flags & RecordFrame.smallLimit != 0 ? 64 : 1 << 20))
    let record = RecordParts(
        coordinates: RecordCoordinates(topic: "events", partition: 3, offset: 41), timestamp: now - 1_000,
        content: frame.content)
    let result = decoder.decode(record, now: now)
    guard decoder.decode(record, now: now) == result else { fatalError("decoded twice, it differs") }
    switch result {
    case .failure(let failure):
        _ = stored(record, nil, .malformed(failure), limit: nil)
        _ = stored(record, nil, .malformed(failure), limit: 8)
    case .event(let event):
        guard !event.id.isEmpty, !event.source.isEmpty, event.account != "" else { fatalError("an empty text counts") }
        if let leakTime = event.leakTime, leakTime > now + 300_000 { fatalError("a time is implausible") }
        for limit in [nil, 8] {
            let replay = stored(record, event, .rejected, limit: limit)
            let again = decoder.decode(replay, now: now)
            guard case .event(let second) = again else {
                // A cut dead letter without its account must not be an event.
                if limit != nil, (event.account?.utf8.count ?? 0) > 1_024 { continue }
                fatalError("the replay of an event is \(again)")
            }
            guard second.isReplay, second.contract == event.contract, second.account == event.account,
                second.leakTime == event.leakTime
            else { fatalError("\(event) is replayed as \(second)") }
        }
    }
    return 0
}

/// The replay of the record's dead letter, as it comes back.
private func stored(
    _ record: RecordParts, _ event: RevokeEvent?, _ reason: DeadLetterReason, limit: Int?
) -> RecordParts {
    let envelope = DeadLetterEnvelope(
        record: record, event: event, group: "group", reason: reason, attempts: 1, firstSeen: now, failedAt: now)
    let content = envelope.encode(record.content, valueLimit: limit)
    if limit == nil {
        guard content.key == record.content.key, content.value == record.content.value else {
            fatalError("key or value differ")
        }
        guard let decoded = try? DeadLetterEnvelope(headers: content.headers), decoded == envelope else {
            fatalError("the envelope is not read as it was written")
        }
    }
    let letter = RecordParts(
        coordinates: RecordCoordinates(topic: "dead", partition: 0, offset: 1), timestamp: now, content: content)
    return RecordParts(
        coordinates: RecordCoordinates(topic: "events", partition: 3, offset: 99), timestamp: now,
        content: DeadLetterEnvelope.replay(letter))
}
