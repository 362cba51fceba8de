import RevokeModel
import Testing

@testable import RevokeEngine

/// An engine with a shell that records its actions and answers them as the test says. After each action the rules that
/// hold in every test are checked against the world.
final class EngineHarness {
    struct OpenCall {
        var id: CallID
        var contract: ContractID
        var startedAt: Int64
        var order: Int
        var freshConnection: Bool
    }

    let world: World
    let configuration: EngineConfiguration
    var engine: Engine
    var isAlive = true

    /// How commits are answered at once; nil leaves them open.
    var commitAnswer: CommitResult? = .stored
    /// Whether dead letters are stored at once.
    var storesDeadLetters = true
    /// How calls are answered after `latency`; nil leaves them open.
    var respond: ((ContractID) -> CallOutcome?)?
    var latency: Int64 = 0
    /// What the group's commits say, and of which cluster.
    var group = GroupFacts()
    var delivers = true

    private(set) var actions: [EngineAction] = []
    private(set) var calls: [OpenCall] = []
    private(set) var started: [OpenCall] = []
    private(set) var deadLetters: [DeadLetterOrder] = []
    private(set) var stored: [DeadLetterOrder] = []
    private(set) var orders: [DeadLetterOrder] = []
    private(set) var commit: (id: CommitID, parts: [CommitPart])?
    private(set) var commits: [[CommitPart]] = []
    private(set) var ends: [PartitionOffset: EventEnd] = [:]
    private(set) var endOrder: [PartitionOffset] = []
    private(set) var notes: [EngineNote] = []
    private(set) var paused: Set<Int32> = []
    private(set) var unassigned: [UInt64] = []
    private(set) var assigns: [(rebalance: UInt64, positions: [PartitionOffset])] = []
    private(set) var reassigns: [(rebalance: UInt64, positions: [PartitionOffset])] = []
    private(set) var rejoins = 0
    private(set) var openCallsAtEnd: Int?
    private(set) var turns = 0
    private(set) var mostOpenRecords = 0

    private var positions: [Int32: Int64] = [:]
    private var tokens: [UInt32: PartitionOffset] = [:]
    private var nextToken: UInt32 = 1
    private var order = 0
    private var firstRead: [PartitionOffset: Int] = [:]
    private var revoked: OpenCall?
    private var storedOffsets: Set<PartitionOffset> = []
    private var lastCommitted: [Int32: Int64] = [:]
    private var rebalance: UInt64 = 0

    init(_ world: World = World(), seed: UInt64 = 1, _ configure: (inout EngineConfiguration) -> Void = { _ in }) {
        var configuration = EngineConfiguration()
        configuration.budget = []
        configure(&configuration)
        self.world = world
        self.configuration = configuration
        engine = Engine(configuration: configuration, seed: seed, now: world.now)
    }

    /// An engine that holds all partitions of a new topic.
    static func ready(
        partitions: Int = 1, seed: UInt64 = 1, _ configure: (inout EngineConfiguration) -> Void = { _ in }
    ) -> EngineHarness {
        let harness = EngineHarness(World(topicPartitions: partitions), seed: seed, configure)
        harness.assign((0..<partitions).map { Int32($0) })
        return harness
    }

    // MARK: Inputs

    var snapshot: EngineSnapshot { engine.snapshot(now: world.now) }

    /// Of the partitions in `late` the log's leader has not answered yet: see `find(_:)`.
    func assign(_ partitions: [Int32], late: Set<Int32> = []) {
        rebalance += 1
        engine.assigned(
            partitions.map { partition in
                var assigned = world.assigned(partition)
                if late.contains(partition) {
                    assigned.log = nil
                    assigned.startOffset = nil
                }
                return assigned
            }, topicPartitions: world.topicPartitions, group: group, rebalance: rebalance, now: world.now)
        turn()
    }

    /// The log's leader answers after the assign; a number that is not given is the newest assign's.
    func find(_ partition: Int32, in rebalance: UInt64? = nil) {
        engine.found(
            world.ends(partition), startOffset: world.ends(partition).start, of: partition,
            rebalance: rebalance ?? self.rebalance, now: world.now)
        turn()
    }

