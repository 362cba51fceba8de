import RevokeEngine
import RevokeModel

/// A topic, a group, an API and several workers in virtual time.
///
/// One run of a schedule: `run()` works through the agenda until everything is settled and the workers have stopped,
/// or until an oracle finds something. Not thread-safe; runs share nothing.
final class World {
    /// A trouble that lasts.
    struct Window {
        var until: Int64 = -1
        var since: Int64 = 0
        var variant: Int64 = 0
    }

    /// What the run is in.
    enum Phase: Int {
        case faults
        case settling
        case probing
        case healing
        case stopping
        case over
    }

    let schedule: Schedule
    let profile: Profile
    let dice: Dice
    var agenda = Agenda()
    var now: Int64 = 0
    var topic: Topic
    var group = Coordinator()
    /// The round of joins is not complete before this time.
    var groupEarliest: Int64 = 0
    /// The present life of each worker; nil before its first start.
    var workers: [SimulatedWorker?]
    var lives: [Int]
    var windows: [Window]
    var trace: Trace
    var coverage: Coverage
    var violation: Violation?
    var steps = 0
    var phase = Phase.faults
    var phaseSince: Int64 = 0

    /// The version of the key that the API accepts.
    var keyVersion: UInt64 = 1
    /// How many calls the API got, by contract.
    var apiCalls: [Int64]
    /// By contract: an answer that can be about it asked to wait.
    var hasAskedToWait: [Bool]
    var isPoisonHealed = false

    /// The world's sequence of reads and call starts.
    var sequence = 0
    var pendingCommits: [PendingCommit] = []
    var commitSerial: UInt64 = 0
    var letterSerial: UInt64 = 0
    var lettersOnTheirWay: [StoredLetter] = []
    /// The dead-letter topic, by the id of the record.
    var letterTopic: [[StoredLetter]] = []
    var limits: APILimits
    /// How many requests the API's windows refused.
    var refusals = 0
    /// By contract.
    var credentials: [[Credential]]
    var revocations: [Revocation] = []
    var revocationSerial: UInt64 = 0
    /// By contract: the highest sequence number at the start of a call that the API applied.
    var appliedSequence: [Int]
    /// The sequence number of the first read of an event or of a copy that is identical, by any worker.
    var copyRead: [Int64: Int] = [:]
    /// When requests were sent, by all workers.
    var sends: [Int64] = []
    /// For each budget window the first send that is inside of it.
    var sendHeads: [Int]
    /// Until when the budget is not kept by design (see `docs/simulation.md`).
    var budgetRelaxedUntil: Int64 = -1
    /// The most dead letters in flight and the most lanes without events, in any worker.
    var mostLetters = 0
    var mostOrphans = 0
    /// How many requests were held against the budget.
    var watchedSends = 0
    /// Records that carry the latency probes: the record and when it was written.
    var probes: [(record: Int, written: Int64)] = []
    var backoffs = BackoffSamples()
    var trickles: Int64 = 0
    /// What the workers would log of their group; kept with the timeline.
    var recorded: [RecordedEvent] = []

    init(schedule: Schedule, keepsTrace: Bool) {
        self.schedule = schedule
        profile = schedule.profile
        dice = Dice(seed: schedule.seed)
        topic = Topic(partitions: schedule.profile.partitions)
        let slots = schedule.profile.workers + schedule.profile.spares
        workers = Array(repeating: nil, count: slots)
        lives = Array(repeating: 0, count: slots)
        windows = Array(repeating: Window(), count: FaultKind.allCases.count)
        trace = Trace(keepsLines: keepsTrace)
        coverage = Coverage()
        apiCalls = Array(repeating: 0, count: schedule.profile.contracts.count)
        hasAskedToWait = Array(repeating: false, count: schedule.profile.contracts.count)
        limits = APILimits(windows: schedule.profile.apiWindows)
        credentials = Array(repeating: [Credential(created: 0)], count: schedule.profile.contracts.count)
        appliedSequence = Array(repeating: -1, count: schedule.profile.contracts.count)
        if schedule.profile.losesCharges { budgetRelaxedUntil = .max }
        sendHeads = Array(repeating: 0, count: schedule.profile.engine.budget.count)
    }

