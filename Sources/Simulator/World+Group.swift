import RevokeEngine
import RevokeModel

extension World {
    /// Whether the coordinator answers.
    var coordinatorAnswers: Bool { !isActive(.coordinatorHang) && !isActive(.coordinatorRestart) }

    /// Whether a worker reaches the coordinator.
    func reaches(_ worker: SimulatedWorker) -> Bool { coordinatorAnswers && now >= worker.isolatedUntil }

    /// Asks all members to join again. Returns whether that is news.
    @discardableResult
    func beginRebalance() -> Bool {
        guard group.beginRebalance(now: now) else { return false }
        prepareRebalance(delay: 50)
        return true
    }

    /// A round began; it is not complete before a while has passed.
    private func prepareRebalance(delay: Int64) {
        groupEarliest = now + delay
        trace.line("\(now) group prepares a rebalance")
        agenda.add(at: groupEarliest, .groupComplete)
    }

    // MARK: Requests of members

    func join(_ worker: SimulatedWorker) {
        guard worker.membership == .joining, !worker.isStopping else { return }
        guard reaches(worker) else {
            agenda.add(at: now + 500, .join, worker: worker.index, incarnation: worker.incarnation)
            return
        }
        worker.lastHeartbeat = now
        worker.hasAssignment = false
        joinGroup(worker)
    }

    /// Asks the coordinator to join.
    private func joinGroup(_ worker: SimulatedWorker) {
        let wasPreparing = group.isPreparing
        let (id, answer) = group.join(
            worker.member, client: worker.index, incarnation: worker.incarnation, now: now)
        worker.member = id
        trace.line("\(now) w\(worker.index) joins as member \(id)")
        switch answer {
        case .waits:
            if !wasPreparing { prepareRebalance(delay: group.members.count == 1 ? 500 : 10) }
            completeIfReady()
        case .again: sendAssignment(worker)
        }
    }

    func leave(_ worker: SimulatedWorker) {
        if coordinatorAnswers, now >= worker.isolatedUntil {
            let wasPreparing = group.isPreparing
            if group.leave(worker.member, now: now) { membersLeft(wasPreparing: wasPreparing) }
        }
        for index in worker.nextPlace.indices { worker.nextPlace[index] = -1 }
    }

    func heartbeat(_ worker: SimulatedWorker) {
        if reaches(worker) {
            guard worker.member != 0 else { return }
            guard group.index(of: worker.member) != nil else {
                // The coordinator does not know the member any more.
                loseAssignment(worker)
                return
            }
            worker.lastHeartbeat = now
            group.heard(of: worker.member, at: now)
            if group.asksToJoin(worker.member), worker.membership == .stable { beginRevoke(worker) }
        } else if now - worker.lastHeartbeat > profile.engine.sessionTimeout, worker.member != 0 {
            loseAssignment(worker)
        }
    }

    private func beginRevoke(_ worker: SimulatedWorker) {
        worker.rebalance += 1
        worker.membership = .revoking(worker.rebalance)
        worker.revokeBegan = now
        trace.line("\(now) w\(worker.index) revoke \(worker.rebalance)")
        record(worker, .revoke)
        if isActive(.earlyJoin) {
            agenda.add(
                at: now + dice.between(50, 800, .earlyJoin, Int64(worker.index), Int64(worker.rebalance)), .earlyJoin,
                worker: worker.index, incarnation: worker.incarnation)
        }
        witnessRevoking(worker, isLost: false)
        worker.engine.revoking(rebalance: worker.rebalance, now: worker.instant(now))
        drive(worker)
    }

    private func loseAssignment(_ worker: SimulatedWorker) {
        worker.member = 0
        worker.generation = 0
        worker.joinedEarly = false
        switch worker.membership {
        case .closed, .losing: return
        case .joining:
            agenda.add(at: now + 100, .join, worker: worker.index, incarnation: worker.incarnation)
        case .assigning, .stable, .revoking:
            worker.rebalance += 1
            worker.membership = .losing(worker.rebalance)
            trace.line("\(now) w\(worker.index) lost \(worker.rebalance)")
            record(worker, .lost)
            worker.withholdUnsent()
            witnessRevoking(worker, isLost: true)
            worker.engine.lost(rebalance: worker.rebalance, now: worker.instant(now))
            drive(worker)
        }
    }

    /// Joins while a rebalance event is held, as librdkafka 2.0.2 does when partitions are added.
    func earlyJoin(_ worker: SimulatedWorker) {
        guard reaches(worker), group.index(of: worker.member) != nil else { return }
        switch worker.membership {
        case .revoking: break
        case .assigning: guard !worker.joinedEarly else { return }
        case .joining, .stable, .losing, .closed: return
        }
        trace.line("\(now) w\(worker.index) joins while a rebalance event is held")
        worker.joinedEarly = true
        joinGroup(worker)
    }