    /// Nothing is read from the partition any more, and its leader has answered.
    func losePosition(_ partition: Int32, next: Int64? = nil) {
        let next = next ?? engine.progress(of: partition)?.next ?? 0
        engine.positionLost(partition, log: world.ends(partition), next: next, rebalance: rebalance, now: world.now)
        turn()
    }

    /// An assign event came, and what the group committed is not read yet.
    func supersede() {
        engine.superseded(now: world.now)
        turn()
    }

    @discardableResult
    func revoke() -> UInt64 {
        rebalance += 1
        engine.revoking(rebalance: rebalance, now: world.now)
        turn()
        return rebalance
    }

    @discardableResult
    func lose() -> UInt64 {
        rebalance += 1
        engine.lost(rebalance: rebalance, now: world.now)
        turn()
        return rebalance
    }

    func shutdown() {
        engine.shutdown(now: world.now)
        turn()
    }

    /// Writes events, one for each contract, and lets the engine read them.
    func events(_ contracts: Int64..., on partition: Int32 = 0) {
        for contract in contracts { world.event(contract, on: partition) }
        turn()
    }

    func answer(_ contract: Int64, _ outcome: CallOutcome) {
        finish(contract, outcome)
        turn()
    }

    /// A call ends; the engine has no turn yet.
    func finish(_ contract: Int64, _ outcome: CallOutcome) {
        guard let call = calls.first(where: { $0.contract == id(contract) }) else {
            Issue.record("no call for \(contract)")
            return
        }
        finish(call, outcome)
    }

    func answerAll(_ outcome: CallOutcome) {
        for call in calls { finish(call, outcome) }
        turn()
    }

    private func finish(_ call: OpenCall, _ outcome: CallOutcome) {
        calls.removeAll { $0.id == call.id }
        revoked = outcome == .revoked ? call : nil
        var sentAt: Int64? = call.startedAt
        switch outcome {
        case .unreachable, .withheld: sentAt = nil
        default: world.requests.append(call.startedAt)
        }
        engine.callFinished(call.id, outcome, sentAt: sentAt, now: world.now)
        absorb()
        revoked = nil
    }

    /// Answers the commit in flight; `others` says what becomes of some partitions' parts.
    func answerCommit(_ result: CommitResult, others: [Int32: CommitResult] = [:]) {
        guard let commit else {
            Issue.record("no commit is in flight")
            return
        }
        self.commit = nil
        let results = commit.parts.map {
            CommitPartResult(partition: $0.partition, result: others[$0.partition] ?? result)
        }
        for (part, answer) in zip(commit.parts, results) where answer.result == .stored {
            world.committed[part.partition] = (part.offset, part.metadata)
        }
        engine.commitFinished(commit.id, results, now: world.now)
        absorb()
    }

    func storeDeadLetters() {
        for letter in deadLetters {
            stored.append(letter)
            storedOffsets.insert(PartitionOffset(partition: letter.partition, offset: letter.offset))
            engine.deadLetterStored(letter.id, now: world.now)
        }
        deadLetters = []
        absorb()
    }

    func failDeadLetters(_ failure: DeadLetterFailure) {
        let open = deadLetters
        deadLetters = []
        for letter in open { engine.deadLetterFailed(letter.id, failure, now: world.now) }
        turn()
    }

    // MARK: Time

    func turn() {
        for _ in 0..<100_000 {
            let hasRead = delivers && deliver()
            engine.turn(now: world.now)
            turns += 1
            absorb()
            mostOpenRecords = max(mostOpenRecords, snapshot.openRecords)
            let hasAnswered = answerWhatIsDue()
            if !hasRead, !hasAnswered { return }
        }
        Issue.record("the engine does not come to rest")
    }

