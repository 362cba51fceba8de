import Foundation
import Testing

/// The command line of revoke-worker-simulate.
@Suite struct ArgumentTests {
    struct Result {
        var code: Int32
        var output: String
        var errors: String
    }

    static func run(_ arguments: [String]) throws -> Result {
        let built: URL? = SimulatorTests.program
        let program = try #require(built, "revoke-worker-simulate is built beside the tests")
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // Each is shorter than a pipe's buffer.
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Result(code: process.terminationStatus, output: text, errors: complaint)
    }

    struct Misuse: Sendable, CustomTestStringConvertible {
        var arguments: [String]
        var error: String
        var testDescription: String { arguments.joined(separator: " ") }

        init(_ arguments: String, _ error: String) {
            self.arguments = arguments.split(separator: " ").map(String.init)
            self.error = error
        }
    }

    @Test(
        "A wrong command line is exit 2, with the flag, how to mend it and the usage on standard error",
        arguments: [
            Misuse("--bogus", #""--bogus": there is no such flag"#),
            Misuse("bogus", #""bogus" is not a flag"#),
            Misuse("--seed", "--seed: the value is missing; write --seed N"),
            Misuse("--seed --trace", "--seed: the value is missing; write --seed N"),
            Misuse("--seed abc", #"--seed: "abc" does not fit; write an integer from 0 to 18446744073709551615"#),
            Misuse("--seed -1", #"--seed: "-1" does not fit; write an integer from 0 to 18446744073709551615"#),
            Misuse("--seed 42 extra", #""extra" is not a flag"#),
            Misuse("--seed 42 --seed 43", "--seed: the flag stands twice"),
            Misuse("--seeds 0", #"--seeds: "0" does not fit; write an integer from 1 to "#),
            Misuse("--seed 1 --from 3 --seeds 2", "--from: --seed runs one seed alone"),
            Misuse("--seed 1 --seeds 2", "--seeds: --seed runs one seed alone"),
            Misuse("--from 18446744073709551615 --seeds 2", "--seeds: the last seed is above 18446744073709551615"),
            Misuse("--skip a,b", #"--skip: "a" is not a seed"#),
            Misuse("--skip 1,", #"--skip: "" is not a seed"#),
            Misuse("--from 3 --seeds 2 --skip 3,4", "--skip: no seed is left to run"),
            Misuse("--check-recording", "--check-recording: the value is missing; write --check-recording FILE..."),
            Misuse("--session-timeout 6000", "--session-timeout: there is no recording"),
            Misuse("--check-recording /dev/null --session-timeout 0", #"--session-timeout: "0" does not fit"#),
            Misuse("--check-recording /dev/null --seed 1", "--seed: no seed is run with --check-recording"),
        ])
    func misuse(_ misuse: Misuse) throws {
        let result = try Self.run(misuse.arguments)
        #expect(result.code == 2)
        #expect(result.errors.hasPrefix("error: \(misuse.error)"), "\(result.errors)")
        #expect(result.errors.contains("\nusage: revoke-worker-simulate "))
        #expect(result.output.isEmpty)
    }

    @Test func helpIsNoError() throws {
        for flag in ["--help", "-h"] {
            let result = try Self.run(["--bogus", flag])
            #expect(result.code == 0)
            #expect(result.output.hasPrefix("usage: revoke-worker-simulate "))
            #expect(result.errors.isEmpty)
        }
    }

    @Test func theLargestSeedRuns() throws {
        let result = try Self.run(["--from", "18446744073709551614", "--seeds", "2", "--skip", "18446744073709551614"])
        #expect(result.code == 0)
        #expect(result.output.hasPrefix("1 seed, 0 failed, "), "\(result.output)")
        #expect(result.errors.isEmpty)
    }

    @Test("What says nothing of an assignment is not accepted, and flags may stand behind the files")
    func emptyRecording() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("arguments-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func check(_ text: String) throws -> Result {
            let file = folder.appendingPathComponent("a.log")
            try Data(text.utf8).write(to: file)
            return try Self.run(["--check-recording", file.path, "--session-timeout", "6000"])
        }
        func line(_ second: Int, _ message: String) -> String {
            #"{"time":"2026-02-28T23:59:0\#(second).000Z","level":"info","message":"\#(message)","partitions":"0"}"#
                + "\n"
        }
        let nothing = try check("")
        #expect(nothing.code == 2 && nothing.output.contains("a.log: says nothing: no member is assigned"))
        let unassigned = try check(line(0, "starting") + line(1, "stopped"))
        #expect(unassigned.code == 2 && unassigned.output.contains("a.log: says nothing: no member is assigned"))
        let assigned = try check(line(0, "starting") + line(1, "assigned"))
        #expect(assigned.code == 0 && assigned.output.contains("a.log: accepted, 2 events"))
        // A recording that says nothing is not hidden by one that does.
        let file = folder.appendingPathComponent("b.jsonl")
        try Data((#"{"t":1,"member":"a","event":"start","partitions":[]}"# + "\n").utf8).write(to: file)
        let both = try Self.run([
            "--check-recording", folder.appendingPathComponent("a.log").path, file.path,
        ])
        #expect(both.code == 2 && both.output.contains("b.jsonl: says nothing"))
    }
}
