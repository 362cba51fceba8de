/// What one worker logged of its group: one line of a recording.
public struct RecordedEvent: Hashable, Sendable {
    /// What happened.
    public enum Kind: String, CaseIterable, Sendable {
        /// The assign event, when it reached the worker.
        case assign
        /// The answer to an assign: reading begins.
        case reading
        /// The revoke event, when it reached the worker; the worker still owns the partitions.
        case revoke
        /// The revoke event that says that the assignment is lost.
        case lost
        /// The answer to a revoke: the worker has let go of its partitions; none are named.
        case unassign
        /// The end of a commit, with its result.
        case commit
        /// The worker joined or started; no partitions.
        case start
        /// The worker left the group by itself; no partitions.
        case leave
    }

    /// When, in milliseconds on one clock for all members.
    public var time: Int64
    /// Which member: any name, the same for one life of a process.
    public var member: String
    /// What happened.
    public var kind: Kind
    /// The partitions that it names.
    public var partitions: [Int]
    /// For a commit: `stored`, `nothingToDo`, `rebalanceInProgress`, `fenced`, `metadataTooLarge` or `failed`.
    public var result: String?
    /// For a commit: when it was sent; the time of the line when it is not given.
    public var sent: Int64?

    /// Makes an event.
    public init(
        time: Int64, member: String, kind: Kind, partitions: [Int] = [], result: String? = nil, sent: Int64? = nil
    ) {
        self.time = time
        self.member = member
        self.kind = kind
        self.partitions = partitions
        self.result = result
        self.sent = sent
    }
}

/// Why a text is not a recording.
public struct RecordingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name of the text, where there are several; empty otherwise.
    public var name = ""
    /// The line, from 1 up.
    public var line: Int
    /// What is wrong with it.
    public var reason: String

    /// The line and the reason.
    public var description: String { (name.isEmpty ? "" : "\(name), ") + "line \(line): \(reason)" }
}

/// A sequence of rebalance events and commit results, as the workers of a group logged them.
///
/// The text form is JSON lines, one object a line, the keys in any order; unknown keys are ignored:
/// `{"t":1234,"member":"a","event":"assign","partitions":[0,1]}`
/// `{"t":1300,"member":"a","event":"commit","partitions":[0],"result":"stored","sent":1298}`
public struct Recording: Sendable {
    /// The events in the order of the text.
    public var events: [RecordedEvent]

    /// Makes a recording of events.
    public init(events: [RecordedEvent]) { self.events = events }

    /// Reads a text of JSON lines; empty lines are skipped.
    ///
    /// - Throws: `RecordingError` at the first line that is not such an object.
    public init(text: String) throws(RecordingError) {
        events = []
        var number = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            number += 1
            if line.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            guard let object = FlatObject(line.utf8) else {
                throw RecordingError(line: number, reason: "not a flat JSON object")
            }
            events.append(try Self.event(object, line: number))
        }
    }

    /// The events as JSON lines, which `init(text:)` reads.
    public var text: String {
        var text = ""
        for event in events {
            text += "{\"t\":\(event.time),\"member\":\"\(event.member)\",\"event\":\"\(event.kind.rawValue)\""
            text += ",\"partitions\":[\(event.partitions.map { String($0) }.joined(separator: ","))]"
            if let result = event.result { text += ",\"result\":\"\(result)\"" }
            if let sent = event.sent { text += ",\"sent\":\(sent)" }
            text += "}\n"
        }
        return text
    }

    /// The largest time in milliseconds that is taken: 140,000 years.
    static let longestTime = Int64(1) << 52

    private static func event(_ object: FlatObject, line: Int) throws(RecordingError) -> RecordedEvent {
        var time: Int64?
        var member: String?
        var kind: RecordedEvent.Kind?
        var partitions: [Int] = []
        var result: String?
        var sent: Int64?
        for (name, value) in object.members {
            switch (name, value) {
            case ("t", .integer(let value)): time = value
            case ("member", .text(let value)): member = value
            case ("event", .text(let value)):
                kind = RecordedEvent.Kind(rawValue: value)
                guard kind != nil else { throw RecordingError(line: line, reason: "unknown event \(value)") }
            case ("partitions", .integers(let values)): partitions = values.map { Int($0) }
            case ("result", .text(let value)):
                guard CoordinatorModel.results.contains(value) else {
                    throw RecordingError(line: line, reason: "unknown result \(value)")
                }
                result = value
            case ("sent", .integer(let value)): sent = value
            case ("t", _), ("member", _), ("event", _), ("partitions", _), ("result", _), ("sent", _):
                throw RecordingError(line: line, reason: "\(name) has another type")
            default: break
            }
        }
        guard let time, let member, let kind else {
            throw RecordingError(line: line, reason: "t, member or event is missing")
        }
        for value in [time, sent ?? time] where value.magnitude > longestTime.magnitude {
            throw RecordingError(line: line, reason: "\(value) is no time in milliseconds")
        }
        if kind == .commit, result == nil { throw RecordingError(line: line, reason: "a commit without a result") }
        return RecordedEvent(
            time: time, member: member, kind: kind, partitions: partitions, result: result, sent: sent)
    }
}
