/// The assignment of a group's member as the consumer protocol writes it: version, topics with their partitions, user
/// data; numbers are big-endian (Kafka's `ConsumerProtocolAssignment`).
enum MemberAssignment {
    /// The partitions of a topic; none where the bytes have another form.
    static func partitions(of topic: String, in bytes: [UInt8]) -> [Int32] {
        var rest = bytes[...]
        func number(_ size: Int) -> Int? {
            guard rest.count >= size else { return nil }
            var value: Int64 = 0
            for byte in rest.prefix(size) { value = value << 8 | Int64(byte) }
            rest = rest.dropFirst(size)
            // The sign is the highest bit of the number's size.
            let shift = 64 - 8 * Int64(size)
            return Int((value << shift) >> shift)
        }
        guard number(2) != nil, let topics = number(4), topics >= 0 else { return [] }
        for _ in 0..<topics {
            guard let length = number(2), length >= 0, rest.count >= length else { return [] }
            let name = String(decoding: rest.prefix(length), as: UTF8.self)
            rest = rest.dropFirst(length)
            guard let count = number(4), count >= 0, rest.count >= 4 * count else { return [] }
            var partitions: [Int32] = []
            for _ in 0..<count {
                guard let partition = number(4) else { return [] }
                partitions.append(Int32(truncatingIfNeeded: partition))
            }
            if name == topic { return partitions }
        }
        return []
    }
}
