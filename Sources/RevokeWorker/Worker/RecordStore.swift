internal import RevokeEvents
internal import RevokeModel

/// The bytes of open records, by the tokens that the engine knows them by.
struct RecordStore {
    struct Record {
        var parts: RecordParts
        var event: RevokeEvent?
    }

    private var records: [Record?] = []
    private var free: [UInt32] = []

    mutating func insert(_ parts: RecordParts, _ event: RevokeEvent?) -> UInt32 {
        let record = Record(parts: parts, event: event)
        if let token = free.popLast() {
            records[Int(token)] = record
            return token
        }
        records.append(record)
        return UInt32(truncatingIfNeeded: records.count - 1)
    }

    subscript(token: UInt32) -> Record? { Int(token) < records.count ? records[Int(token)] : nil }

    mutating func remove(_ token: UInt32) {
        guard Int(token) < records.count, records[Int(token)] != nil else { return }
        records[Int(token)] = nil
        free.append(token)
    }

    /// What a record weighs against the window: its bytes and the places that hold them.
    static func weight(_ parts: RecordParts) -> Int64 {
        var bytes = 256 + (parts.content.key?.count ?? 0) + (parts.content.value?.count ?? 0)
        for header in parts.content.headers { bytes += 64 + header.name.utf8.count + (header.value?.count ?? 0) }
        return Int64(bytes)
    }
}
