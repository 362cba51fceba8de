/// A binary heap of lanes by due time; equal times keep the order of insertion.
struct TimerHeap: Sendable {
    struct Item: Sendable {
        var due: Int64
        var order: UInt64
        var ticket: LaneTicket
    }

    private var items: [Item] = []
    private var nextOrder: UInt64 = 0

    var isEmpty: Bool { items.isEmpty }
    var firstDue: Int64? { items.first?.due }

    mutating func insert(due: Int64, _ ticket: LaneTicket) {
        items.append(Item(due: due, order: nextOrder, ticket: ticket))
        nextOrder += 1
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.precedes(items[child], items[parent]) else { break }
            items.swapAt(child, parent)
            child = parent
        }
    }

    mutating func popFirst() -> Item? {
        guard let first = items.first else { return nil }
        let last = items.removeLast()
        guard !items.isEmpty else { return first }
        items[0] = last
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < items.count else { break }
            let right = left + 1
            let child = right < items.count && Self.precedes(items[right], items[left]) ? right : left
            guard Self.precedes(items[child], items[parent]) else { break }
            items.swapAt(child, parent)
            parent = child
        }
        return first
    }

    /// Drops the items whose lane's place is void; the others keep their order.
    mutating func removeAll(where isVoid: (LaneTicket) -> Bool) {
        let kept = items.filter { !isVoid($0.ticket) }
        guard kept.count < items.count else { return }
        // An array in the order of `precedes` is a heap.
        items = kept.sorted(by: Self.precedes)
    }

    private static func precedes(_ left: Item, _ right: Item) -> Bool {
        left.due != right.due ? left.due < right.due : left.order < right.order
    }
}
