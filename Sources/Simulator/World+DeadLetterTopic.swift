import RevokeEngine
import RevokeModel

/// The dead-letter topic: what stands in it, and that each event stands there for which it has to.
extension World {
    /// A dead letter on its way to the topic, or in it.
    struct StoredLetter {
        /// What became of it, as its worker knows.
        enum Answer {
            case none
            case acknowledged
            case failed
        }

        var serial: UInt64
        var record: Int
        var reason: DeadLetterReason
        var attempts: Int
        var isCut: Bool
        var worker: Int
        var incarnation: Int
        var order: DeadLetterID
        /// The assignment in which it was ordered.
        var epoch: UInt64
        /// Until when it waits in the process, which takes it along when it ends.
        var leaves: Int64
        var answer = Answer.none
    }

    func produceDeadLetter(_ worker: SimulatedWorker, _ order: DeadLetterOrder) {
        let record = worker.tokens.indices.contains(Int(order.token)) ? worker.tokens[Int(order.token)] : -1
        guard record >= 0 else { return }
        var fate = SimulatedWorker.Letter.Fate.stored
        let key = Int64(order.id)
        let up = dice.between(1, 10, .deadLetterDelay, Int64(worker.index), Int64(worker.incarnation), key)
        var delay = up + dice.between(1, 10, .deadLetterDelay, Int64(worker.index), Int64(worker.incarnation), -key)
        if isActive(.deadLettersFail), dice.chance(850, .deadLetterFate, Int64(worker.index), key) {
            fate = .failed
            delay += variant(.deadLettersFail) % 2 == 0 ? 1_000 : 5_000
        } else if topic.records[record].size > profile.deadLetterLimit, !order.truncate {
            fate = .tooLarge
        } else if isActive(.deadLetterAnswersLost), dice.chance(850, .deadLetterFate, Int64(worker.index), key) {
            fate = .answerLost
            delay += 3_000
        }
        let leaves = max(now, worker.isolatedUntil)
        worker.letters.append(
            SimulatedWorker.Letter(
                order: order, record: record, epoch: worker.witness.lastEpoch[record], fate: fate))
        agenda.add(
            at: leaves + delay, .deadLetterEnd, worker: worker.index, incarnation: worker.incarnation, number: order.id)
        guard fate == .stored || fate == .answerLost else { return }
        letterSerial += 1
        lettersOnTheirWay.append(
            StoredLetter(
                serial: letterSerial, record: record, reason: order.reason, attempts: order.attempts,
                isCut: order.truncate, worker: worker.index, incarnation: worker.incarnation, order: order.id,
                epoch: worker.witness.lastEpoch[record], leaves: leaves))
        agenda.add(at: leaves + up, .letterArrives, number: letterSerial)
    }

    /// The broker stores a dead letter, also when its worker is gone by now.
    func letterArrives(_ serial: UInt64) {
        guard let index = lettersOnTheirWay.firstIndex(where: { $0.serial == serial }) else { return }
        let letter = lettersOnTheirWay.remove(at: index)
        if letter.leaves > 0, let worker = workers[letter.worker],
            worker.incarnation != letter.incarnation || !worker.isAlive && worker.diedAt < letter.leaves
        {
            return
        }
        let record = topic.records[letter.record]
        trace.add(letter.record)
        trace.line(
            "\(now) dead letter \(letter.order) of w\(letter.worker) stands in the topic: \(record.partition)/\(record.offset)",
            partition: record.partition,
            contract: record.contract < 0 ? -1 : Topic.contractBase + Int64(record.contract))
        while letterTopic.count <= letter.record { letterTopic.append([]) }
        letterTopic[letter.record].append(letter)
    }

    func deadLetterEnds(_ worker: SimulatedWorker, _ id: DeadLetterID) {
        guard let index = worker.letters.firstIndex(where: { $0.order.id == id }) else { return }
        let letter = worker.letters.remove(at: index)
        let record = topic.records[letter.record]
        trace.line(
            "\(now) w\(worker.index) dead letter \(id) ends: \(letter.fate)", partition: record.partition,
            contract: record.contract < 0 ? -1 : Topic.contractBase + Int64(record.contract))
        if letterTopic.indices.contains(letter.record) {
            for place in letterTopic[letter.record].indices
            where letterTopic[letter.record][place].worker == worker.index
                && letterTopic[letter.record][place].incarnation == worker.incarnation
                && letterTopic[letter.record][place].order == id
            {
                letterTopic[letter.record][place].answer = letter.fate == .stored ? .acknowledged : .failed
            }
        }
        witnessDeadLetterEnded(worker, letter)
        switch letter.fate {
        case .stored: worker.engine.deadLetterStored(id, now: worker.instant(now))
        case .failed, .answerLost: worker.engine.deadLetterFailed(id, .failed, now: worker.instant(now))
        case .tooLarge: worker.engine.deadLetterFailed(id, .tooLarge, now: worker.instant(now))
        }
        drive(worker)
    }

    // MARK: What the witness knows