    /// Runs the schedule.
    func run() {
        prepare()
        while violation == nil, phase != .over, let next = agenda.next() {
            now = next.time
            steps += 1
            dispatch(next)
        }
        if violation == nil, phase != .over {
            fail("progress", "the world stands still in phase \(phase)")
        }
    }

    func fail(
        _ oracle: String, _ message: @autoclosure () -> String, worker: Int = -1, partition: Int = -1,
        contract: Int = -1
    ) {
        guard violation == nil else { return }
        violation = Violation(
            oracle: oracle, message: message(), time: now, worker: worker, partition: partition,
            contract: contract < 0 ? -1 : Topic.contractBase + Int64(contract))
    }

    func record(
        _ worker: SimulatedWorker, _ kind: RecordedEvent.Kind, _ partitions: [Int] = [], result: String? = nil,
        sent: Int64? = nil
    ) {
        guard trace.keepsLines else { return }
        recorded.append(
            RecordedEvent(
                time: now, member: "w\(worker.index).\(worker.incarnation)", kind: kind, partitions: partitions,
                result: result, sent: sent))
    }

    func isActive(_ kind: FaultKind) -> Bool { now < windows[kind.rawValue].until }

    func variant(_ kind: FaultKind) -> Int64 { windows[kind.rawValue].variant }

    // MARK: Setting up

    private func prepare() {
        for partition in 0..<profile.partitions {
            // Some partitions have a commit already, and some of these carry somebody else's metadata.
            let fate = dice.roll(.initialCommit, Int64(partition)) % 100
            guard fate < 45 else { continue }
            var metadata: [UInt8] = []
            if fate < 20 {
                for index in 0..<Int64(fate + 3) {
                    metadata.append(UInt8(33 + dice.roll(.initialCommit, Int64(partition), index + 1) % 90))
                }
            }
            topic.logs[partition].committed = StoredCommit(
                offset: 0, metadata: metadata, known: BitSet(), firstOpen: -1, incarnation: 0)
        }
        for worker in 0..<profile.workers {
            agenda.add(at: dice.between(0, 3_000, .joinDelay, Int64(worker)), .start, worker: worker)
        }
        for (index, item) in schedule.items.enumerated() {
            agenda.add(at: item.time, .item, number: UInt64(index))
        }
        agenda.add(at: profile.faultsEnd, .faultsEnd)
        agenda.add(at: 1_000, .groupTick)
        agenda.add(at: profile.faultsEnd + 1_000, .phase)
    }

    // MARK: Dispatch

    /// The worker of a happening when that life of it goes on.
    private func worker(of next: Happening) -> SimulatedWorker? {
        guard next.worker >= 0, let worker = workers[Int(next.worker)], worker.isAlive,
            worker.incarnation == Int(next.incarnation)
        else { return nil }
        return worker
    }

    private func dispatch(_ next: Happening) {
        trace.add(UInt64(next.kind.rawValue) | UInt64(bitPattern: next.time) << 8)
        trace.add(Int(next.worker))
        trace.add(next.number)
        switch next.kind {
        case .item: carryOut(schedule.items[Int(next.number)])
        case .start: start(Int(next.worker))
        case .commitArrives: commitArrives(next.number)
        case .letterArrives: letterArrives(next.number)
        case .revocation: applyRevocation(next.number)
        case .regenerate: regenerate(Int(next.number))
        case .clockMended: mendClock(Int(next.worker), by: next.extra)
        case .groupTick:
            groupTick()
            agenda.add(at: now + 1_000, .groupTick)
        case .groupComplete: completeIfReady()
        case .faultsEnd: endFaults()
        case .phase: advancePhase()
        case .tick, .wake, .poll, .gate, .callEnd, .deadLetterEnd, .commitEnd, .join, .assignReady, .assignFound,
            .logFound, .keyChange, .lateRecord, .earlyJoin, .refresh, .probeCheck:
            guard let worker = worker(of: next) else { return }
            if now < worker.suspendedUntil {
                agenda.add(
                    at: worker.suspendedUntil, next.kind, worker: worker.index, incarnation: worker.incarnation,
                    number: next.number, extra: next.extra)
                return
            }
            dispatch(next, to: worker)
        }
    }

