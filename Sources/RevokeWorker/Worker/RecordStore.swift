internal import RevokeEngine
internal import RevokeEvents

/// The bytes of open records, by the tokens that the engine knows them by.
///
/// Each record is one array of bytes: a window of 20,000 records is 20,000 allocations and not ten times as many. They
/// are taken apart again only for a dead letter.
struct RecordStore {
    struct Record {
        var partition: Int32
        var offset: Int64
        var timestamp: Int64?
        fileprivate var bytes: [UInt8]

        /// The record as it was read.
        func parts(topic: String) -> RecordParts {
            var reader = PackedReader(bytes: bytes[...])
            let key = reader.field()
            let value = reader.field()
            var headers: [RecordHeader] = []
            while !reader.isAtEnd {
                let name = String(decoding: reader.field() ?? [], as: UTF8.self)
                headers.append(RecordHeader(name: name, value: reader.field()))
            }
            return RecordParts(
                topic: topic, partition: partition, offset: offset, timestamp: timestamp, key: key, value: value,
                headers: headers)
        }

        /// What the record weighs against the window: its bytes, the places that hold them, and what the engine knows of
        /// it.
        var weight: Int64 { Int64(bytes.count) + Self.overhead }

        /// An array's header and malloc's own word with its rounding; the record's place and its index among the free
        /// ones, where the arrays double as they grow; the engine's part.
        private static let overhead =
            Int64(32 + 24 + 2 * (MemoryLayout<Record?>.stride + MemoryLayout<UInt32>.stride)) + Engine.recordOverhead
    }

    private var records: [Record?] = []
    private var free: [UInt32] = []

    static func pack(_ parts: RecordParts) -> Record {
        let content = parts.content
        var size = 8 + (content.key?.count ?? 0) + (content.value?.count ?? 0)
        for header in content.headers { size += 8 + header.name.utf8.count + (header.value?.count ?? 0) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        append(content.key, to: &bytes)
        append(content.value, to: &bytes)
        for header in content.headers {
            appendCount(Int32(clamping: header.name.utf8.count), to: &bytes)
            bytes.append(contentsOf: header.name.utf8)
            append(header.value, to: &bytes)
        }
        return Record(
            partition: parts.coordinates.partition, offset: parts.coordinates.offset, timestamp: parts.timestamp,
            bytes: bytes)
    }

    private static func append(_ field: [UInt8]?, to bytes: inout [UInt8]) {
        appendCount(field.map { Int32(clamping: $0.count) } ?? -1, to: &bytes)
        if let field { bytes.append(contentsOf: field) }
    }

    private static func appendCount(_ count: Int32, to bytes: inout [UInt8]) {
        let bits = UInt32(bitPattern: count)
        for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: bits >> shift)) }
    }

    mutating func insert(_ record: Record) -> UInt32 {
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
}

/// Takes packed fields apart: a count of 4 bytes, −1 for null, and the bytes.
private struct PackedReader {
    var bytes: ArraySlice<UInt8>

    var isAtEnd: Bool { bytes.isEmpty }

    mutating func field() -> [UInt8]? {
        var bits: UInt32 = 0
        for (index, byte) in bytes.prefix(4).enumerated() { bits |= UInt32(byte) << UInt32(8 * index) }
        bytes = bytes.dropFirst(4)
        let count = Int32(bitPattern: bits)
        guard count >= 0 else { return nil }
        let field = Array(bytes.prefix(Int(count)))
        bytes = bytes.dropFirst(Int(count))
        return field
    }
}
