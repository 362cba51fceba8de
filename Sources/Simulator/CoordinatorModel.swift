/// The rules of the simulated coordinator, held against recordings of a real one.
///
/// A recording is accepted when the world's coordinator can produce it: eager rebalances with generations, session
/// timeouts, members that are held in a join while one drains, an assign while a revoke is held, commits that are fenced
/// by member and generation, answers that come late.
public struct CoordinatorModel: Sendable {
    /// The results of a commit.
    static let results = ["stored", "nothingToDo", "rebalanceInProgress", "fenced", "metadataTooLarge", "failed"]

    /// The session timeout in milliseconds: so long may another member hold a partition of a member that fell silent.
    public var sessionTimeout: Int64
    /// Whether commits can be refused with REBALANCE_IN_PROGRESS while members join (the mock cluster; a real broker
    /// does so only between a join's completion and the member's assign).
    public var refusesCommitsDuringJoin: Bool

    /// Makes a model.
    public init(sessionTimeout: Int64 = 15_000, refusesCommitsDuringJoin: Bool = false) {
        self.sessionTimeout = sessionTimeout
        self.refusesCommitsDuringJoin = refusesCommitsDuringJoin
    }

    private enum Standing {
        case outside
        case assigned
        case revoked
        case left
    }

    private struct Member {
        var name: String
        var standing = Standing.outside
        var partitions: [Int] = []
        /// All that it ever was assigned: the answer to a commit can come in a later assignment.
        var everAssigned: Set<Int> = []
        /// When its present assignment came.
        var since: Int64 = 0
        var wasEverAssigned = false
    }

    /// Whether the model can produce the recording; nil when it can, else the first event that it cannot produce.
    public func refusal(of recording: Recording) -> String? {
        var members: [Member] = []
        var last: Int64 = .min
        for (number, event) in recording.events.enumerated() {
            func refuse(_ reason: String) -> String {
                "event \(number + 1) (\(event.kind.rawValue) of \(event.member)): \(reason)"
            }
            guard event.time >= last else { return refuse("the time goes back") }
            last = event.time
            guard Set(event.partitions).count == event.partitions.count else {
                return refuse("a partition stands twice")
            }
            if !members.contains(where: { $0.name == event.member }) { members.append(Member(name: event.member)) }
            guard let index = members.firstIndex(where: { $0.name == event.member }) else { continue }
            var member = members[index]
            guard member.standing != .left || event.kind == .start else { return refuse("the member has left") }
            switch event.kind {
            case .start:
                member = Member(name: event.member)
            case .assign:
                // Eager: the whole assignment is replaced, also while a revoke is held; but not from one assignment to
                // the next without a revoke between them.
                guard member.standing != .assigned else { return refuse("an assign without a revoke before it") }
                for other in members where other.name != member.name && other.standing == .assigned {
                    let shared = other.partitions.filter { event.partitions.contains($0) }
                    // Two members hold a partition only when the session of one is over: it hears of a loss then, or
                    // nothing any more.
                    guard shared.isEmpty || ends(other.name, after: number, in: recording) else {
                        return refuse("partition \(shared[0]) is still assigned to \(other.name), which is alive")
                    }
                }
                member.standing = .assigned
                member.partitions = event.partitions
                member.everAssigned.formUnion(event.partitions)
                member.since = event.time
                member.wasEverAssigned = true
            case .revoke, .lost:
                guard member.standing == .assigned || (event.kind == .lost && member.standing == .revoked) else {
                    return refuse("nothing is assigned")
                }
                guard event.partitions.isEmpty || event.partitions.sorted() == member.partitions.sorted() else {
                    return refuse("the eager protocol revokes the whole assignment")
                }
                member.standing = event.kind == .lost ? .outside : .revoked
            case .commit:
                let isFollowed = nextRebalance(of: event.member, after: number, in: recording) != nil
                if let reason = refusal(ofCommit: event, by: member, others: members, isFollowed: isFollowed) {
                    return refuse(reason)
                }
            case .leave:
                member.standing = .left
            }
            members[index] = member
        }
        return nil
    }

    /// Whether the model can produce the recording.
    public func accepts(_ recording: Recording) -> Bool { refusal(of: recording) == nil }

    private func nextRebalance(of member: String, after number: Int, in recording: Recording) -> RecordedEvent.Kind? {
        for event in recording.events[(number + 1)...] where event.member == member && event.kind != .commit {
            return event.kind
        }
        return nil
    }

    /// Whether a member that has an assignment hears of its loss next, or of nothing.
    private func ends(_ member: String, after number: Int, in recording: Recording) -> Bool {
        switch nextRebalance(of: member, after: number, in: recording) {
        case nil, .lost, .start, .leave: true
        case .assign, .revoke, .commit: false
        }
    }

    private func refusal(
        ofCommit event: RecordedEvent, by member: Member, others: [Member], isFollowed: Bool
    ) -> String? {
        let sent = event.sent ?? event.time
        guard sent <= event.time else { return "it ends before it was sent" }
        guard member.wasEverAssigned else { return "a member that never had an assignment commits" }
        guard event.partitions.allSatisfy({ member.everAssigned.contains($0) }) else {
            return "it names a partition that never was the member's"
        }
        switch event.result ?? "" {
        case "stored":
            // Fenced by generation: once another member was assigned the partition, nothing of the old one is stored.
            for other in others where other.name != member.name && other.wasEverAssigned {
                let shared = other.partitions.filter { event.partitions.contains($0) }
                guard shared.isEmpty || other.since <= member.since || sent < other.since else {
                    return "partition \(shared[0]) was \(other.name)'s already: the commit must be fenced"
                }
            }
        case "rebalanceInProgress":
            guard refusesCommitsDuringJoin || member.standing != .assigned || event.time - member.since < 5_000 else {
                return "REBALANCE_IN_PROGRESS without a rebalance"
            }
        case "fenced":
            // Only a member that lost its generation is fenced: the group went on, or it hears of a loss or a
            // rebalance next.
            let wentOn = others.contains { $0.name != member.name && $0.wasEverAssigned && $0.since > member.since }
            guard wentOn || isFollowed || event.time - sent >= sessionTimeout else {
                return "fenced though the member's generation is the newest"
            }
        case "failed", "nothingToDo", "metadataTooLarge": break
        default: return "no result"
        }
        return nil
    }
}