    private func dispatch(_ next: Happening, to worker: SimulatedWorker) {
        switch next.kind {
        case .tick:
            agenda.add(at: now + 1_000, .tick, worker: worker.index, incarnation: worker.incarnation)
            heartbeat(worker)
            if worker.isAlive { drive(worker) }
        case .wake:
            guard worker.wakeAt == next.extra else { return }
            worker.wakeAt = .max
            drive(worker, isWake: true)
        case .poll: poll(worker)
        case .gate: passGate(worker, CallID(next.number))
        case .callEnd: callEnds(worker, CallID(next.number))
        case .deadLetterEnd: deadLetterEnds(worker, next.number)
        case .commitEnd: commitEnds(worker, next.number)
        case .join: join(worker)
        case .assignReady: assignReady(worker, generation: Int(next.number))
        case .assignFound: assignFound(worker, next.number)
        case .logFound: logFound(worker, next.number, partition: Int(next.extra))
        case .keyChange:
            guard worker.keyVersion < next.number else { return }
            worker.keyVersion = next.number
            trace.line("w\(worker.index) key version \(next.number)")
            worker.witness.refusedMaybe = -1
            worker.witness.refusedSurely = -1
            // What waits for the key starts at once.
            for contract in worker.witness.retrySequence.indices { worker.witness.retrySequence[contract] = -1 }
            if worker.witness.isHeld, worker.witness.hold == .unauthorized, canCall(worker) {
                worker.witness.keyProbeDue = max(now, worker.witness.notBeforeHigh) + 1_500
            }
            if worker.witness.hold == .unauthorized {
                worker.witness.probeLow = now
                worker.witness.probeHigh = now
                worker.witness.formerProbe = (now, now)
            }
            worker.engine.keyChanged(version: next.number, now: worker.instant(now))
            drive(worker)
        case .lateRecord: lateRecord(worker, Int(next.number))
        case .earlyJoin: earlyJoin(worker)
        case .refresh: refresh(worker)
        case .probeCheck: probeCheck(worker, Int(next.number))
        case .item, .start, .commitArrives, .letterArrives, .revocation, .regenerate, .clockMended, .groupTick,
            .groupComplete, .faultsEnd, .phase:
            break
        }
    }

    // MARK: Workers' lives

    func start(_ index: Int) {
        if let worker = workers[index], worker.isAlive { return }
        lives[index] += 1
        let life = lives[index]
        let bootBase = Int64(index + 1) * 100_000_000
        let skew = workers[index]?.skew ?? dice.between(-profile.skew, profile.skew, .skew, Int64(index))
        let instant = Instant(boot: now + bootBase, wall: SimulatedWorker.epoch + now + skew)
        let engine = Engine(
            configuration: profile.engine, seed: dice.roll(.engineSeed, Int64(index), Int64(life)), now: instant)
        let worker = SimulatedWorker(
            index: index, incarnation: life, engine: engine, bootBase: bootBase, skew: skew, now: now,
            keyVersion: keyVersion)
        worker.nextPlace = Array(repeating: -1, count: topic.logs.count)
        worker.isPaused = Array(repeating: false, count: topic.logs.count)
        worker.witness.prepare(contracts: profile.contracts.count)
        workers[index] = worker
        trace.line("w\(index) starts, life \(life)")
        record(worker, .start)
        worker.engine.keyChanged(version: keyVersion, now: instant)
        agenda.add(
            at: now + dice.between(10, 1_500, .joinDelay, Int64(index), Int64(life)), .join, worker: index,
            incarnation: life)
        agenda.add(
            at: now + dice.between(1, 1_000, .tickPhase, Int64(index), Int64(life)), .tick, worker: index,
            incarnation: life)
    }

    func kill(_ worker: SimulatedWorker, restartAfter delay: Int64) {
        worker.isAlive = false
        worker.diedAt = now
        trace.line("w\(worker.index) crashes")
        agenda.add(at: now + delay, .start, worker: worker.index)
    }

    // MARK: The loop's turn