    /// A member that learns of new partitions by itself gives back what it has and joins anew. Only the leader's join has the
    /// others join too.
    func refresh(_ worker: SimulatedWorker) {
        guard !worker.isStopping else { return }
        guard reaches(worker), worker.membership == .stable, group.index(of: worker.member) != nil else {
            agenda.add(at: now + 300, .refresh, worker: worker.index, incarnation: worker.incarnation)
            return
        }
        trace.line("\(now) w\(worker.index) learns of new partitions")
        beginRevoke(worker)
    }

    // MARK: Answers of the engine

    func answerAssign(_ worker: SimulatedWorker, _ rebalance: UInt64, _ offsets: [PartitionOffset]) {
        guard worker.membership == .assigning(rebalance) else { return }
        worker.withholdUnsent()
        record(worker, .reading, offsets.map { Int($0.partition) })
        worker.membership = .stable
        worker.hasAssignment = true
        for index in worker.nextPlace.indices {
            worker.nextPlace[index] = -1
            worker.isPaused[index] = false
        }
        readFrom(worker, offsets)
    }

    func readFrom(_ worker: SimulatedWorker, _ offsets: [PartitionOffset]) {
        for offset in offsets {
            let partition = Int(offset.partition)
            worker.nextPlace[partition] = topic.place(partition, atOrAbove: offset.offset)
        }
        fetchMore(worker)
    }

    func answerUnassign(_ worker: SimulatedWorker, _ rebalance: UInt64) {
        record(worker, .unassign)
        worker.withholdUnsent()
        let last = worker.nextPlace
        for index in worker.nextPlace.indices { worker.nextPlace[index] = -1 }
        worker.hasAssignment = false
        worker.membership = .joining
        for partition in last.indices
        where last[partition] >= 0 && last[partition] < topic.logs[partition].ids.count
            && dice.chance(60, .lateRecord, Int64(worker.index), Int64(rebalance), Int64(partition))
        {
            agenda.add(
                at: now + 1, .lateRecord, worker: worker.index, incarnation: worker.incarnation,
                number: UInt64(topic.logs[partition].ids[last[partition]]))
        }
        if worker.isStopping {
            worker.membership = .closed
        } else if worker.joinedEarly, group.index(of: worker.member) != nil {
            // It has joined already; the next assign event comes by itself.
        } else {
            agenda.add(at: now + 20, .join, worker: worker.index, incarnation: worker.incarnation)
        }
    }

    // MARK: The coordinator's own steps

    func groupTick() {
        guard coordinatorAnswers else { return }
        // A loop that stalls leaves the heartbeats to librdkafka's threads.
        for index in group.members.indices {
            let member = group.members[index]
            guard let worker = workers[member.client], worker.isAlive, worker.incarnation == member.incarnation,
                worker.member == member.id, now < worker.suspendedUntil, !worker.suspensionStopsHeartbeats,
                now >= worker.isolatedUntil
            else { continue }
            group.heard(of: member.id, at: now)
            worker.lastHeartbeat = now
        }
        let wasPreparing = group.isPreparing
        let expelled = group.expel(
            now: now, sessionTimeout: profile.engine.sessionTimeout, rebalanceTimeout: profile.rebalanceTimeout)
        for member in expelled { trace.line("\(now) group expels member \(member.id)") }
        if !expelled.isEmpty { membersLeft(wasPreparing: wasPreparing) }
    }

    /// The round of joins need not wait for members that left, or begins because of them.
    private func membersLeft(wasPreparing: Bool) {
        if wasPreparing { completeIfReady() } else if group.isPreparing { prepareRebalance(delay: 50) }
    }

    func completeIfReady() {
        guard coordinatorAnswers, now >= groupEarliest, group.complete(now: now) else { return }
        let count = group.members.count
        let first = profile.isSticky ? 0 : Int(dice.roll(.rotation, Int64(group.generation)) % UInt64(count))
        var order = Array(group.members.indices)
        if profile.isSticky { order.sort { group.members[$0].client < group.members[$1].client } }
        var partitions: [[Int]] = Array(repeating: [], count: count)
        for partition in topic.logs.indices { partitions[order[(partition + first) % count]].append(partition) }
        trace.line("\(now) group completes generation \(group.generation) with \(count) members")
        for index in 0..<count {
            let member = group.members[index]
            guard let worker = workers[member.client], worker.incarnation == member.incarnation,
                worker.member == member.id
            else { continue }
            worker.pendingAssignment = partitions[index]
            sendAssignment(worker)
        }
    }

    /// The assignment of the present generation is on its way to a member.
    private func sendAssignment(_ worker: SimulatedWorker) {
        agenda.add(
            at: now + dice.between(2, 40, .assignDelay, Int64(group.generation), Int64(worker.member)), .assignReady,
            worker: worker.index, incarnation: worker.incarnation, number: UInt64(group.generation))
    }

