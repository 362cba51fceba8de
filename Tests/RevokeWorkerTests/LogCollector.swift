import Foundation
import RevokeWorker
import Testing
import Threads

/// Waited in vain, or the test's set-up failed.
struct Stuck: Error, CustomStringConvertible {
    let description: String
}

/// Both ends of a pipe, which no child process gets.
func makePipe() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw Stuck(description: "no pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
}

/// Reads JSON log lines from a descriptor on a thread of its own, and lets tests wait for them. Any thread.
final class LogCollector: Sendable {
    struct Line: Sendable {
        let text: String
        let message: String
        let level: String
        let fields: [String: String]

        subscript(key: LogKey) -> String? { fields[key.rawValue] }

        init(_ text: String) {
            self.text = text
            let object = (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
            message = object["message"] as? String ?? ""
            level = object["level"] as? String ?? ""
            fields = object.mapValues { "\($0)" }
        }
    }

    /// How many records ended in which way, by the lines of level debug.
    struct Ends: Sendable {
        var revoked = 0
        var deadLetters = 0
        var skipped = 0
        /// Records whose end was said twice.
        var repeated = 0
        var all: Int { revoked + deadLetters + skipped }
    }

    private struct State: Sendable {
        var lines: [Line] = []
        var ends = Ends()
        var places: Set<String> = []
        var isOver = false
    }

    /// How long a test waits at most, in milliseconds. A test that reaches it fails.
    static let bound: Int64 = 40_000

    private let state = Monitor(State())

    /// Reads until the descriptor's end, and closes it then.
    init(reading descriptor: Int32) {
        let state = state
        Thread {
            var rest: [UInt8] = []
            var bytes = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = unsafe read(descriptor, &bytes, bytes.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                rest += bytes.prefix(count)
                var start = 0
                var lines: [Line] = []
                while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                    lines.append(Line(String(decoding: rest[start..<end], as: UTF8.self)))
                    start = end + 1
                }
                rest.removeFirst(start)
                state.withLock { state in for line in lines { Self.append(line, to: &state) } }
                state.signal()
            }
            state.withLock { state in
                if !rest.isEmpty { Self.append(Line(String(decoding: rest, as: UTF8.self)), to: &state) }
                state.isOver = true
            }
            state.signal()
            close(descriptor)
        }.start()
    }

    private static func append(_ line: Line, to state: inout State) {
        state.lines.append(line)
        guard let offset = line[.offset], let partition = line[.partition] else { return }
        switch line.message {
        case "event revoked": state.ends.revoked += 1
        case "dead letter stored": state.ends.deadLetters += 1
        case "skipped": state.ends.skipped += 1
        default: return
        }
        if !state.places.insert("\(partition)/\(offset)").inserted { state.ends.repeated += 1 }
    }

    var lines: [Line] { state.withLock { $0.lines } }
    var ends: Ends { state.withLock { $0.ends } }
    /// All that was read.
    var text: String { lines.map(\.text).joined(separator: "\n") }

    /// The last lines.
    var tail: String { lines.suffix(30).map(\.text).joined(separator: "\n") }

    func count(_ message: String) -> Int { lines.reduce(0) { $0 + ($1.message == message ? 1 : 0) } }

    /// Blocks until the condition holds, looked at after each read.
    func wait(_ what: String, upTo limit: Int64 = bound, until condition: ([Line], Ends) -> Bool) throws {
        let deadline = Monitor<Int>.now() + limit * 1_000_000
        let isTrue = state.wait { state -> Monitor<State>.Step<Bool> in
            if condition(state.lines, state.ends) { return .done(true) }
            return state.isOver || Monitor<Int>.now() >= deadline ? .done(false) : .wait(until: deadline)
        }
        guard isTrue else {
            throw Stuck(description: "no \(what); the log's end:\n\(tail)")
        }
    }

    /// Blocks until a message was logged so many times.
    func wait(for message: String, times: Int = 1) throws {
        try wait("line \"\(message)\" (\(times))") { lines, _ in
            lines.reduce(0) { $0 + ($1.message == message ? 1 : 0) } >= times
        }
    }

    /// Blocks until so many records have ended.
    func wait(ends: Int) throws {
        try wait("end of \(ends) records") { $1.all >= ends }
    }

    /// Blocks until the descriptor has ended.
    func waitForEnd() throws {
        let deadline = Monitor<Int>.now() + Self.bound * 1_000_000
        let isOver = state.wait { state -> Monitor<State>.Step<Bool> in
            state.isOver ? .done(true) : Monitor<Int>.now() >= deadline ? .done(false) : .wait(until: deadline)
        }
        if !isOver { throw Stuck(description: "the descriptor does not end") }
    }
}
