/// Drives the coordinator with what a recording says that the members of a real group did, and compares what it does with
/// what they were told.
///
/// A recording does not tell when a join, a heartbeat or the end of a session reached the coordinator. They happen here as
/// late as they can: at the event that needs them. Commits are judged at the end, by all states that the coordinator may
/// have had from their sending to their answer.
///
/// One thing that worlds do is not understood: a member that joined anew while its assign was held, and was cut off until a
/// later generation, so that it never heard of the one between.
struct Replay {
    private enum Standing {
        /// Without an assignment: it joins, or is gone.
        case outside
        case assigned
        /// A revoke is held.
        case revoked
        case left
    }

    /// One life of a process.
    private struct Life {
        var name: String
        /// Its number at the coordinator; 0 when it has none.
        var id: Int32 = 0
        var standing = Standing.outside
        var partitions: [Int] = []
        /// All that it ever was assigned: the answer to a commit can come in a later assignment.
        var everAssigned: Set<Int> = []
        var generation = 0
        /// Its assignments: when, its number and its generation.
        var terms: [(since: Int64, id: Int32, generation: Int)] = []
        /// When its present assignment came, and when that was answered; nil while it is held.
        var since: Int64 = 0
        var readingSince: Int64?
        /// A revoke or a loss waits for the worker's answer.
        var isHeld = false
        /// When it was last told to let go of its partitions.
        var toldAt: Int64?
        /// Its present assign came without a revoke.
        var joinedWhileHeld = false
        /// When it last let go of its partitions, or began to live.
        var endedAt: Int64?
        var isLost = false
        /// The numbers of its events that tell what the group does with it, or it with the group; and of the start of the
        /// next life of its process.
        var turns: [Int] = []
        var successor: Int?
        /// When the coordinator last heard of it, as far as the recording proves it.
        var heardAt = Replay.longAgo
    }

    /// A state of the coordinator that began in a span of time.
    private struct Moment {
        var earliest: Int64
        var latest: Int64
        var coordinator: Coordinator
    }

    /// Where a way to understand the recording ends. One that comes to the commits understands all rebalances.
    private struct Refusal {
        var number: Int
        var reason: String
        var isOfCommit = false

        static func < (left: Refusal, right: Refusal) -> Bool {
            left.isOfCommit != right.isOfCommit ? right.isOfCommit : left.number < right.number
        }
    }

    private struct Commit {
        var number: Int
        var life: Int
        /// Whether the partitions were in use when the answer came.
        var wasAssigned: Bool
    }

    /// Members tell the coordinator that they live once in so many milliseconds, at least.
    private static let heartbeatInterval: Int64 = 1_000

    /// So long may the group take, at most, from the last join to the assigns.
    private static let joinTime: Int64 = 500

    /// So long may the answer to a join take, at most, that need not wait for other members.
    private static let answerTime: Int64 = 50

    /// Before all times of a recording, and far enough from them and from the ends of the range to be reckoned with.
    private static let longAgo = Int64.min / 4

    /// So many ways to understand a recording are tried.
    private static let mostAttempts = 500

    /// So long after the last proof of its life may a member's session end, at the earliest.
    private var shortestSession: Int64 { model.sessionTimeout - Self.heartbeatInterval }

    private let model: CoordinatorModel
    private let events: [RecordedEvent]
    /// The life that each event is of.
    private var lifeOf: [Int] = []
    private var lives: [Life] = []
    private var coordinator = Coordinator()
    private var moments: [Moment] = []
    /// When the present generation began.
    private var completedAt = Replay.longAgo
    /// Who was told which partitions of the present generation, and which members of it cannot be the leader.
    private var given: [Int: Int] = [:]
    private var followers: Set<Int32> = []
    private var commits: [Commit] = []

    init(_ recording: Recording, model: CoordinatorModel) {
        events = recording.events
        self.model = model
        var latest: [String: Int] = [:]
        for event in events {
            let number = lifeOf.count
            if latest[event.member] == nil || event.kind == .start {
                if let before = latest[event.member] { lives[before].successor = number }
                latest[event.member] = lives.count
                lives.append(Life(name: event.member))
            }
            let life = latest[event.member] ?? 0
            lifeOf.append(life)
            switch event.kind {
            case .assign, .revoke, .lost, .unassign, .leave: lives[life].turns.append(number)
            case .start, .commit, .reading: break
            }
        }
        moments = [Moment(earliest: Self.longAgo, latest: Self.longAgo, coordinator: coordinator)]
    }

