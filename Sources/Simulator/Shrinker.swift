/// Drops steps of a schedule while the same oracle fails (delta debugging).
struct Shrinker {
    private(set) var schedule: Schedule
    private(set) var runs = 0
    private let oracle: String
    private let maximumRuns: Int

    init(schedule: Schedule, oracle: String, maximumRuns: Int) {
        self.schedule = schedule
        self.oracle = oracle
        self.maximumRuns = maximumRuns
    }

    mutating func shrink() {
        var before = -1
        while before != schedule.items.count, runs < maximumRuns {
            before = schedule.items.count
            drop(faults: true)
            drop(faults: false)
        }
    }

    /// Tries to drop runs of steps, from halves down to single ones.
    private mutating func drop(faults: Bool) {
        var chunk = max(schedule.items.count { $0.isFault == faults } / 2, 1)
        while true {
            var start = 0
            while runs < maximumRuns {
                let numbers = schedule.items.filter { $0.isFault == faults }.map(\.number)
                guard start < numbers.count else { break }
                var candidate = schedule
                let dropped = numbers[start..<min(start + chunk, numbers.count)]
                candidate.items.removeAll { $0.isFault == faults && dropped.contains($0.number) }
                if fails(candidate) { schedule = candidate } else { start += chunk }
            }
            guard chunk > 1, runs < maximumRuns else { return }
            chunk = max(chunk / 2, 1)
        }
    }

    private mutating func fails(_ candidate: Schedule) -> Bool {
        runs += 1
        return Simulation.run(candidate, timeline: false).result.violation?.oracle == oracle
    }
}
