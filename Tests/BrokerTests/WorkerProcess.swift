import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The built `revoke-worker` as a process of its own, so that every signal is a real one.
final class WorkerProcess: Sendable {
    /// What is known of the process.
    struct State: Sendable {
        /// The lines of both outputs, in the order in which they came.
        var lines: [String] = []
        /// How it ended.
        var end: ChildProcess.End?
    }

    /// Beside the test binary, built by the same build.
    static let executable: URL = {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return own.deletingLastPathComponent().appendingPathComponent("revoke-worker")
    }()

    let identifier: pid_t
    /// The port of its health listener.
    let health: UInt16
    let state = Watched(State())
    private let mark: URL

    /// Starts the executable.
    init(_ arguments: [String], health: UInt16 = 0) throws {
        self.health = health
        let pipe = Pipe()
        let output = pipe.fileHandleForWriting.fileDescriptor
        identifier = try ChildProcess.spawn(
            Self.executable.path, arguments, input: FileHandle.nullDevice.fileDescriptor, output: output,
            error: output)
        try pipe.fileHandleForWriting.close()
        Thread.detachNewThread { [identifier, state] in
            var rest: [UInt8] = []
            while true {
                let data = pipe.fileHandleForReading.availableData
                rest += data
                var lines = rest.split(separator: 10, omittingEmptySubsequences: false)
                rest = Array(lines.removeLast())
                if data.isEmpty, !rest.isEmpty { lines.append(rest[...]) }
                let texts = lines.map { String(decoding: $0, as: UTF8.self) }
                if !texts.isEmpty { state.update { $0.lines += texts } }
                if data.isEmpty { break }
            }
            let end = ChildProcess.wait(identifier)
            state.update { $0.end = end }
        }
        // For `scripts/test`, which ends what a crash of the tests leaves behind.
        mark = TestFolder.root.appendingPathComponent("revoke-process-\(identifier)")
        try Data().write(to: mark)
    }

    deinit {
        if state.current.end == nil {
            kill(identifier, SIGCONT)
            kill(identifier, SIGKILL)
        }
        try? FileManager.default.removeItem(at: mark)
    }

    /// Sends a signal, unless the process has ended.
    func send(_ signal: Int32) {
        if state.current.end == nil { kill(identifier, signal) }
    }

    /// Waits for a line that contains a text, among those that came after the first `skip` lines.
    @discardableResult
    func line(containing text: String, after skip: Int = 0, limit: Duration = .seconds(40)) async throws -> String {
        try await state.wait(for: "a line with '\(text)'", limit: limit) { state in
            state.lines.dropFirst(skip).first { $0.contains(text) }
        }
    }

    /// Waits until the worker reads this many partitions, by the newest of its lines about the assignment.
    func reads(_ count: Int, after skip: Int = 0, limit: Duration = .seconds(60)) async throws {
        try await state.wait(for: "\(count) partitions to be read", limit: limit) { state -> Bool? in
            let news = state.lines.dropFirst(skip).last {
                $0.contains("\"message\":\"reading") || $0.contains("\"message\":\"revoked\"")
                    || $0.contains("\"message\":\"assignment lost\"")
            }
            guard let news, news.contains("\"message\":\"reading") else { return nil }
            // "partitions":"0,1,2"
            let list = news.split(separator: "\"partitions\":\"").dropFirst().first?.prefix { $0 != "\"" }
            return list?.split(separator: ",").count == count ? true : nil
        }
    }

    /// Waits for the end.
    @discardableResult
    func end(limit: Duration = .seconds(40)) async throws -> ChildProcess.End {
        try await state.wait(for: "the worker's end", limit: limit) { $0.end }
    }

    /// How many lines came so far: what `after` counts from.
    var lineCount: Int { state.current.lines.count }

    /// SIGTERM, and the end.
    func terminate() async throws -> ChildProcess.End {
        send(SIGTERM)
        return try await end()
    }

    /// SIGKILL, and the end.
    func destroy() async throws {
        send(SIGKILL)
        try await end()
    }
}