    /// Why the coordinator cannot produce the recording; nil when it can.
    ///
    /// Where an assign can be understood in several ways (of the present generation, of a new one, the same one again), the
    /// next way is tried when one leads to a refusal.
    func refusal() -> String? {
        var replay = self
        var number = 0
        var alternatives: [(replay: Replay, number: Int)] = []
        var furthest: Refusal?
        for _ in 0..<Self.mostAttempts {
            guard let refusal = replay.run(from: number, &alternatives) else { return nil }
            if furthest.map({ $0 < refusal }) ?? true { furthest = refusal }
            guard let next = alternatives.popLast() else { break }
            (replay, number) = next
        }
        let note = alternatives.isEmpty ? "" : "; not all ways to understand the recording were tried"
        return furthest.map { describe($0.number, $0.reason + note) }
    }

    /// Takes all events from a number on.
    private mutating func run(
        from first: Int, _ alternatives: inout [(replay: Replay, number: Int)]
    ) -> Refusal? {
        for number in first..<max(events.count, first) {
            let event = events[number]
            if number > 0, event.time < events[number - 1].time {
                return Refusal(number: number, reason: "the time goes back")
            }
            if Set(event.partitions).count != event.partitions.count {
                return Refusal(number: number, reason: "a partition stands twice")
            }
            if lives[lifeOf[number]].standing == .left {
                return Refusal(number: number, reason: "the member has left")
            }
            guard event.kind == .assign else {
                if let reason = take(number) { return Refusal(number: number, reason: reason) }
                continue
            }
            let (ways, reason) = assign(number, lifeOf[number])
            guard let way = ways.first else { return Refusal(number: number, reason: reason) }
            for other in ways.dropFirst().reversed() { alternatives.append((other, number + 1)) }
            self = way
        }
        for commit in commits {
            if let reason = refusal(of: commit) {
                return Refusal(number: commit.number, reason: reason, isOfCommit: true)
            }
        }
        return nil
    }

    private func describe(_ number: Int, _ reason: String) -> String {
        let event = events[number]
        return "event \(number + 1) (\(event.kind.rawValue) of \(event.member) at \(event.time) ms): \(reason)"
    }

    // MARK: Events

    private mutating func take(_ number: Int) -> String? {
        let event = events[number]
        let index = lifeOf[number]
        let life = lives[index]
        switch event.kind {
        case .start: lives[index].endedAt = event.time
        case .assign: break
        case .reading:
            guard life.standing == .assigned, life.readingSince == nil else { return "no assign waits for an answer" }
            // A worker that is told to stop reads nothing any more, and a partition can wait for its log's leader.
            guard Set(event.partitions).isSubset(of: life.partitions) else {
                return "a partition is read that was not assigned"
            }
            lives[index].readingSince = event.time
        case .revoke, .lost:
            guard life.standing == .assigned || (event.kind == .lost && life.standing == .revoked) else {
                return "nothing is assigned"
            }
            guard event.partitions.isEmpty || isSame(event, life) else {
                return "the eager protocol revokes the whole assignment"
            }
            lives[index].isHeld = true
            lives[index].toldAt = event.time
            if event.kind == .lost {
                lose(index, at: event.time)
            } else {
                lives[index].standing = .revoked
                lives[index].heardAt = event.time
            }
        case .unassign:
            guard life.isHeld else { return "no revoke waits for an answer" }
            lives[index].standing = .outside
            lives[index].isHeld = false
            if !life.isLost { lives[index].endedAt = event.time }
        case .commit:
            let sent = event.sent ?? event.time
            guard sent <= event.time else { return "it ends before it was sent" }
            guard !life.terms.isEmpty else { return "a member that never had an assignment commits" }
            guard event.partitions.allSatisfy({ life.everAssigned.contains($0) }) else {
                return "it names a partition that never was the member's"
            }
            if event.result == "stored" {
                if life.standing == .outside, let endedAt = life.endedAt, sent > endedAt {
                    return "it was sent when nothing was assigned any more"
                }
                lives[index].heardAt = max(life.heardAt, sent)
            }
            commits.append(Commit(number: number, life: index, wasAssigned: life.standing == .assigned))
        case .leave:
            leave(index, at: event.time)
            lives[index].standing = .left
        }
        return nil
    }

