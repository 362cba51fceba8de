/// The rules of the simulated coordinator, held against recordings of a real one.
///
/// A recording is accepted when the world's coordinator can produce it: eager rebalances with generations, session
/// timeouts, members that are held in a join while one drains, an assign while another event is held, commits that are fenced
/// by member and generation, answers that come late.
/// Members also join anew while a rebalance event of theirs is held, as librdkafka 2.0.2 does when partitions are added.
public struct CoordinatorModel: Sendable {
    /// The results of a commit.
    static let results = ["stored", "nothingToDo", "rebalanceInProgress", "fenced", "metadataTooLarge", "failed"]

    /// Members tell the coordinator that they live once in so many milliseconds, at least.
    private static let heartbeatInterval: Int64 = 1_000

    /// A member hears of a rebalance at its next heartbeat: after 3 s at the latest, and some for the way.
    private static let longestHeartbeatInterval: Int64 = 4_000

    /// So long may the group take, at most, from the last join to the assigns.
    private static let joinTime: Int64 = 500

    /// The session timeout in milliseconds: so long must a member be silent until another may hold its partitions.
    public var sessionTimeout: Int64
    /// Whether commits can be refused with REBALANCE_IN_PROGRESS while members join (the mock cluster; a real broker
    /// does so only between a join's completion and the member's assign).
    public var refusesCommitsDuringJoin: Bool
    /// So many milliseconds late may the lines of processes be logged, on a machine that is busy with a broker and workers.
    public static let processTolerance: Int64 = 500
    /// How many milliseconds late a line may be logged: none in a world, `processTolerance` by processes.
    public var tolerance: Int64

    /// Makes a model.
    public init(
        sessionTimeout: Int64 = 15_000, refusesCommitsDuringJoin: Bool = false, tolerance: Int64 = 0
    ) {
        self.sessionTimeout = sessionTimeout
        self.refusesCommitsDuringJoin = refusesCommitsDuringJoin
        self.tolerance = tolerance
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
        /// When the present assign was answered; nil while it is held.
        var readingSince: Int64?
        /// A revoke or a loss waits for the worker's answer.
        var isHeld = false
        /// When it was last told to let go of its partitions.
        var toldAt: Int64?
        /// Its present assign came without a revoke.
        var joinedWhileHeld = false
        /// When it last had to let go of its partitions.
        var endedAt: Int64?
        /// When the coordinator last heard of it, as far as the recording proves it.
        var heardAt: Int64 = .min / 2
    }

    /// Whether the model can produce the recording; nil when it can, else the first event that it cannot produce.
    public func refusal(of recording: Recording) -> String? {
        var members: [Member] = []
        var last: Int64 = .min
        for (number, event) in recording.events.enumerated() {
            func refuse(_ reason: String) -> String {
                "event \(number + 1) (\(event.kind.rawValue) of \(event.member) at \(event.time) ms): \(reason)"
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
                // Eager: the whole assignment is replaced, also while a rebalance event is held; but not from one
                // assignment that is in use to the next without a revoke between them.
                guard member.standing != .assigned || joinedWhileHeld(member, members, until: number, in: recording)
                else { return refuse("an assign without a revoke before it") }
                for other in members where other.name != member.name {
                    if let reason = refusal(ofAssign: event, number, over: other, in: recording) {
                        return refuse(reason)
                    }
                }
                member.joinedWhileHeld = member.standing == .assigned
                member.standing = .assigned
                member.partitions = event.partitions
                member.everAssigned.formUnion(event.partitions)
                member.since = event.time
                member.wasEverAssigned = true
                member.readingSince = nil
                member.isHeld = false
                member.endedAt = nil
                member.heardAt = event.time
            case .reading:
                guard member.standing == .assigned, member.readingSince == nil else {
                    return refuse("no assign waits for an answer")
                }
                // A worker that is told to stop reads nothing any more.
                guard event.partitions.isEmpty || event.partitions.sorted() == member.partitions.sorted() else {
                    return refuse("the eager protocol answers the whole assignment")
                }
                member.readingSince = event.time
            case .revoke, .lost:
                guard member.standing == .assigned || (event.kind == .lost && member.standing == .revoked) else {
                    return refuse("nothing is assigned")
                }
                guard event.partitions.isEmpty || event.partitions.sorted() == member.partitions.sorted() else {
                    return refuse("the eager protocol revokes the whole assignment")
                }
                member.isHeld = true
                member.toldAt = event.time
                if event.kind == .lost {
                    member.standing = .outside
                    member.endedAt = event.time
                } else {
                    member.standing = .revoked
                    member.heardAt = event.time
                }
            case .unassign:
                guard member.isHeld else { return refuse("no revoke waits for an answer") }
                member.standing = .outside
                member.isHeld = false
                member.endedAt = member.endedAt ?? event.time
            case .commit:
                let next = nextRebalance(of: event.member, after: number, in: recording)
                if let reason = refusal(ofCommit: event, by: member, others: members, next: next) {
                    return refuse(reason)
                }
                if event.result == "stored" { member.heardAt = max(member.heardAt, event.sent ?? event.time) }
            case .leave:
                member.standing = .left
            }
            members[index] = member
        }
        return nil
    }

    /// Whether the model can produce the recording.
    public func accepts(_ recording: Recording) -> Bool { refusal(of: recording) == nil }

