import Foundation
import Testing

@testable import Simulator

/// Recordings of a real broker (`Recordings/README.md`): the simulator's coordinator can do what it did, and not what it
/// never does.
@Suite struct ReplayTests {
    struct Stored: CustomTestStringConvertible, Sendable {
        var name: String
        var session: Int64 = 6_000
        /// The damages that this recording, and not each, has a place for.
        var ownDamages: Set<Damage> = []

        var testDescription: String { name }

        func load() throws -> Recording {
            let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("Recordings/\(name).jsonl")
            return try Recording(text: String(decoding: Data(contentsOf: file), as: UTF8.self))
        }

        var model: CoordinatorModel { CoordinatorModel(sessionTimeout: session, tolerance: 100) }
    }

    static let recordings = [
        Stored(name: "join-and-leave", ownDamages: [.lostRevoke, .fencedNewest]),
        Stored(name: "kill", ownDamages: [.storedAfterTakeover, .earlyTakeover]),
        Stored(name: "stop", ownDamages: [.storedAfterTakeover, .earlyTakeover, .lostRevoke, .fencedNewest]),
        Stored(name: "broker-restart", session: 120_000, ownDamages: [.lostRevoke]),
        Stored(name: "broker-outage", ownDamages: [.lostRevoke]),
        Stored(name: "partitions-added", ownDamages: [.assignDuringDrain, .lostRevoke]),
    ]

    @Test(arguments: recordings)
    func isAccepted(stored: Stored) throws {
        let recording = try stored.load()
        #expect(recording.events.count >= 20)
        let refusal = stored.model.refusal(of: recording)
        #expect(refusal == nil)
    }

    @Test(arguments: recordings)
    func survivesItsText(stored: Stored) throws {
        let recording = try stored.load()
        #expect(try Recording(text: recording.text).events == recording.events)
    }

    @Test("Every damage is refused wherever it can be done", arguments: recordings)
    func damagedIsRefused(stored: Stored) throws {
        let recording = try stored.load()
        var done: Set<Damage> = []
        for damage in Damage.allCases {
            for damaged in damage.copies(of: recording.events, session: stored.session) {
                done.insert(damage)
                #expect(!stored.model.accepts(Recording(events: damaged)), "\(damage)")
            }
        }
        #expect(done.isSuperset(of: Damage.everywhere.union(stored.ownDamages)))
    }

    @Test("revoke-worker-simulate --check-recording accepts, refuses and says what it cannot read")
    func checksFiles() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("replay-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let built: URL? = SimulatorTests.program
        let program = try #require(built, "revoke-worker-simulate is built beside the tests")
        func check(_ texts: [String], options: [String] = []) throws -> (code: Int32, output: String) {
            let files = texts.indices.map { folder.appendingPathComponent("file-\($0)") }
            for (file, text) in zip(files, texts) { try Data(text.utf8).write(to: file) }
            let process = Process()
            process.executableURL = program
            process.arguments = options + ["--check-recording"] + files.map(\.path)
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return (process.terminationStatus, output)
        }
        let kill = try Self.recordings[1].load().text
        let accepted = try check([kill], options: ["--session-timeout", "6000"])
        #expect(accepted.code == 0 && accepted.output.contains("file-0: accepted"))
        // The takeover came after 6 s.
        let refused = try check([kill], options: ["--session-timeout", "15000"])
        #expect(refused.code == 1 && refused.output.contains("file-0: refused: event "))
        let unread = try check([kill + "what?\n"])
        #expect(unread.code == 2 && unread.output.contains("file-0, line \(kill.split(separator: "\n").count + 1): "))
        // Logs are one group.
        func log(_ messages: [(Int, String)]) -> String {
            messages.map {
                #"{"time":"2026-02-28T23:59:0\#($0.0).000Z","level":"info","message":"\#($0.1)","partitions":"0"}"#
            }.joined(separator: "\n") + "\n"
        }
        let first = log([(0, "starting"), (1, "assigned"), (5, "revoked"), (6, "unassigned")])
        let second = try check([first, log([(0, "starting"), (7, "assigned")])])
        #expect(second.code == 0 && second.output.contains("accepted, 6 events"))
        let third = try check([first, log([(0, "starting"), (3, "assigned")])])
        #expect(third.code == 1 && third.output.contains("is still assigned to"))
    }

    /// What a broker never does.
    enum Damage: CaseIterable, Hashable {
        /// A commit is stored that was sent when another member had the partition.
        case storedAfterTakeover
        /// A commit is stored that was sent when the revoke had been answered.
        case storedAfterUnassign
        /// Somebody else is assigned a partition of a member that lives.
        case twoOwners
        /// An assign follows an assign of the same member.
        case lostRevoke
        /// A part of an assignment is revoked.
        case partOfARevoke
        /// Somebody commits what was never his.
        case foreignCommit
        /// A dead or silent member's partitions are assigned before its session is over.
        case earlyTakeover
        /// A member that drains is not waited for.
        case assignDuringDrain
        /// A commit of the newest generation is fenced.
        case fencedNewest
        /// Something comes from a member that left.
        case wordsAfterALeave

        static let everywhere: Set<Damage> = [
            .storedAfterUnassign, .twoOwners, .partOfARevoke, .foreignCommit, .wordsAfterALeave,
        ]

