import RevokeEvents

/// The log of one worker: JSON lines of level `debug`, as `revoke-worker run` writes them with `log-level: debug` and
/// `log-format: json`.
public struct WorkerLog: Hashable, Sendable {
    /// Whose log it is: any name that no other log has.
    public var name: String
    /// The lines.
    public var text: String

    /// Makes a log.
    public init(name: String, text: String) {
        self.name = name
        self.text = text
    }

    /// Whether the text is no log but a recording: by its first line.
    public var isRecording: Bool {
        guard let line = text.split(separator: "\n").first else { return false }
        return FlatObject(line.utf8)?.members.contains { $0.name == "event" } ?? false
    }

    /// What the lines say of the group, in wall milliseconds since 1970.
    ///
    /// Each line "starting" begins a new life of the process and so a new member: `name`, `name/2`, … A last line that
    /// is not ended and cannot be read is left out: the process died while it wrote it.
    func events() throws(RecordingError) -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        var lives = 0
        var last: Int64 = .min
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.utf8.allSatisfy({ $0 <= 0x20 }) {
            func error(_ reason: String) -> RecordingError {
                RecordingError(name: name, line: index + 1, reason: reason)
            }
            guard let line = FlatObject(line.utf8) else {
                if index == lines.count - 1 { break }
                throw error("not a flat JSON object; the worker writes such lines with log-format: json")
            }
            guard let message = line.text("message"), let time = line.text("time").flatMap(Self.milliseconds) else {
                throw error("no time or no message; is it a line of the worker's log?")
            }
            if message == "Log lines were dropped." {
                throw error("lines were dropped here, so the log says nothing reliable about the group")
            }
            if message == "starting" { lives += 1 }
            let member = lives <= 1 ? name : "\(name)/\(lives)"
            let event: RecordedEvent?
            do throws(Unreadable) {
                event = try Self.event(message, line, time: time, member: member)
            } catch {
                throw RecordingError(name: name, line: index + 1, reason: error.reason)
            }
            guard let event else { continue }
            guard time >= last else { throw error("the wall clock went back") }
            last = time
            events.append(event)
        }
        return events
    }

    private struct Unreadable: Error {
        var reason: String
    }

    /// `0,1,2`; empty for none.
    private static func partitions(_ line: FlatObject) throws(Unreadable) -> [Int] {
        guard let list = line.text("partitions") else { throw Unreadable(reason: "no partitions") }
        var partitions: [Int] = []
        for word in list.split(separator: ",") {
            // A list that was cut ends in an ellipsis.
            guard let number = Int(word) else { throw Unreadable(reason: "partitions is no list of numbers") }
            partitions.append(number)
        }
        return partitions
    }

    /// The messages are those of the worker's `Worker+Kafka.swift` and `Worker+Actions.swift`.
    private static func event(
        _ message: String, _ line: FlatObject, time: Int64, member: String
    ) throws(Unreadable) -> RecordedEvent? {
        let kind: RecordedEvent.Kind
        var result: String?
        switch message {
        case "starting": return RecordedEvent(time: time, member: member, kind: .start)
        case "stopped": return RecordedEvent(time: time, member: member, kind: .leave)
        case "unassigned": return RecordedEvent(time: time, member: member, kind: .unassign)
        case "assigned": kind = .assign
        case "reading": kind = .reading
        case "revoked": kind = .revoke
        case "assignment lost": kind = .lost
        case "committed": (kind, result) = (.commit, "stored")
        case "nothing to commit": (kind, result) = (.commit, "nothingToDo")
        case "commit failed", "commit not sent":
            guard let code = line.text("code") else { throw Unreadable(reason: "a failed commit without a code") }
            (kind, result) = (.commit, Self.result(of: code))
        default: return nil
        }
        let partitions = try partitions(line)
        guard kind == .commit else {
            return RecordedEvent(time: time, member: member, kind: kind, partitions: partitions)
        }
        let duration = message == "commit not sent" ? 0 : line.integer("duration_ms")
        guard let duration, (0...Recording.longestTime).contains(duration) else {
            throw Unreadable(reason: "a commit without its duration_ms")
        }
        return RecordedEvent(
            time: time, member: member, kind: kind, partitions: partitions, result: result, sent: time - duration)
    }

    /// What the engine makes of a code of librdkafka.
    private static func result(of code: String) -> String {
        switch code {
        case "REBALANCE_IN_PROGRESS": "rebalanceInProgress"
        case "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID": "fenced"
        case "OFFSET_METADATA_TOO_LARGE": "metadataTooLarge"
        default: "failed"
        }
    }

    /// Reads `2026-06-01T12:00:00.250Z`, the one form that the worker writes.
    private static func milliseconds(_ text: String) -> Int64? {
        guard let time = RFC3339.milliseconds(Array(text.utf8)), RFC3339.text(time) == text else { return nil }
        return time
    }
}

extension Recording {
    /// Makes a recording of the logs of all members of one group on one machine, or on machines with one time. The times
    /// count from the first event.
    ///
    /// - Throws: `RecordingError` at the first line that cannot be read, that says that lines are missing, or whose time
    ///   is before that of the line before it.
    public init(logs: [WorkerLog]) throws(RecordingError) {
        var all: [(event: RecordedEvent, log: Int, line: Int)] = []
        for (index, log) in logs.enumerated() {
            for (line, event) in try log.events().enumerated() { all.append((event, index, line)) }
        }
        all.sort { ($0.event.time, $0.log, $0.line) < ($1.event.time, $1.log, $1.line) }
        let start = all.first?.event.time ?? 0
        events = all.map { element in
            var event = element.event
            event.time -= start
            event.sent = event.sent.map { $0 - start }
            return event
        }
    }
}
