/// The group's coordinator: the eager protocol with generations, sessions and fenced commits.
///
/// It has no clock and draws nothing. The world drives it with what its workers do, `Replay` with what a recording says
/// that the members of a real group did.
struct Coordinator {
    struct Member {
        var id: Int32
        /// Whose member it is, as the driver counts its clients.
        var client: Int
        var incarnation: Int
        /// Waits in JoinGroup of the present round.
        var hasJoined: Bool
        /// When it was last heard of.
        var lastHeartbeat: Int64
    }

    /// What a member that asks to join is told.
    enum JoinAnswer {
        /// It waits until all members have joined.
        case waits
        /// Its assignment in the present generation: a member that is not the leader changes nothing by joining anew.
        case again
    }

    /// What becomes of a commit.
    enum Verdict {
        case stored
        case rebalanceInProgress
        case fenced
    }

    private(set) var members: [Member] = []
    private(set) var generation = 0
    /// Members are to join again, and since when.
    private(set) var isPreparing = false
    private(set) var preparingSince: Int64 = 0
    /// The oldest member, whose joining anew has all members join.
    private(set) var leader: Int32 = 0
    private var nextMember: Int32 = 1

    func index(of member: Int32) -> Int? {
        for index in members.indices where members[index].id == member { return index }
        return nil
    }

    /// Asks all members to join again. Returns whether that is news.
    mutating func beginRebalance(now: Int64) -> Bool {
        guard !isPreparing, !members.isEmpty else { return false }
        isPreparing = true
        preparingSince = now
        return true
    }

    /// A member asks to join; one that the coordinator does not know gets a new number.
    mutating func join(_ member: Int32, client: Int, incarnation: Int, now: Int64) -> (id: Int32, answer: JoinAnswer) {
        guard let index = index(of: member) else {
            let id = nextMember
            nextMember += 1
            members.append(
                Member(id: id, client: client, incarnation: incarnation, hasJoined: true, lastHeartbeat: now))
            _ = beginRebalance(now: now)
            return (id, .waits)
        }
        members[index].lastHeartbeat = now
        guard isPreparing || member == leader else { return (member, .again) }
        members[index].hasJoined = true
        _ = beginRebalance(now: now)
        return (member, .waits)
    }

    /// Another member was the first to join.
    mutating func elect(_ member: Int32) { leader = member }

    /// A member leaves. Returns whether the coordinator knew it.
    mutating func leave(_ member: Int32, now: Int64) -> Bool {
        guard let index = index(of: member) else { return false }
        members.remove(at: index)
        _ = beginRebalance(now: now)
        return true
    }

    /// A member says that it lives.
    mutating func heard(of member: Int32, at time: Int64) {
        if let index = index(of: member) { members[index].lastHeartbeat = time }
    }

    /// After a restart all sessions begin anew.
    mutating func beginSessions(at time: Int64) {
        for index in members.indices { members[index].lastHeartbeat = time }
    }

    /// Whether a member has to join again.
    func asksToJoin(_ member: Int32) -> Bool {
        guard isPreparing, let index = index(of: member) else { return false }
        return !members[index].hasJoined
    }

    /// Expels the members whose session is over, and, when a rebalance takes too long, those that did not join.
    mutating func expel(now: Int64, sessionTimeout: Int64, rebalanceTimeout: Int64) -> [Member] {
        let isOverdue = isPreparing && now - preparingSince > rebalanceTimeout
        let expelled = members.filter {
            !$0.hasJoined && (isOverdue || now - $0.lastHeartbeat > sessionTimeout)
        }
        guard !expelled.isEmpty else { return [] }
        members.removeAll { member in expelled.contains { $0.id == member.id } }
        _ = beginRebalance(now: now)
        return expelled
    }

    /// Completes the round when all members have joined. Returns whether a new generation begins.
    mutating func complete(now: Int64) -> Bool {
        guard isPreparing else { return false }
        guard !members.isEmpty else {
            isPreparing = false
            return false
        }
        guard members.allSatisfy(\.hasJoined) else { return false }
        generation += 1
        isPreparing = false
        leader = members[0].id
        for index in members.indices {
            members[index].hasJoined = false
            members[index].lastHeartbeat = now
        }
        return true
    }

    /// What becomes of a commit of a member in a generation. A real broker takes the commits of a generation until the next
    /// one begins, the mock cluster of librdkafka refuses them while members join.
    func verdict(member: Int32, generation: Int, refusesDuringJoin: Bool) -> Verdict {
        guard member != 0, index(of: member) != nil, generation == self.generation else { return .fenced }
        return isPreparing && refusesDuringJoin ? .rebalanceInProgress : .stored
    }
}