    /// The broker answered: an acknowledged dead letter settles its event in the same turn, or before it is read again.
    func witnessDeadLetterEnded(_ worker: SimulatedWorker, _ letter: SimulatedWorker.Letter) {
        let witness = worker.witness
        let record = topic.records[letter.record]
        let epoch = witness.epochs[record.partition]
        if letter.fate == .tooLarge, witness.isCurrent(letter.record, partition: record.partition) {
            witness.refusedIn[letter.record] = witness.lastEpoch[letter.record]
            witness.isRefusalSure[letter.record] = letter.epoch == witness.lastEpoch[letter.record]
        }
        guard letter.fate == .stored else {
            witness.letterFailedAt = now
            return
        }
        witness.acknowledged[letter.record] = letter.order.reason
        if case .malformed(let failure) = letter.order.reason, failure != .unknownType {
            witness.undecodableStored += 1
        }
        witness.known[record.partition].insert(record.local)
        close(letter.record, gone: false)
        if let epoch, epoch.number == letter.epoch, witness.isCurrent(letter.record, partition: record.partition) {
            witness.due.append(letter.record)
        } else if let epoch, epoch.remembers, epoch.remembered == letter.epoch {
            // Ordered in the last assignment: the record that came again keeps it, or is not read any more.
            if witness.lastEpoch[letter.record] == letter.epoch {
                witness.epochs[record.partition]?.must.insert(record.local)
            } else if witness.lettered.contains(letter.record), !witness.readLate.contains(letter.record) {
                witness.due.append(letter.record)
            }
        } else if epoch == nil, let former = witness.former[record.partition], former.number == letter.epoch,
            former.cycle == witness.cycle
        {
            witness.former[record.partition]?.must.insert(record.local)
        }
    }

    /// What the API said of a contract, for the status in its dead letters.
    func witnessStatus(_ witness: Witness, _ call: SimulatedWorker.Call) {
        let status: Int?
        switch call.outcome {
        case .rejected(let answer, _, _), .conflict(let answer), .transient(let answer): status = answer
        case .unavailable(let answer, _): status = answer
        case .unauthorized: status = 401
        case .ambiguous: status = nil
        case .misdirected(let answer, mayEndAlone: true): status = answer
        case .revoked, .rateLimited, .misdirected, .unreachable, .withheld: return
        }
        if !witness.statuses[call.contract].contains(status) { witness.statuses[call.contract].append(status) }
    }

    // MARK: The oracles

    /// Invariant 5, and what the dead letter tells: each part of an order is as the world knows it.
    func checkLetterContents(_ worker: SimulatedWorker, _ id: Int, _ order: DeadLetterOrder) {
        let witness = worker.witness
        let record = topic.records[id]
        func broken(_ oracle: String, _ message: @autoclosure () -> String) {
            fail(oracle, message(), worker: worker.index, partition: record.partition, contract: record.contract)
        }
        let isRefused = witness.refusedIn[id] == witness.lastEpoch[id]
        if order.truncate, !isRefused {
            broken("dead-letter.cut", "a dead letter is cut that was not too large in this assignment")
        }
        if !order.truncate, isRefused, witness.isRefusalSure[id] {
            broken("dead-letter.cut", "a dead letter that was too large is tried again as it is")
        }
        switch order.reason {
        case .malformed, .unknownAccount:
            if order.status != nil { broken("dead-letter.status", "a status though no call was made") }
        case .rejected, .retryLimit:
            guard record.contract >= 0 else { return }
            if order.reason == .rejected && order.status == nil
                || !witness.statuses[record.contract].contains(order.status)
            {
                broken(
                    "dead-letter.status",
                    "the dead letter's status is \(order.status.map { "\($0)" } ?? "none"), which was no answer")
            }
        }
        if order.firstSeen != witness.readWall[id] {
            broken("dead-letter.time", "first seen \(order.firstSeen - witness.readWall[id]) ms from the read")
        }
        if order.failedAt != worker.instant(now).wall {
            broken("dead-letter.time", "failed at another time than now")
        }
        checkLetterTwice(worker, id)
    }

    /// A second dead letter stands in the topic only where an answer failed, a worker ended, or an assignment ended before
    /// its commit.
    private func checkLetterTwice(_ worker: SimulatedWorker, _ id: Int) {
        let witness = worker.witness
        guard letterTopic.indices.contains(id) else { return }
        for letter in letterTopic[id]
        where letter.worker == worker.index && letter.incarnation == worker.incarnation && letter.answer != .failed {
            guard letter.answer == .acknowledged, letter.epoch == witness.lastEpoch[id] else { continue }
            fail(
                "topic.twice", "a second dead letter in one assignment though the first is acknowledged",
                worker: worker.index, partition: topic.records[id].partition, contract: topic.records[id].contract)
        }
    }

    /// Invariant 2b: an event that is settled by a dead letter stands in the topic, with its reason.
    func checkInTopic(_ worker: SimulatedWorker, _ id: Int, _ reason: DeadLetterReason) {
        if letterTopic.indices.contains(id), letterTopic[id].contains(where: { $0.reason == reason }) { return }
        fail(
            "topic.missing", "an event is settled by a dead letter that does not stand in the topic",
            worker: worker.index, partition: topic.records[id].partition, contract: topic.records[id].contract)
    }

    /// Invariant 1, from the end: each record that the group's offset has passed has an end that the world saw.
    func checkAllEnds() {
        for id in topic.records.indices {
            let record = topic.records[id]
            if record.isGone || letterTopic.indices.contains(id) && !letterTopic[id].isEmpty { continue }
            switch record.content {
            case .failure(.unknownType) where profile.engine.skipUnknownTypes: continue
            case .event where !record.isUnknownAccount && isRevokedSinceRead(id) && !isLeakActive(id): continue
            case .event, .failure: break
            }
            fail(
                "lost",
                "\(record.partition)/\(record.offset) is committed, not revoked and not in the dead-letter topic",
                partition: record.partition, contract: record.contract)
            return
        }
    }

    /// Whether the API applied a call that started after the event, or an identical copy, was first read by any worker.
    func isRevokedSinceRead(_ id: Int) -> Bool {
        let record = topic.records[id]
        guard let read = copyRead[copyKey(record)] else { return false }
        return appliedSequence[record.contract] > read
    }

    func copyKey(_ record: LogRecord) -> Int64 { record.copy << 16 | Int64(record.contract) }
}