    /// Lets the engine decide and carries out what it says.
    func drive(_ worker: SimulatedWorker, isWake: Bool = false) {
        guard violation == nil, worker.isAlive else { return }
        steps += 1
        let instant = worker.instant(now)
        turnBegins(worker, instant)
        worker.engine.turn(now: instant)
        worker.lastTurn = now
        worker.lastTurnWallSinceEpoch = instant.wall - SimulatedWorker.epoch
        worker.engine.takeActions(into: &worker.actions)
        let actions = worker.actions
        for action in actions {
            steps += 1
            note(worker, action)
            check(worker, action)
            guard violation == nil else { return }
            perform(worker, action)
            guard violation == nil, worker.isAlive else { return }
        }
        turnEnds(worker)
        let due = worker.engine.nextWake - worker.bootBase
        if now - worker.emptyWakesSince >= 1_000 {
            worker.emptyWakesSince = now
            worker.emptyWakes = 0
        }
        if actions.isEmpty, isWake {
            worker.emptyWakes += 1
            if worker.emptyWakes > 300 {
                fail("engine.spins", "300 turns in a second do nothing", worker: worker.index)
            }
        }
        if actions.isEmpty, isWake, due <= now {
            worker.idleTurns += 1
            if worker.idleTurns > 300 {
                fail("engine.spins", "300 turns in a row do nothing and ask for another at once", worker: worker.index)
            }
        } else {
            worker.idleTurns = 0
        }
        checkWake(worker, due: due)
        if due < now + 1_000 {
            let time = max(due, now)
            if time != worker.wakeAt {
                worker.wakeAt = time
                agenda.add(
                    at: time, .wake, worker: worker.index, incarnation: worker.incarnation, extra: time)
            }
        } else {
            worker.wakeAt = .max
        }
    }

    private func perform(_ worker: SimulatedWorker, _ action: EngineAction) {
        switch action {
        case .startCall(let id, let contract, _): startCall(worker, id, contract)
        case .produceDeadLetter(let order): produceDeadLetter(worker, order)
        case .commit(let id, let parts): sendCommit(worker, id, parts)
        case .assign(let rebalance, let offsets): answerAssign(worker, rebalance, offsets)
        case .reassign(_, let offsets): readFrom(worker, offsets)
        case .rejoin: break
        case .unassign(let rebalance): answerUnassign(worker, rebalance)
        case .pause(let partitions):
            for partition in partitions where worker.isPaused.indices.contains(Int(partition)) {
                worker.isPaused[Int(partition)] = true
            }
        case .resume(let partitions):
            for partition in partitions where worker.isPaused.indices.contains(Int(partition)) {
                worker.isPaused[Int(partition)] = false
            }
            schedulePoll(worker)
        case .settled: break
        case .release(let token):
            worker.tokens[Int(token)] = -1
            worker.freeTokens.append(token)
        case .note(.suspicion): worker.withholdUnsent()
        case .note: break
        case .shutdownComplete: shutdownCompleted(worker)
        }
    }

    private func shutdownCompleted(_ worker: SimulatedWorker) {
        leave(worker)
        record(worker, .leave)
        worker.isAlive = false
        worker.diedAt = now
        worker.membership = .closed
        trace.line("w\(worker.index) has stopped")
        if worker.restartDelay >= 0 { agenda.add(at: now + worker.restartDelay, .start, worker: worker.index) }
    }

    func stop(_ worker: SimulatedWorker, restartAfter delay: Int64) {
        guard !worker.isStopping else { return }
        worker.isStopping = true
        worker.stopBegan = now
        worker.restartDelay = delay
        trace.line("w\(worker.index) is told to stop")
        worker.engine.shutdown(now: worker.instant(now))
        drive(worker)
    }

    // MARK: The trace

