import Foundation
import Testing
import Threads

/// The program `revoke-worker` as a child process. Any thread.
final class ChildProcess: Sendable {
    /// What came of a child that has ended.
    struct Result: Equatable {
        /// The exit code; nil when a signal ended it.
        var code: Int32?
        /// The signal that ended it.
        var signal: Int32?
    }

    private struct State: Sendable {
        var result: Result?
    }

    private let process = Process()
    private let state = Monitor(State())
    let id: Int32
    /// What it writes to standard error; nothing when it is not read.
    let errors: LogCollector?
    /// What it writes to standard output.
    let output: LogCollector
    /// The read end of standard error when nobody reads it; it closes with the child's object.
    private let unread: Int32

    /// The executable beside the tests' own.
    static var path: String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let beside = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("revoke-worker").path
        if FileManager.default.isExecutableFile(atPath: beside) { return beside }
        // A runner of the toolchain loads the tests: the build folder is then found by the sources.
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(".build/debug/revoke-worker").path
    }

    init(
        _ arguments: [String], environment: [String: String] = [:], readsErrors: Bool = true
    ) throws {
        let outputs = try makePipe()
        let errors = try makePipe()
        process.executableURL = URL(fileURLWithPath: Self.path)
        process.arguments = arguments
        // A sanitizer of this process reports what happens in the child to the same place.
        let inherited = ProcessInfo.processInfo.environment.filter { $0.key.hasSuffix("SAN_OPTIONS") }
        process.environment = inherited.merging(["PATH": "/usr/bin:/bin"]) { $1 }.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(fileDescriptor: outputs.writing)
        process.standardError = FileHandle(fileDescriptor: errors.writing)
        let state = state
        process.terminationHandler = { process in
            let isExit = process.terminationReason == .exit
            state.withLock {
                $0.result = Result(
                    code: isExit ? process.terminationStatus : nil, signal: isExit ? nil : process.terminationStatus)
            }
            state.signal()
        }
        defer {
            close(outputs.writing)
            close(errors.writing)
        }
        do {
            try process.run()
        } catch {
            close(outputs.reading)
            close(errors.reading)
            throw error
        }
        id = process.processIdentifier
        output = LogCollector(reading: outputs.reading)
        self.errors = readsErrors ? LogCollector(reading: errors.reading) : nil
        unread = readsErrors ? -1 : errors.reading
    }

    deinit {
        if unread >= 0 { close(unread) }
        if state.withLock({ $0.result == nil }) { kill(id, SIGKILL) }
        // Lets go of what Foundation keeps for the process.
        process.waitUntilExit()
    }

    func signal(_ number: Int32) { kill(id, number) }

    /// Blocks until the child has ended and all that it wrote is read.
    func wait(upTo limit: Int64 = LogCollector.bound) throws -> Result {
        let deadline = Monitor<Int>.now() + limit * 1_000_000
        let result = state.wait { state -> Monitor<State>.Step<Result?> in
            if let result = state.result { return .done(result) }
            return Monitor<Int>.now() >= deadline ? .done(nil) : .wait(until: deadline)
        }
        guard let result else {
            throw Stuck(description: "the child does not end: \(errors?.text ?? "") \(output.text)")
        }
        try output.waitForEnd()
        try errors?.waitForEnd()
        return result
    }

    /// How many bytes wait in the pipe of standard error that nobody reads.
    var unreadBytes: Int {
        var count: Int32 = 0
        return unsafe ioctl(unread, UInt(FIONREAD), &count) == 0 ? Int(count) : -1
    }

    /// Runs a command to its end.
    static func run(
        _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (code: Int32?, output: String, errors: String) {
        let child = try ChildProcess(arguments, environment: environment)
        let result = try child.wait()
        return (result.code, child.output.text, child.errors?.text ?? "")
    }
}
