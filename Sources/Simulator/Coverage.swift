import RevokeEngine

/// What a worker was doing when a fault began.
public enum CoverageState: Int, CaseIterable, Sendable {
    case idle
    case inCall
    case retrying
    case inDrain
    case rateLimited
    case unauthorized
    case unavailable
    case streakOverLimit
    case commitInFlight
    case deadLetterInFlight
    case commitsFailing
    case paused
    case unconfirmed
    case undecodable
    case shuttingDown
}

/// How often each fault met each state of an engine.
public struct Coverage: Sendable {
    /// The counts: faults by states.
    public private(set) var cells: [Int]

    /// Makes an empty table.
    public init() { cells = Array(repeating: 0, count: FaultKind.allCases.count * CoverageState.allCases.count) }

    /// The count of a cell.
    public func count(_ fault: FaultKind, _ state: CoverageState) -> Int {
        cells[fault.rawValue * CoverageState.allCases.count + state.rawValue]
    }

    /// Adds another table.
    public mutating func add(_ other: Coverage) {
        for index in cells.indices { cells[index] += other.cells[index] }
    }

    /// The cells at zero that can happen. Every fault can meet every state; a clean stop cannot meet a worker that is
    /// shutting down already, since it is told once.
    public var missing: [(FaultKind, CoverageState)] {
        var result: [(FaultKind, CoverageState)] = []
        for fault in FaultKind.allCases {
            for state in CoverageState.allCases where count(fault, state) == 0 {
                if fault == .stop, state == .shuttingDown { continue }
                result.append((fault, state))
            }
        }
        return result
    }

    mutating func hit(_ fault: FaultKind, _ snapshot: EngineSnapshot, streakLimit: Int) {
        func mark(_ state: CoverageState, _ holds: Bool) {
            if holds { cells[fault.rawValue * CoverageState.allCases.count + state.rawValue] += 1 }
        }
        mark(.idle, snapshot.openRecords == 0)
        mark(.inCall, snapshot.callsInFlight > 0)
        mark(.retrying, snapshot.lanesRetrying > 0)
        mark(.inDrain, snapshot.draining)
        mark(.rateLimited, snapshot.hold == .rateLimited)
        mark(.unauthorized, snapshot.hold == .unauthorized)
        mark(.unavailable, snapshot.hold == .unavailable)
        mark(.streakOverLimit, snapshot.streak > streakLimit)
        mark(.commitInFlight, snapshot.commitInFlight)
        mark(.deadLetterInFlight, snapshot.deadLettersInFlight > 0)
        mark(.commitsFailing, snapshot.commitsFailing)
        mark(.paused, snapshot.pausedPartitions > 0)
        mark(.unconfirmed, snapshot.unconfirmedPartitions > 0)
        mark(.undecodable, snapshot.undecodable)
        mark(.shuttingDown, snapshot.shuttingDown)
    }

    /// The table as text.
    public var table: String {
        let names = CoverageState.allCases.map { "\($0)" }
        let first = 24
        func padded(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(width - text.utf8.count, 0)) + text
        }
        var text = String(repeating: " ", count: first)
        for name in names { text += padded(name, name.utf8.count + 1) }
        text += "\n"
        for fault in FaultKind.allCases {
            let name = "\(fault)"
            text += name + String(repeating: " ", count: first - name.utf8.count)
            for state in CoverageState.allCases {
                text += padded("\(count(fault, state))", names[state.rawValue].utf8.count + 1)
            }
            text += "\n"
        }
        return text
    }
}