    private func note(_ worker: SimulatedWorker, _ action: EngineAction) {
        trace.add(worker.index)
        let name = "w\(worker.index)"
        switch action {
        case .startCall(let id, let contract, let fresh):
            trace.add(fresh ? 12 : 1)
            trace.add(id)
            trace.add(contract.value)
            trace.line(
                "\(now) \(name) call \(id) contract \(contract)\(fresh ? " on a new connection" : "")",
                contract: contract.value)
        case .produceDeadLetter(let order):
            trace.add(2)
            trace.add(order.id)
            trace.add(Int(order.partition))
            trace.add(order.offset)
            trace.add(UInt64(order.token))
            trace.add(order.reason.text)
            trace.add(order.status ?? -1)
            trace.add(order.truncate ? 1 : 0)
            trace.add(order.attempts)
            trace.add(order.firstSeen)
            trace.add(order.failedAt)
            trace.line(
                "\(now) \(name) dead letter \(order.id) for \(order.partition)/\(order.offset): \(order.reason.text),"
                    + " attempts \(order.attempts)\(order.truncate ? ", cut" : "")",
                partition: Int(order.partition), contract: contractID(worker, order.token))
        case .commit(let id, let parts):
            trace.add(3)
            trace.add(id)
            for part in parts {
                trace.add(Int(part.partition))
                trace.add(part.offset)
                trace.add(part.metadata)
                trace.line(
                    "\(now) \(name) commit \(id): \(part.partition) at \(part.offset), metadata \(String(decoding: part.metadata, as: UTF8.self))",
                    partition: Int(part.partition))
            }
        case .assign(let rebalance, let offsets):
            trace.add(4)
            trace.add(rebalance)
            for offset in offsets {
                trace.add(Int(offset.partition))
                trace.add(offset.offset)
                trace.line(
                    "\(now) \(name) assign \(rebalance): \(offset.partition) from \(offset.offset)",
                    partition: Int(offset.partition))
            }
        case .reassign(let rebalance, let offsets):
            trace.add(13)
            trace.add(rebalance)
            for offset in offsets {
                trace.add(Int(offset.partition))
                trace.add(offset.offset)
                trace.line(
                    "\(now) \(name) reassign \(rebalance): \(offset.partition) from \(offset.offset)",
                    partition: Int(offset.partition))
            }
        case .rejoin:
            trace.add(14)
            trace.line("\(now) \(name) rejoin")
        case .unassign(let rebalance):
            trace.add(5)
            trace.add(rebalance)
            trace.line("\(now) \(name) unassign \(rebalance)")
        case .pause(let partitions):
            trace.add(6)
            for partition in partitions {
                trace.add(Int(partition))
                trace.line("\(now) \(name) pause \(partition)", partition: Int(partition))
            }
        case .resume(let partitions):
            trace.add(7)
            for partition in partitions {
                trace.add(Int(partition))
                trace.line("\(now) \(name) resume \(partition)", partition: Int(partition))
            }
        case .settled(let partition, let offset, let token, let end, let receivedAt):
            trace.add(8)
            trace.add(Int(partition))
            trace.add(offset)
            trace.add(UInt64(token))
            trace.add("\(end)")
            trace.add(receivedAt.boot)
            trace.line(
                "\(now) \(name) settled \(partition)/\(offset): \(end)", partition: Int(partition),
                contract: contractID(worker, token))
        case .release(let token):
            trace.add(9)
            trace.add(UInt64(token))
            if trace.keepsLines, token < worker.tokens.count, worker.tokens[Int(token)] >= 0 {
                let record = topic.records[worker.tokens[Int(token)]]
                trace.line(
                    "\(now) \(name) release \(record.partition)/\(record.offset)", partition: record.partition,
                    contract: record.contract < 0 ? -1 : Topic.contractBase + Int64(record.contract))
            }
        case .note(let news):
            trace.add(10)
            trace.add("\(news)")
            trace.line("\(now) \(name) note \(news)")
        case .shutdownComplete(let open):
            trace.add(11)
            trace.add(open)
            trace.line("\(now) \(name) shutdown complete, \(open) calls open")
        }
    }

    func contractID(_ worker: SimulatedWorker, _ token: UInt32) -> Int64 {
        guard token < worker.tokens.count, worker.tokens[Int(token)] >= 0 else { return -1 }
        let contract = topic.records[worker.tokens[Int(token)]].contract
        return contract < 0 ? -1 : Topic.contractBase + Int64(contract)
    }
}