    /// The coordinator does not know the member any more, or the member has not heard of it for a session.
    private mutating func lose(_ index: Int, at time: Int64) {
        lives[index].standing = .outside
        lives[index].isLost = true
        lives[index].endedAt = time
        leave(index, at: time, earliest: lives[index].heardAt + shortestSession)
    }

    private mutating func leave(_ index: Int, at time: Int64, earliest: Int64? = nil) {
        if coordinator.leave(lives[index].id, now: time) {
            note(earliest: earliest ?? lives[index].endedAt ?? time, latest: time)
        }
        lives[index].id = 0
    }

    private mutating func note(earliest: Int64, latest: Int64) {
        moments.append(Moment(earliest: min(earliest, latest), latest: latest, coordinator: coordinator))
    }

    // MARK: Assignments

    /// The ways in which the coordinator can have made an assignment, the likeliest first, or why it cannot.
    private func assign(_ number: Int, _ index: Int) -> (ways: [Replay], reason: String) {
        let event = events[number]
        let life = lives[index]
        var isWithoutRevoke = false
        if life.standing == .assigned {
            let isAgain = life.generation == coordinator.generation && isSame(event, life)
            guard joinedWhileHeld(index, number) || isAgain && isAnsweredLately(life, event.time) else {
                return ([], "an assign without a revoke before it")
            }
            isWithoutRevoke = true
        }
        // Of the present generation, which comes late to a member that was away; the same one again; of a new one.
        var ways: [Replay] = joinsPresent(event, index) ? [self] : []
        var again = self
        if again.isToldAgain(event, index) { ways.append(again) }
        var new = self
        let reason = new.complete(number, index)
        if reason == nil {
            let isYoung = event.time - completedAt <= Self.joinTime + model.tolerance
            ways.insert(new, at: isYoung ? ways.count : 0)
        }
        for place in ways.indices { ways[place].deliver(event, to: index, isWithoutRevoke: isWithoutRevoke) }
        return (ways, reason ?? "")
    }

    /// Whether the member is of the present generation, was not told so, and can have these partitions.
    private func joinsPresent(_ event: RecordedEvent, _ index: Int) -> Bool {
        guard lives[index].generation < coordinator.generation, coordinator.index(of: lives[index].id) != nil else {
            return false
        }
        return event.partitions.allSatisfy { given[$0] ?? index == index }
    }

    /// Whether a member gets its assignment again: it is not the leader, and joined anew.
    private mutating func isToldAgain(_ event: RecordedEvent, _ index: Int) -> Bool {
        let life = lives[index]
        guard life.id != 0, life.generation == coordinator.generation, isSame(event, life), elect(besides: index) else {
            return false
        }
        // Its answer may have been on its way when the next round began.
        if coordinator.asksToJoin(life.id), event.time - coordinator.preparingSince <= Self.answerTime + model.tolerance
        {
            return true
        }
        guard case .again = coordinator.join(life.id, client: index, incarnation: 0, now: event.time).answer else {
            return false
        }
        return true
    }

    private func isSame(_ event: RecordedEvent, _ life: Life) -> Bool {
        event.partitions.sorted() == life.partitions.sorted()
    }

    /// Whether a join that began while the assign was held can have its answer now.
    private func isAnsweredLately(_ life: Life, _ time: Int64) -> Bool {
        life.readingSince.map { time - $0 <= Self.answerTime + model.tolerance } ?? true
    }

    /// Whether another member can be the leader: those that joined at the same time may have come in any order.
    private mutating func elect(besides index: Int) -> Bool {
        followers.insert(lives[index].id)
        guard coordinator.leader == lives[index].id else { return true }
        for other in coordinator.members where !followers.contains(other.id) {
            coordinator.elect(other.id)
            return true
        }
        return false
    }

    private mutating func deliver(_ event: RecordedEvent, to index: Int, isWithoutRevoke: Bool) {
        for partition in event.partitions { given[partition] = index }
        lives[index].joinedWhileHeld = isWithoutRevoke
        lives[index].standing = .assigned
        lives[index].partitions = event.partitions
        lives[index].everAssigned.formUnion(event.partitions)
        lives[index].generation = coordinator.generation
        lives[index].terms.append((event.time, lives[index].id, coordinator.generation))
        lives[index].since = event.time
        lives[index].readingSince = nil
        lives[index].isHeld = false
        lives[index].isLost = false
        lives[index].endedAt = nil
        lives[index].heardAt = event.time
    }