        /// The events with the damage, once for each place.
        func copies(of events: [RecordedEvent], session: Int64) -> [[RecordedEvent]] {
            events.indices.compactMap { copy(of: events, at: $0, session: session) }
        }

        private func copy(of events: [RecordedEvent], at place: Int, session: Int64) -> [RecordedEvent]? {
            let event = events[place]
            func isRebalance(_ kind: RecordedEvent.Kind) -> Bool { kind != .commit && kind != .reading }
            /// The next event of the member but its commits and its answers to assigns.
            func next(_ member: String, from place: Int) -> RecordedEvent? {
                events[(place + 1)...].first { $0.member == member && isRebalance($0.kind) }
            }
            func inserting(
                _ kind: RecordedEvent.Kind, of member: String, _ partitions: [Int], result: String? = nil,
                after place: Int, later: Int64 = 0
            ) -> [RecordedEvent] {
                let time = events[place].time + later
                let new = RecordedEvent(
                    time: time, member: member, kind: kind, partitions: partitions, result: result,
                    sent: kind == .commit ? time : nil)
                var copy = events
                copy.insert(new, at: events.firstIndex { $0.time > time } ?? events.count)
                return copy
            }
            switch self {
            case .storedAfterTakeover:
                // A former owner that has not left, and is not the owner again.
                guard event.kind == .assign else { return nil }
                for former in events[..<place] where former.kind == .assign && former.member != event.member {
                    let shared = former.partitions.filter { event.partitions.contains($0) }
                    let news = events[..<place].last { $0.member == former.member && isRebalance($0.kind) }
                    guard let partition = shared.first, news?.kind != .leave, news?.kind != .start else { continue }
                    // The same generation's assign of the former owner would come at the same time.
                    if let again = next(former.member, from: place), again.kind == .assign, again.time < event.time + 50
                    {
                        continue
                    }
                    if news?.kind == .assign, news?.partitions.contains(partition) == false { continue }
                    return inserting(
                        .commit, of: former.member, [partition], result: "stored", after: place, later: 1)
                }
                return nil
            case .storedAfterUnassign:
                guard event.kind == .unassign,
                    let owner = events[..<place].last(where: { $0.kind == .assign && $0.member == event.member }),
                    next(event.member, from: place).map({ $0.time > event.time + 1 }) ?? true
                else { return nil }
                return inserting(
                    .commit, of: event.member, owner.partitions, result: "stored", after: place, later: 1)
            case .twoOwners:
                guard event.kind == .assign, !event.partitions.isEmpty,
                    let end = next(event.member, from: place), end.kind == .revoke, end.time > event.time
                else { return nil }
                return inserting(.assign, of: "intruder", [event.partitions[0]], after: place)
            case .lostRevoke:
                guard event.kind == .revoke || event.kind == .lost else { return nil }
                let rest = events[(place + 1)...].filter { $0.member == event.member && isRebalance($0.kind) }
                let answer = rest.first { $0.kind == .unassign }
                guard rest.first(where: { $0.kind != .unassign })?.kind == .assign else { return nil }
                // Beside a member that is silent until it hears of a loss, a join that crossed the answer takes as long.
                let others = events[(place + 1)...].filter { $0.member != event.member && isRebalance($0.kind) }
                guard event.kind == .lost || others.first(where: { $0.kind != .assign })?.kind != .lost else {
                    return nil
                }
                return events.filter { $0 != event && $0 != answer }
            case .partOfARevoke:
                guard event.kind == .revoke, event.partitions.count > 1 else { return nil }
                var copy = events
                copy[place].partitions.removeLast()
                return copy
            case .foreignCommit:
                guard event.kind == .commit else { return nil }
                var copy = events
                copy[place].partitions = [99]
                return copy
            case .earlyTakeover:
                // The last commit before a silence: the takeover may not come half a session later.
                guard event.result == "stored",
                    let owner = events[..<place].last(where: { $0.kind == .assign && $0.member == event.member })
                else { return nil }
                let end = next(event.member, from: place)
                guard end == nil || end?.kind == .lost && (end?.time ?? 0) > event.time + session else { return nil }
                return inserting(.assign, of: "intruder", owner.partitions, after: place, later: session / 2)
            case .assignDuringDrain:
                guard event.kind == .revoke, let end = next(event.member, from: place),
                    end.kind == .assign
                        || end.kind == .unassign, end.time > event.time + 1_000
                else { return nil }
                // The worker that joined early answers instead.
                var copy = inserting(.assign, of: "intruder", event.partitions, after: place, later: 200)
                if end.kind == .assign, let index = copy.firstIndex(of: end) {
                    copy.insert(RecordedEvent(time: end.time, member: event.member, kind: .unassign), at: index)
                }
                return copy
            case .fencedNewest:
                // Long before the next rebalance of a member that nobody has overtaken.
                guard event.kind == .assign, !event.partitions.isEmpty else { return nil }
                let end = next(event.member, from: place)
                guard (end?.time ?? .max) > event.time + session + 100, end?.kind != .lost,
                    !events[(place + 1)...].contains(where: { $0.kind == .assign && $0.time < event.time + 100 })
                else { return nil }
                return inserting(
                    .commit, of: event.member, [event.partitions[0]], result: "fenced", after: place, later: 1)
            case .wordsAfterALeave:
                guard event.kind == .leave else { return nil }
                return inserting(.commit, of: event.member, [0], result: "failed", after: place, later: 1)
            }
        }
    }
}
