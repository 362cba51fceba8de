import Foundation
import RevokeEngine
import Testing

@testable import Simulator

@Suite struct SimulatorTests {
    @Test(arguments: [UInt64(1), 2, 3, 5, 8, 13, 21, 34])
    func seedPasses(seed: UInt64) {
        let result = Simulation.run(seed: seed)
        #expect(result.violation == nil)
        #expect(result.steps > 500)
    }

    @Test func sameSeedSameTrace() {
        for seed in UInt64(0)..<6 {
            let first = Simulation.run(seed: seed)
            let second = Simulation.run(seed: seed, timeline: true)
            #expect(first.traceHash == second.traceHash)
            #expect(first.steps == second.steps)
            #expect(!second.timeline.isEmpty)
        }
        #expect(Simulation.run(seed: 1).traceHash != Simulation.run(seed: 2).traceHash)
    }

    /// Dictionaries and sets hash differently in each process: an engine or a world that iterated one would give another
    /// trace there. The second process must have its hashing random, so the variable that fixes it is taken away.
    @Test func sameSeedSameTraceInAnotherProcess() throws {
        let program = try #require(Self.program, "revoke-worker-simulate is built beside the tests")
        var outputs: [String] = []
        for _ in 0..<2 {
            let process = Process()
            process.executableURL = program
            process.arguments = ["--from", "0", "--seeds", "8", "--hash", "--quiet", "--no-shrink", "--keep-going"]
            var environment = ProcessInfo.processInfo.environment
            environment["SWIFT_DETERMINISTIC_HASHING"] = nil
            process.environment = environment
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            outputs.append(String(decoding: data, as: UTF8.self))
        }
        #expect(outputs[0].contains("seed 7 hash"))
        #expect(outputs[0] == outputs[1])
        for seed in UInt64(0)..<8 {
            let hash = String(Simulation.run(seed: seed).traceHash, radix: 16)
            let padded = String(repeating: "0", count: 16 - hash.count) + hash
            #expect(outputs[0].contains("seed \(seed) hash \(padded)\n"))
        }
    }

    static var program: URL? {
        // The test bundle, or the test program on Linux, stands beside the other products.
        var directory = Bundle.main.executableURL?.deletingLastPathComponent()
        for argument in CommandLine.arguments where argument.contains(".xctest") {
            directory = URL(fileURLWithPath: argument).deletingLastPathComponent()
        }
        var candidates = [directory]
        candidates.append(
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appendingPathComponent(".build/debug"))
        for case let candidate? in candidates {
            let program = candidate.appendingPathComponent("revoke-worker-simulate")
            if FileManager.default.isExecutableFile(atPath: program.path) { return program }
        }
        return nil
    }

    @Test func worldsAreLargeEnough() {
        for seed in UInt64(0)..<50 {
            let schedule = Schedule.draw(seed: seed)
            #expect(schedule.profile.workers >= 3)
            #expect(schedule.profile.partitions >= 8)
            #expect(schedule.items.count { !$0.isFault } >= 300)
            #expect(schedule.items.count { $0.isFault } >= 10)
        }
    }

    @Test func shrinkerKeepsWhatMatters() {
        // Dropping steps must never change what the others mean: the draws are keyed, not sequential.
        var schedule = Schedule.draw(seed: 4)
        schedule.items.removeAll { $0.isFault }
        let whole = Simulation.run(schedule, timeline: false)
        #expect(whole.result.violation == nil)
        schedule.items.removeAll()
        let nothing = Simulation.run(schedule, timeline: false)
        #expect(nothing.result.violation == nil)
    }

    @Test func coverageAddsUp() {
        var coverage = Coverage()
        for seed in UInt64(0)..<10 { coverage.add(Simulation.run(seed: seed).coverage) }
        #expect(coverage.cells.reduce(0, +) > 100)
        #expect(coverage.count(.rebalance, .inCall) + coverage.count(.outage, .inCall) > 0)
        #expect(coverage.table.split(separator: "\n").count == FaultKind.allCases.count + 1)
    }

    /// The budget is let go only for a while after what breaks it by design.
    @Test func mostRequestsAreHeldAgainstTheBudget() {
        var sent = 0
        var watched = 0
        for seed in UInt64(0)..<60 {
            let world = World(schedule: Schedule.draw(seed: seed), keepsTrace: false)
            world.run()
            guard !world.profile.engine.budget.isEmpty else { continue }
            sent += world.sends.count
            watched += world.watchedSends
        }
        #expect(watched * 100 > sent * 65)
    }

    /// The bounds of what is on its way and of what is remembered are met, and kept.
    @Test func crowdedWorldsMeetTheBounds() {
        let world = World(schedule: Schedule.draw(seed: 77), keepsTrace: false)
        world.run()
        #expect(world.violation == nil)
        #expect(world.mostLetters == 256)
        #expect(world.mostOrphans == 1_024)
    }
}