    func assignReady(_ worker: SimulatedWorker, generation: Int) {
        guard group.generation == generation else { return }
        guard reaches(worker) else {
            agenda.add(
                at: now + 500, .assignReady, worker: worker.index, incarnation: worker.incarnation,
                number: UInt64(generation))
            return
        }
        guard let index = group.index(of: worker.member) else {
            loseAssignment(worker)
            return
        }
        // It waits in a later round already.
        guard !group.members[index].hasJoined else { return }
        switch worker.membership {
        case .joining, .revoking: break
        case .assigning, .stable: guard worker.joinedEarly else { return }
        case .losing, .closed: return
        }
        group.heard(of: worker.member, at: now)
        worker.lastHeartbeat = now
        worker.generation = generation
        worker.rebalance += 1
        worker.membership = .assigning(worker.rebalance)
        worker.joinedEarly = false
        for index in worker.nextPlace.indices { worker.nextPlace[index] = -1 }
        while worker.nextPlace.count < topic.logs.count {
            worker.nextPlace.append(-1)
            worker.isPaused.append(false)
        }
        let partitions = worker.pendingAssignment
        worker.heldAssignment = partitions
        trace.line("\(now) w\(worker.index) assign \(worker.rebalance)")
        record(worker, .assign, partitions)
        witnessSuperseded(worker)
        worker.withholdUnsent()
        worker.engine.superseded(now: worker.instant(now))
        let key = Int64(worker.rebalance)
        guard isActive(.earlyJoin), dice.chance(500, .assignDelay, key, Int64(worker.index), 1) else {
            return assignFound(worker, worker.rebalance)
        }
        // What the group committed is read meanwhile, which takes a while on a busy broker.
        let length = dice.between(5, 1_500, .assignDelay, key, Int64(worker.index), 2)
        agenda.add(
            at: now + length, .assignFound, worker: worker.index, incarnation: worker.incarnation,
            number: worker.rebalance)
        agenda.add(
            at: now + dice.between(1, length, .earlyJoin, key, Int64(worker.index), 3), .earlyJoin,
            worker: worker.index, incarnation: worker.incarnation)
        drive(worker)
    }

    /// What the group committed is known: the engine hears of the assignment, and answers.
    func assignFound(_ worker: SimulatedWorker, _ rebalance: UInt64) {
        guard worker.membership == .assigning(rebalance) else { return }
        // The coordinator takes the requests of a member in turn: what was committed before is there.
        guard
            !pendingCommits.contains(where: {
                $0.worker == worker.index && $0.incarnation == worker.incarnation && $0.results.isEmpty
            })
        else {
            agenda.add(
                at: now + 5, .assignFound, worker: worker.index, incarnation: worker.incarnation, number: rebalance)
            return
        }
        var assigned: [AssignedPartition] = []
        for partition in worker.heldAssignment where topic.logs[partition].isToBeReplaced { replaceLog(partition) }
        for partition in worker.heldAssignment {
            let log = topic.logs[partition]
            let ends = LogEnds(start: log.start, end: log.end)
            let isLate = isLogLate(worker, partition)
            assigned.append(
                AssignedPartition(
                    partition: Int32(partition), committedOffset: log.committed?.offset,
                    metadata: log.committed?.metadata ?? [], log: isLate ? nil : ends,
                    startOffset: isLate ? nil : log.start))
            if isLate {
                let delay = dice.between(
                    1, 8_000, .assignDelay, Int64(rebalance), Int64(worker.index), Int64(partition))
                agenda.add(
                    at: now + delay, .logFound, worker: worker.index, incarnation: worker.incarnation,
                    number: rebalance, extra: Int64(partition))
            }
            trace.line(
                "\(now) w\(worker.index) assigned \(rebalance): \(partition),"
                    + " committed \(log.committed?.offset ?? -1), log \(log.start)..<\(log.end)",
                partition: partition)
        }
        witnessAssigned(worker, assigned)
        worker.engine.assigned(
            assigned, topicPartitions: topic.logs.count, rebalance: rebalance, now: worker.instant(now))
        drive(worker)
    }

    /// Whether a log's leader answers only after the assign has to be answered. Of logs that hold what was committed:
    /// others are read again from their start.
    private func isLogLate(_ worker: SimulatedWorker, _ partition: Int) -> Bool {
        let log = topic.logs[partition]
        if let committed = log.committed, !(log.start...log.end).contains(committed.offset) { return false }
        let key = Int64(worker.rebalance)
        return dice.chance(150, .assignDelay, -1 - key, Int64(worker.index), Int64(partition))
    }

    /// A log's leader answers after the assign was answered.
    func logFound(_ worker: SimulatedWorker, _ rebalance: UInt64, partition: Int) {
        guard worker.rebalance == rebalance, worker.membership == .stable, !worker.isStopping else { return }
        let log = topic.logs[partition]
        let committed = worker.witness.epochs[partition]?.read?.offset
        // Of a log that was replaced meanwhile, what stood in the former one.
        let ends = LogEnds(
            start: min(log.start, committed ?? log.start), end: max(log.end, committed ?? log.end))
        let found = AssignedPartition(
            partition: Int32(partition), committedOffset: nil, metadata: [], log: ends, startOffset: log.start)
        trace.line("\(now) w\(worker.index) found \(partition), log \(log.start)..<\(log.end)", partition: partition)
        witnessFound(worker, found)
        worker.engine.found(
            ends, startOffset: log.start, of: Int32(partition), rebalance: rebalance, now: worker.instant(now))
        drive(worker)
    }
}
