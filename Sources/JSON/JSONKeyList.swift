/// The keys of one object, gathered to find one that stands twice. Keys are compared unescaped.
///
/// The work is O(n log n) for hostile objects too: it sorts and does not hash, so no choice of keys makes it slow.
/// A value type; usable on any thread.
public struct JSONKeyList: Sendable {
    /// Up to this many keys are compared in pairs.
    private static let pairLimit = 16

    private var keys: [JSONString] = []

    /// Makes an empty list.
    public init() { keys.reserveCapacity(Self.pairLimit) }

    /// Adds a key of the object.
    public mutating func append(_ key: JSONString) { keys.append(key) }

    /// Forgets all keys and keeps the memory.
    public mutating func removeAll() { keys.removeAll(keepingCapacity: true) }

    /// Finds a key that stands twice.
    /// - Parameter reader: the reader that gave the keys.
    /// - Returns: a later one of two equal keys, or nil when all differ.
    public func duplicate(in reader: JSONReader) -> JSONString? {
        if keys.count <= Self.pairLimit {
            for (index, key) in keys.enumerated() {
                for earlier in keys[..<index] where reader.string(earlier, equals: key) { return key }
            }
            return nil
        }
        let sorted = keys.sorted { left, right in
            let order = reader.order(left, right)
            return order < 0 || order == 0 && left.range.lowerBound < right.range.lowerBound
        }
        for (index, key) in sorted.enumerated().dropFirst() where reader.string(sorted[index - 1], equals: key) {
            return key
        }
        return nil
    }
}
