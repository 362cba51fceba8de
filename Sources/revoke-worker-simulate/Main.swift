import Simulator

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `revoke-worker-simulate`: runs seeds of the simulator; `docs/simulation.md` describes it.
@main
enum RevokeWorkerSimulateMain {
    static let usage = """
        usage: revoke-worker-simulate [--seed N | --from N --seeds M] [--skip N,N] [--trace] [--hash] [--coverage]
                                      [--require-coverage] [--no-shrink] [--keep-going] [--quiet]
               revoke-worker-simulate --check-recording FILE... [--session-timeout MS]

          --seed N            run one seed
          --from N --seeds M  run M seeds from N on (without: one seed from 0 on)
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
                              exit code 1: it cannot do that, 2: a file cannot be read or says nothing
          --session-timeout MS
                              the group's session timeout, 15000 without it
          --help              print this text

        The exit code is 0 when all is well, 1 when a seed fails, and 2 for a wrong command line.
        """

    static func main() {
        let options: SimulatorArguments
        do throws(SimulatorArguments.Misuse) {
            options = try SimulatorArguments(CommandLine.arguments.dropFirst())
        } catch {
            complain("error: \(error.text)\n\n\(usage)")
            exit(2)
        }
        guard !options.showsHelp else {
            print(usage)
            exit(0)
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
        for seed in options.seeds {
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
                "\(runs) \(runs == 1 ? "seed" : "seeds"), \(failures) failed, \(Int(Double(runs) * 60 / max(seconds, 0.001))) seeds/min,"
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

    private static func complain(_ text: String) {
        var bytes = Array((text + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
