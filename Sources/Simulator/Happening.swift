/// Something that happens in a world at a virtual time.
struct Happening {
    enum Kind: UInt8 {
        case item
        case start
        case tick
        case wake
        case poll
        case gate
        case callEnd
        case deadLetterEnd
        case commitArrives
        case commitEnd
        case groupTick
        case groupComplete
        case join
        case assignReady
        case keyChange
        case faultsEnd
        case phase
        case lateRecord
        case earlyJoin
        case probeCheck
        case assignFound
        case logFound
        case refresh
        case letterArrives
        case clockMended
        case revocation
        case regenerate
    }

    var time: Int64
    var order: UInt64
    var kind: Kind
    var worker: Int32
    var incarnation: Int32
    var number: UInt64
    var extra: Int64
}

/// A binary heap of happenings by time, then by the order in which they were added.
struct Agenda {
    private var heap: [Happening] = []
    private var added: UInt64 = 0

    var isEmpty: Bool { heap.isEmpty }

    mutating func add(
        at time: Int64, _ kind: Happening.Kind, worker: Int = -1, incarnation: Int = 0, number: UInt64 = 0,
        extra: Int64 = 0
    ) {
        added += 1
        heap.append(
            Happening(
                time: time, order: added, kind: kind, worker: Int32(worker), incarnation: Int32(incarnation),
                number: number, extra: extra))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.isBefore(heap[child], heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func next() -> Happening? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, Self.isBefore(heap[child + 1], heap[child]) { child += 1 }
            guard Self.isBefore(heap[child], heap[parent]) else { break }
            heap.swapAt(child, parent)
            parent = child
        }
        return first
    }

    private static func isBefore(_ left: Happening, _ right: Happening) -> Bool {
        left.time != right.time ? left.time < right.time : left.order < right.order
    }
}