    /// The next event that tells what the group does with a member, or the member with the group.
    private func nextRebalance(of member: String, after number: Int, in recording: Recording) -> RecordedEvent? {
        for event in recording.events[(number + 1)...] where event.member == member {
            switch event.kind {
            case .commit, .reading: continue
            case .assign, .revoke, .lost, .unassign, .start, .leave: return event
            }
        }
        return nil
    }

    /// Whether a member can be assigned from one assignment to the next: it joined anew while the assign was held. Its
    /// answer may have crossed the join, which then waits for the other members.
    private func joinedWhileHeld(
        _ member: Member, _ members: [Member], until number: Int, in recording: Recording
    ) -> Bool {
        guard let answered = member.readingSince else { return true }
        let time = recording.events[number].time
        let told = member.since...max(member.since, answered + Self.longestHeartbeatInterval)
        var joined = answered
        for other in members where other.name != member.name && other.wasEverAssigned && other.standing != .left {
            let wasTold = other.toldAt.map { told.contains($0) } ?? false
            if other.standing != .assigned {
                if wasTold { joined = max(joined, other.endedAt ?? time) }
            } else if other.since > member.since {
                if wasTold || other.joinedWhileHeld { joined = max(joined, other.since) }
            } else {
                switch nextRebalance(of: other.name, after: number, in: recording)?.kind {
                case .assign, .leave: joined = time
                // It is dead or away: the group waits until its session is over.
                case .lost, .start, nil: joined = max(joined, min(time, told.upperBound + sessionTimeout))
                case .revoke, .unassign, .reading, .commit: return false
                }
            }
        }
        return time - joined <= Self.joinTime + tolerance
    }

    /// Why an assign cannot come as long as another member stands as it does; nil when it can.
    ///
    /// Two members hold a partition only when the session of one is over: it hears of a loss then, or nothing any more.
    /// A member that drains holds the group, unless it joined again early.
    private func refusal(
        ofAssign event: RecordedEvent, _ number: Int, over other: Member, in recording: Recording
    ) -> String? {
        guard let shared = other.partitions.first(where: { event.partitions.contains($0) }) else { return nil }
        let isSessionOver =
            event.time - other.heardAt >= sessionTimeout - Self.heartbeatInterval - tolerance
        let next = nextRebalance(of: other.name, after: number, in: recording)
        switch other.standing {
        case .outside, .left: return nil
        case .assigned:
            switch next?.kind {
            // It joined anew while its assign was held; whether it could is asked when its next assign comes.
            case .leave, .assign: return nil
            case nil, .lost, .start:
                return isSessionOver
                    ? nil : "partition \(shared) is still \(other.name)'s, whose session cannot be over"
            case .revoke, .unassign, .reading, .commit:
                return "partition \(shared) is still assigned to \(other.name), which is alive"
            }
        case .revoked:
            guard !isSessionOver, let next, next.kind == .unassign, next.time > event.time + tolerance,
                !joinedEarly(other.name, as: event, number, in: recording)
            else { return nil }
            return "partition \(shared) is still held by \(other.name), which drains"
        }
    }

    /// Whether a member whose revoke is held was in the generation of another one's assign all the same: its own assign
    /// comes, perhaps behind its answer to the revoke, before the other one has another rebalance.
    private func joinedEarly(
        _ member: String, as event: RecordedEvent, _ number: Int, in recording: Recording
    ) -> Bool {
        for later in recording.events[(number + 1)...] where later.kind != .commit && later.kind != .reading {
            if later.member == event.member { return false }
            if later.member == member, later.kind == .assign { return true }
        }
        return false
    }

    private func refusal(
        ofCommit event: RecordedEvent, by member: Member, others: [Member], next: RecordedEvent?
    ) -> String? {
        let sent = event.sent ?? event.time
        guard sent <= event.time else { return "it ends before it was sent" }
        guard member.wasEverAssigned else { return "a member that never had an assignment commits" }
        guard event.partitions.allSatisfy({ member.everAssigned.contains($0) }) else {
            return "it names a partition that never was the member's"
        }
        switch event.result ?? "" {
        case "stored":
            if let endedAt = member.endedAt, sent > endedAt {
                return "it was sent when nothing was assigned any more"
            }
            // Fenced by generation: once another member was assigned the partition, nothing of the old one is stored.
            for other in others where other.name != member.name && other.wasEverAssigned {
                let shared = other.partitions.filter { event.partitions.contains($0) }
                guard shared.isEmpty || other.since <= member.since || sent < other.since else {
                    return "partition \(shared[0]) was \(other.name)'s already: the commit must be fenced"
                }
            }
        case "rebalanceInProgress":
            guard
                refusesCommitsDuringJoin || member.standing != .assigned || event.time - member.since < 5_000
                    || next?.kind == .assign
            else {
                return "REBALANCE_IN_PROGRESS without a rebalance"
            }
        case "fenced":
            // Only a member that lost its generation is fenced: the group went on, or it hears of a loss or a
            // rebalance next.
            let wentOn = others.contains { $0.name != member.name && $0.wasEverAssigned && $0.since > member.since }
            let isFollowed = next.map { $0.kind == .lost || $0.time - event.time < sessionTimeout } ?? false
            guard wentOn || isFollowed || sent < member.since || event.time - sent >= sessionTimeout else {
                return "fenced though the member's generation is the newest"
            }
        case "failed", "nothingToDo", "metadataTooLarge": break
        default: return "no result"
        }
        return nil
    }
}
