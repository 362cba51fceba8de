import RevokeModel

@testable import RevokeEngine

/// What the engines of a test share: the clocks, the topic, the group's commits, the requests that the API saw.
final class World {
    struct LogRecord {
        var offset: Int64
        var content: ReceivedRecord.Content
        var fingerprint: UInt64
        var size: Int64
    }

    let topicPartitions: Int
    var now = Instant(boot: 1_000_000, wall: 1_800_000_000_000)
    var logs: [Int32: [LogRecord]] = [:]
    var logStart: [Int32: Int64] = [:]
    var logEnd: [Int32: Int64] = [:]
    var committed: [Int32: (offset: Int64, metadata: [UInt8])] = [:]
    var settled: [Int32: Set<Int64>] = [:]
    /// When requests were sent, on the boot clock.
    var requests: [Int64] = []
    private var nextID: UInt64 = 1
    /// Everything below was found settled, as long as the log is the same.
    private var settledUpTo: [Int32: Int64] = [:]

    /// The topic is made anew: an empty log.
    func restart(_ partition: Int32) {
        logs[partition] = []
        logEnd[partition] = 0
        settled[partition] = []
        settledUpTo[partition] = nil
    }

    init(topicPartitions: Int = 1) { self.topicPartitions = topicPartitions }

    func end(_ partition: Int32) -> Int64 { logEnd[partition] ?? 0 }

    @discardableResult
    func append(_ partition: Int32, _ content: ReceivedRecord.Content, size: Int64 = 100, gap: Int64 = 0) -> Int64 {
        let offset = end(partition) + gap
        nextID += 1
        logs[partition, default: []].append(
            LogRecord(offset: offset, content: content, fingerprint: nextID &* 0x9E37_79B9_7F4A_7C15, size: size))
        logEnd[partition] = offset + 1
        return offset
    }

    /// Writes an event. Events with the same `copy` are identical copies.
    @discardableResult
    func event(
        _ contract: Int64, on partition: Int32 = 0, copy: UInt64? = nil, age: Int64? = 1_000, known: Bool = true,
        isReplay: Bool = false, size: Int64 = 100, gap: Int64 = 0
    ) -> Int64 {
        nextID += 1
        let facts = EventFacts(
            contract: id(contract), accountIsKnown: known,
            identity: EventIdentity(high: copy == nil ? 0 : 1, low: copy ?? nextID),
            earliestTime: age.map { now.wall - $0 }, isReplay: isReplay)
        return append(partition, .event(facts), size: size, gap: gap)
    }

    @discardableResult
    func malformed(_ failure: DecodingFailure = .notJSON, on partition: Int32 = 0) -> Int64 {
        append(partition, .failure(failure))
    }

    func assigned(_ partition: Int32) -> AssignedPartition {
        AssignedPartition(
            partition: partition, committedOffset: committed[partition]?.offset,
            metadata: committed[partition]?.metadata ?? [], log: ends(partition),
            startOffset: logStart[partition] ?? 0)
    }

    func ends(_ partition: Int32) -> LogEnds { LogEnds(start: logStart[partition] ?? 0, end: end(partition)) }

    /// The lowest offset with a record that is not settled, or the log's end.
    func lowestUnsettled(_ partition: Int32) -> Int64 {
        guard let log = logs[partition] else { return end(partition) }
        let start = max(logStart[partition] ?? 0, settledUpTo[partition] ?? 0)
        var index = log.partitioningIndex { $0.offset >= start }
        while index < log.count, settled[partition]?.contains(log[index].offset) == true { index += 1 }
        let lowest = index < log.count ? log[index].offset : end(partition)
        settledUpTo[partition] = lowest
        return lowest
    }

    /// The most requests in any rolling window of this length.
    func mostRequests(in duration: Int64) -> Int {
        let times = requests.sorted()
        var most = 0
        var first = 0
        for (index, time) in times.enumerated() {
            while times[first] < time - duration { first += 1 }
            most = max(most, index - first + 1)
        }
        return most
    }
}

/// A contract id of a small positive integer.
func id(_ value: Int64) -> ContractID {
    guard let contract = ContractID(value) else { fatalError("not a contract id: \(value)") }
    return contract
}
