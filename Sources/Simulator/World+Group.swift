import RevokeEngine
import RevokeModel

/// The group's coordinator: the eager protocol with generations.
struct Group {
    struct Member {
        var id: Int32
        var worker: Int
        var incarnation: Int
        /// Waits in JoinGroup of the present round.
        var hasJoined: Bool
        var lastHeartbeat: Int64
    }

    var members: [Member] = []
    var generation = 0
    /// Members are to join again.
    var isPreparing = false
    var preparingSince: Int64 = 0
    /// Not complete before this time.
    var earliest: Int64 = 0
    var nextMember: Int32 = 1

    func index(of member: Int32) -> Int? {
        for index in members.indices where members[index].id == member { return index }
        return nil
    }
}

extension World {
    /// Whether the coordinator answers.
    var coordinatorAnswers: Bool { !isActive(.coordinatorHang) && !isActive(.coordinatorRestart) }

    /// Whether a worker reaches the coordinator.
    func reaches(_ worker: SimulatedWorker) -> Bool { coordinatorAnswers && now >= worker.isolatedUntil }

    func beginRebalance() {
        guard !group.isPreparing, !group.members.isEmpty else { return }
        group.isPreparing = true
        group.preparingSince = now
        group.earliest = now + 50
        trace.line("\(now) group prepares a rebalance")
        agenda.add(at: group.earliest, .groupComplete)
    }

    // MARK: Requests of members

    func join(_ worker: SimulatedWorker) {
        guard worker.membership == .joining, !worker.isStopping else { return }
        guard reaches(worker) else {
            agenda.add(at: now + 500, .join, worker: worker.index, incarnation: worker.incarnation)
            return
        }
        if group.index(of: worker.member) == nil {
            worker.member = group.nextMember
            group.nextMember += 1
            group.members.append(
                Group.Member(
                    id: worker.member, worker: worker.index, incarnation: worker.incarnation, hasJoined: true,
                    lastHeartbeat: now))
        }
        if let index = group.index(of: worker.member) {
            group.members[index].hasJoined = true
            group.members[index].lastHeartbeat = now
        }
        worker.lastHeartbeat = now
        worker.hasAssignment = false
        trace.line("\(now) w\(worker.index) joins as member \(worker.member)")
        if !group.isPreparing {
            let isNew = group.members.count == 1
            group.isPreparing = true
            group.preparingSince = now
            group.earliest = now + (isNew ? 500 : 10)
            agenda.add(at: group.earliest, .groupComplete)
        }
        completeIfReady()
    }

    func leave(_ worker: SimulatedWorker) {
        if let index = group.index(of: worker.member), coordinatorAnswers, now >= worker.isolatedUntil {
            group.members.remove(at: index)
            if group.isPreparing { completeIfReady() } else { beginRebalance() }
        }
        for index in worker.nextPlace.indices { worker.nextPlace[index] = -1 }
    }

    func heartbeat(_ worker: SimulatedWorker) {
        if reaches(worker) {
            guard worker.member != 0 else { return }
            guard let index = group.index(of: worker.member) else {
                // The coordinator does not know the member any more.
                loseAssignment(worker)
                return
            }
            worker.lastHeartbeat = now
            group.members[index].lastHeartbeat = now
            if group.isPreparing, !group.members[index].hasJoined, worker.membership == .stable {
                beginRevoke(worker)
            }
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
        guard reaches(worker), let index = group.index(of: worker.member) else { return }
        switch worker.membership {
        case .revoking: break
        case .assigning: guard !worker.joinedEarly else { return }
        case .joining, .stable, .losing, .closed: return
        }
        trace.line("\(now) w\(worker.index) joins while a rebalance event is held")
        group.members[index].hasJoined = true
        worker.joinedEarly = true
        beginRebalance()
        completeIfReady()
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
            guard let worker = workers[member.worker], worker.isAlive, worker.incarnation == member.incarnation,
                worker.member == member.id, now < worker.suspendedUntil, !worker.suspensionStopsHeartbeats,
                now >= worker.isolatedUntil
            else { continue }
            group.members[index].lastHeartbeat = now
            worker.lastHeartbeat = now
        }
        let isOverdue = group.isPreparing && now - group.preparingSince > profile.rebalanceTimeout
        var left: [Group.Member] = []
        for member in group.members {
            if !member.hasJoined, isOverdue || now - member.lastHeartbeat > profile.engine.sessionTimeout {
                trace.line("\(now) group expels member \(member.id)")
            } else {
                left.append(member)
            }
        }
        if left.count < group.members.count {
            group.members = left
            if group.isPreparing { completeIfReady() } else { beginRebalance() }
        }
    }

    func completeIfReady() {
        guard group.isPreparing, coordinatorAnswers, now >= group.earliest else { return }
        guard !group.members.isEmpty else {
            group.isPreparing = false
            return
        }
        for member in group.members where !member.hasJoined { return }
        group.generation += 1
        group.isPreparing = false
        let count = group.members.count
        let first = profile.isSticky ? 0 : Int(dice.roll(.rotation, Int64(group.generation)) % UInt64(count))
        var order = Array(group.members.indices)
        if profile.isSticky { order.sort { group.members[$0].worker < group.members[$1].worker } }
        var partitions: [[Int]] = Array(repeating: [], count: count)
        for partition in topic.logs.indices { partitions[order[(partition + first) % count]].append(partition) }
        trace.line("\(now) group completes generation \(group.generation) with \(count) members")
        for index in 0..<count {
            group.members[index].hasJoined = false
            group.members[index].lastHeartbeat = now
            let member = group.members[index]
            guard let worker = workers[member.worker], worker.incarnation == member.incarnation,
                worker.member == member.id
            else { continue }
            worker.pendingAssignment = partitions[index]
            agenda.add(
                at: now + dice.between(2, 40, .assignDelay, Int64(group.generation), Int64(member.id)), .assignReady,
                worker: worker.index, incarnation: worker.incarnation, number: UInt64(group.generation))
        }
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
        group.members[index].lastHeartbeat = now
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
        var assigned: [AssignedPartition] = []
        for partition in worker.heldAssignment where topic.logs[partition].isToBeReplaced { replaceLog(partition) }
        for partition in worker.heldAssignment {
            let log = topic.logs[partition]
            assigned.append(
                AssignedPartition(
                    partition: Int32(partition), committedOffset: log.committed?.offset,
                    metadata: log.committed?.metadata ?? [], logStart: log.start, logEnd: log.end,
                    startOffset: log.start))
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
}