    private func answerWhatIsDue() -> Bool {
        var hasAnswered = false
        if let commitAnswer, commit != nil {
            answerCommit(commitAnswer)
            hasAnswered = true
        }
        if storesDeadLetters, !deadLetters.isEmpty {
            storeDeadLetters()
            hasAnswered = true
        }
        if let respond {
            for call in calls where call.startedAt + latency <= world.now.boot {
                guard let outcome = respond(call.contract) else { continue }
                finish(call, outcome)
                hasAnswered = true
            }
        }
        return hasAnswered
    }

    /// Lets the clocks go on, with a turn whenever the engine asks for one.
    func advance(_ duration: Int64) { Self.advance([self], duration) }

    static func advance(_ harnesses: [EngineHarness], _ duration: Int64) {
        guard let world = harnesses.first?.world else { return }
        let end = world.now.boot + duration
        for harness in harnesses where harness.isAlive && harness.delivers && harness.deliver() { harness.turn() }
        while world.now.boot < end {
            var wake = end
            for harness in harnesses where harness.isAlive {
                wake = min(wake, harness.engine.nextWake)
                guard harness.respond != nil else { continue }
                for call in harness.calls { wake = min(wake, call.startedAt + harness.latency) }
            }
            let step = max(1, wake - world.now.boot)
            world.now.boot += step
            world.now.wall += step
            for harness in harnesses where harness.isAlive { harness.turn() }
        }
    }

    /// The clocks jump; nobody ticks meanwhile.
    func jump(boot: Int64, wall: Int64) {
        world.now.boot += boot
        world.now.wall += wall
    }

    // MARK: The shell

    /// Gives the engine what it may read. Returns whether there was anything.
    @discardableResult
    func deliver() -> Bool {
        var hasRead = false
        for partition in positions.keys.sorted() where !paused.contains(partition) {
            guard let position = positions[partition], let log = world.logs[partition] else { continue }
            let start = log.partitioningIndex { $0.offset >= position }
            for record in log[start...].prefix(256) {
                receive(record, partition)
                positions[partition] = record.offset + 1
                hasRead = true
            }
        }
        return hasRead
    }

    private func receive(_ record: World.LogRecord, _ partition: Int32) {
        let token = nextToken
        nextToken += 1
        let place = PartitionOffset(partition: partition, offset: record.offset)
        tokens[token] = place
        order += 1
        if firstRead[place] == nil { firstRead[place] = order }
        engine.received(
            ReceivedRecord(
                partition: partition, offset: record.offset, token: token, size: record.size,
                fingerprint: record.fingerprint, content: record.content), now: world.now)
        absorb()
    }

    private func absorb() {
        var taken: [EngineAction] = []
        engine.takeActions(into: &taken)
        for action in taken {
            actions.append(action)
            absorb(action)
        }
    }

    private func absorb(_ action: EngineAction) {
        switch action {
        case .startCall(let call, let contract, let freshConnection):
            order += 1
            if calls.contains(where: { $0.contract == contract }) { Issue.record("two calls for \(contract)") }
            let open = OpenCall(
                id: call, contract: contract, startedAt: world.now.boot, order: order,
                freshConnection: freshConnection)
            calls.append(open)
            started.append(open)
            if calls.count > configuration.concurrency { Issue.record("more calls than concurrency") }
        case .produceDeadLetter(let letter):
            deadLetters.append(letter)
            orders.append(letter)
            if tokens[letter.token] == nil { Issue.record("a dead letter of a released record") }
        case .commit(let commitID, let parts):
            if commit != nil { Issue.record("two commits in flight") }
            commit = (commitID, parts)
            commits.append(parts)
            for part in parts { check(part) }
        case .assign(let number, let offsets):
            assigns.append((number, offsets))
            paused = []
            positions = [:]
            lastCommitted = [:]
            for offset in offsets { positions[offset.partition] = offset.offset }
        case .reassign(let number, let offsets):
            reassigns.append((number, offsets))
            for offset in offsets { positions[offset.partition] = offset.offset }
        case .rejoin: rejoins += 1
        case .unassign(let number):
            unassigned.append(number)
            positions = [:]
            paused = []
        case .pause(let partitions):
            for partition in partitions where !paused.insert(partition).inserted { Issue.record("paused twice") }
        case .resume(let partitions):
            for partition in partitions where paused.remove(partition) == nil { Issue.record("was not paused") }
        case .settled(let partition, let offset, let token, let end, _):
            let place = PartitionOffset(partition: partition, offset: offset)
            if tokens[token] != place { Issue.record("settled with a wrong token") }
            checkEnd(place, end)
            ends[place] = end
            endOrder.append(place)
            world.settled[partition, default: []].insert(offset)
        case .release(let token):
            if tokens.removeValue(forKey: token) == nil { Issue.record("released twice") }
        case .note(let note): notes.append(note)
        case .shutdownComplete(let openCalls): openCallsAtEnd = openCalls
        }
    }

