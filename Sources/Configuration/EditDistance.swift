/// Finds the known name that a person probably meant.
enum EditDistance {
    /// The known name with the least edits to the given one, when the edits are few enough to be a slip.
    static func nearest(to name: String, in known: [String]) -> String? {
        // Longer names cannot be near to any of ours; the bound keeps the cost of hostile input small.
        guard name.utf8.count <= 100 else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in known {
            // The beginning of a name is near to it, however much is missing.
            let isBeginning = name.utf8.count >= 3 && candidate.hasPrefix(name)
            let distance = isBeginning ? 1 : between(name, candidate)
            if distance < best?.distance ?? Int.max { best = (candidate, distance) }
        }
        guard let best, best.distance <= max(2, best.name.utf8.count / 3) else { return nil }
        return best.name
    }

    /// The number of bytes to insert, remove, replace or swap with the next (optimal string alignment).
    static func between(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            current.reserveCapacity(right.count + 1)
            for column in 0..<right.count {
                let cost = left[row] == right[column] ? 0 : 1
                var distance = min(last[column + 1] + 1, current[column] + 1, last[column] + cost)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    distance = min(distance, beforeLast[column - 1] + 1)
                }
                current.append(distance)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
