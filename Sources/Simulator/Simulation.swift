import RevokeEngine

/// What one seed's run gave.
public struct SimulationResult: Sendable {
    /// The seed.
    public var seed: UInt64
    /// A hash of everything that happened; the same for the same seed in every process.
    public var traceHash: UInt64
    /// How many happenings, turns and actions the run had.
    public var steps: Int
    /// The virtual milliseconds that passed.
    public var virtualTime: Int64
    /// What an oracle found; nil when everything is in order.
    public var violation: Violation?
    /// Which faults met which states.
    public var coverage: Coverage
    /// The timeline, when it was asked for.
    public var timeline: [String]
}

/// A failing seed's schedule after shrinking.
public struct ShrunkFailure: Sendable {
    /// What the shrunk schedule still violates.
    public var violation: Violation
    /// The world that the seed draws.
    public var world: String
    /// The steps that are left, as text.
    public var steps: [String]
    /// How many steps the whole schedule had.
    public var original: Int
    /// The lines about the partition or the contract that broke.
    public var timeline: [String]
    /// How many runs the shrinking took.
    public var runs: Int
}

/// Runs worlds of real engines in virtual time.
public enum Simulation {
    /// Runs a seed.
    ///
    /// - Parameter timeline: whether to keep the timeline as text.
    public static func run(seed: UInt64, timeline: Bool = false) -> SimulationResult {
        run(Schedule.draw(seed: seed), timeline: timeline).result
    }

    /// Shrinks a failing seed's schedule: drops steps as long as the same oracle fails. Gives nil when the seed passes.
    ///
    /// - Parameter maximumRuns: after so many runs it is content with what it has.
    public static func shrink(seed: UInt64, maximumRuns: Int = 600) -> ShrunkFailure? {
        let schedule = Schedule.draw(seed: seed)
        guard let violation = run(schedule, timeline: false).result.violation else { return nil }
        var shrinker = Shrinker(schedule: schedule, oracle: violation.oracle, maximumRuns: maximumRuns)
        shrinker.shrink()
        let last = run(shrinker.schedule, timeline: true)
        let final = last.result.violation ?? violation
        var timeline: [String] = []
        for line in last.lines
        where line.partition < 0 && line.contract < 0
            || final.partition >= 0 && line.partition == final.partition
            || final.contract >= 0 && line.contract == final.contract
        {
            timeline.append(line.text)
        }
        return ShrunkFailure(
            violation: final, world: schedule.profile.text, steps: shrinker.schedule.items.map(\.text),
            original: schedule.items.count,
            timeline: timeline, runs: shrinker.runs)
    }

    /// What the workers of a seed's world would log of their group.
    public static func recording(seed: UInt64) -> Recording {
        let world = World(schedule: Schedule.draw(seed: seed), keepsTrace: true)
        world.run()
        return Recording(events: world.recorded)
    }

    /// The coordinator of a seed's world: its session timeout, how long a member can be cut off, and whether it refuses
    /// commits while members join.
    static func coordinator(seed: UInt64) -> CoordinatorModel {
        let profile = Schedule.draw(seed: seed).profile
        var model = CoordinatorModel(
            sessionTimeout: profile.engine.sessionTimeout, refusesCommitsDuringJoin: profile.refusesCommitsDuringJoin)
        model.longestHeartbeatInterval = profile.engine.sessionTimeout
        return model
    }

    static func run(_ schedule: Schedule, timeline: Bool) -> (result: SimulationResult, lines: [Trace.Line]) {
        let world = World(schedule: schedule, keepsTrace: timeline)
        world.run()
        let result = SimulationResult(
            seed: schedule.seed, traceHash: world.trace.hash, steps: world.steps, virtualTime: world.now,
            violation: world.violation, coverage: world.coverage, timeline: world.trace.lines.map(\.text))
        return (result, world.trace.lines)
    }
}