    /// Completes a generation for a member that is assigned at an event. Returns why the coordinator cannot.
    private mutating func complete(_ number: Int, _ index: Int) -> String? {
        let time = events[number].time
        var earliest = join(index, at: time)
        var expelled: Int64?
        var isOverdue = false
        for other in lives.indices where other != index {
            let next = next(other, after: number)
            let isKnown = coordinator.index(of: lives[other].id) != nil
            // It joins, if it does, when its next event is an assign.
            guard isKnown || lives[other].standing == .outside && next?.kind == .assign else { continue }
            let isSessionOver = time - lives[other].heardAt >= shortestSession - model.tolerance
            let isSoon = (next?.time ?? .max) <= time + Self.joinTime + model.tolerance
            switch (lives[other].standing, next?.kind) {
            case (.left, _), (.outside, .leave), (.revoked, .leave): leave(other, at: time)
            case (.assigned, .leave) where isSoon: leave(other, at: time)
            case (.outside, .assign), (.revoked, .assign): earliest = max(earliest, join(other, at: time))
            case (.assigned, .assign) where isSoon:
                // It joined anew while its assign was held; whether it could is asked when its next assign comes.
                earliest = max(earliest, join(other, at: time))
            case (.outside, _) where !isSessionOver:
                // It joined, and died or was too slow for this generation.
                earliest = max(earliest, join(other, at: time))
            case (.outside, _), (.assigned, nil), (.assigned, .lost), (.assigned, .start):
                guard isSessionOver else {
                    return refusal(events[number], over: other, "whose session cannot be over")
                }
                expelled = min(expelled ?? .max, lives[other].heardAt + shortestSession)
            case (.revoked, .unassign):
                let isEarly = joinedEarly(other, as: events[number], number)
                if isEarly || (next?.time ?? .max) <= time + model.tolerance {
                    earliest = max(earliest, join(other, at: time))
                } else if isSessionOver {
                    isOverdue = true
                } else {
                    return refusal(events[number], over: other, "which drains")
                }
            case (.revoked, _): isOverdue = true
            case (.assigned, .revoke) where (next?.time ?? .max) <= time + model.tolerance:
                earliest = max(earliest, join(other, at: time))
            case (.assigned, _): return refusal(events[number], over: other, "which is alive")
            }
        }
        expel(overdue: isOverdue, at: time, earliest: expelled ?? time)
        guard coordinator.complete(now: time) else { return "a member of the group has not joined" }
        completedAt = time
        given = [:]
        followers = []
        note(earliest: earliest, latest: time)
        return nil
    }

    private func refusal(_ event: RecordedEvent, over other: Int, _ reason: String) -> String {
        let life = lives[other]
        let shared = life.partitions.first { event.partitions.contains($0) }.map { "partition \($0) is" }
        let what = life.standing == .revoked ? "held by" : "assigned to"
        return "\(shared ?? "others are") still \(what) \(life.name), \(reason)"
    }

    /// A member asks to join. Returns since when it can have done so.
    private mutating func join(_ index: Int, at time: Int64) -> Int64 {
        let life = lives[index]
        let (id, answer) = coordinator.join(life.id, client: index, incarnation: 0, now: time)
        lives[index].id = id
        // The round began before, by another member or by the partitions that were added.
        if case .again = answer, coordinator.beginRebalance(now: time) {
            _ = coordinator.join(id, client: index, incarnation: 0, now: time)
        }
        switch life.standing {
        case .outside, .left: return life.endedAt ?? Self.longAgo
        case .revoked: return life.toldAt ?? life.since
        case .assigned: return life.since
        }
    }

    /// Expels the members that have not joined: their sessions are over, or the rebalance took too long.
    private mutating func expel(overdue: Bool, at time: Int64, earliest: Int64) {
        for member in coordinator.members {
            coordinator.heard(of: member.id, at: member.hasJoined ? time : lives[member.client].heardAt)
        }
        let expelled = coordinator.expel(
            now: time, sessionTimeout: shortestSession - model.tolerance - 1, rebalanceTimeout: overdue ? -1 : .max)
        guard !expelled.isEmpty else { return }
        for member in expelled { lives[member.client].id = 0 }
        note(earliest: earliest, latest: time)
    }

