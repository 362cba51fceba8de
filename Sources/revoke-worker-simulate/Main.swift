import Simulator

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `revoke-worker-simulate`: runs seeds of the simulator; `docs/simulation.md` describes it.
@main
enum RevokeWorkerSimulateMain {
    private struct Options {
        var from: UInt64 = 0
        var seeds: UInt64 = 1
        var isTraced = false
        var showsCoverage = false
        var requiresCoverage = false
        var shrinks = true
        var keepsGoing = false
        var showsHash = false
        var isQuiet = false
        var skipped: [UInt64] = []
        var recordings: [String] = []
        var sessionTimeout: Int64 = 15_000
    }

    static let usage = """
        usage: revoke-worker-simulate [--seed N | --from N --seeds M] [--trace] [--hash] [--coverage]
                                      [--require-coverage] [--no-shrink] [--keep-going] [--quiet] [--skip N,N]
               revoke-worker-simulate [--session-timeout MS] --check-recording FILE...

          --seed N            run one seed
          --from N --seeds M  run M seeds from N on
          --trace             print the timeline of every seed
          --hash              print each seed's trace hash
          --coverage          print how often each fault met each state
          --require-coverage  fail when a cell that can happen stays at zero
          --no-shrink         do not minimise the schedule of a failing seed
          --keep-going        go on after a failing seed
          --quiet             print failures alone, in one line each
          --skip N,N          leave these seeds out
          --check-recording FILE...
                              hold recordings, and the logs of a group's workers (log-level: debug,
                              log-format: json, one file for each worker), against the simulated coordinator;
                              exit code 1: it cannot do that, 2: a file cannot be read
          --session-timeout MS
                              the group's session timeout, 15000 without it
        """

    static func main() {
        guard let options = parse() else {
            print(usage)
            exit(2)
        }
        if !options.recordings.isEmpty {
            exit(RecordingCheck(files: options.recordings, sessionTimeout: options.sessionTimeout).run())
        }
        let clock = ContinuousClock()
        let began = clock.now
        var steps = 0
        var failures = 0
        var runs: UInt64 = 0
        var coverage = Coverage()
        var virtualTime: Int64 = 0
        for seed in options.from..<options.from + options.seeds {
            guard !options.skipped.contains(seed) else { continue }
            let result = Simulation.run(seed: seed, timeline: options.isTraced)
            runs += 1
            steps += result.steps
            virtualTime += result.virtualTime
            coverage.add(result.coverage)
            for line in result.timeline { print(line) }
            if options.showsHash {
                print("seed \(seed) hash \(hexadecimal(result.traceHash))")
                fflush(nil)
            }
            guard let violation = result.violation else { continue }
            failures += 1
            print("seed \(seed) FAILS \(violation)")
            if options.shrinks, !options.isQuiet, !options.isTraced { explain(seed) }
            if !options.keepsGoing { break }
        }
        let elapsed = clock.now - began
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        if !options.isQuiet {
            print(
                "\(runs) seeds, \(failures) failed, \(Int(Double(runs) * 60 / max(seconds, 0.001))) seeds/min,"
                    + " \(Int(Double(steps) / max(seconds, 0.001))) steps/s, \(steps / max(Int(runs), 1)) steps/seed,"
                    + " \(virtualTime / 1_000 / max(Int64(runs), 1)) virtual s/seed")
        }
        if options.showsCoverage { print(coverage.table, terminator: "") }
        if options.requiresCoverage, !coverage.missing.isEmpty {
            for (fault, state) in coverage.missing { print("never happened: fault \(fault) in state \(state)") }
            exit(1)
        }
        exit(failures == 0 ? 0 : 1)
    }

    private static func explain(_ seed: UInt64) {
        guard let failure = Simulation.shrink(seed: seed) else { return }
        print(
            "  minimised from \(failure.original) to \(failure.steps.count) steps in \(failure.runs) runs: \(failure.violation)"
        )
        print("    world: \(failure.world)")
        for step in failure.steps { print("    \(step)") }
        print("  timeline:")
        for line in failure.timeline { print("    \(line)") }
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    private static func parse() -> Options? {
        var options = Options()
        var arguments = CommandLine.arguments.dropFirst().makeIterator()
        while let argument = arguments.next() {
            switch argument {
            case "--seed":
                guard let value = arguments.next().flatMap({ UInt64($0) }) else { return nil }
                options.from = value
                options.seeds = 1
            case "--from":
                guard let value = arguments.next().flatMap({ UInt64($0) }) else { return nil }
                options.from = value
            case "--seeds":
                guard let value = arguments.next().flatMap({ UInt64($0) }), value <= 1 << 40 else { return nil }
                options.seeds = value
            case "--trace": options.isTraced = true
            case "--hash": options.showsHash = true
            case "--coverage": options.showsCoverage = true
            case "--require-coverage": options.requiresCoverage = true
            case "--no-shrink": options.shrinks = false
            case "--keep-going": options.keepsGoing = true
            case "--quiet": options.isQuiet = true
            case "--skip":
                guard let list = arguments.next() else { return nil }
                options.skipped = list.split(separator: ",").compactMap { UInt64($0) }
            case "--check-recording":
                while let file = arguments.next() { options.recordings.append(file) }
                guard !options.recordings.isEmpty else { return nil }
            case "--session-timeout":
                guard let value = arguments.next().flatMap({ Int64($0) }), (1...3_600_000).contains(value) else {
                    return nil
                }
                options.sessionTimeout = value
            default: return nil
            }
        }
        return options
    }
}