    // MARK: Rules of every test

    /// Invariant 1, monotonic commits, and metadata that claims nothing that is not settled.
    private func check(_ part: CommitPart) {
        if part.offset > world.lowestUnsettled(part.partition) {
            Issue.record("partition \(part.partition) commits \(part.offset) above an unsettled offset")
        }
        if let last = lastCommitted[part.partition], part.offset < last { Issue.record("a commit goes back") }
        lastCommitted[part.partition] = part.offset
        if part.metadata.count > configuration.metadataLimit { Issue.record("metadata over the limit") }
        guard let metadata = CommitMetadata(decoding: part.metadata), metadata.watermark == part.offset,
            metadata.cluster == group.cluster, let log = world.logs[part.partition],
            let first = log.first(where: { $0.offset >= part.offset }),
            metadata.fingerprint == first.fingerprint
        else { return }
        for run in metadata.settled {
            let from = log.partitioningIndex { $0.offset >= run.lowerBound }
            let end = log.partitioningIndex { $0.offset >= run.upperBound }
            // Of a long run its two ends.
            let checked = end - from <= 128 ? Array(from..<end) : Array(from..<from + 64) + Array(end - 64..<end)
            for index in checked where world.settled[part.partition]?.contains(log[index].offset) != true {
                Issue.record("metadata claims the unsettled \(log[index].offset)")
            }
        }
    }

    /// Invariant 2.
    private func checkEnd(_ place: PartitionOffset, _ end: EventEnd) {
        switch end {
        case .skipped: if !configuration.skipUnknownTypes { Issue.record("skipped without a rule") }
        case .deadLettered:
            if !storedOffsets.contains(place) { Issue.record("settled by a dead letter that is not stored") }
        case .revoked:
            guard let revoked, let facts = facts(place), facts.contract == revoked.contract else {
                Issue.record("settled without a 204")
                return
            }
            if let read = firstRead[place], read < revoked.order { return }
            for (other, read) in firstRead where read < revoked.order {
                if facts.identity == self.facts(other)?.identity { return }
            }
            Issue.record("settled by a call that started before the event was read")
        }
    }

    private func facts(_ place: PartitionOffset) -> EventFacts? {
        guard let log = world.logs[place.partition] else { return nil }
        let index = log.partitioningIndex { $0.offset >= place.offset }
        guard index < log.count, case .event(let facts) = log[index].content else { return nil }
        return facts
    }

    // MARK: What tests ask

    var callsFor: [Int64] { calls.map { $0.contract.value } }
    var startedFor: [Int64] { started.map { $0.contract.value } }

    func starts(of contract: Int64) -> Int { started.count { $0.contract == id(contract) } }

    func end(_ offset: Int64, on partition: Int32 = 0) -> EventEnd? {
        ends[PartitionOffset(partition: partition, offset: offset)]
    }

    func committedOffset(_ partition: Int32 = 0) -> Int64? { world.committed[partition]?.offset }

    func committedMetadata(_ partition: Int32 = 0) -> CommitMetadata? {
        world.committed[partition].flatMap { CommitMetadata(decoding: $0.metadata) }
    }

    var tokensHeld: Int { tokens.count }
}

extension Array {
    /// The first index whose element satisfies a condition that all later ones satisfy too.
    func partitioningIndex(where belongs: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if belongs(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