    /// The next event of a life that tells what the group does with it, or it with the group; a new life is its last.
    private func next(_ life: Int, after number: Int) -> RecordedEvent? {
        let turns = lives[life].turns
        var low = 0
        var high = turns.count
        while low < high {
            let middle = (low + high) / 2
            if turns[middle] <= number { low = middle + 1 } else { high = middle }
        }
        if low < turns.count { return events[turns[low]] }
        return lives[life].successor.flatMap { $0 > number ? events[$0] : nil }
    }

    /// Whether a member can be assigned from one assignment to the next: it joined anew while the assign was held. Its
    /// answer may have crossed the join, which then waits for the other members.
    private func joinedWhileHeld(_ index: Int, _ number: Int) -> Bool {
        let member = lives[index]
        guard let answered = member.readingSince else { return true }
        let time = events[number].time
        let told = member.since...max(member.since, answered + model.longestHeartbeatInterval)
        var joined = answered
        for other in lives.indices where other != index && !lives[other].terms.isEmpty && lives[other].standing != .left
        {
            let life = lives[other]
            let wasTold = life.toldAt.map { told.contains($0) } ?? false
            if life.standing != .assigned {
                if wasTold { joined = max(joined, life.endedAt ?? time) }
            } else if life.since > member.since {
                if wasTold || life.joinedWhileHeld { joined = max(joined, life.since) }
            } else {
                switch next(other, after: number)?.kind {
                case .assign, .leave: joined = time
                // It is dead or away: the group waits until its session is over.
                case .lost, .start, nil: joined = max(joined, min(time, told.upperBound + model.sessionTimeout))
                case .revoke, .unassign, .reading, .commit: return false
                }
            }
        }
        return time - joined <= Self.joinTime + model.tolerance
    }

    /// Whether a member whose revoke is held was in the generation of another one's assign all the same: its own assign
    /// comes, perhaps behind its answer to the revoke, before the other one has another rebalance.
    private func joinedEarly(_ member: Int, as event: RecordedEvent, _ number: Int) -> Bool {
        for later in events[(number + 1)...] where later.kind != .commit && later.kind != .reading {
            if later.member == event.member { return false }
            if later.member == lives[member].name, later.kind == .assign { return true }
        }
        return false
    }

    // MARK: Commits

    /// Why a commit cannot have had its result; nil when it can.
    private func refusal(of commit: Commit) -> String? {
        let event = events[commit.number]
        let sent = event.sent ?? event.time
        let life = lives[commit.life]
        let terms = life.terms.filter { $0.since <= event.time }
        let possible = terms.indices.filter { place in
            // The assignment in which it was sent; the time of sending may be off by a rounding.
            terms[place].since <= sent + 2 && (place + 1 == terms.count || terms[place + 1].since >= sent)
        }.flatMap { verdicts(id: terms[$0].id, generation: terms[$0].generation, from: sent, to: event.time) }
        switch event.result ?? "" {
        case "stored":
            if !possible.contains(.stored) { return "the group went on: the commit must be fenced" }
        case "fenced":
            // Nothing is said of a member that the recording leaves behind.
            let isSilent = next(commit.life, after: commit.number) == nil && event.time - sent >= model.sessionTimeout
            if !possible.contains(.fenced), !isSilent { return "fenced though the member's generation is the newest" }
        case "rebalanceInProgress":
            // Or the member joined anew while its assign was held.
            let isNear =
                terms.last.map { event.time - $0.since < 5_000 } ?? false
                || next(commit.life, after: commit.number)?.kind == .assign
            if !model.refusesCommitsDuringJoin, commit.wasAssigned, !isNear {
                return "REBALANCE_IN_PROGRESS without a rebalance"
            }
        // They say nothing of the group.
        case "failed", "nothingToDo", "metadataTooLarge": break
        default: return "no result"
        }
        return nil
    }

    /// What the coordinator may have said to a commit of a member in a generation, from that generation's begin on.
    private func verdicts(id: Int32, generation: Int, from: Int64, to: Int64) -> [Coordinator.Verdict] {
        var result: [Coordinator.Verdict] = []
        for place in moments.indices where moments[place].coordinator.generation >= generation {
            let latest = place + 1 < moments.count ? moments[place + 1].latest : .max
            guard moments[place].earliest - model.tolerance <= to,
                latest >= from
            else { continue }
            result.append(
                moments[place].coordinator.verdict(member: id, generation: generation, refusesDuringJoin: false))
        }
        return result
    }
}
