/// A first-in, first-out queue over a growing ring; elements are addressed by absolute positions, which stay valid
/// until the element leaves the queue.
struct RingQueue<Element: Sendable>: Sendable {
    private var storage: [Element?] = []
    private(set) var first = 0
    private(set) var end = 0

    var count: Int { end - first }
    var isEmpty: Bool { end == first }

    private var mask: Int { storage.count - 1 }

    subscript(position: Int) -> Element? {
        get {
            guard position >= first, position < end else { return nil }
            return storage[position & mask]
        }
        set {
            guard position >= first, position < end else { return }
            storage[position & mask] = newValue
        }
    }

    var head: Element? { self[first] }

    mutating func append(_ element: Element) {
        if count == storage.count { grow() }
        storage[end & mask] = element
        end += 1
    }

    @discardableResult
    mutating func popFirst() -> Element? {
        guard end > first else { return nil }
        let element = storage[first & mask]
        storage[first & mask] = nil
        first += 1
        return element
    }

    /// Drops the elements that do not satisfy the condition; the others keep their order, not their positions.
    mutating func keep(where condition: (Element) -> Bool) {
        var kept = RingQueue()
        while let element = popFirst() { if condition(element) { kept.append(element) } }
        self = kept
    }

    mutating func removeAll() {
        storage = []
        first = 0
        end = 0
    }

    private mutating func grow() {
        var larger = [Element?](repeating: nil, count: Swift.max(16, storage.count * 2))
        let newMask = larger.count - 1
        var position = first
        while position < end {
            larger[position & newMask] = storage[position & mask]
            position += 1
        }
        storage = larger
    }
}
